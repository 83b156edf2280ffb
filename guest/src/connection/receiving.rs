//! Receiving: data is taken from the stream while a read waits, unless reading is paused.

use std::rc::Rc;
use std::task::{Context, Poll};

use super::{Connection, Phase};
#[cfg(feature = "component")]
use crate::error::{Error, Result};
use crate::transport::inbound::Received;

impl Connection {
    /// Takes what arrived over to the reader, waiting for it. Ready means that the reader was told something.
    pub(crate) fn poll_fill(self: &Rc<Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.phase.get() != Phase::Open {
            // `finish` tells the reader.
            return Poll::Pending;
        }
        // About to wait, most likely: what was written leaves before.
        self.flush();
        if self.reading_paused.get() {
            return self.resumed.poll_pending(cx);
        }
        let mut inbound = self.inbound.borrow_mut();
        let Some(inbound) = inbound.as_mut() else { return Poll::Pending };
        match std::task::ready!(inbound.poll_receive(cx)) {
            Received::Data => self.reader.core().feed_chunk(inbound.chunk()),
            Received::Eof => self.reader.core().feed_eof(),
            Received::Failed(code) => self.fail(&code),
        }
        Poll::Ready(())
    }

    /// The task that waited in [`Connection::poll_fill`] goes away.
    pub(crate) fn withdraw_fill(&self) {
        if let Ok(inbound) = self.inbound.try_borrow()
            && let Some(inbound) = inbound.as_ref()
        {
            inbound.withdraw();
        }
    }

    /// `transport.pause_reading`.
    pub(crate) fn pause_reading(&self) {
        if !self.is_closing() {
            self.reading_paused.set(true);
        }
    }

    /// `transport.resume_reading`.
    pub(crate) fn resume_reading(&self) {
        if !self.is_closing() && self.reading_paused.replace(false) {
            self.resumed.wake();
        }
    }

    /// `transport.is_reading`.
    pub(crate) fn is_reading(&self) -> bool {
        !self.is_closing() && !self.reading_paused.get()
    }

    /// Gives the stream itself away: nothing more is received here.
    ///
    /// # Errors
    /// A runtime error if a read is in flight, or the connection is closed.
    #[cfg(feature = "component")]
    pub(crate) fn detach(&self) -> Result<crate::connect::ByteStream> {
        let mut inbound = self.inbound.borrow_mut();
        match inbound.as_mut() {
            Some(open) if open.in_flight() => Err(Error::Runtime("a read is in flight".into())),
            Some(open) => Ok(open.give_away()),
            None => Err(Error::Runtime("the connection is closed".into())),
        }
    }
}
