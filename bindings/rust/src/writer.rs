//! `asyncio.StreamWriter`.

use std::borrow::Cow;
use std::rc::Rc;

use crate::generated::wasyncio::streams::streams;
use crate::link::Link;
use crate::{Error, ExtraInfo, Transport};

/// Bytes on their way out, with flow control. Dropping it closes it as [`close`](Self::close) does.
///
/// What was written leaves by itself, in as few segments as possible, as soon as the program rests.
///
/// # asyncio
/// `asyncio.StreamWriter`.
pub struct StreamWriter {
    link: Rc<Link>,
}

impl StreamWriter {
    pub(crate) fn of(link: Rc<Link>) -> Self {
        Self { link }
    }

    /// The writer of the boundary, to be given to other functions of it. What is written here crosses at once from now on.
    pub fn plain(&self) -> &streams::StreamWriter {
        // The one error there is, a write after the end, was told by `write`.
        let _ = self.link.look();
        self.link.writer()
    }

    /// Writes without waiting: what the system does not take at once is buffered. Follow it with [`drain`](Self::drain).
    ///
    /// # Errors
    /// [`Error::RuntimeError`] after [`write_eof`](Self::write_eof).
    ///
    /// # asyncio
    /// `writer.write(data)`.
    pub fn write<'a>(&self, data: impl Into<Cow<'a, [u8]>>) -> Result<(), Error> {
        self.link.write([data.into()])
    }

    /// Writes the chunks one behind the other.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// # asyncio
    /// `writer.writelines(data)`.
    pub fn writelines(&self, chunks: &[impl AsRef<[u8]>]) -> Result<(), Error> {
        self.link.write(chunks.iter().map(|chunk| Cow::Borrowed(chunk.as_ref())))
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
        self.link.drain().await
    }

    /// Whether [`write_eof`](Self::write_eof) is possible.
    pub fn can_write_eof(&self) -> bool {
        self.link.writer().can_write_eof()
    }

    /// Ends the sending side once what was written is sent; reading goes on.
    ///
    /// # Errors
    /// [`Error::NotImplementedError`] where it is not possible.
    pub fn write_eof(&self) -> Result<(), Error> {
        self.link.write_eof()
    }

    /// Closes the connection once what was written is sent.
    pub fn close(&self) {
        self.link.close();
    }

    /// Whether the connection is closed or being closed.
    pub fn is_closing(&self) -> bool {
        self.link.writer().is_closing()
    }

    /// Waits until the connection is closed.
    ///
    /// # Errors
    /// The error that ended the connection.
    pub async fn wait_closed(&self) -> Result<(), Error> {
        self.link.flush()?;
        self.link.writer().wait_closed().await
    }

    /// What is known of the connection: `peername`, `sockname`, `socket`.
    pub fn get_extra_info(&self, name: &str) -> Option<ExtraInfo> {
        self.link.writer().get_extra_info(name)
    }

    /// What carries the bytes.
    pub fn transport(&self) -> Transport {
        self.plain().transport()
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.link.close();
    }
}

impl std::fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamWriter").finish_non_exhaustive()
    }
}
