//! The life of one connection: asyncio's transport and protocol.
//!
//! Data is pulled: bytes are taken from the socket only while a read waits, which bounds a reader's memory without ever
//! pausing anything. Sending goes on by itself, see [`crate::transport::background`].
//!
//! A connection is open, then closing (nothing more is read, what was written still leaves), then lost. All ways lead
//! through [`Connection::finish`], once.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use crate::address::SocketInfo;
use crate::error::{Error, OsError, Result};
use crate::reader::ReaderState;
use crate::semantics::water_marks::WaterMarks;
use crate::transport::background::{self, Flush};
use crate::transport::inbound::{Inbound, Received};
use crate::transport::outbound::{Outbound, Sending};
use crate::transport::tcp;
use crate::transport::waiters::Waiters;

/// Bytes that are buffered at most before they are sent without waiting for the program to rest: a program that writes
/// much and never awaits must not fill the memory while the kernel would take it.
const SEND_AT_ONCE: usize = 64 * 1024;

/// Bytes from which on `drain` sends at once. Less is left to the time when the program rests, which may be after more
/// answers: a segment that is not full makes the next one wait for its acknowledgement.
const SEND_IN_DRAIN: u64 = 16 * 1024;

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
    fn connection_lost(&self, number: u64);
}

/// How a connection is to end.
enum End {
    /// What was written is sent first.
    Sent,
    /// At once, with the error that broke it if there is one.
    Cut(Option<Error>),
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
    owner: RefCell<Option<(Weak<dyn Owner>, u64)>>,
}

