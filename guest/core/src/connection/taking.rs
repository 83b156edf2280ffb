//! Taking a connection apart.

use std::future::Future;
use std::rc::Rc;

use super::receiving::Receiving;
use super::send_buffer::SendBuffer;
use super::{Connection, Phase};
use crate::clients::Membership;
use crate::error::{Error, Result};
use crate::reader_state::{ReaderState, Source};
use crate::transport::{Halves, TLS};

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
            info: self.info().clone(),
            capabilities: self.capabilities(),
        };
        let membership = self.membership.take();
        self.taken();
        Ok(Taken { read_ahead, at_eof, halves, membership })
    }

    /// `StreamWriter.start_tls`: the reader and the writer stay, the directions are replaced by what `make` makes of them and of
    /// what was received and not read.
    ///
    /// Dropped before it has answered, it closes the connection.
    pub(crate) async fn upgrade<F: Future<Output = Result<Halves>>>(
        self: &Rc<Self>,
        make: impl FnOnce(Halves, Vec<u8>) -> F,
    ) -> Result<()> {
        if self.capabilities().waits_for_end {
            return Err(Error::Runtime("the transport is not supported by start_tls()".into()));
        }
        self.check_not_upgrading()?;
        let upgrading = Upgrading::begin(self);
        self.quiesce("start_tls").await?;
        if self.reader.core().eof() {
            return Err(Error::connection_lost());
        }
        // What the peer has sent ahead belongs to the handshake, never to what is read.
        let read_ahead = self.reader.core().take(usize::MAX);
        let parts = (self.receiving.take(), self.sending.take());
        let (Some(receiving), Some(sending)) = parts else { return Err(Error::connection_lost()) };
        let info = self.info().clone();
        let halves = Halves { receive: receiving.half, send: sending.half, info, capabilities: self.capabilities() };
        let made = make(halves, read_ahead).await;
        let halves = match made {
            Ok(_) if self.phase.get() != Phase::Open => return Err(Error::connection_lost()),
            Ok(halves) => halves,
            Err(error) => {
                self.lose(Some(error.clone()));
                return Err(error);
            }
        };
        self.receiving.replace(Some(Receiving::new(halves.receive)));
        self.sending.replace(Some(SendBuffer::new(halves.send)));
        // It was not TLS before, so it is the first.
        _ = self.secured.set(halves.info);
        self.capabilities.set(halves.capabilities);
        upgrading.done();
        Ok(())
    }

    /// Nothing can be written while the directions are being replaced: it would be neither plain text nor TLS.
    pub(super) fn check_not_upgrading(&self) -> Result<()> {
        if TLS && self.upgrading.get() {
            return Err(Error::Runtime("start_tls() is in progress".into()));
        }
        Ok(())
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

/// The directions of a connection are being replaced. Reads that begin meanwhile wait; given up, it closes the connection.
struct Upgrading<'a> {
    connection: &'a Rc<Connection>,
    /// Reading was paused before.
    paused: bool,
    done: bool,
}

impl<'a> Upgrading<'a> {
    fn begin(connection: &'a Rc<Connection>) -> Self {
        connection.upgrading.set(true);
        let paused = !connection.is_reading();
        connection.pause_reading();
        Self { connection, paused, done: false }
    }

    fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Upgrading<'_> {
    fn drop(&mut self) {
        self.connection.upgrading.set(false);
        if !self.done && self.connection.sending.borrow().is_none() {
            self.connection.lose(None);
        }
        if !self.paused {
            self.connection.resume_reading();
        }
    }
}
