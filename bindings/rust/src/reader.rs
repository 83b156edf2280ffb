//! `asyncio.StreamReader`.

use std::cell::{Cell, OnceCell};
use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::dispatcher::Token;
use crate::generated::wasyncio::streams::{fast, streams};
use crate::{ByteStream, Error, Transport};

/// How much may be read in a row without waiting before the others get their turn, in bytes: a peer that sends without end must
/// not starve them.
const TURN: usize = 256 * 1024;
/// What a read counts at least, in bytes.
const READ: usize = 256;

/// Received bytes, buffered up to a limit.
///
/// One task at a time may wait in a reader: a second call that would have to wait fails with [`Error::RuntimeError`].
///
/// # Cancel safety
/// Every read is cancel safe: a future that is dropped before it answered loses nothing.
///
/// # asyncio
/// `asyncio.StreamReader`.
pub struct StreamReader {
    /// Declared, and so dropped, before the reader that it watches.
    token: OnceCell<Token>,
    inner: streams::StreamReader,
    at_once: Cell<usize>,
}

impl StreamReader {
    /// A reader without a connection, to be fed by hand. `limit` is in bytes; none is 65,536.
    ///
    /// # Errors
    /// [`Error::ValueError`] if the limit is 0.
    pub fn new(limit: Option<u64>) -> Result<Self, Error> {
        streams::StreamReader::new(limit).map(Self::of)
    }

    pub(crate) fn of(inner: streams::StreamReader) -> Self {
        Self { token: OnceCell::new(), inner, at_once: Cell::default() }
    }

    /// The reader of the boundary, to be given to other functions of it.
    pub fn plain(&self) -> &streams::StreamReader {
        &self.inner
    }

    /// Reads up to `n` bytes: waits for at least one, and gives what there is. Empty at the end of the stream, or if `n` is 0. A
    /// negative `n` reads until the end.
    ///
    /// # Errors
    /// The stream's exception, if it has one; [`Error::RuntimeError`] if another task waits in this reader.
    ///
    /// # asyncio
    /// `await reader.read(n)`.
    pub async fn read(&self, n: i64) -> Result<Vec<u8>, Error> {
        match u64::try_from(n) {
            Ok(n) => self.ask("read", |reader| fast::try_read(reader, n)).await,
            // Not worth a way of its own: what the calls cost is little beside the bytes.
            Err(_) => {
                fast::try_read(&self.inner, 0)?;
                self.check_awaited("read")?;
                self.inner.read(n).await
            }
        }
    }

    /// Reads a line, up to and with `\n`; at the end of the stream the partial line, then empty bytes.
    ///
    /// # Errors
    /// [`Error::ValueError`] if the line is longer than the limit; and as [`read`](Self::read).
    ///
    /// # asyncio
    /// `await reader.readline()`.
    pub async fn readline(&self) -> Result<Vec<u8>, Error> {
        self.ask("readuntil", fast::try_readline).await
    }

    /// The next line, or none at the end of the stream: `while let Some(line) = reader.next_line().await? { … }`.
    ///
    /// # Errors
    /// As [`readline`](Self::readline).
    ///
    /// # asyncio
    /// `async for line in reader`.
    pub async fn next_line(&self) -> Result<Option<Vec<u8>>, Error> {
        let line = self.readline().await?;
        Ok((!line.is_empty()).then_some(line))
    }

    /// Reads all lines that have arrived whole, one behind the other; waits for one if there is none. At the end of the stream the
    /// partial line, then empty bytes.
    ///
    /// # Errors
    /// As [`readline`](Self::readline).
    ///
    /// # asyncio
    /// Has no such method: as many `readline` as answer at once.
    pub async fn readlines(&self) -> Result<Vec<u8>, Error> {
        self.ask("readuntil", fast::try_readlines).await
    }

    /// Reads exactly `n` bytes.
    ///
    /// # Errors
    /// [`Error::IncompleteReadError`] if the stream ends first; [`Error::ValueError`] if `n` is negative; and as
    /// [`read`](Self::read).
    ///
    /// # asyncio
    /// `await reader.readexactly(n)`.
    pub async fn readexactly(&self, n: i64) -> Result<Vec<u8>, Error> {
        self.ask("readexactly", |reader| fast::try_readexactly(reader, n)).await
    }

