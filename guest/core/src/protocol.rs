//! `asyncio.StreamReaderProtocol`: the push side of a reader.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::reader::StreamReader;
use crate::reader_state::ReaderState;
use crate::semantics::reader_core::ReaderCore;
use crate::transport_handle::Transport;
use crate::waiters::Waiters;

/// Tells a reader what happens to a transport, for whoever brings the bytes himself.
///
/// # asyncio
/// `asyncio.StreamReaderProtocol` of CPython 3.14, with the flow control of its `FlowControlMixin`. There is no
/// `client_connected_cb`: whoever calls [`connection_made`](Self::connection_made) knows.
pub struct StreamReaderProtocol {
    /// None once the connection is lost: nothing reaches the reader any more.
    reader: RefCell<Option<Rc<ReaderState>>>,
    paused: Cell<bool>,
    /// Set once the connection is lost, with its error if there was one.
    lost: RefCell<Option<Option<Error>>>,
    drainers: Waiters<Result<()>>,
    closed: Waiters,
}

impl StreamReaderProtocol {
    /// A protocol that feeds `reader`.
    pub fn new(reader: &StreamReader) -> Self {
        Self {
            reader: RefCell::new(Some(reader.state().clone())),
            paused: Cell::default(),
            lost: RefCell::default(),
            drainers: Waiters::default(),
            closed: Waiters::default(),
        }
    }

    fn reader(&self) -> Option<Rc<ReaderState>> {
        self.reader.borrow().clone()
    }

    /// The connection is there: the reader gets its transport.
    ///
    /// # Errors
    /// [`Error::Assertion`] if the reader has one already.
    pub fn connection_made(&self, transport: &Transport) -> Result<()> {
        self.reader().map_or(Ok(()), |reader| reader.set_transport(transport.as_source()))
    }

    /// Data has come. After the connection is lost it has no effect.
    ///
    /// # Errors
    /// [`Error::Assertion`] after [`eof_received`](Self::eof_received).
    pub fn data_received(&self, data: &[u8]) -> Result<()> {
        self.reader().map_or(Ok(()), |reader| reader.feed_data(data))
    }

    /// The peer has ended its sending side. True: the transport stays open for writing.
    pub fn eof_received(&self) -> bool {
        if let Some(reader) = self.reader() {
            reader.tell(ReaderCore::feed_eof);
        }
        true
    }

    /// The connection is gone. Whoever waits in [`drain`](Self::drain) or [`wait_closed`](Self::wait_closed) goes on.
    pub fn connection_lost(&self, error: Option<Error>) {
        let Some(reader) = self.reader.take() else { return };
        reader.tell(|core| match &error {
            None => core.feed_eof(),
            Some(error) => core.set_exception(error.clone()),
        });
        self.lost.replace(Some(error.clone()));
        self.drainers.answer(&error.map_or(Ok(()), Err));
        self.closed.wake();
    }

    /// The transport's buffer is full.
    ///
    /// # Errors
    /// [`Error::Assertion`] if it is paused already.
    pub fn pause_writing(&self) -> Result<()> {
        if self.paused.replace(true) { Err(Error::Assertion("".into())) } else { Ok(()) }
    }

    /// The transport's buffer is low again.
    ///
    /// # Errors
    /// [`Error::Assertion`] if it is not paused.
    pub fn resume_writing(&self) -> Result<()> {
        if !self.paused.replace(false) {
            return Err(Error::Assertion("".into()));
        }
        self.drainers.answer(&Ok(()));
        Ok(())
    }

    /// Waits while writing is paused, until it resumes once.
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
        if self.paused.get() { self.drainers.next().await } else { Ok(()) }
    }

    /// Waits until the connection is gone.
    ///
    /// # Errors
    /// The error that it ended with.
    ///
    /// # Cancel safety
    /// Yes.
    pub async fn wait_closed(&self) -> Result<()> {
        self.closed.wait(|| self.lost.borrow().clone().map(|error| error.map_or(Ok(()), Err))).await
    }
}
