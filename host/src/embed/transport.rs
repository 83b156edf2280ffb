//! asyncio's `Transport`.

use std::fmt;

use super::link::Held;
use super::options::narrow;
use super::{ExtraInfo, StreamResult, flat};

/// What is under a reader and a writer, as asyncio's `Transport`. See [`StreamWriter::transport`](super::StreamWriter::transport).
pub struct Transport(pub(super) Held);

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        let resource = $self.0.resource();
        $self.0.call(move |component| {
            Box::pin(async move {
                let streams = component.guest.wasyncio_streams_streams();
                streams.transport().$method(component.accessor, resource $(, $argument)*).await
            })
        })
    }};
}

impl Transport {
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// transport.abort().await?;
    /// assert!(writer.is_closing().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn abort(&self) -> StreamResult<()> {
        call!(self, call_abort).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// transport.close().await?;
    /// writer.wait_closed().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn close(&self) -> StreamResult<()> {
        call!(self, call_close).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// assert!(!transport.is_closing().await?);
    /// transport.close().await?;
    /// assert!(transport.is_closing().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn is_closing(&self) -> StreamResult<bool> {
        call!(self, call_is_closing).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// assert_eq!(transport.get_write_buffer_size().await?, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn get_write_buffer_size(&self) -> StreamResult<u64> {
        call!(self, call_get_write_buffer_size).await.map(u64::from)
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// assert_eq!(transport.get_write_buffer_limits().await?, (16_384, 65_536));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn get_write_buffer_limits(&self) -> StreamResult<(u64, u64)> {
        let (low, high) = call!(self, call_get_write_buffer_limits).await?;
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// transport.set_write_buffer_limits(Some(1000), Some(100)).await?;
    /// assert_eq!(transport.get_write_buffer_limits().await?, (100, 1000));
    /// assert!(transport.set_write_buffer_limits(Some(1), Some(2)).await.is_err());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn set_write_buffer_limits(&self, high: Option<u64>, low: Option<u64>) -> StreamResult<()> {
        let (high, low) = (high.map(narrow), low.map(narrow));
        flat(call!(self, call_set_write_buffer_limits, high, low)).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// transport.pause_reading().await?;
    /// assert!(!transport.is_reading().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn pause_reading(&self) -> StreamResult<()> {
        call!(self, call_pause_reading).await
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
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// transport.pause_reading().await?;
    /// transport.resume_reading().await?;
    /// writer.write(b"hello\n").await?;
    /// assert_eq!(reader.readline().await?, b"hello\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn resume_reading(&self) -> StreamResult<()> {
        call!(self, call_resume_reading).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// assert!(transport.is_reading().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn is_reading(&self) -> StreamResult<bool> {
        call!(self, call_is_reading).await
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
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// transport.write(b"hello\n").await?;
    /// assert_eq!(reader.readline().await?, b"hello\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn write(&self, data: &[u8]) -> StreamResult<()> {
        let data = data.to_vec();
        flat(call!(self, call_write, data)).await
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
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// transport.writelines(&[b"one, ", b"two\n"]).await?;
    /// assert_eq!(reader.readline().await?, b"one, two\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn writelines(&self, data: &[&[u8]]) -> StreamResult<()> {
        let data: Vec<_> = data.iter().map(|chunk| chunk.to_vec()).collect();
        flat(call!(self, call_writelines, data)).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// assert!(transport.can_write_eof().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn can_write_eof(&self) -> StreamResult<bool> {
        call!(self, call_can_write_eof).await
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
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// transport.write_eof().await?;
    /// assert_eq!(reader.read(-1).await?, b"");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn write_eof(&self) -> StreamResult<()> {
        flat(call!(self, call_write_eof)).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let transport = writer.transport().await?;
    /// assert!(transport.get_extra_info("sockname").await?.is_some());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn get_extra_info(&self, name: &str) -> StreamResult<Option<ExtraInfo>> {
        let name = name.to_owned();
        call!(self, call_get_extra_info, name).await
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}
