//! `asyncio.Transport`: the connection below its reader and writer.

use std::borrow::Cow;
use std::rc::Rc;

use crate::address::SocketInfo;
use crate::connection::Connection;
use crate::error::Result;

/// One connection below its reader and writer. Dropping this does nothing: the connection lives as long as its writer.
///
/// # asyncio
/// `asyncio.Transport` of CPython 3.14, as far as streams need it.
#[derive(Clone)]
pub struct Transport {
    connection: Rc<Connection>,
}

impl Transport {
    pub(crate) fn of(connection: Rc<Connection>) -> Self {
        Self { connection }
    }

    pub(crate) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Closes the connection at once. What was not sent yet is dropped.
    ///
    /// # asyncio
    /// `transport.abort()`.
    pub fn abort(&self) {
        self.connection.abort();
    }

    /// Closes the connection once what was written is sent.
    ///
    /// # asyncio
    /// `transport.close()`.
    pub fn close(&self) {
        self.connection.close();
    }

    /// Whether the connection is closed or being closed.
    ///
    /// # asyncio
    /// `transport.is_closing()`.
    pub fn is_closing(&self) -> bool {
        self.connection.is_closing()
    }

    /// How many bytes were written and not yet taken by the system, which is offered them first.
    ///
    /// # asyncio
    /// `transport.get_write_buffer_size()`.
    pub fn get_write_buffer_size(&self) -> u64 {
        self.connection.flush();
        self.connection.unsent()
    }

    /// The water marks in bytes, the low one first.
    ///
    /// # asyncio
    /// `transport.get_write_buffer_limits()`.
    pub fn get_write_buffer_limits(&self) -> (u64, u64) {
        self.connection.write_buffer_limits()
    }

    /// Sets the water marks in bytes. Without `high` it is four times `low`; without `low` a quarter of `high`; without both
    /// 65,536 and 16,384.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) if `low` is above `high`.
    ///
    /// # asyncio
    /// `transport.set_write_buffer_limits(high, low)`.
    pub fn set_write_buffer_limits(&self, high: Option<u64>, low: Option<u64>) -> Result<()> {
        self.connection.set_write_buffer_limits(high, low)
    }

    /// Receives nothing more until [`resume_reading`](Self::resume_reading). Has no effect while closing.
    ///
    /// # asyncio
    /// `transport.pause_reading()`.
    pub fn pause_reading(&self) {
        self.connection.pause_reading();
    }

    /// Receives again.
    ///
    /// # asyncio
    /// `transport.resume_reading()`.
    pub fn resume_reading(&self) {
        self.connection.resume_reading();
    }

    /// Whether data may be received.
    ///
    /// # asyncio
    /// `transport.is_reading()`.
    pub fn is_reading(&self) -> bool {
        self.connection.is_reading()
    }

    /// As [`StreamWriter::write`](crate::StreamWriter::write).
    ///
    /// # Errors
    /// As there.
    pub fn write<'a>(&self, data: impl Into<Cow<'a, [u8]>>) -> Result<()> {
        self.connection.write(data.into().into())
    }

    /// As [`StreamWriter::writelines`](crate::StreamWriter::writelines).
    ///
    /// # Errors
    /// As there.
    pub fn writelines(&self, chunks: &[impl AsRef<[u8]>]) -> Result<()> {
        self.connection.writelines(chunks)
    }

    /// Whether [`write_eof`](Self::write_eof) is possible: over TCP it is.
    pub fn can_write_eof(&self) -> bool {
        true
    }

    /// As [`StreamWriter::write_eof`](crate::StreamWriter::write_eof).
    ///
    /// # Errors
    /// As there.
    pub fn write_eof(&self) -> Result<()> {
        self.connection.write_eof();
        Ok(())
    }

    /// The addresses of both ends.
    pub fn socket_info(&self) -> &SocketInfo {
        self.connection.info()
    }
}
