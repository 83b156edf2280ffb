//! The life of one connection: asyncio's transport and protocol.
//!
//! Data is pulled: bytes are taken from the transport only while a read waits, which bounds a reader's memory without ever
//! pausing anything. What was written leaves when the program rests, or earlier if there is much.
//!
//! A connection is open, then closing (nothing more is read, what was written still leaves) or aborting, then lost. All ways
//! lead through [`Connection::finish`], once, which wakes everybody who waits for the connection.
//!
//! By what is done: [`receiving`], [`sending`], [`ending`], [`taking`].

mod ending;
mod receiving;
mod send_buffer;
mod sending;
mod taking;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::task::Waker;

use crate::clients::{Client, Membership};
use crate::error::{Error, Result};
use crate::extra_info::ExtraInfo;
use crate::reader_state::{ReaderState, Source};
use crate::runtime::Runtime;
use crate::semantics::water_marks::WaterMarks;
use crate::transport::{Capabilities, Failure, Halves, Info, TLS};
use crate::waiters::Waiters;
use receiving::Receiving;
use send_buffer::SendBuffer;

pub use taking::Taken;

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Entered at birth. Left by `close`, `abort` or an error.
    Open,
    /// By `close`: what was written still leaves. Left when that is done or has failed, or by `abort`.
    Closing,
    /// By `abort` or an error: operations in flight are ended.
    Aborting,
    /// The end. `cause` is final.
    Lost,
}

/// One connection.
pub(crate) struct Connection {
    runtime: &'static dyn Runtime,
    reader: Rc<ReaderState>,
    receiving: RefCell<Option<Receiving>>,
    sending: RefCell<Option<SendBuffer>>,
    info: Rc<dyn Info>,
    /// The session's, once the connection has gone on by TLS: then it can do so no more.
    secured: OnceCell<Rc<dyn Info>>,
    capabilities: Cell<Capabilities>,
    marks: RefCell<WaterMarks>,
    phase: Cell<Phase>,
    /// A server has accepted it: `start_tls` makes it TLS' server.
    accepted: Cell<bool>,
    /// The directions are being replaced: see [`taking`].
    upgrading: Cell<bool>,
    /// `write_eof` was called.
    eof_written: Cell<bool>,
    /// Writes are dropped: CPython's `_conn_lost`.
    writes_dropped: Cell<bool>,
    /// `pause_reading` was called.
    reading_paused: Cell<bool>,
    /// The reading task, where it waits for `resume_reading`.
    resumed: RefCell<Option<Waker>>,
    /// The runtime was told that there is something to flush.
    flush_noted: Cell<bool>,
    /// A spawned task goes on with what waits for the transport: see [`ending`].
    driver_runs: Cell<bool>,
    /// How to wake it when the phase has changed.
    driver: RefCell<Option<Waker>>,
    /// The error that ends or has ended the connection.
    cause: RefCell<Option<Error>>,
    /// Those who wait in `drain`: answered when writing resumes, or when the connection is lost.
    drainers: Waiters<Result<()>>,
    closed: Waiters,
    membership: RefCell<Option<Membership>>,
}

impl Connection {
    /// A connection over `halves`, and the state of its reader.
    pub(crate) fn new(runtime: &'static dyn Runtime, halves: Halves, reader: Rc<ReaderState>) -> Rc<Self> {
        let connection = Rc::new(Self {
            runtime,
            reader,
            receiving: RefCell::new(Some(Receiving::new(halves.receive))),
            sending: RefCell::new(Some(SendBuffer::new(halves.send))),
            info: halves.info,
            secured: OnceCell::new(),
            capabilities: Cell::new(halves.capabilities),
            marks: RefCell::default(),
            phase: Cell::new(Phase::Open),
            accepted: Cell::default(),
            upgrading: Cell::default(),
            eof_written: Cell::default(),
            writes_dropped: Cell::default(),
            reading_paused: Cell::default(),
            resumed: RefCell::default(),
            flush_noted: Cell::default(),
            driver_runs: Cell::default(),
            driver: RefCell::default(),
            cause: RefCell::default(),
            drainers: Waiters::default(),
            closed: Waiters::default(),
            membership: RefCell::default(),
        });
        connection.reader.attach(&connection.as_source());
        connection
    }

    /// Where the reader's data comes from.
    pub(crate) fn as_source(self: &Rc<Self>) -> Weak<dyn Source> {
        let source: Weak<Self> = Rc::downgrade(self);
        source
    }

    /// The server that counts this connection; it is told when the connection is gone.
    pub(crate) fn join(&self, membership: Membership) {
        self.accepted.set(true);
        self.membership.replace(Some(membership));
    }

    /// `get_extra_info`.
    pub(crate) fn extra_info(&self, name: &str) -> Option<ExtraInfo> {
        self.info().get(name)
    }

    /// What the transport can do.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.capabilities.get()
    }

    /// Whether a server has accepted it.
    pub(crate) fn is_accepted(&self) -> bool {
        self.accepted.get()
    }

    fn info(&self) -> &Rc<dyn Info> {
        self.secured.get().filter(|_| TLS).unwrap_or(&self.info)
    }

    /// Closed, or on the way.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase.get() != Phase::Open
    }

    /// Python's error for a failure of the transport, with the peer's address.
    fn error_of(&self, failure: Failure) -> Error {
        let peer = self.info().get("peername");
        Error::of_connection(failure, peer.as_ref().and_then(ExtraInfo::as_address))
    }
}

impl Client for Connection {
    fn close(self: Rc<Self>) {
        Self::close(&self);
    }

    fn abort(self: Rc<Self>) {
        Self::abort(&self);
    }
}
