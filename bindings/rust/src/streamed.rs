//! Many bytes in streams: they are copied in one piece, where lists are copied element by element.

#![expect(unsafe_code, reason = "the component reads and writes our buffers in the course of a call")]

use wit_bindgen::rt::async_support::{StreamReader, StreamWriter};

use crate::Error;
use crate::generated::wasyncio::streams::fast::{Chunk, ReadyQueue};
use crate::generated::wit_stream::{self, StreamPayload};
use crate::long::Bytes;
use crate::lookout::Lookout;

/// Bytes from which on they cross in a stream, as the component does it.
pub(crate) const STREAMED: usize = 8 * 1024;

/// The most bytes that one operation may be for: the host traps at more.
const MOST: usize = (1 << 28) - 1;

/// The code of an operation that goes on.
const BLOCKED: u32 = u32::MAX;

/// What many bytes cross in.
pub(crate) struct Streams {
    /// Declared, and so dropped, before `outgoing`.
    lookout: Lookout,
    outgoing: StreamWriter<u8>,
    incoming: StreamReader<u8>,
    /// The component did not do what it was to do.
    broken: bool,
}

impl Streams {
    /// The streams of a queue, which has none yet.
    pub(crate) fn of(queue: &ReadyQueue) -> Option<Self> {
        let (outgoing, written) = wit_stream::new::<u8>();
        let incoming = queue.streams(written)?;
        // SAFETY: nothing else waits for the end of this stream, which is dropped after it and stays here.
        let lookout = unsafe { Lookout::new(outgoing.handle()) };
        Some(Self { lookout, outgoing, incoming, broken: false })
    }

    /// Calls `call` with a chunk that stands for `bytes` and gives them to the component.
    pub(crate) fn give<R>(&mut self, mut bytes: Bytes, call: impl FnOnce(&Chunk) -> R) -> R {
        if self.broken || bytes.len() > MOST {
            return call(&bytes.take());
        }
        if !self.begin(bytes.bytes()) {
            self.broken = true;
            return call(&bytes.take());
        }
        let result = call(&Chunk::Streamed(bytes.len() as u64));
        if self.lookout.ended().is_none() {
            // It may still be read.
            self.broken = true;
            std::mem::forget(bytes);
        }
        result
    }

    /// Begins to write `bytes`, which are to stay where they are. False: nobody will read them.
    fn begin(&self, bytes: &[u8]) -> bool {
        // SAFETY: the handle is ours and has nothing in flight; the caller keeps the bytes until the write has ended.
        let code =
            unsafe { (<u8 as StreamPayload>::VTABLE.start_write)(self.outgoing.handle(), bytes.as_ptr(), bytes.len()) };
        // Only a reader that was not to read yet, or is gone, ends it at once.
        code == BLOCKED
    }

    /// Reads the bytes that a chunk from the component stands for.
    pub(crate) fn take(&mut self, length: u64) -> Result<Vec<u8>, Error> {
        let broken = || Error::RuntimeError("the streams component has not written what it said".into());
        let length = usize::try_from(length).map_err(|_| broken())?;
        if self.broken || length > MOST {
            return Err(broken());
        }
        let mut bytes = Vec::with_capacity(length);
        // SAFETY: the handle is ours and has nothing in flight; the room is there, and stays if the read goes on.
        let code =
            unsafe { (<u8 as StreamPayload>::VTABLE.start_read)(self.incoming.handle(), bytes.as_mut_ptr(), length) };
        if code == BLOCKED || code as usize >> 4 != length {
            self.broken = true;
            if code == BLOCKED {
                std::mem::forget(bytes);
            }
            return Err(broken());
        }
        // SAFETY: as many were written.
        unsafe { bytes.set_len(length) };
        Ok(bytes)
    }
}
