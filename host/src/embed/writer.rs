//! asyncio's `StreamWriter`.

use std::fmt;

use super::{ExtraInfo, Held, StreamResult, Transport, failed, flat};

/// Writes to a connection, as asyncio's `StreamWriter`. Dropping it closes the connection.
pub struct StreamWriter<'a>(pub(super) Held<'a>);

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        let Held { asyncio, resource } = &$self.0;
        let streams = asyncio.guest.wasyncio_streams_streams();
        streams.stream_writer().$method(asyncio.accessor, *resource $(, $argument)*).await
    }};
}

impl<'a> StreamWriter<'a> {
    /// Takes bytes to be sent, without waiting for that.
    ///
    /// # Errors
    /// A runtime-error after [`write_eof`](Self::write_eof).
    ///
    /// # asyncio
    /// `writer.write(data)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// writer.write(b"hello\n").await?;
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
    /// `writer.writelines(data)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// writer.writelines(&[b"one, ", b"two\n"]).await?;
    /// assert_eq!(reader.readline().await?, b"one, two\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn writelines(&self, data: &[&[u8]]) -> StreamResult<()> {
        let data = data.iter().map(|chunk| chunk.to_vec()).collect();
        flat(call!(self, call_writelines, data))
    }

    /// Waits until there is room for more.
    ///
    /// # Errors
    /// That of the connection.
    ///
    /// # Cancel safety
    /// Yes: it only waits.
    ///
    /// # asyncio
    /// `await writer.drain()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// for _ in 0..10 {
    ///     writer.write(&[b'x'; 10_000]).await?;
    ///     writer.drain().await?;
    /// }
    /// assert_eq!(reader.readexactly(100_000).await?.len(), 100_000);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn drain(&self) -> StreamResult<()> {
        flat(call!(self, call_drain))
    }

    /// Whether [`write_eof`](Self::write_eof) can be called.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `writer.can_write_eof()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// assert!(writer.can_write_eof().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn can_write_eof(&self) -> StreamResult<bool> {
        Ok(call!(self, call_can_write_eof).map_err(failed)?)
    }

    /// Ends what is sent, after what was written before. The peer can go on sending.
    ///
    /// # Errors
    /// That of the connection.
    ///
    /// # asyncio
    /// `writer.write_eof()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// writer.write(b"all").await?;
    /// writer.write_eof().await?;
    /// // The peer sends back all it got, and ends too.
    /// assert_eq!(reader.read(-1).await?, b"all");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn write_eof(&self) -> StreamResult<()> {
        flat(call!(self, call_write_eof))
    }

    /// Closes the connection, after what was written before was sent.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `writer.close()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// writer.close().await?;
    /// assert_eq!(reader.read(-1).await?, b"");
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
    /// `writer.is_closing()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// assert!(!writer.is_closing().await?);
    /// writer.close().await?;
    /// assert!(writer.is_closing().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn is_closing(&self) -> StreamResult<bool> {
        Ok(call!(self, call_is_closing).map_err(failed)?)
    }

    /// Waits until the connection is closed.
    ///
    /// # Errors
    /// That with which the connection ended.
    ///
    /// # Cancel safety
    /// Yes: it only waits.
    ///
    /// # asyncio
    /// `await writer.wait_closed()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// writer.write(b"the last words").await?;
    /// writer.close().await?;
    /// writer.wait_closed().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn wait_closed(&self) -> StreamResult<()> {
        flat(call!(self, call_wait_closed))
    }

    /// What is known about the connection under `name`, such as `peername`.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `writer.get_extra_info(name)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// use wasyncio_host::embed::ExtraInfo;
    ///
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let Some(ExtraInfo::Address(peer)) = writer.get_extra_info("peername").await? else { panic!("it is connected") };
    /// assert_eq!((peer.host.as_str(), peer.port), ("127.0.0.1", port));
    /// assert!(writer.get_extra_info("no such thing").await?.is_none());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn get_extra_info(&self, name: &str) -> StreamResult<Option<ExtraInfo>> {
        Ok(call!(self, call_get_extra_info, name.to_owned()).map_err(failed)?)
    }

    /// The transport underneath.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `writer.transport`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// assert_eq!(writer.transport().await?.get_write_buffer_size().await?, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn transport(&self) -> StreamResult<Transport<'a>> {
        let transport = call!(self, call_transport).map_err(failed)?;
        Ok(Transport(self.0.asyncio.held(transport)))
    }
}

impl fmt::Debug for StreamWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter").finish_non_exhaustive()
    }
}
