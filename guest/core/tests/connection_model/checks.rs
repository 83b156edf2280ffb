//! What must hold: of every answer, and whenever the program rests.

use std::sync::Arc;

use wasyncio_core::{Error, Result};

use crate::naive;
use crate::steps::ReadCall;
use crate::waiter::{Answer, Call};
use crate::world::World;

/// The largest read.
const LARGEST_READ: usize = 64 * 1024;

impl World {
    /// Somebody was told that the connection ended so.
    fn ended_with(&mut self, cause: Option<Error>) {
        match &cause {
            None => assert!(self.closing || self.aborted || self.was_taken, "the connection ended by itself"),
            Some(error) => assert!(self.errors.contains(error), "the connection ended with {error:?}"),
        }
        match &self.cause {
            Some(told) => assert_eq!(told, &cause, "two are told two causes"),
            None => self.cause = Some(cause),
        }
    }

    pub(crate) fn check_answer(&mut self, call: &Call, waited: bool, answer: Answer) {
        match (call, answer) {
            (Call::Read(call), Answer::Bytes(result)) => self.check_read(call, result),
            (Call::Drain, Answer::Nothing(result)) => self.check_drain(waited, result),
            (Call::WaitClosed, Answer::Nothing(result)) => {
                assert!(self.is_lost(), "wait_closed has ended before the connection");
                self.ended_with(result.err());
            }
            (Call::ServerWaitClosed, _) => {
                assert!(self.is_lost() && self.taken.is_none(), "the server has forgotten a connection that is there");
            }
            (Call::Take, Answer::Taken(taken)) => match *taken {
                Ok(taken) => {
                    assert_eq!(taken.read_ahead, self.buffered(), "what was read ahead");
                    assert_eq!(taken.at_eof, self.wire.eof_told());
                    assert_eq!(self.wire.in_flight(), 0, "a connection is taken with something in flight");
                    assert_eq!(self.unsent(), 0, "a connection is taken before what was written is sent");
                    assert_eq!(self.wire.ended(), self.eof_written, "a connection is taken after its end was written");
                    self.was_taken = true;
                    self.consumed = self.wire.handed_over();
                    self.taken = Some(taken);
                }
                Err(error) => {
                    let reason = self.closing || self.aborted || self.eof_written || !self.errors.is_empty();
                    assert!(reason, "taking an open connection fails with {error:?}");
                    self.closes();
                }
            },
            (call, _) => panic!("{call:?} has answered as another call does"),
        }
    }

    fn check_read(&mut self, call: &ReadCall, result: Result<Vec<u8>>) {
        let over = self.is_lost() && !matches!(&self.cause, Some(Some(_)));
        let eof = self.wire.eof_told() || over;
        if let Some((expected, consumed)) = naive::answer(call, self.buffered(), eof, self.limit)
            && expected == result
        {
            self.consumed += consumed;
            return;
        }
        match result {
            // It was woken, and another read took what had come: empty before the end, as in CPython.
            Ok(empty) if empty.is_empty() && matches!(call, ReadCall::Read(1..)) && self.reads_since_rest > 1 => {}
            Err(error) if self.errors.contains(&error) => self.ended_with(Some(error)),
            Err(Error::Runtime(text)) if text.contains("another coroutine is already waiting") => {
                let others = self.waiters.iter().filter(|waiter| matches!(waiter.call, Call::Read(_))).count();
                assert!(others > 0 || self.reads_since_rest > 1, "{text}, but nobody is");
            }
            result => panic!(
                "{call:?} gives {result:?} with {:?} buffered, eof {eof}, limit {}",
                String::from_utf8_lossy(self.buffered()),
                self.limit
            ),
        }
    }

