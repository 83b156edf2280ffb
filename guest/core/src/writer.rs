//! `asyncio.StreamWriter`.

use std::borrow::Cow;
use std::rc::Rc;

use crate::connection::Connection;
use crate::error::Result;
use crate::extra_info::ExtraInfo;
use crate::transport_handle::Transport;

/// Bytes on their way out, with flow control.
///
/// What was written leaves by itself, in as few segments as possible, as soon as the program awaits anything. Dropping a
/// writer closes it as [`close`](Self::close) does.
///
/// # asyncio
/// `asyncio.StreamWriter` of CPython 3.14.
pub struct StreamWriter {
    connection: Rc<Connection>,
}

impl StreamWriter {
    pub(crate) fn of(connection: Rc<Connection>) -> Self {
        Self { connection }
    }

    pub(crate) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Whether a server has accepted the connection: `start_tls` makes it the server then.
    pub fn is_accepted(&self) -> bool {
        self.connection.is_accepted()
    }

    /// Writes without waiting: what the system does not take at once is buffered. Follow it with [`drain`](Self::drain).
    /// A borrowed slice is copied; an owned `Vec` of many bytes is not, unless others are still to be sent before it. After the
    /// connection is lost the bytes are dropped silently, and `drain` tells.
    ///
    /// # Errors
    /// [`Error::Runtime`](crate::Error::Runtime) after [`write_eof`](Self::write_eof).
    ///
    /// # asyncio
    /// `writer.write(data)`.
    pub fn write<'a>(&self, data: impl Into<Cow<'a, [u8]>>) -> Result<()> {
        self.connection.write(data.into())
    }

    /// Writes the chunks one behind the other.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// # asyncio
    /// `writer.writelines(data)`.
    pub fn writelines(&self, chunks: &[impl AsRef<[u8]>]) -> Result<()> {
        self.connection.writelines(chunks)
    }

    /// Waits, if more is buffered than the high-water mark, until it has fallen to the low one.
    ///
    /// # Errors
    /// The exception of the connection's reader, if it has one; else [`Error::Os`](crate::Error::Os), `Connection lost`, once the
    /// connection is closed.
    ///
    /// # Cancel safety
    /// Yes: what was written leaves all the same.
    ///
    /// # asyncio
    /// `await writer.drain()`.
    pub async fn drain(&self) -> Result<()> {
        self.connection.drain().await
    }

    /// Whether [`write_eof`](Self::write_eof) is possible: over TCP it is, over TLS it is not.
    ///
    /// # asyncio
    /// `writer.can_write_eof()`.
    pub fn can_write_eof(&self) -> bool {
        self.connection.capabilities().can_write_eof
    }

    /// Ends the sending side once what was written is sent; reading goes on.
    ///
    /// # Errors
    /// [`Error::NotImplemented`](crate::Error::NotImplemented) where [`can_write_eof`](Self::can_write_eof) is false.
    ///
    /// # asyncio
    /// `writer.write_eof()`.
    pub fn write_eof(&self) -> Result<()> {
        self.connection.write_eof()
    }

    /// Closes the connection once what was written is sent. Reading stops: a waiting read ends.
    ///
    /// # asyncio
    /// `writer.close()`.
    pub fn close(&self) {
        self.connection.close();
    }

    /// Whether the connection is closed or being closed.
    ///
    /// # asyncio
    /// `writer.is_closing()`.
    pub fn is_closing(&self) -> bool {
        self.connection.is_closing()
    }

    /// Waits until the connection is closed, by [`close`](Self::close) or by its loss.
    ///
    /// # Errors
    /// The error that ended the connection.
    ///
    /// # Cancel safety
    /// Yes.
    ///
    /// # asyncio
    /// `await writer.wait_closed()`.
    pub async fn wait_closed(&self) -> Result<()> {
        self.connection.wait_closed().await
    }

    /// What carries the bytes.
    ///
    /// # asyncio
    /// `writer.transport`.
    pub fn transport(&self) -> Transport {
        Transport::of(self.connection.clone())
    }

    /// What is known of the connection: `peername`, `sockname`, `socket`, and more over TLS. It goes on answering after the
    /// connection is gone.
    ///
    /// # asyncio
    /// `writer.get_extra_info(name)`.
    pub fn get_extra_info(&self, name: &str) -> Option<ExtraInfo> {
        self.connection.extra_info(name)
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.connection.close();
    }
}

impl std::fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamWriter").finish_non_exhaustive()
    }
}
