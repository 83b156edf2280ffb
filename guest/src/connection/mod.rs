//! The life of one connection: asyncio's transport and protocol.
//!
//! Data is pulled: bytes are taken from the socket only while a read waits, which bounds a reader's memory without ever
//! pausing anything. Sending goes on by itself, see [`crate::transport::background`].
//!
//! A connection is open, then closing (nothing more is read, what was written still leaves), then lost. All ways lead
//! through [`Connection::finish`], once.
//!
//! By what is done: [`receiving`], [`sending`], [`ending`].

mod ending;
mod receiving;
mod sending;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::address::SocketInfo;
use crate::error::Error;
use crate::reader::ReaderState;
use crate::semantics::water_marks::WaterMarks;
use crate::transport::inbound::Inbound;
use crate::transport::outbound::Outbound;
use crate::transport::waiters::Waiters;

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Entered at birth. Left by `close`, `abort` or an error.
    Open,
    /// What was written still leaves. Left when that is done or has failed.
    Closing,
    /// The end: `outcome` is set.
    Lost,
}

/// Whoever keeps count of connections.
pub(crate) trait Owner {
    /// The connection that was given this number is gone.
    fn connection_lost(&self, number: usize);
}

/// One connection.
pub(crate) struct Connection {
    reader: Rc<ReaderState>,
    inbound: RefCell<Option<Inbound>>,
    outbound: RefCell<Option<Outbound>>,
    marks: Cell<WaterMarks>,
    phase: Cell<Phase>,
    /// `write_eof` was called.
    eof_written: Cell<bool>,
    /// Writes are dropped: CPython's `_conn_lost`.
    writes_dropped: Cell<bool>,
    /// `pause_reading` was called.
    reading_paused: Cell<bool>,
    resumed: Waiters,
    /// A note that there is something to flush has been left.
    flush_noted: Cell<bool>,
    /// A background task sends what the host did not take at once.
    sender_runs: Cell<bool>,
    /// The error that ended the connection, once it is lost.
    outcome: RefCell<Option<Error>>,
    drainers: Waiters,
    closers: Waiters,
    info: SocketInfo,
    owner: RefCell<Option<(Weak<dyn Owner>, usize)>>,
}

impl Connection {
    /// A connection over two directions, and the state of its reader.
    pub(crate) fn new(
        inbound: Inbound,
        outbound: Outbound,
        info: SocketInfo,
        reader: Rc<ReaderState>,
        owner: Option<(Weak<dyn Owner>, usize)>,
    ) -> Rc<Self> {
        let connection = Rc::new(Self {
            reader,
            inbound: RefCell::new(Some(inbound)),
            outbound: RefCell::new(Some(outbound)),
            marks: Cell::default(),
            phase: Cell::new(Phase::Open),
            eof_written: Cell::default(),
            writes_dropped: Cell::default(),
            reading_paused: Cell::default(),
            resumed: Waiters::default(),
            flush_noted: Cell::default(),
            sender_runs: Cell::default(),
            outcome: RefCell::default(),
            drainers: Waiters::default(),
            closers: Waiters::default(),
            info,
            owner: RefCell::new(owner),
        });
        connection.reader.attach(&connection);
        connection
    }

    /// The addresses of both ends.
    pub(crate) fn info(&self) -> &SocketInfo {
        &self.info
    }

    /// Closed, or on the way.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase.get() != Phase::Open
    }
}
