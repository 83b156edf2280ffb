//! What the reader and the writer of one connection share: bytes that were written and have not crossed the boundary yet.
//!
//! Each call between components costs as much as handling a short message. So written bytes are collected here, and cross with
//! the next read of the connection; or when there are many; or when the program rests, which the dispatcher notices; and
//! before anything that is about them: closing, draining what is much, or asking the transport.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::Error;
use crate::dispatcher;
use crate::generated::wasyncio::streams::{fast, streams};
use crate::long::{self, Bytes};

/// Bytes that are collected at most before they cross.
const MOST: usize = 64 * 1024;
/// Bytes from which on `drain` has them cross: the component sends them then, as it leaves less to the moment of rest.
const MUCH: usize = 16 * 1024;

/// Bytes that cross at most with those of other connections, which takes another copy.
const LITTLE: usize = 8 * 1024;

/// One connection's writer, and what it has collected.
pub(crate) struct Link {
    writer: streams::StreamWriter,
    unsent: RefCell<Bytes>,
    /// The dispatcher has been told that there is something to send.
    noted: Cell<bool>,
    /// What the last call that wrote has said of draining.
    drain: Cell<Drain>,
    /// Nothing is collected: the program looks at the transport.
    direct: Cell<bool>,
    eof_written: Cell<bool>,
    closed: Cell<bool>,
}

/// Whether `drain` has something to do.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Drain {
    /// Nobody has said since the last `drain`.
    #[default]
    Unknown,
    Needless,
    Needed,
}

impl Drain {
    fn said(wanted: bool) -> Self {
        if wanted { Self::Needed } else { Self::Needless }
    }
}

impl Link {
    pub(crate) fn new(writer: streams::StreamWriter) -> Rc<Self> {
        Rc::new(Self {
            writer,
            unsent: RefCell::default(),
            noted: Cell::default(),
            drain: Cell::default(),
            direct: Cell::default(),
            eof_written: Cell::default(),
            closed: Cell::default(),
        })
    }

    /// The writer, to be asked for something that is not about what was written, or after [`Link::flush`].
    pub(crate) fn writer(&self) -> &streams::StreamWriter {
        &self.writer
    }

    /// Writes, now or later.
    pub(crate) fn write<'a>(self: &Rc<Self>, chunks: impl IntoIterator<Item = Cow<'a, [u8]>>) -> Result<(), Error> {
        if self.eof_written.get() {
            return Err(Error::RuntimeError("Cannot call write() after write_eof()".into()));
        }
        let size = {
            let mut unsent = self.unsent.borrow_mut();
            for chunk in chunks {
                unsent.add(chunk);
            }
            unsent.len()
        };
        if size >= MOST || self.direct.get() {
            return self.flush();
        }
        if size > 0 && !self.noted.replace(true) {
            dispatcher::flush_soon(self.clone());
        }
        Ok(())
    }

    /// Has everything cross that was written.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        if self.unsent.borrow().is_empty() {
            return Ok(());
        }
        let data = self.unsent.take();
        self.drain.set(Drain::Unknown);
        self.drain.set(Drain::said(dispatcher::give(data, |queue, data| queue.write(&self.writer, data))?));
        Ok(())
    }

    /// The dispatcher follows its note up.
    pub(crate) fn flush_noted(&self) {
        self.noted.set(false);
        // The one error there is was checked for in `write`.
        let _ = self.flush();
    }

    /// What was collected, if it is not much, for an exchange of many; to be followed by [`Link::gave`] or [`Link::take_back`].
    pub(crate) fn give(&self) -> Option<Bytes> {
        if self.unsent.borrow().is_empty() {
            return None;
        }
        if self.unsent.borrow().len() > LITTLE {
            // As in `flush_noted`.
            let _ = self.flush();
            return None;
        }
        Some(self.unsent.take())
    }

    /// What was given was written.
    pub(crate) fn gave(&self, mut given: Bytes, wants_drain: bool) {
        self.drain.set(Drain::said(wants_drain));
        let mut unsent = self.unsent.borrow_mut();
        if unsent.is_empty() {
            // For its memory.
            given.clear();
            *unsent = given;
        }
    }

    /// What was given was not written: it is tried again, and fails as it should. Nothing was written since.
    pub(crate) fn take_back(&self, given: Bytes) {
        self.unsent.replace(given);
    }

    /// Reads, and writes what was collected, in one call.
    pub(crate) fn exchange(
        &self,
        reader: &streams::StreamReader,
        request: fast::Request,
    ) -> Result<Option<fast::Chunk>, Error> {
        let writes = !self.unsent.borrow().is_empty();
        let data = self.unsent.take();
        let exchanged = dispatcher::exchange(reader, data, request);
        if writes || exchanged.is_err() {
            self.drain.set(exchanged.as_ref().map_or(Drain::Needed, |exchanged| Drain::said(exchanged.wants_drain)));
        }
        exchanged.map(|exchanged| exchanged.answer)
    }

    /// `drain`.
    pub(crate) async fn drain(&self) -> Result<(), Error> {
        if self.unsent.borrow().len() >= MUCH {
            self.flush()?;
        }
        let collected = !self.unsent.borrow().is_empty();
        match (self.drain.get(), collected) {
            // What was written since is little.
            (Drain::Needless | Drain::Unknown, true) => Ok(()),
            (Drain::Needless, false) => {
                // It holds for one drain: the next may find a connection that was lost since.
                self.drain.set(Drain::Unknown);
                Ok(())
            }
            (Drain::Needed, _) | (Drain::Unknown, false) => {
                self.flush()?;
                self.drain.set(Drain::Unknown);
                self.writer.drain().await
            }
        }
    }

    /// From now on every write crosses at once: the program has the transport, which tells of them.
    pub(crate) fn look(&self) -> Result<(), Error> {
        self.direct.set(true);
        self.flush()
    }

    /// `write_eof`.
    pub(crate) fn write_eof(&self) -> Result<(), Error> {
        self.flush()?;
        self.writer.write_eof()?;
        self.eof_written.set(!self.writer.is_closing());
        Ok(())
    }

    /// `close`.
    pub(crate) fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.flush_noted();
        self.drain.set(Drain::Needed);
        self.writer.close();
    }
}

impl From<&[u8]> for fast::Chunk {
    fn from(bytes: &[u8]) -> Self {
        if bytes.len() < long::LONG {
            return Self::Short(bytes.to_vec());
        }
        let mut long = Bytes::default();
        long.push(bytes);
        long.take()
    }
}