    fn check_drain(&mut self, waited: bool, result: Result<()>) {
        match result {
            Ok(()) if !waited => {
                assert!(self.unsent() as u64 <= self.marks.1, "drain does not wait with {} unsent", self.unsent());
            }
            Ok(()) => {
                let low = self.unsent() as u64 <= self.marks.0 || self.steps_since_rest > 1;
                let over = self.closing || self.aborted;
                assert!(low || over, "drain has waited, and ends with {} unsent", self.unsent());
            }
            Err(error) if error == Error::connection_lost() => {
                let gone = self.closing || self.aborted || !self.errors.is_empty();
                assert!(gone, "drain says that an open connection is lost");
            }
            Err(error) => self.ended_with(Some(error)),
        }
    }

    /// What must hold when the program rests.
    pub(crate) fn check(&mut self) {
        self.notice_eof();
        self.check_forgotten();
        self.check_nobody_could_go_on();
        self.check_sending();
        self.check_receiving();
        self.check_life();
        self.check_waiting();
        self.handed_over_at_rest = self.wire.handed_over();
        self.may_receive = self.waiters.iter().any(|waiter| matches!(waiter.call, Call::Read(_) | Call::Take));
        (self.steps_since_rest, self.reads_since_rest) = (0, 0);
        if self.may_receive {
            self.reads_since_rest = 1;
        }
    }

    /// Who does not wait is registered nowhere.
    fn check_forgotten(&mut self) {
        for sleeper in self.gone.drain(..) {
            assert_eq!(Arc::strong_count(&sleeper), 1, "somebody who does not wait any more is still registered");
        }
        assert_eq!(self.runtime.leaked_wakers(), 0, "a task that has ended is still registered");
        let (reading, sending) = self.wire.registered();
        let reads = self.waiters.iter().any(|waiter| matches!(waiter.call, Call::Read(_)));
        assert!(reads || reading == 0, "a read is registered, and nobody reads");
        assert!(sending <= 1 && (sending == 0 || self.runtime.tasks() > 0), "a write is registered, and nobody sends");
    }

    /// Polled once more by another task, everybody still waits.
    fn check_nobody_could_go_on(&mut self) {
        for at in 0..self.waiters.len() {
            let (polled, before) = self.waiters[at].poll_anew();
            self.gone.push(before);
            if polled.is_ready() {
                panic!("{:?} could go on and was not woken", self.waiters[at].call);
            }
        }
        self.rest();
        for sleeper in self.gone.drain(..) {
            assert_eq!(
                Arc::strong_count(&sleeper),
                1,
                "a task that waits no more is still registered beside the other"
            );
        }
    }

    fn check_sending(&mut self) {
        let taken = self.wire.taken_from(self.verified);
        let expected = self.written.get(self.verified..self.verified + taken.len());
        assert_eq!(expected, Some(&taken[..]), "other bytes were sent than were written");
        self.verified += taken.len();
        let works = !self.is_lost() && !self.wire.is_broken();
        if works && !self.wire.is_blocked() {
            assert_eq!(self.unsent(), 0, "what was written does not leave");
        }
        if works && self.unsent() == 0 {
            assert_eq!(self.wire.ended(), self.eof_written, "write_eof");
            assert_eq!(self.runtime.tasks(), 0, "a task runs, and there is nothing to do");
        }
        let bound = 64 * 1024 + self.written.len();
        assert!(self.wire.memory() <= bound, "operations hold {} bytes", self.wire.memory());
        if let Some(transport) = &self.transport
            && works
            && !self.closing
        {
            assert_eq!(transport.get_write_buffer_size(), self.unsent() as u64);
        }
    }

    fn check_receiving(&self) {
        let buffered = self.buffered().len();
        let bound = self.asked_for.max(2 * self.limit) + LARGEST_READ;
        assert!(buffered <= bound, "{buffered} bytes are buffered, more than {bound}");
        if !self.may_receive && !self.is_lost() {
            assert_eq!(self.wire.handed_over(), self.handed_over_at_rest, "something was received that nobody wanted");
        }
    }

