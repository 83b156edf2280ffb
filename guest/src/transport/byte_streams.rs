//! Many bytes to and from another component, in two streams that are written and read in the course of a call.

#![expect(unsafe_code, reason = "the other component reads our buffer while a write is in flight")]

use wit_bindgen::rt::async_support::{StreamReader, StreamVtable, StreamWriter};

use super::lookout::Lookout;
use super::progress::{BLOCKED, Ended, MOST};
use crate::error::{Error, Result};

/// Both directions.
pub(crate) struct ByteStreams {
    vtable: &'static StreamVtable<u8>,
    /// Declared, and so dropped, before `outgoing`.
    lookout: Option<Lookout>,
    outgoing: Option<StreamWriter<u8>>,
    /// What the other component may read, from the time that it was told to.
    flight: Option<Vec<u8>>,
    /// None once it was told of a write that it has not begun.
    incoming: Option<StreamReader<u8>>,
}

impl ByteStreams {
    pub(crate) fn new(
        vtable: &'static StreamVtable<u8>,
        outgoing: StreamWriter<u8>,
        incoming: StreamReader<u8>,
    ) -> Self {
        // SAFETY: nothing else waits for the end of this stream, which is dropped after it and stays here.
        let lookout = unsafe { Lookout::new(outgoing.handle()) };
        Self { vtable, lookout: Some(lookout), outgoing: Some(outgoing), flight: None, incoming: Some(incoming) }
    }

    /// Begins to write. Gives the bytes back if they are too many, what was sent before was not read, or nobody reads.
    pub(crate) fn send(&mut self, bytes: Vec<u8>) -> std::result::Result<(), Vec<u8>> {
        let (Some(outgoing), Some(lookout)) = (&self.outgoing, &self.lookout) else { return Err(bytes) };
        if bytes.len() > MOST {
            return Err(bytes);
        }
        if self.flight.is_some() {
            if lookout.ended().is_none() {
                return Err(bytes);
            }
            self.flight = None;
        }
        // SAFETY: the handle is ours and has nothing in flight. `flight` keeps the bytes until the write has ended.
        let code = unsafe { (self.vtable.start_write)(outgoing.handle(), bytes.as_ptr(), bytes.len()) };
        if code != BLOCKED {
            // Only a reader that was not to read yet, or is gone, ends it at once.
            return Err(bytes);
        }
        self.flight = Some(bytes);
        Ok(())
    }

    /// Reads `length` bytes, whose write was begun.
    ///
    /// # Errors
    /// [`Error::Runtime`] if it was not, or of fewer.
    pub(crate) fn receive(&mut self, length: u64) -> Result<Vec<u8>> {
        let wrong = || Error::Runtime("no write of so many bytes was begun in the queue's stream".into());
        let length = usize::try_from(length).ok().filter(|length| *length <= MOST).ok_or_else(wrong)?;
        let incoming = self.incoming.take().ok_or_else(wrong)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| wrong())?;
        // SAFETY: the handle is ours and has nothing in flight; the room is there, and stays if the read goes on.
        let code = unsafe { (self.vtable.start_read)(incoming.handle(), bytes.as_mut_ptr(), length) };
        if code == BLOCKED {
            // It cannot be ended in a synchronous call, nor be dropped.
            std::mem::forget((incoming, bytes));
            return Err(wrong());
        }
        let count = Ended::decode(code).count;
        self.incoming = Some(incoming);
        if count != length {
            return Err(wrong());
        }
        // SAFETY: as many were written.
        unsafe { bytes.set_len(length) };
        Ok(bytes)
    }
}

impl Drop for ByteStreams {
    fn drop(&mut self) {
        if self.flight.is_some() && self.lookout.as_ref().is_some_and(|lookout| lookout.ended().is_none()) {
            // As in `Inbound`: it may still be read.
            std::mem::forget((self.flight.take(), self.lookout.take(), self.outgoing.take()));
        }
    }
}
