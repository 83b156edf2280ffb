//! `asyncio.StreamReader`.

use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::semantics::limits::limit_or_default;
use crate::semantics::read_operations::{Read, ReadAll, ReadExactly, ReadLine, ReadOperation, ReadUntil};
use crate::semantics::reader_core::{ReaderCore, Waiter};
use crate::semantics::separators::Separators;
use crate::transport_handle::Transport;

/// How many times in a row data may be there at once before the others get their turn: a peer that sends without end must not
/// starve them.
const TURN: u32 = 4;

/// What a reader and its connection share.
pub(crate) struct ReaderState {
    core: RefCell<ReaderCore>,
    /// Where data is pulled from; none for a reader that is fed by hand.
    connection: OnceCell<Weak<Connection>>,
    /// What is paused when too much was fed by hand.
    transport: OnceCell<Weak<Connection>>,
    /// The transport was paused by this reader.
    paused: Cell<bool>,
    /// How many times in a row data was there at once.
    filled_at_once: Cell<u32>,
}

impl ReaderState {
    pub(crate) fn new(limit: usize) -> Rc<Self> {
        Rc::new(Self {
            core: RefCell::new(ReaderCore::new(limit)),
            connection: OnceCell::new(),
            transport: OnceCell::new(),
            paused: Cell::default(),
            filled_at_once: Cell::default(),
        })
    }

    /// Has data pulled from a connection from now on. A reader belongs to one connection for good.
    pub(crate) fn attach(&self, connection: &Rc<Connection>) {
        self.connection.get_or_init(|| Rc::downgrade(connection));
        self.transport.get_or_init(|| Rc::downgrade(connection));
    }

    /// `StreamReader.set_transport`.
    pub(crate) fn set_transport(&self, transport: &Rc<Connection>) -> Result<()> {
        let set = self.transport.set(Rc::downgrade(transport));
        set.map_err(|_| Error::Assertion("Transport already set".into()))
    }

    /// `StreamReader.feed_data`: above twice the limit the transport is paused.
    pub(crate) fn feed_data(&self, data: &[u8]) -> Result<()> {
        let full = {
            let mut core = self.core();
            core.feed_data(data)?;
            !data.is_empty() && core.buffered().len() > core.limit().saturating_mul(2)
        };
        if full
            && !self.paused.get()
            && let Some(transport) = self.transport()
        {
            transport.pause_reading();
            self.paused.set(true);
        }
        Ok(())
    }

    /// Lets a transport that this reader paused go on: when no more than the limit is buffered, or when more is waited for.
    pub(super) fn resume(&self, waiting: bool) {
        let resumes = waiting || {
            let core = self.core();
            core.buffered().len() <= core.limit()
        };
        if self.paused.get() && resumes {
            self.paused.set(false);
            if let Some(transport) = self.transport() {
                transport.resume_reading();
            }
        }
    }

    fn transport(&self) -> Option<Rc<Connection>> {
        self.transport.get()?.upgrade()
    }

    /// The buffer and its state. Not to be held while anything waits.
    pub(crate) fn core(&self) -> RefMut<'_, ReaderCore> {
        self.core.borrow_mut()
    }

    fn connection(&self) -> Option<Rc<Connection>> {
        self.connection.get()?.upgrade()
    }
}

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
    pub(super) state: Rc<ReaderState>,
    /// Keeps the connection while only the reader is used.
    pub(super) connection: Option<Rc<Connection>>,
    /// Who is told when a read that was tried in vain is worth trying again.
    #[cfg(feature = "component")]
    pub(super) watcher: RefCell<Option<std::task::Waker>>,
}

impl StreamReader {
    /// A reader without a connection, to be fed by hand. `limit` is in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    ///
    /// # Errors
    /// [`Error::Value`] if the limit is 0.
    pub fn new(limit: Option<u64>) -> Result<Self> {
        Ok(Self {
            state: ReaderState::new(limit_or_default(limit)?),
            connection: None,
            #[cfg(feature = "component")]
            watcher: RefCell::default(),
        })
    }

    pub(crate) fn of(state: Rc<ReaderState>, connection: Rc<Connection>) -> Self {
        Self {
            state,
            connection: Some(connection),
            #[cfg(feature = "component")]
            watcher: RefCell::default(),
        }
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
            Ok(n) => self.run(Read::new(n)).await,
            // Negative; or more than there is memory for, which is as good as everything that is there.
            Err(_) if n > 0 => self.run(Read::new(usize::MAX)).await,
            Err(_) => self.run(ReadAll::default()).await,
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
        self.run(ReadLine::default()).await
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
        self.run(ReadExactly::new(n)?).await
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
        self.run(ReadUntil::new(Separators::new(separators)?)).await
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
        self.state.core().set_exception(exception);
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
        self.state.core().feed_eof();
    }

    /// Tells the reader which transport to pause and resume.
    ///
    /// # Errors
    /// [`Error::Assertion`] if it has one, as the reader of a connection does.
    ///
    /// # asyncio
    /// `reader.set_transport(transport)`.
    pub fn set_transport(&self, transport: &Transport) -> Result<()> {
        self.state.set_transport(transport.connection())
    }

    /// What a protocol feeds.
    pub(crate) fn state(&self) -> &Rc<ReaderState> {
        &self.state
    }

    async fn run<O: ReadOperation>(&self, operation: O) -> Result<Vec<u8>> {
        let mut running = Running { state: &self.state, operation };
        loop {
            let step = running.operation.step(&mut self.state.core());
            match step {
                Ok(None) => {}
                Ok(Some(answer)) => {
                    self.state.resume(false);
                    return Ok(answer);
                }
                Err(error) => {
                    self.state.resume(false);
                    return Err(error);
                }
            }
            let waiter = self.state.core().begin_wait(O::NAME)?;
            self.state.resume(true);
            // What a step left unfinished is in `running`, which gives it back if this wait is dropped.
            let wait = Wait {
                state: &self.state,
                connection: self.connection.clone().or_else(|| self.state.connection()),
                waiter,
            };
            if let Err(error) = wait.await {
                let answer = running.operation.fail(error, &mut self.state.core());
                self.state.resume(false);
                return answer;
            }
        }
    }
}

/// An operation under way; dropped before it has answered, it gives back what it had taken.
struct Running<'a, O: ReadOperation> {
    state: &'a ReaderState,
    operation: O,
}

impl<O: ReadOperation> Drop for Running<'_, O> {
    fn drop(&mut self) {
        self.operation.cancel(&mut self.state.core());
    }
}

/// Waits until the reader is told something, pulling data meanwhile if there is a connection.
struct Wait<'a> {
    state: &'a ReaderState,
    connection: Option<Rc<Connection>>,
    waiter: Rc<Waiter>,
}

impl Future for Wait<'_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            if let Some(outcome) = self.waiter.take_outcome() {
                return Poll::Ready(outcome);
            }
            self.waiter.set_waker(cx.waker());
            let Some(connection) = &self.connection else { return Poll::Pending };
            if self.state.filled_at_once.get() >= TURN {
                self.state.filled_at_once.set(0);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match connection.poll_fill(cx) {
                Poll::Ready(()) => self.state.filled_at_once.set(self.state.filled_at_once.get() + 1),
                Poll::Pending => {
                    self.state.filled_at_once.set(0);
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.withdraw_fill();
        }
        self.state.core().end_wait();
    }
}
