//! What the fast interface asks of a reader: reads that do not wait, writing and reading at once, giving back, detaching.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::reader::{ReaderState, StreamReader};
use crate::semantics::read_operations::ReadOperation;
use crate::semantics::reader_core::ReaderCore;
use crate::transport::outbound::Data;

/// Bytes that have arrived beyond which a reader is asked for alone: they take one copy less then.
const LITTLE: usize = 8 * 1024;

/// How a read went that must not wait.
pub(crate) enum Tried {
    Answer(Vec<u8>),
    /// The watcher is woken when it is worth trying again.
    Waits,
    /// Nothing was read, since it might have failed or is much.
    Unsafe,
}

/// A reader that is watched, for as long as it is there.
pub(crate) struct Watched {
    state: Weak<ReaderState>,
    connection: Option<Weak<Connection>>,
    watcher: Waker,
}

impl Watched {
    /// The reader, unless it is gone.
    pub(crate) fn upgrade(&self) -> Option<StreamReader> {
        let connection = match &self.connection {
            Some(connection) => Some(connection.upgrade()?),
            None => None,
        };
        Some(StreamReader {
            state: self.state.upgrade()?,
            connection,
            watcher: RefCell::new(Some(self.watcher.clone())),
        })
    }

    /// Whether the reader is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.state.strong_count() == 0
    }
}

impl StreamReader {
    /// Names who is woken when a read that was tried in vain is worth trying again.
    pub(crate) fn watch(&self, watcher: Waker) -> Watched {
        self.watcher.replace(Some(watcher.clone()));
        let connection = self.connection.as_ref().map(Rc::downgrade);
        Watched { state: Rc::downgrade(&self.state), connection, watcher }
    }

    /// A read that depends on what the buffer knows.
    pub(crate) fn prepare<O: ReadOperation>(&self, operation: impl FnOnce(&ReaderCore) -> O) -> O {
        operation(&self.state.core())
    }

    /// Runs a read as far as it goes without waiting; if `safely`, not where it might fail or much has arrived.
    ///
    /// # Errors
    /// As the read itself; [`Error::Runtime`] if a task waits in this reader.
    pub(crate) fn try_run<O: ReadOperation>(&self, operation: O, safely: bool) -> Result<Tried> {
        // What is received in here tells nobody; but whoever waited before goes on waiting.
        let before = self.state.core().unwatch();
        let tried = self.try_steps(operation, safely);
        if let Some(before) = before
            && !matches!(tried, Ok(Tried::Waits))
        {
            self.state.core().watch(&before);
        }
        tried
    }

    fn try_steps<O: ReadOperation>(&self, mut operation: O, safely: bool) -> Result<Tried> {
        let watcher = self.watcher.borrow();
        let waker = watcher.as_ref().unwrap_or(Waker::noop());
        loop {
            if safely && {
                let core = self.state.core();
                operation.may_fail(&core) || core.buffered().len() > LITTLE
            } {
                return Ok(Tried::Unsafe);
            }
            let step = operation.step(&mut self.state.core())?;
            if let Some(answer) = step {
                self.state.resume(false);
                return Ok(Tried::Answer(answer));
            }
            self.state.core().check_waiter(O::NAME)?;
            self.state.resume(true);
            // Data that arrives wakes through the connection; everything else, and data fed by hand, through the core.
            let waits = self
                .connection
                .as_ref()
                .is_none_or(|connection| connection.poll_fill(&mut Context::from_waker(waker)).is_pending());
            if waits {
                self.state.core().watch(waker);
                return Ok(Tried::Waits);
            }
        }
    }

    /// Writes on the reader's connection, and calls `read`, which sends it if it has to wait. Gives what that gives, and whether
    /// `drain` would do anything but answer at once that all is well.
    ///
    /// # Errors
    /// As [`StreamWriter::write`](crate::StreamWriter::write); [`Error::Runtime`] if there is no connection.
    pub(crate) fn exchange<R>(&self, data: Data<'_>, read: impl FnOnce() -> R) -> Result<(R, bool)> {
        let Some(connection) = &self.connection else {
            if data.is_empty() {
                return Ok((read(), false));
            }
            return Err(Error::Runtime("a reader without a connection cannot send".into()));
        };
        if !data.is_empty() {
            connection.append(data)?;
        }
        let answer = read();
        connection.send_soon();
        Ok((answer, connection.wants_drain()))
    }

    /// Whether the next read may find something without waiting; `lines` are known to have been read as far as they are whole.
    pub(crate) fn has_more(&self, lines: bool) -> bool {
        let core = self.state.core();
        core.eof() || !lines && !core.buffered().is_empty()
    }

    /// Puts back what was read last.
    pub(crate) fn unread(&self, data: &[u8]) {
        self.state.core().put_back(data);
    }

    /// Takes what is buffered, and the stream that the rest comes from; the reader is at its end then.
    ///
    /// # Errors
    /// [`Error::Runtime`] if somebody waits in the reader, a read is in flight, or it has no connection.
    pub(crate) fn detach(&self) -> Result<(Vec<u8>, crate::connect::ByteStream)> {
        self.state.core().check_waiter("detach")?;
        let connection = self.connection.as_ref();
        let stream = connection
            .ok_or_else(|| Error::Runtime("a reader without a connection cannot be detached".into()))?
            .detach()?;
        let buffered = self.state.core().take(usize::MAX);
        self.state.core().feed_eof();
        Ok((buffered, stream))
    }
}