    /// Reads up to and with the first of the separators: the one whose match ends first.
    ///
    /// # Errors
    /// [`Error::LimitOverrunError`], [`Error::IncompleteReadError`], [`Error::ValueError`] for separators that make no sense; and
    /// as [`read`](Self::read).
    ///
    /// # asyncio
    /// `await reader.readuntil(separators)`.
    pub async fn readuntil(&self, separators: Vec<Vec<u8>>) -> Result<Vec<u8>, Error> {
        if let Some(found) = fast::try_readuntil(&self.inner, &separators)? {
            return Ok(bytes(found));
        }
        self.check_awaited("readuntil")?;
        self.inner.readuntil(separators).await
    }

    /// Whether the end of the stream was met and the buffer is empty.
    pub fn at_eof(&self) -> bool {
        self.inner.at_eof()
    }

    /// The exception that every read fails with.
    pub fn exception(&self) -> Option<Error> {
        self.inner.exception()
    }

    /// Stores an exception: every later read fails with it, and a waiting one wakes with it.
    pub fn set_exception(&self, exception: &Error) {
        self.inner.set_exception(exception);
    }

    /// Appends bytes as if they had been received.
    ///
    /// # Errors
    /// [`Error::AssertionError`] after [`feed_eof`](Self::feed_eof).
    pub fn feed_data(&self, data: &[u8]) -> Result<(), Error> {
        self.inner.feed_data(data)
    }

    /// Marks the end of the stream.
    pub fn feed_eof(&self) {
        self.inner.feed_eof();
    }

    /// Tells the reader which transport to pause and resume.
    ///
    /// # Errors
    /// [`Error::AssertionError`] if it has one.
    pub fn set_transport(&self, transport: &Transport) -> Result<(), Error> {
        self.inner.set_transport(transport)
    }

    /// Takes what is buffered, and the stream that the rest comes from, for bulk copying.
    ///
    /// # Errors
    /// [`Error::RuntimeError`] if somebody waits in the reader, or it has no connection.
    pub fn detach(self) -> Result<(Vec<u8>, ByteStream), Error> {
        self.check_awaited("detach")?;
        let (buffered, stream) = fast::detach(&self.inner)?;
        Ok((bytes(buffered), stream))
    }

    fn check_awaited(&self, operation: &str) -> Result<(), Error> {
        if self.token.get().is_some_and(Token::is_awaited) {
            let text = "called while another coroutine is already waiting for incoming data";
            return Err(Error::RuntimeError(format!("{operation}() {text}")));
        }
        Ok(())
    }

    /// Asks until there is an answer, waiting for the token in between.
    async fn ask(
        &self,
        operation: &str,
        ask: impl Fn(&streams::StreamReader) -> Result<Option<fast::Chunk>, Error>,
    ) -> Result<Vec<u8>, Error> {
        let mut waiting = Waiting { reader: self, waits: false };
        poll_fn(|cx| waiting.poll(cx, operation, &ask)).await
    }
}

/// A read under way.
struct Waiting<'a> {
    reader: &'a StreamReader,
    /// This read is the one that waits for the token.
    waits: bool,
}

impl Waiting<'_> {
    fn poll(
        &mut self,
        cx: &Context<'_>,
        operation: &str,
        ask: impl Fn(&streams::StreamReader) -> Result<Option<fast::Chunk>, Error>,
    ) -> Poll<Result<Vec<u8>, Error>> {
        let reader = self.reader;
        let token = reader.token.get_or_init(|| Token::of_reader(&reader.inner));
        if reader.at_once.get() >= TURN {
            reader.at_once.set(0);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match ask(&reader.inner) {
            Ok(Some(answer)) => {
                let answer = bytes(answer);
                reader.at_once.set(reader.at_once.get() + answer.len().max(READ));
                return Poll::Ready(Ok(answer));
            }
            Err(error) => return Poll::Ready(Err(error)),
            Ok(None) => {}
        }
        if !self.waits {
            reader.check_awaited(operation)?;
            self.waits = true;
        }
        reader.at_once.set(0);
        token.wait(cx);
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.waits
            && let Some(token) = self.reader.token.get()
        {
            token.withdraw();
        }
    }
}

/// The bytes of a chunk.
fn bytes(chunk: fast::Chunk) -> Vec<u8> {
    match chunk {
        fast::Chunk::Short(bytes) => bytes,
        fast::Chunk::Long((length, words)) => {
            let bytes: &[u8] = bytemuck::cast_slice(&words);
            bytes.get(..usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or(bytes).to_vec()
        }
    }
}

impl std::fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamReader").finish_non_exhaustive()
    }
}