impl Connection {
    /// A connection over two directions, and the state of its reader.
    pub(crate) fn new(
        inbound: Inbound,
        outbound: Outbound,
        info: SocketInfo,
        reader: Rc<ReaderState>,
        owner: Option<(Weak<dyn Owner>, u64)>,
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

    /// Takes what arrived over to the reader, waiting for it. Ready means that the reader was told something.
    pub(crate) fn poll_fill(self: &Rc<Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.phase.get() != Phase::Open {
            // `finish` tells the reader.
            return Poll::Pending;
        }
        // About to wait, most likely: what was written leaves before.
        self.flush();
        if self.reading_paused.get() {
            return self.resumed.poll_pending(cx);
        }
        let mut inbound = self.inbound.borrow_mut();
        let Some(inbound) = inbound.as_mut() else { return Poll::Pending };
        match std::task::ready!(inbound.poll_receive(cx)) {
            Received::Data => self.reader.core().feed_chunk(inbound.chunk()),
            Received::Eof => self.reader.core().feed_eof(),
            Received::Failed(code) => self.fail(&code),
        }
        Poll::Ready(())
    }

    /// The task that waited in [`Connection::poll_fill`] goes away.
    pub(crate) fn withdraw_fill(&self) {
        if let Ok(inbound) = self.inbound.try_borrow()
            && let Some(inbound) = inbound.as_ref()
        {
            inbound.withdraw();
        }
    }

    /// `transport.write`, and `writelines` with several chunks.
    pub(crate) fn write(self: &Rc<Self>, chunks: &[impl AsRef<[u8]>]) -> Result<()> {
        if self.eof_written.get() {
            return Err(Error::Runtime("Cannot call write() after write_eof()".into()));
        }
        if self.writes_dropped.get() {
            return Ok(());
        }
        let size = {
            let mut outbound = self.outbound.borrow_mut();
            let Some(outbound) = outbound.as_mut() else { return Ok(()) };
            for chunk in chunks {
                outbound.push(chunk.as_ref());
            }
            outbound.len()
        };
        if size == 0 {
            return Ok(());
        }
        let (_, high) = self.marks.get().limits();
        if size >= SEND_AT_ONCE || size as u64 > high {
            self.flush();
            let mut marks = self.marks.get();
            marks.grown(self.unsent());
            self.marks.set(marks);
        } else if !self.flush_noted.replace(true) {
            background::flush_soon(self.clone());
        }
        Ok(())
    }

    /// `transport.pause_reading`.
    pub(crate) fn pause_reading(&self) {
        if !self.is_closing() {
            self.reading_paused.set(true);
        }
    }

    /// `transport.resume_reading`.
    pub(crate) fn resume_reading(&self) {
        if !self.is_closing() && self.reading_paused.replace(false) {
            self.resumed.wake();
        }
    }

    /// `transport.is_reading`.
    pub(crate) fn is_reading(&self) -> bool {
        !self.is_closing() && !self.reading_paused.get()
    }

    /// `transport.get_write_buffer_limits`: the low mark and the high one, in bytes.
    pub(crate) fn write_buffer_limits(&self) -> (u64, u64) {
        self.marks.get().limits()
    }

    /// `transport.set_write_buffer_limits`.
    pub(crate) fn set_write_buffer_limits(self: &Rc<Self>, high: Option<u64>, low: Option<u64>) -> Result<()> {
        let mut marks = self.marks.get();
        marks.set(high, low)?;
        self.marks.set(marks);
        // What was written may have gone above the new mark.
        self.flush();
        marks.grown(self.unsent());
        self.marks.set(marks);
        Ok(())
    }

    /// How many bytes were written and not yet taken by the system.
    pub(crate) fn unsent(&self) -> u64 {
        self.outbound.borrow().as_ref().map_or(0, |outbound| outbound.len() as u64)
    }

    /// Sends what can be sent without waiting, and has the rest sent in the background.
    pub(crate) fn flush(self: &Rc<Self>) {
        let sending = match self.outbound.borrow_mut().as_mut() {
            Some(outbound) if outbound.len() > 0 => outbound.flush(),
            _ => return,
        };
        self.progressed(sending);
        if sending != Sending::Done && !self.sender_runs.replace(true) {
            background::spawn(self.clone().send_rest());
        }
    }

    /// Sends the rest as the host takes it, and finds out why if it does not.
    async fn send_rest(self: Rc<Self>) {
        let sending = std::future::poll_fn(|cx| {
            let mut slot = self.outbound.borrow_mut();
            let Some(outbound) = slot.as_mut() else { return Poll::Ready(Sending::Broken) };
            let polled = outbound.poll_flush(cx);
            drop(slot);
            if polled.is_pending() {
                self.progressed(Sending::Blocked);
            }
            polled
        })
        .await;
        self.sender_runs.set(false);
        self.progressed(sending);
        // While closing, whoever closes finds the error.
        if sending == Sending::Broken && self.phase.get() == Phase::Open {
            let outcome = self.outbound.borrow_mut().as_mut().map(Outbound::outcome);
            let error = match outcome {
                Some(outcome) => self.error_of(outcome.await),
                None => None,
            };
            self.lose(Some(error.unwrap_or_else(Error::connection_lost)));
        }
    }

    /// Sending has come further: whoever drains may go on, and an end that was asked for can be sent.
    fn progressed(&self, sending: Sending) {
        let mut marks = self.marks.get();
        let resumed = marks.shrunk(self.unsent());
        self.marks.set(marks);
        if resumed || sending == Sending::Broken {
            self.drainers.wake();
        }
        if sending == Sending::Done
            && self.eof_written.get()
            && let Some(outbound) = self.outbound.borrow_mut().as_mut()
        {
            outbound.end();
        }
        if sending == Sending::Done && self.phase.get() == Phase::Closing {
            self.closers.wake();
        }
    }

    /// `StreamWriter.drain`.
    pub(crate) async fn drain(self: &Rc<Self>) -> Result<()> {
        self.reader.core().check_exception()?;
        if self.unsent() >= SEND_IN_DRAIN {
            self.flush();
        }
        if self.is_closing() {
            // Lets a close that is under way be seen, as asyncio's `sleep(0)` does.
            yield_once().await;
        }
        if self.phase.get() == Phase::Lost {
            return Err(Error::connection_lost());
        }
        self.drainers
            .wait(|| match self.phase.get() {
                Phase::Lost => Some(self.outcome.borrow().clone().map_or(Ok(()), Err)),
                // The reason is on its way to `finish`, which wakes us.
                _ if self.is_broken() => None,
                _ if self.marks.get().paused() => None,
                _ => Some(Ok(())),
            })
            .await
    }

    fn is_broken(&self) -> bool {
        self.outbound.borrow().as_ref().is_some_and(Outbound::is_broken)
    }

    /// `transport.write_eof`.
    pub(crate) fn write_eof(self: &Rc<Self>) {
        if self.is_closing() || self.eof_written.replace(true) {
            return;
        }
        self.flush();
        if self.unsent() == 0
            && let Some(outbound) = self.outbound.borrow_mut().as_mut()
        {
            outbound.end();
        }
    }

    /// `transport.close`.
    pub(crate) fn close(self: &Rc<Self>) {
        if self.is_closing() {
            return;
        }
        self.flush();
        self.phase.set(Phase::Closing);
        self.writes_dropped.set(self.unsent() == 0);
        self.shut(End::Sent);
    }

    /// `transport.abort`.
    pub(crate) fn abort(self: &Rc<Self>) {
        self.lose(None);
    }

    /// The connection broke while receiving.
    fn fail(self: &Rc<Self>, code: &tcp::ErrorCode) {
        let error = self.error_of(Err(code.clone()));
        // Deferred: the directions are borrowed while this is called.
        let connection = self.clone();
        self.phase.set(Phase::Closing);
        self.writes_dropped.set(true);
        if let Some(error) = &error {
            self.reader.core().set_exception(error.clone());
        }
        background::spawn(async move { connection.lose(error) });
    }

    /// Ends the connection at once, with the error that broke it if there is one: asyncio's `_force_close`.
    pub(crate) fn lose(self: &Rc<Self>, error: Option<Error>) {
        if self.phase.get() == Phase::Lost {
            return;
        }
        if let Some(outbound) = self.outbound.borrow_mut().as_mut() {
            outbound.discard();
        }
        self.writes_dropped.set(true);
        self.phase.set(Phase::Closing);
        self.shut(End::Cut(error));
    }

    /// Lets go of both directions, at once if nothing is in flight, else in the background.
    fn shut(self: &Rc<Self>, end: End) {
        let receiving = self.inbound.borrow().as_ref().is_some_and(Inbound::in_flight);
        let sending = self.outbound.borrow().as_ref().is_some_and(|out| match end {
            End::Sent => out.in_flight() || out.len() > 0 || out.is_broken(),
            End::Cut(_) => out.in_flight(),
        });
        if receiving || sending {
            background::spawn(self.clone().shut_slowly(end));
        } else {
            self.finish(match end {
                End::Sent => None,
                End::Cut(error) => error,
            });
        }
    }

    async fn shut_slowly(self: Rc<Self>, end: End) {
        let gracefully = matches!(end, End::Sent);
        if gracefully {
            // A background sender that runs already goes on; it wakes `closers`.
            self.flush();
            self.closers
                .wait(|| (self.is_broken() || self.unsent() == 0 || self.phase.get() == Phase::Lost).then_some(()))
                .await;
        }
        if self.phase.get() == Phase::Lost {
            return;
        }
        if let Some(mut inbound) = self.inbound.take() {
            inbound.cancel();
        }
        let mut error = match end {
            End::Sent => None,
            End::Cut(error) => error,
        };
        if let Some(mut outbound) = self.outbound.take() {
            outbound.cancel();
            if gracefully && outbound.is_broken() {
                error = self.error_of(outbound.outcome().await).or_else(|| Some(Error::connection_lost()));
            }
        }
        self.finish(error);
    }

    /// The connection is gone: asyncio's `connection_lost`.
    fn finish(&self, error: Option<Error>) {
        if self.phase.replace(Phase::Lost) == Phase::Lost {
            return;
        }
        self.inbound.take();
        self.outbound.take();
        self.writes_dropped.set(true);
        self.outcome.replace(error.clone());
        match error {
            Some(error) => self.reader.core().set_exception(error),
            None => self.reader.core().feed_eof(),
        }
        self.drainers.wake();
        self.closers.wake();
        if let Some((owner, number)) = self.owner.take()
            && let Some(owner) = owner.upgrade()
        {
            owner.connection_lost(number);
        }
    }

    /// `StreamWriter.wait_closed`.
    pub(crate) async fn wait_closed(self: &Rc<Self>) -> Result<()> {
        self.closers
            .wait(|| (self.phase.get() == Phase::Lost).then(|| self.outcome.borrow().clone().map_or(Ok(()), Err)))
            .await
    }

    fn error_of(&self, outcome: tcp::Outcome) -> Option<Error> {
        let code = outcome.err()?;
        let error = OsError::new(tcp::kind_of(&code), tcp::describe(&code));
        Some(match self.info.peername {
            Some(peer) => error.at(peer).into(),
            None => error.into(),
        })
    }
}

impl Flush for Connection {
    fn flush_written(self: Rc<Self>) {
        self.flush_noted.set(false);
        self.flush();
    }
}

/// Lets everything else that is ready run first.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
