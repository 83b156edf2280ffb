//! Sending: writing never waits; what was written leaves when the program rests, or earlier if there is much.

use std::rc::Rc;
use std::task::Poll;

use super::{Connection, Phase};
use crate::error::{Error, Result};
use crate::transport::background::{self, Flush};
use crate::transport::outbound::{Data, Outbound, Sending};
use crate::transport::waiters::one_turn;

/// Bytes that are buffered at most before they are sent without waiting for the program to rest: a program that writes
/// much and never awaits must not fill the memory while the kernel would take it.
const SEND_AT_ONCE: usize = 64 * 1024;

/// Bytes from which on `drain` sends at once. Less is left to the time when the program rests, which may be after more
/// answers: a segment that is not full makes the next one wait for its acknowledgement.
const SEND_IN_DRAIN: u64 = 16 * 1024;

impl Connection {
    /// `transport.write`.
    pub(crate) fn write(self: &Rc<Self>, data: Data<'_>) -> Result<()> {
        self.append(data)?;
        self.send_soon();
        Ok(())
    }

    /// `transport.writelines`.
    pub(crate) fn writelines(self: &Rc<Self>, chunks: &[impl AsRef<[u8]>]) -> Result<()> {
        for chunk in chunks {
            self.append(Data::Borrowed(chunk.as_ref()))?;
        }
        self.send_soon();
        Ok(())
    }

    /// Has what was written leave when the program rests.
    pub(crate) fn send_soon(self: &Rc<Self>) {
        // A sender that runs sends this, too.
        if self.unsent() > 0 && !self.sender_runs.get() && !self.flush_noted.replace(true) {
            background::flush_soon(self.clone());
        }
    }

    /// Writes, and leaves it to a [`Connection::send_soon`] that follows to have it sent: a read that is tried before sends
    /// it if it has to wait.
    pub(crate) fn append(self: &Rc<Self>, data: Data<'_>) -> Result<()> {
        if self.eof_written.get() {
            return Err(Error::Runtime("Cannot call write() after write_eof()".into()));
        }
        if self.writes_dropped.get() {
            return Ok(());
        }
        let size = {
            let mut outbound = self.outbound.borrow_mut();
            let Some(outbound) = outbound.as_mut() else { return Ok(()) };
            outbound.push(data);
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
        }
        Ok(())
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
        // Not earlier: a second sender would ask for the reason again, which is told once.
        self.sender_runs.set(false);
    }

    /// Sending has come further: whoever drains may go on, and an end that was asked for can be sent.
    pub(super) fn progressed(&self, sending: Sending) {
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
            one_turn().await;
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

    /// Whether `drain` would do anything but answer at once that all is well.
    #[cfg(feature = "component")]
    pub(crate) fn wants_drain(&self) -> bool {
        self.marks.get().paused()
            || self.is_closing()
            || self.unsent() >= SEND_IN_DRAIN
            || self.reader.core().exception().is_some()
    }

    pub(super) fn is_broken(&self) -> bool {
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
}

impl Flush for Connection {
    fn flush_written(self: Rc<Self>) {
        self.flush_noted.set(false);
        self.flush();
    }
}
