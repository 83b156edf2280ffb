//! `asyncio.StreamReader`.

use std::rc::Rc;

use crate::error::{Error, Result};
use crate::reader_state::{ReaderState, Source};
use crate::semantics::limits::limit_or_default;
use crate::semantics::read_operations::{Read, ReadAll, ReadExactly, ReadLine, ReadUntil};
use crate::semantics::reader_core::ReaderCore;
use crate::semantics::separators::Separators;
use crate::transport_handle::Transport;

/// Received bytes, buffered up to a limit.
///
/// One task at a time may wait in a reader: a second call that would have to wait fails with [`Error::Runtime`].
///
/// # Cancel safety
/// Every read here is cancel safe: a future that is dropped before it answered loses nothing, what arrived or arrives later is
/// there for the next read.
///
/// # asyncio
/// `asyncio.StreamReader` of CPython 3.14. Data is taken from the socket while a read waits and not before, so the end of
/// the stream is noticed by a read; and a cancelled `read(-1)` gives back what it had taken, which CPython loses.
pub struct StreamReader {
    state: Rc<ReaderState>,
    /// Keeps the connection while only the reader is used.
    _connection: Option<Rc<dyn Source>>,
}

impl StreamReader {
    /// A reader without a connection, to be fed by hand. `limit` is in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    ///
    /// # Errors
    /// [`Error::Value`] if the limit is 0.
    pub fn new(limit: Option<u64>) -> Result<Self> {
        Ok(Self { state: ReaderState::new(limit_or_default(limit)?), _connection: None })
    }

    pub(crate) fn of(state: Rc<ReaderState>, connection: Rc<dyn Source>) -> Self {
        Self { state, _connection: Some(connection) }
    }

    /// Reads up to `n` bytes: waits for at least one, and gives what there is. Empty at the end of the stream, or if `n` is 0. A
    /// negative `n` reads until the end.
    ///
    /// # Errors
    /// The stream's exception, if it has one; [`Error::Runtime`] if another task waits in this reader.
    ///
    /// # asyncio
    /// `await reader.read(n)`.
    pub async fn read(&self, n: i64) -> Result<Vec<u8>> {
        match usize::try_from(n) {
            Ok(n) => self.state.run(Read { at_most: n }).await,
            // Negative; or more than there is memory for, which is as good as everything that is there.
            Err(_) if n > 0 => self.state.run(Read { at_most: usize::MAX }).await,
            Err(_) => self.state.run(ReadAll::default()).await,
        }
    }

    /// Reads a line, up to and with `\n`; at the end of the stream the partial line, then empty bytes.
    ///
    /// # Errors
    /// [`Error::Value`] if the line is longer than the limit: it is removed if its end is there, else the whole buffer is; and as
    /// [`read`](Self::read).
    ///
    /// # asyncio
    /// `await reader.readline()`.
    pub async fn readline(&self) -> Result<Vec<u8>> {
        self.state.run(ReadLine::default()).await
    }

    /// The next line, or none at the end of the stream: `while let Some(line) = reader.next_line().await? { … }`.
    ///
    /// # Errors
    /// As [`readline`](Self::readline).
    ///
    /// # asyncio
    /// `async for line in reader`.
    pub async fn next_line(&self) -> Result<Option<Vec<u8>>> {
        let line = self.readline().await?;
        Ok((!line.is_empty()).then_some(line))
    }

    /// Reads exactly `n` bytes, more than the limit too.
    ///
    /// # Errors
    /// [`Error::IncompleteRead`] if the stream ends first, with what there was, which is no longer in the buffer;
    /// [`Error::Value`] if `n` is negative; and as [`read`](Self::read).
    ///
    /// # asyncio
    /// `await reader.readexactly(n)`.
    pub async fn readexactly(&self, n: i64) -> Result<Vec<u8>> {
        self.state.run(ReadExactly::new(n)?).await
    }

    /// Reads up to and with the first of the separators: the one whose match ends first.
    ///
    /// # Errors
    /// [`Error::LimitOverrun`] if there is more than the limit before the separator, with the data left in the buffer;
    /// [`Error::IncompleteRead`] if the stream ends first; [`Error::Value`] if there is no separator, or an empty one; and as
    /// [`read`](Self::read).
    ///
    /// # asyncio
    /// `await reader.readuntil(separators)`; several since 3.13.
    pub async fn readuntil(&self, separators: &[impl AsRef<[u8]>]) -> Result<Vec<u8>> {
        self.state.run(ReadUntil::new(Separators::new(separators)?)).await
    }

    /// Whether the end of the stream was met and the buffer is empty.
    ///
    /// # asyncio
    /// `reader.at_eof()`.
    pub fn at_eof(&self) -> bool {
        self.state.core().at_eof()
    }

    /// The exception that every read fails with.
    ///
    /// # asyncio
    /// `reader.exception()`.
    pub fn exception(&self) -> Option<Error> {
        self.state.core().exception().cloned()
    }

    /// Stores an exception: every later read fails with it, and a waiting one wakes with it.
    ///
    /// # asyncio
    /// `reader.set_exception(exc)`.
    pub fn set_exception(&self, exception: Error) {
        self.state.tell(|core| core.set_exception(exception));
    }

    /// Appends bytes as if they had been received. Above twice the limit the transport, if there is one, is paused until a read
    /// leaves no more than the limit.
    ///
    /// # Errors
    /// [`Error::Assertion`] after [`feed_eof`](Self::feed_eof).
    ///
    /// # asyncio
    /// `reader.feed_data(data)`.
    pub fn feed_data(&self, data: &[u8]) -> Result<()> {
        self.state.feed_data(data)
    }

    /// Marks the end of the stream.
    ///
    /// # asyncio
    /// `reader.feed_eof()`.
    pub fn feed_eof(&self) {
        self.state.tell(ReaderCore::feed_eof);
    }

    /// Tells the reader which transport to pause and resume.
    ///
    /// # Errors
    /// [`Error::Assertion`] if it has one, as the reader of a connection does.
    ///
    /// # asyncio
    /// `reader.set_transport(transport)`.
    pub fn set_transport(&self, transport: &Transport) -> Result<()> {
        self.state.set_transport(transport.as_source())
    }

    /// What a protocol feeds.
    pub(crate) fn state(&self) -> &Rc<ReaderState> {
        &self.state
    }
}

impl std::fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamReader").finish_non_exhaustive()
    }
}
