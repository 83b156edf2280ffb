//! `asyncio.StreamReader`.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::dispatcher::{self, Token};
use crate::generated::wasyncio::streams::{fast, streams};
use crate::lines::Lines;
use crate::link::Link;
use crate::long::{self, Bytes};
use crate::places::{Found, Wish};
use crate::{ByteStream, Error, Transport};

/// How much may be read in a row without waiting before the others get their turn, in bytes: a peer that sends without end must
/// not starve them.
const TURN: usize = 256 * 1024;
/// Bytes from which on a line is not worth to be read together with others.
const LONG_LINE: usize = 8 * 1024;
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
    /// None for a reader that is fed by hand.
    link: Option<Rc<Link>>,
    /// Lines that have arrived with one that was asked for.
    lines: RefCell<Lines>,
    at_once: Cell<usize>,
    /// What was read last, or the line that came first, was long: the next is asked for alone, with what was written.
    long: Cell<bool>,
    /// The next read will most likely have to wait: it is asked for with others when the program rests.
    quiet: Cell<bool>,
}

impl StreamReader {
    /// A reader without a connection, to be fed by hand. `limit` is in bytes; none is 65,536.
    ///
    /// # Errors
    /// [`Error::ValueError`] if the limit is 0.
    pub fn new(limit: Option<u64>) -> Result<Self, Error> {
        streams::StreamReader::new(limit).map(|inner| Self::of(inner, None))
    }

    pub(crate) fn of(inner: streams::StreamReader, link: Option<Rc<Link>>) -> Self {
        let quiet = Cell::new(link.is_some());
        Self {
            token: OnceCell::new(),
            inner,
            link,
            lines: RefCell::default(),
            at_once: Cell::default(),
            long: Cell::default(),
            quiet,
        }
    }

    /// The reader of the boundary, to be given to other functions of it. What was read ahead here is in it.
    pub fn plain(&self) -> &streams::StreamReader {
        self.unread();
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
            Ok(n) => self.ask("read", fast::Request::Read(n)).await,
            // Not worth a way of its own: what the calls cost is little beside the bytes.
            Err(_) => {
                self.unread();
                self.exchange(fast::Request::Read(0))?;
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
        let waiting = Waiting { reader: self, waits: false, many: false };
        waiting.next_of_lines().await
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
        if let Some(lines) = self.lines.borrow_mut().take() {
            return Ok(lines);
        }
        self.ask("readuntil", fast::Request::Readlines).await.or_else(partial)
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
        self.ask("readexactly", fast::Request::Readexactly(n)).await
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
        self.unread();
        if let Some(link) = &self.link {
            link.flush()?;
        }
        if let Some(found) = fast::try_readuntil(&self.inner, &separators)? {
            return Ok(long::into_bytes(found));
        }
        self.check_awaited("readuntil")?;
        self.inner.readuntil(separators).await
    }

    /// Whether the end of the stream was met and the buffer is empty.
    pub fn at_eof(&self) -> bool {
        let taken = self.lines.borrow().is_empty() && !self.token.get().is_some_and(Token::has_bytes);
        taken && self.inner.at_eof()
    }

    /// The exception that every read fails with.
    pub fn exception(&self) -> Option<Error> {
        self.inner.exception()
    }

    /// Stores an exception: every later read fails with it, and a waiting one wakes with it.
    pub fn set_exception(&self, exception: &Error) {
        self.unread();
        self.inner.set_exception(exception);
    }

    /// Appends bytes as if they had been received.
    ///
    /// # Errors
    /// [`Error::AssertionError`] after [`feed_eof`](Self::feed_eof).
    pub fn feed_data(&self, data: &[u8]) -> Result<(), Error> {
        self.quiet.set(false);
        self.inner.feed_data(data)
    }

    /// Marks the end of the stream.
    pub fn feed_eof(&self) {
        self.quiet.set(false);
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
        self.unread();
        let (buffered, stream) = fast::detach(&self.inner)?;
        Ok((long::into_bytes(buffered), stream))
    }

    /// Whether others are to have their turn before more is read, after which the task is polled again.
    fn has_had_its_turn(&self, cx: &Context<'_>) -> bool {
        if self.at_once.get() < TURN {
            return false;
        }
        self.at_once.set(0);
        cx.waker().wake_by_ref();
        true
    }

    fn check_awaited(&self, operation: &str) -> Result<(), Error> {
        if self.token.get().is_some_and(Token::is_awaited) {
            let text = "called while another coroutine is already waiting for incoming data";
            return Err(Error::RuntimeError(format!("{operation}() {text}")));
        }
        Ok(())
    }

    /// Gives what was read ahead back.
    fn unread(&self) {
        self.quiet.set(false);
        self.unread_answer();
        if let Some(lines) = self.lines.borrow_mut().take() {
            fast::unread(&self.inner, &lines.as_slice().into());
        }
    }

    /// Gives back what has come for a read and was not found by it.
    fn unread_answer(&self) {
        if let Some(answer) = self.token.get().and_then(Token::take_answer)
            && !answer.bytes.is_empty()
        {
            fast::unread(&self.inner, &answer.bytes.as_slice().into());
        }
    }

    /// Asks once, and writes what was collected.
    fn exchange(&self, request: fast::Request) -> Result<Option<fast::Chunk>, Error> {
        match &self.link {
            Some(link) => link.exchange(&self.inner, request),
            None => Ok(dispatcher::exchange(&self.inner, Bytes::default(), request)?.answer),
        }
    }

    /// Asks until there is an answer, waiting for the token in between.
    async fn ask(&self, operation: &str, request: fast::Request) -> Result<Vec<u8>, Error> {
        self.unread();
        let mut waiting = Waiting { reader: self, waits: false, many: false };
        let answer = poll_fn(|cx| waiting.poll(cx, operation, request)).await.map(long::into_bytes)?;
        self.long.set(answer.len() >= LONG_LINE);
        Ok(answer)
    }
}

/// CPython's `readline` gives the partial bytes of an `IncompleteReadError`, also of one that somebody stored.
fn partial(error: Error) -> Result<Vec<u8>, Error> {
    match error {
        Error::IncompleteReadError(error) => Ok(error.partial),
        error => Err(error),
    }
}

/// A read under way.
struct Waiting<'a> {
    reader: &'a StreamReader,
    /// This read is the one that waits for the token.
    waits: bool,
    /// It asks for all lines that there are.
    many: bool,
}

