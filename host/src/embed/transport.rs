//! asyncio's `Transport`.

use std::fmt;

use super::options::narrow;
use super::{ExtraInfo, Held, StreamResult, failed, flat};

/// What is under a reader and a writer, as asyncio's `Transport`. See [`StreamWriter::transport`](super::StreamWriter::transport).
pub struct Transport<'a>(pub(super) Held<'a>);

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        let Held { asyncio, resource } = &$self.0;
        let streams = asyncio.guest.wasyncio_streams_streams();
        streams.transport().$method(asyncio.accessor, *resource $(, $argument)*).await
    }};
}

impl Transport<'_> {
    /// Ends the connection at once. What was not sent yet is lost.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.abort()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// transport.abort().await?;
    /// assert!(writer.is_closing().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn abort(&self) -> StreamResult<()> {
        Ok(call!(self, call_abort).map_err(failed)?)
    }

    /// Closes the connection, after what was written before was sent.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.close()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// transport.close().await?;
    /// writer.wait_closed().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn close(&self) -> StreamResult<()> {
        Ok(call!(self, call_close).map_err(failed)?)
    }

    /// Whether the connection is closed or about to be.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.is_closing()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// assert!(!transport.is_closing().await?);
    /// transport.close().await?;
    /// assert!(transport.is_closing().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn is_closing(&self) -> StreamResult<bool> {
        Ok(call!(self, call_is_closing).map_err(failed)?)
    }

    /// How many bytes were written and not yet sent.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.get_write_buffer_size()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// assert_eq!(transport.get_write_buffer_size().await?, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn get_write_buffer_size(&self) -> StreamResult<u64> {
        Ok(call!(self, call_get_write_buffer_size).map_err(failed)?.into())
    }

    /// The water marks of what was written and not yet sent: low and high, in bytes.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.get_write_buffer_limits()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// assert_eq!(transport.get_write_buffer_limits().await?, (16_384, 65_536));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn get_write_buffer_limits(&self) -> StreamResult<(u64, u64)> {
        let (low, high) = call!(self, call_get_write_buffer_limits).map_err(failed)?;
        Ok((low.into(), high.into()))
    }

    /// Sets the water marks: `drain` waits from more than `high` bytes on until there are no more than `low`. None is
    /// asyncio's default.
    ///
    /// # Errors
    /// A value-error if `low` is above `high`.
    ///
    /// # asyncio
    /// `transport.set_write_buffer_limits(high, low)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// transport.set_write_buffer_limits(Some(1000), Some(100)).await?;
    /// assert_eq!(transport.get_write_buffer_limits().await?, (100, 1000));
    /// assert!(transport.set_write_buffer_limits(Some(1), Some(2)).await.is_err());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn set_write_buffer_limits(&self, high: Option<u64>, low: Option<u64>) -> StreamResult<()> {
        flat(call!(self, call_set_write_buffer_limits, high.map(narrow), low.map(narrow)))
    }

    /// Takes nothing more from the peer.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.pause_reading()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// transport.pause_reading().await?;
    /// assert!(!transport.is_reading().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn pause_reading(&self) -> StreamResult<()> {
        Ok(call!(self, call_pause_reading).map_err(failed)?)
    }

    /// Takes from the peer again.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.resume_reading()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// transport.pause_reading().await?;
    /// transport.resume_reading().await?;
    /// writer.write(b"hello\n").await?;
    /// assert_eq!(reader.readline().await?, b"hello\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn resume_reading(&self) -> StreamResult<()> {
        Ok(call!(self, call_resume_reading).map_err(failed)?)
    }

    /// Whether something is taken from the peer.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.is_reading()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// assert!(transport.is_reading().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn is_reading(&self) -> StreamResult<bool> {
        Ok(call!(self, call_is_reading).map_err(failed)?)
    }

    /// Takes bytes to be sent, without waiting for that.
    ///
    /// # Errors
    /// A runtime-error after [`write_eof`](Self::write_eof).
    ///
    /// # asyncio
    /// `transport.write(data)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// transport.write(b"hello\n").await?;
    /// assert_eq!(reader.readline().await?, b"hello\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn write(&self, data: &[u8]) -> StreamResult<()> {
        flat(call!(self, call_write, data.to_vec()))
    }

    /// Takes chunks to be sent one behind the other.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// # asyncio
    /// `transport.writelines(data)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// transport.writelines(&[b"one, ", b"two\n"]).await?;
    /// assert_eq!(reader.readline().await?, b"one, two\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn writelines(&self, data: &[&[u8]]) -> StreamResult<()> {
        let data = data.iter().map(|chunk| chunk.to_vec()).collect();
        flat(call!(self, call_writelines, data))
    }

    /// Whether [`write_eof`](Self::write_eof) can be called.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.can_write_eof()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// assert!(transport.can_write_eof().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn can_write_eof(&self) -> StreamResult<bool> {
        Ok(call!(self, call_can_write_eof).map_err(failed)?)
    }

    /// Ends what is sent, after what was written before.
    ///
    /// # Errors
    /// That of the connection.
    ///
    /// # asyncio
    /// `transport.write_eof()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// transport.write_eof().await?;
    /// assert_eq!(reader.read(-1).await?, b"");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn write_eof(&self) -> StreamResult<()> {
        flat(call!(self, call_write_eof))
    }

    /// What is known about the connection under `name`, such as `sockname`.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `transport.get_extra_info(name)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let transport = writer.transport().await?;
    /// assert!(transport.get_extra_info("sockname").await?.is_some());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn get_extra_info(&self, name: &str) -> StreamResult<Option<ExtraInfo>> {
        Ok(call!(self, call_get_extra_info, name.to_owned()).map_err(failed)?)
    }
}

impl fmt::Debug for Transport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}
