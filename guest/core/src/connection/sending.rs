//! Sending: writing never waits; what was written leaves when the program rests, or earlier if there is much.

use std::borrow::Cow;
use std::rc::Rc;
use std::task::Poll;

use super::send_buffer::{Progress, SendBuffer};
use super::{Connection, Phase};
use crate::error::{Error, Result};
use crate::runtime::Flush;
use crate::waiters::one_turn;

/// So many buffered bytes are sent without waiting for the program to rest: a program that writes much and never awaits must
/// not fill the memory while the system would take it.
const SEND_AT_ONCE_BYTES: usize = 64 * 1024;

/// From so many bytes on `drain` sends at once. Less is left to the time when the program rests, which may be after more
/// answers: a segment that is not full makes the next one wait for its acknowledgement.
const SEND_IN_DRAIN_BYTES: u64 = 16 * 1024;

impl Connection {
    /// `transport.write`.
    pub(crate) fn write(self: &Rc<Self>, data: Cow<'_, [u8]>) -> Result<()> {
        if self.eof_written.get() {
            return Err(Error::Runtime("Cannot call write() after write_eof()".into()));
        }
        self.check_not_upgrading()?;
        self.append(data);
        self.send_soon();
        Ok(())
    }

    /// `transport.writelines`.
    pub(crate) fn writelines(self: &Rc<Self>, chunks: &[impl AsRef<[u8]>]) -> Result<()> {
        if self.eof_written.get() {
            return Err(Error::Runtime("Cannot call writelines() after write_eof()".into()));
        }
        self.check_not_upgrading()?;
        for chunk in chunks {
            self.append(Cow::Borrowed(chunk.as_ref()));
        }
        self.send_soon();
        Ok(())
    }

    /// Has what was written leave when the program rests.
    fn send_soon(self: &Rc<Self>) {
        // A driver that runs sends this, too.
        if self.unsent() > 0 && !self.driver_runs.get() && !self.flush_noted.replace(true) {
            self.runtime.flush_soon(self.clone());
        }
    }

    fn append(self: &Rc<Self>, data: Cow<'_, [u8]>) {
        if self.writes_dropped.get() {
            return;
        }
        let size = {
            let mut sending = self.sending.borrow_mut();
            let Some(sending) = sending.as_mut() else { return };
            sending.push(data);
            sending.len()
        };
        let (_, high) = self.marks.borrow().limits();
        if size >= SEND_AT_ONCE_BYTES || size as u64 > high {
            self.flush();
            self.grown();
        }
    }

    /// More may be buffered than the high-water mark.
    fn grown(&self) {
        self.marks.borrow_mut().grown(self.unsent());
    }

    /// `transport.get_write_buffer_limits`: the low mark and the high one, in bytes.
    pub(crate) fn write_buffer_limits(&self) -> (u64, u64) {
        self.marks.borrow().limits()
    }

    /// `transport.set_write_buffer_limits`.
    pub(crate) fn set_write_buffer_limits(self: &Rc<Self>, high: Option<u64>, low: Option<u64>) -> Result<()> {
        self.marks.borrow_mut().set(high, low)?;
        // What was written may have gone above the new mark.
        self.flush();
        self.grown();
        Ok(())
    }

    /// How many bytes were written and not yet taken by the system.
    pub(crate) fn unsent(&self) -> u64 {
        self.sending.borrow().as_ref().map_or(0, |sending| sending.len() as u64)
    }

    /// Sends what can be sent without waiting, and has the rest sent by the driver.
    pub(crate) fn flush(self: &Rc<Self>) {
        if matches!(self.phase.get(), Phase::Aborting | Phase::Lost) {
            return;
        }
        let progress = match self.sending.borrow_mut().as_mut() {
            Some(sending) if sending.len() > 0 => sending.poll_flush(None),
            _ => return,
        };
        self.progressed();
        // A driver that waited for what has been sent now is told, too: nobody else would wake it.
        if progress != Poll::Ready(Progress::Done) || self.driver_runs.get() {
            self.drive();
        }
    }

    /// Sending has come further: whoever drains may go on, and an end that was asked for can be sent.
    pub(super) fn progressed(&self) {
        if self.is_broken() {
            // What is not buffered any more was dropped, not sent: who drains is told why, by the end.
            return;
        }
        let resumed = self.marks.borrow_mut().shrunk(self.unsent());
        if self.eof_written.get()
            && let Some(sending) = self.sending.borrow_mut().as_mut()
        {
            sending.end();
        }
        if resumed {
            self.drainers.answer(&Ok(()));
        }
    }

    /// Whether the other end is gone. The driver is finding out why.
    pub(super) fn is_broken(&self) -> bool {
        self.sending.borrow().as_ref().is_some_and(SendBuffer::is_broken)
    }

    /// `StreamWriter.drain`.
    pub(crate) async fn drain(self: &Rc<Self>) -> Result<()> {
        self.reader.core().check_exception()?;
        if self.unsent() >= SEND_IN_DRAIN_BYTES {
            self.flush();
        }
        if self.is_closing() {
            // Lets a close that is under way be seen, as asyncio's `sleep(0)` does.
            one_turn(self.runtime).await;
        }
        // A close with nothing to send is over by then in asyncio, unless the two ends have to agree on it, as by TLS.
        let over = self.unsent() == 0 && !self.waits_for_end();
        let ending = self.phase.get() == Phase::Aborting || self.phase.get() == Phase::Closing && over;
        if ending {
            self.closed.wait(|| (self.phase.get() == Phase::Lost).then_some(())).await;
        }
        if self.phase.get() == Phase::Lost {
            return Err(Error::connection_lost());
        }
        if self.is_broken() || self.marks.borrow().paused() { self.drainers.next().await } else { Ok(()) }
    }

    /// `transport.write_eof`.
    pub(crate) fn write_eof(self: &Rc<Self>) -> Result<()> {
        if !self.capabilities().can_write_eof {
            return Err(Error::NotImplemented(
                "write_eof: the sending side of this transport cannot be ended alone".into(),
            ));
        }
        if !self.is_closing() && !self.eof_written.replace(true) {
            self.flush();
            self.progressed();
        }
        Ok(())
    }
}

impl Flush for Connection {
    fn flush_written(self: Rc<Self>) {
        self.flush_noted.set(false);
        self.flush();
    }
}
