//! The receiving direction of a connection: a `stream<u8>` and the result that it ends with.

#![expect(unsafe_code, reason = "the host writes into our buffer while a read is in flight")]

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use wit_bindgen::rt::async_support::StreamReader;

use super::background;
use super::bindings::wit_stream::StreamPayload;
use super::progress::{BLOCKED, Ended};
use super::task;
use super::tcp::Outcome;
use super::waitable::Waitable;
use super::waiters::Waiters;

/// Room for the first reads of a connection, in bytes: idle connections cost memory, and one that fills this soon has more.
const SMALLEST_CHUNK: usize = 256;
/// Room for the reads of a connection that has filled smaller ones, in bytes.
const LARGEST_CHUNK: usize = 64 * 1024;

/// What arrived.
pub(crate) enum Received {
    /// Bytes, to be found in [`Inbound::chunk`].
    Data,
    /// The peer has ended its sending side.
    Eof,
    /// The connection broke.
    Failed(super::bindings::sockets::types::ErrorCode),
}

/// The receiving direction. While a read is in flight, the host may write into `chunk`, which nobody touches then.
pub(crate) struct Inbound {
    reads: Waitable,
    /// Declared, and so dropped, before `chunk`: the host's end must know first.
    stream: StreamReader<u8>,
    in_flight: bool,
    chunk: Vec<u8>,
    wanted: usize,
    ended: bool,
    /// What the direction ended with, asked for when the stream has ended.
    outcome: Option<Pin<Box<dyn Future<Output = Outcome>>>>,
    /// The answer, where no task could wait for it.
    asked: Option<Rc<Asked>>,
}

/// An outcome that is waited for in the background.
#[derive(Default)]
struct Asked {
    answer: RefCell<Option<Outcome>>,
    waiters: Waiters,
}

impl Inbound {
    /// A direction from a stream, and the future that says how it ended.
    pub(crate) fn new(stream: StreamReader<u8>, outcome: Pin<Box<dyn Future<Output = Outcome>>>) -> Self {
        Self {
            reads: Waitable::new(stream.handle()),
            stream,
            in_flight: false,
            chunk: Vec::new(),
            wanted: SMALLEST_CHUNK,
            ended: false,
            outcome: Some(outcome),
            asked: None,
        }
    }

    /// The bytes of the last [`Received::Data`].
    pub(crate) fn chunk(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    /// Receives what there is, waiting until there is something.
    ///
    /// # Cancel safety
    /// Yes: a read that was started goes on, and the next call finds what it brought. Call [`Inbound::withdraw`] when the
    /// waiting task goes away.
    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        loop {
            if self.ended {
                let outcome = ready!(self.poll_outcome(cx));
                return Poll::Ready(outcome.err().map_or(Received::Eof, Received::Failed));
            }
            let code = if self.in_flight { ready!(self.reads.poll(cx)) } else { self.start() };
            if code == BLOCKED {
                self.in_flight = true;
                continue;
            }
            self.in_flight = false;
            self.finish(Ended::decode(code));
            if !self.chunk.is_empty() {
                return Poll::Ready(Received::Data);
            }
        }
    }

    /// How the direction ended. Its future can be polled by a task alone: in a synchronous call the question is left to the
    /// background.
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let Some(outcome) = &mut self.outcome
            && task::runs()
        {
            let outcome = ready!(outcome.as_mut().poll(cx));
            self.outcome = None;
            return Poll::Ready(outcome);
        }
        if let Some(outcome) = self.outcome.take() {
            let asked = Rc::new(Asked::default());
            self.asked = Some(asked.clone());
            background::spawn(async move {
                asked.answer.replace(Some(outcome.await));
                asked.waiters.wake();
            });
        }
        let Some(asked) = &self.asked else { return Poll::Ready(Ok(())) };
        let answer = asked.answer.take();
        match answer {
            Some(answer) => {
                self.asked = None;
                Poll::Ready(answer)
            }
            None => asked.waiters.poll_pending(cx),
        }
    }

    /// The task that waits goes away; a read in flight stays.
    pub(crate) fn withdraw(&self) {
        if self.in_flight {
            self.reads.withdraw();
        }
    }

    /// Whether the host may still write into our memory.
    pub(crate) fn in_flight(&self) -> bool {
        self.in_flight
    }

    /// Gives the stream itself away; nothing may be in flight. What is left here has ended.
    #[cfg(feature = "component")]
    pub(crate) fn give_away(&mut self) -> StreamReader<u8> {
        let (_, ended) = super::bindings::wit_stream::new();
        self.reads = Waitable::new(ended.handle());
        self.ended = true;
        self.outcome = None;
        self.asked = None;
        std::mem::replace(&mut self.stream, ended)
    }

    /// Ends a read in flight. May block the task, so only a task may call it. What it brought is dropped.
    pub(crate) fn cancel(&mut self) {
        if std::mem::take(&mut self.in_flight) {
            self.reads.withdraw();
            if self.reads.try_take().is_none() {
                // SAFETY: the handle is ours and has a read in flight that belongs to no waitable set any more.
                unsafe { (<u8 as StreamPayload>::VTABLE.cancel_read)(self.stream.handle()) };
            }
        }
    }

    fn start(&mut self) -> u32 {
        self.chunk.clear();
        self.chunk.reserve(self.wanted);
        let room = self.chunk.spare_capacity_mut();
        // SAFETY: the handle is ours and has nothing in flight. `room` stays where it is until the read has ended: `chunk`
        // is not touched while `in_flight` is set, and `Drop` keeps it alive longer than the stream.
        unsafe {
            (<u8 as StreamPayload>::VTABLE.start_read)(self.stream.handle(), room.as_mut_ptr().cast(), room.len())
        }
    }

    fn finish(&mut self, ended: Ended) {
        let room = self.chunk.capacity();
        // SAFETY: the read has ended, and the host has written `count` bytes, at most the room that it was given.
        unsafe { self.chunk.set_len(ended.count.min(room)) };
        self.ended = ended.dropped;
        if ended.count >= self.wanted {
            self.wanted = (self.wanted * 4).min(LARGEST_CHUNK);
        }
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        if self.in_flight {
            // Reached only if the background work that cancels the read was itself dropped with its task, at the end of
            // the instance. The host may still write: its memory is given up rather than reused.
            std::mem::forget(std::mem::take(&mut self.chunk));
        }
    }
}
