//! Receiving: data is taken from the transport while a read waits, unless reading is paused.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::{Connection, Phase};
use crate::error::Error;
use crate::reader_state::Source;
use crate::runtime::Runtime;
use crate::semantics::reader_core::ReaderCore;
use crate::semantics::room::Room;
use crate::transport::{Failure, ReceiveHalf, Received};

/// The receiving direction, and how much room its reads have.
pub(super) struct Receiving {
    pub(super) half: Box<dyn ReceiveHalf>,
    room: Room,
}

impl Receiving {
    pub(super) fn new(half: Box<dyn ReceiveHalf>) -> Self {
        Self { half, room: Room::default() }
    }
}

/// What the reader was told.
enum Filled {
    Data,
    Eof,
    Failed(Failure),
}

impl Connection {
    /// Receives, and tells the reader of data and of the end.
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<Filled> {
        let mut receiving = self.receiving.borrow_mut();
        let Some(Receiving { half, room }) = receiving.as_mut() else { return Poll::Pending };
        let wake = match std::task::ready!(half.poll_receive(cx, room.bytes())) {
            Received::Data(chunk) => {
                room.took(chunk.len());
                self.reader.core().feed_chunk(chunk)
            }
            Received::Eof => {
                drop(receiving);
                self.reader.tell(ReaderCore::feed_eof);
                return Poll::Ready(Filled::Eof);
            }
            Received::Failed(failure) => return Poll::Ready(Filled::Failed(failure)),
        };
        drop(receiving);
        wake.now();
        Poll::Ready(Filled::Data)
    }

    /// Takes over what has arrived when the connection is closed: CPython has it in the reader's buffer by then. Up to twice the
    /// limit, as there; and the peer is not reset for what nobody had read.
    pub(super) fn receive_rest(&self) -> Option<Error> {
        let mut cx = Context::from_waker(Waker::noop());
        while !self.reading_paused.get() && self.wants_more() {
            match self.poll_receive(&mut cx) {
                Poll::Ready(Filled::Data) => {}
                Poll::Ready(Filled::Failed(failure)) => return Some(self.error_of(failure)),
                Poll::Ready(Filled::Eof) | Poll::Pending => break,
            }
        }
        None
    }

    /// Whether asyncio would go on receiving by itself.
    fn wants_more(&self) -> bool {
        let core = self.reader.core();
        !core.eof() && core.exception().is_none() && core.buffered().len() <= core.limit().saturating_mul(2)
    }

    /// Ends a read in flight, in a spawned task. What it has brought is in the reader's buffer then.
    pub(super) fn cancel_receiving(&self) {
        let mut brought = match self.receiving.borrow_mut().as_mut() {
            Some(receiving) => receiving.half.cancel(),
            None => return,
        };
        if !brought.is_empty() {
            self.reader.tell(|core| core.feed_chunk(&mut brought));
        }
    }

    /// `transport.is_reading`.
    pub(crate) fn is_reading(&self) -> bool {
        // asyncio's TLS does not count closing.
        (self.waits_for_end() || !self.is_closing()) && !self.reading_paused.get()
    }
}

impl Source for Connection {
    fn runtime(&self) -> &'static dyn Runtime {
        self.runtime
    }

    fn poll_fill(self: Rc<Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.phase.get() == Phase::Open {
            // About to wait, most likely: what was written leaves before.
            self.flush();
        }
        if self.phase.get() != Phase::Open {
            // `finish` tells the reader.
            return Poll::Pending;
        }
        if self.reading_paused.get() {
            // What arrives meanwhile is none of this task's business.
            self.withdraw_fill();
            self.resumed.replace(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        match std::task::ready!(self.poll_receive(cx)) {
            Filled::Data => {}
            Filled::Eof if self.capabilities().open_after_eof => {}
            Filled::Eof => self.close(),
            Filled::Failed(failure) => {
                let error = self.error_of(failure);
                self.lose(Some(error));
            }
        }
        Poll::Ready(())
    }

    fn withdraw_fill(&self) {
        self.resumed.take();
        // Borrowed only where the read that is polled is itself what is dropped.
        if let Ok(mut receiving) = self.receiving.try_borrow_mut()
            && let Some(receiving) = receiving.as_mut()
        {
            receiving.half.withdraw();
        }
    }

    fn pause_reading(&self) {
        if !self.is_closing() {
            self.reading_paused.set(true);
        }
    }

    fn resume_reading(&self) {
        if !self.is_closing()
            && self.reading_paused.replace(false)
            && let Some(waker) = self.resumed.take()
        {
            waker.wake();
        }
    }
}
