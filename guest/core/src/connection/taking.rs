//! Taking a connection apart.

use std::rc::Rc;

use super::{Connection, Phase};
use crate::clients::Membership;
use crate::error::{Error, Result};
use crate::reader_state::ReaderState;
use crate::transport::Halves;

/// A connection taken apart.
pub struct Taken {
    /// What was received and not read.
    pub read_ahead: Vec<u8>,
    /// The peer's end of the stream was received.
    pub at_eof: bool,
    /// Its directions. Nothing is in flight.
    pub halves: Halves,
    /// Keeps it counted by the server that it came from, which is to be told who has it now.
    pub membership: Option<Membership>,
}

impl Connection {
    /// Sends what was written, ends what is in flight, and gives the directions away: here the connection is over.
    pub(crate) async fn take(self: &Rc<Self>, reader: &Rc<ReaderState>) -> Result<Taken> {
        if !Rc::ptr_eq(reader, &self.reader) {
            return Err(Error::Runtime("the reader and the writer are not of one connection".into()));
        }
        self.quiesce("take").await?;
        let (read_ahead, at_eof) = {
            let mut core = self.reader.core();
            (core.take(usize::MAX), core.eof())
        };
        let parts = (self.receiving.take(), self.sending.take());
        let (Some(receiving), Some(sending)) = parts else { return Err(Error::connection_lost()) };
        let halves = Halves {
            receive: receiving.half,
            send: sending.half,
            info: self.info.clone(),
            capabilities: self.capabilities,
        };
        let membership = self.membership.take();
        self.taken();
        Ok(Taken { read_ahead, at_eof, halves, membership })
    }

    /// Sends what was written, and ends a read in flight; what that has brought is in the reader's buffer. What `start_tls`
    /// begins with, too.
    async fn quiesce(self: &Rc<Self>, operation: &str) -> Result<()> {
        self.reader.core().check_exception()?;
        self.check_whole(operation)?;
        let (low, high) = self.write_buffer_limits();
        let mut drained = Ok(());
        // Other handles may write when the last byte has just left.
        while drained.is_ok() && (self.unsent() > 0 || self.is_broken()) {
            self.set_write_buffer_limits(Some(0), Some(0))?;
            drained = self.drain().await;
        }
        self.set_write_buffer_limits(Some(high), Some(low))?;
        drained?;
        if self.phase.get() != Phase::Open {
            return Err(Error::connection_lost());
        }
        self.check_whole(operation)?;
        self.cancel_receiving();
        Ok(())
    }

    /// Nobody waits in the reader, and both directions go on.
    fn check_whole(&self, operation: &str) -> Result<()> {
        let what = if self.reader.core().is_awaited() {
            "somebody waits in its reader"
        } else if self.is_closing() || self.eof_written.get() {
            "it is closed"
        } else {
            return Ok(());
        };
        Err(Error::Runtime(format!("{operation}: the connection cannot be taken, {what}").into()))
    }
}
