//! `asyncio.StreamReaderProtocol`: the push side of a reader.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::reader::{ReaderState, StreamReader};
use crate::transport::waiters::Waiters;
use crate::transport_handle::Transport;

/// Tells a reader what happens to a transport, for whoever brings the bytes himself.
///
/// # asyncio
/// `asyncio.StreamReaderProtocol` of CPython 3.14, with the flow control of its `FlowControlMixin`. There is no
/// `client_connected_cb`: whoever calls [`connection_made`](Self::connection_made) knows.
pub struct StreamReaderProtocol {
    reader: Rc<ReaderState>,
    paused: Cell<bool>,
    /// Set once the connection is lost, with its error if there was one.
    lost: RefCell<Option<Option<Error>>>,
    waiters: Waiters,
}

impl StreamReaderProtocol {
    /// A protocol that feeds `reader`.
    pub fn new(reader: &StreamReader) -> Self {
        Self {
            reader: reader.state().clone(),
            paused: Cell::default(),
            lost: RefCell::default(),
            waiters: Waiters::default(),
        }
    }

    /// The connection is there: the reader gets its transport.
    ///
    /// # Errors
    /// [`Error::Assertion`] if the reader has one already.
    pub fn connection_made(&self, transport: &Transport) -> Result<()> {
        self.reader.set_transport(transport.connection())
    }

    /// Data has come.
    ///
    /// # Errors
    /// [`Error::Assertion`] after [`eof_received`](Self::eof_received).
    pub fn data_received(&self, data: &[u8]) -> Result<()> {
        self.reader.feed_data(data)
    }

    /// The peer has ended its sending side. True: the transport stays open for writing.
    pub fn eof_received(&self) -> bool {
        self.reader.core().feed_eof();
        true
    }

    /// The connection is gone. Whoever waits in [`drain`](Self::drain) or [`wait_closed`](Self::wait_closed) goes on.
    pub fn connection_lost(&self, error: Option<Error>) {
        if self.lost.borrow().is_some() {
            return;
        }
        match &error {
            None => self.reader.core().feed_eof(),
            Some(error) => self.reader.core().set_exception(error.clone()),
        }
        self.lost.replace(Some(error));
        self.waiters.wake();
    }

    /// The transport's buffer is full.
    pub fn pause_writing(&self) {
        self.paused.set(true);
    }

    /// The transport's buffer is low again.
    pub fn resume_writing(&self) {
        self.paused.set(false);
        self.waiters.wake();
    }

    /// Waits while writing is paused.
    ///
    /// # Errors
    /// `Connection lost` once the connection is gone; for those who waited then, its error.
    ///
    /// # Cancel safety
    /// Yes.
    pub async fn drain(&self) -> Result<()> {
        if self.lost.borrow().is_some() {
            return Err(Error::connection_lost());
        }
        self.waiters
            .wait(|| match &*self.lost.borrow() {
                Some(error) => Some(error.clone().map_or(Ok(()), Err)),
                None => (!self.paused.get()).then_some(Ok(())),
            })
            .await
    }

    /// Waits until the connection is gone.
    ///
    /// # Errors
    /// The error that it ended with.
    ///
    /// # Cancel safety
    /// Yes.
    pub async fn wait_closed(&self) -> Result<()> {
        self.waiters.wait(|| self.lost.borrow().clone().map(|error| error.map_or(Ok(()), Err))).await
    }
}
