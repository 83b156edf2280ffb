//! `asyncio.Transport`: the connection below its reader and writer.

use std::borrow::Cow;
use std::rc::{Rc, Weak};

use crate::connection::Connection;
use crate::error::Result;
use crate::extra_info::ExtraInfo;
use crate::reader_state::Source;

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

    /// What a reader pauses and resumes.
    pub(crate) fn as_source(&self) -> Weak<dyn Source> {
        self.connection.as_source()
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
        Source::pause_reading(&*self.connection);
    }

    /// Receives again.
    ///
    /// # asyncio
    /// `transport.resume_reading()`.
    pub fn resume_reading(&self) {
        Source::resume_reading(&*self.connection);
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
        self.connection.write(data.into())
    }

    /// As [`StreamWriter::writelines`](crate::StreamWriter::writelines).
    ///
    /// # Errors
    /// As there.
    pub fn writelines(&self, chunks: &[impl AsRef<[u8]>]) -> Result<()> {
        self.connection.writelines(chunks)
    }

    /// As [`StreamWriter::can_write_eof`](crate::StreamWriter::can_write_eof).
    pub fn can_write_eof(&self) -> bool {
        self.connection.capabilities().can_write_eof
    }

    /// As [`StreamWriter::write_eof`](crate::StreamWriter::write_eof).
    ///
    /// # Errors
    /// As there.
    pub fn write_eof(&self) -> Result<()> {
        self.connection.write_eof()
    }

    /// As [`StreamWriter::get_extra_info`](crate::StreamWriter::get_extra_info).
    pub fn get_extra_info(&self, name: &str) -> Option<ExtraInfo> {
        self.connection.extra_info(name)
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}