    /// Whether the connection is gone when it must be, and only then.
    fn check_life(&self) {
        let lost = self.is_lost();
        let held = self.wire.is_outcome_held();
        if self.aborted {
            assert!(lost, "aborted, and not lost");
        }
        if self.closing && self.unsent() == 0 && !(self.wire.broken_told() && held) {
            assert!(lost, "closed, everything is sent, and not lost");
        }
        if self.wire.is_broken() && self.unsent() > 0 && !held {
            assert!(lost, "what was written cannot be sent, and the connection is not lost");
        }
        if lost && !self.was_taken {
            let reason = self.aborted || self.closing || self.wire.failure_told() || self.wire.broken_told();
            assert!(reason, "lost without a reason");
            assert_eq!(self.wire.in_flight(), 0);
            assert_eq!(self.runtime.tasks(), 0, "a task runs after the end");
            assert_eq!(self.wire.memory(), 0, "memory is held after the end");
            if !self.aborted && self.unsent() > 0 {
                assert_ne!(self.cause, Some(None), "not all was sent, and nobody is told why");
            }
        }
        if let Some(is_closing) = self.is_closing() {
            assert_eq!(is_closing, lost || self.closing || self.aborted, "is_closing");
        }
        if let (Some(reader), true) = (&self.reader, lost) {
            let ended = reader.exception().is_some() || !self.buffered().is_empty() || reader.at_eof();
            assert!(ended, "the reader was not told of the end");
        }
    }

    /// Who waits has a reason to.
    fn check_waiting(&self) {
        let (lost, held) = (self.is_lost(), self.wire.is_outcome_held());
        let finding_out = self.wire.is_broken() && held;
        assert!(
            self.waiters.iter().filter(|waiter| matches!(waiter.call, Call::Read(_))).count() <= 1,
            "two reads wait"
        );
        for waiter in &self.waiters {
            match &waiter.call {
                Call::Read(call) => {
                    assert!(!lost, "{call:?} waits for a connection that is gone");
                    let answer = naive::answer(call, self.buffered(), self.wire.eof_told(), self.limit);
                    assert!(answer.is_none(), "{call:?} waits for what is there");
                    let receives = !self.closing && !self.reading_paused;
                    assert!(!(receives && self.wire.has_news()), "{call:?} waits, and nobody receives");
                }
                Call::Drain => {
                    assert!(!lost, "drain waits for a connection that is gone");
                    assert!(
                        self.unsent() as u64 > self.marks.0 || finding_out,
                        "drain waits with {} unsent",
                        self.unsent()
                    );
                }
                Call::WaitClosed => assert!(!lost, "wait_closed waits for a connection that is gone"),
                Call::Take => {
                    let sending = self.unsent() > 0 && self.wire.is_blocked();
                    assert!(!lost && (sending || finding_out), "take waits for nothing");
                }
                Call::ServerWaitClosed => assert!(!lost || self.taken.is_some(), "the server counts who is gone"),
            }
        }
    }

    /// Brings everything to its end, in which nobody waits and nothing is left.
    pub(crate) fn finish(&mut self) {
        self.wire.holds_outcome(false);
        self.wire.takes(usize::MAX);
        self.rest();
        self.check();
        if let Some(writer) = &self.writer {
            writer.close();
            self.closes();
        } else if let Some(transport) = &self.transport {
            transport.close();
            self.closes();
        }
        self.rest();
        self.check();
        // A connection whose handles are all gone was closed by the last.
        assert!(self.is_lost(), "the connection does not end");
        drop(self.taken.take());
        self.rest();
        let left: Vec<_> = self.waiters.iter().map(|waiter| &waiter.call).collect();
        assert!(left.is_empty(), "{left:?} wait for ever");
        (self.reader, self.writer, self.transport) = (None, None, None);
        assert_eq!(self.wire.holders(), 1, "the connection is kept after its last handle");
        assert_eq!(self.runtime.tasks(), 0);
    }
}