impl Waiting<'_> {
    /// The next line, of those that were read ahead or of those that come.
    async fn next_of_lines(mut self) -> Result<Vec<u8>, Error> {
        poll_fn(|cx| {
            let reader = self.reader;
            let ahead = reader.lines.borrow_mut().next();
            if let Some(line) = ahead {
                // They were counted when they came.
                return Poll::Ready(Ok(line));
            }
            if !self.waits {
                // Nothing is read ahead of somebody else who waits for it; and one long line after the other is not searched for
                // where each ends.
                self.many = !reader.token.get().is_some_and(Token::is_awaited) && !reader.long.get();
            }
            let many = self.many;
            let request = if many { fast::Request::Readlines } else { fast::Request::Readline };
            match std::task::ready!(self.poll(cx, "readuntil", request)) {
                Ok(chunk) => {
                    let line = reader.lines.borrow_mut().first_of(chunk, many);
                    reader.long.set(line.len() >= LONG_LINE);
                    Poll::Ready(Ok(line))
                }
                Err(error) => Poll::Ready(partial(error)),
            }
        })
        .await
    }

    fn poll(&mut self, cx: &Context<'_>, operation: &str, request: fast::Request) -> Poll<Result<fast::Chunk, Error>> {
        let reader = self.reader;
        let token = reader.token.get_or_init(|| Token::of_reader(&reader.inner));
        if self.waits {
            match token.find(cx) {
                Found::Nothing => return Poll::Pending,
                Found::Answer(answer) => {
                    self.waits = false;
                    reader.quiet.set(!answer.more);
                    return Poll::Ready(Ok(fast::Chunk::Short(answer.bytes)));
                }
                Found::Question => {}
            }
        } else {
            // What has come for somebody else, and was not found yet, is for whoever asks first.
            reader.unread_answer();
        }
        if reader.has_had_its_turn(cx) {
            return Poll::Pending;
        }
        let wish = Wish { request, link: reader.link.clone() };
        if !self.waits && reader.quiet.get() && !token.is_awaited() && !reader.long.get() {
            self.waits = true;
            reader.at_once.set(0);
            token.ask(cx, wish);
            return Poll::Pending;
        }
        let answer = match reader.exchange(request).transpose() {
            Some(answer) => answer,
            None => {
                if !self.waits {
                    reader.check_awaited(operation)?;
                    self.waits = true;
                }
                reader.at_once.set(0);
                token.wait(cx, (!reader.long.get()).then_some(wish));
                return Poll::Pending;
            }
        };
        if std::mem::take(&mut self.waits) {
            token.withdraw();
        }
        reader.quiet.set(false);
        if let Ok(answer) = &answer {
            reader.at_once.set(reader.at_once.get() + long::bytes(answer).len().max(READ));
        }
        Poll::Ready(answer)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.waits
            && let Some(token) = self.reader.token.get()
        {
            if token.withdraw() {
                // Whoever never waits for long would never have been asked for.
                self.reader.quiet.set(false);
            }
            self.reader.unread_answer();
        }
    }
}

impl std::fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamReader").finish_non_exhaustive()
    }
}
