//! `asyncio.StreamWriter`.

use std::cell::Cell;

use crate::generated::wasyncio::streams::{fast, streams};
use crate::{Error, ExtraInfo, Transport};

/// Bytes from which on words are faster, as the component does it.
const LONG: usize = 256;

/// Bytes on their way out, with flow control. Dropping it closes it as [`close`](Self::close) does.
///
/// What was written leaves by itself, in as few segments as possible, as soon as the program rests.
///
/// # asyncio
/// `asyncio.StreamWriter`.
pub struct StreamWriter {
    inner: streams::StreamWriter,
    /// What the last write said: `drain` has something to do.
    wants_drain: Cell<bool>,
}

impl StreamWriter {
    pub(crate) fn of(inner: streams::StreamWriter) -> Self {
        // Without a write there is nothing known.
        Self { inner, wants_drain: Cell::new(true) }
    }

    /// The writer of the boundary, to be given to other functions of it.
    pub fn plain(&self) -> &streams::StreamWriter {
        &self.inner
    }

    /// Writes without waiting: what the system does not take at once is buffered. Follow it with [`drain`](Self::drain).
    ///
    /// # Errors
    /// [`Error::RuntimeError`] after [`write_eof`](Self::write_eof).
    ///
    /// # asyncio
    /// `writer.write(data)`.
    pub fn write(&self, data: &[u8]) -> Result<(), Error> {
        let chunk = if data.len() < LONG {
            fast::Chunk::Short(data.to_vec())
        } else {
            fast::Chunk::Long((data.len() as u64, words(data)))
        };
        self.wants_drain.set(fast::write(&self.inner, &chunk)?);
        Ok(())
    }

    /// Writes the chunks one behind the other.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// # asyncio
    /// `writer.writelines(data)`.
    pub fn writelines(&self, chunks: &[impl AsRef<[u8]>]) -> Result<(), Error> {
        let chunks: Vec<_> = chunks.iter().map(AsRef::as_ref).collect();
        self.write(&chunks.concat())
    }

    /// Waits, if more is buffered than the high-water mark, until it has fallen to the low one.
    ///
    /// # Errors
    /// The exception of the connection's reader, if it has one; else [`Error::OsError`], `Connection lost`, once the connection is
    /// closed.
    ///
    /// # Cancel safety
    /// Yes: what was written leaves all the same.
    ///
    /// # asyncio
    /// `await writer.drain()`.
    pub async fn drain(&self) -> Result<(), Error> {
        // What the last write said holds for one drain; the next may find a connection that was lost since.
        if self.wants_drain.replace(true) { self.inner.drain().await } else { Ok(()) }
    }

    /// Whether [`write_eof`](Self::write_eof) is possible.
    pub fn can_write_eof(&self) -> bool {
        self.inner.can_write_eof()
    }

    /// Ends the sending side once what was written is sent; reading goes on.
    ///
    /// # Errors
    /// [`Error::NotImplementedError`] where it is not possible.
    pub fn write_eof(&self) -> Result<(), Error> {
        self.inner.write_eof()
    }

    /// Closes the connection once what was written is sent.
    pub fn close(&self) {
        self.wants_drain.set(true);
        self.inner.close();
    }

    /// Whether the connection is closed or being closed.
    pub fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    /// Waits until the connection is closed.
    ///
    /// # Errors
    /// The error that ended the connection.
    pub async fn wait_closed(&self) -> Result<(), Error> {
        self.inner.wait_closed().await
    }

    /// What is known of the connection: `peername`, `sockname`, `socket`.
    pub fn get_extra_info(&self, name: &str) -> Option<ExtraInfo> {
        self.inner.get_extra_info(name)
    }

    /// What carries the bytes.
    pub fn transport(&self) -> Transport {
        self.inner.transport()
    }
}

/// Bytes as words, the last one filled up with zeros.
fn words(bytes: &[u8]) -> Vec<u64> {
    let mut words = vec![0u64; bytes.len().div_ceil(8)];
    let room: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    // The room is at least as long.
    if let Some(room) = room.get_mut(..bytes.len()) {
        room.copy_from_slice(bytes);
    }
    words
}

impl std::fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamWriter").finish_non_exhaustive()
    }
}
