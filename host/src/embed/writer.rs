//! asyncio's `StreamWriter`.

use std::fmt;
use std::net::SocketAddr;

use futures_util::FutureExt;

use super::link::{Held, ResourceKind};
use super::tokio_io::Writing;
use super::wait::Wait;
use super::{ExtraInfo, StreamResult, Transport, flat};

/// Writes to a connection, as asyncio's `StreamWriter`. Dropping it closes the connection, after what was written was sent.
///
/// It is also tokio's [`AsyncWrite`](tokio::io::AsyncWrite): a write is followed by `drain`, flushing waits for that, and shutting down is
/// [`write_eof`](Self::write_eof). An error of a write may be told by the next operation. Through a `&mut StreamWriter`, with
/// tokio's `AsyncWriteExt` in scope, `write` is tokio's.
///
/// # Cancel safety
/// A call that was begun is made, whatever becomes of its future: bytes are written as a whole or, if the future was never polled,
/// not at all.
pub struct StreamWriter {
    pub(super) held: Held,
    draining: Wait<()>,
    closing: Wait<()>,
    pub(super) writing: Writing,
}

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        let resource = $self.held.resource();
        $self.held.call(move |component| {
            Box::pin(async move {
                let streams = component.guest.wasyncio_streams_streams();
                streams.stream_writer().$method(component.accessor, resource $(, $argument)*).await
            })
        })
    }};
}

impl StreamWriter {
    pub(super) fn new(held: Held) -> Self {
        Self { held, draining: Wait::new(), closing: Wait::new(), writing: Writing::default() }
    }

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
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// writer.write(b"hello\n").await?;
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
    /// `writer.writelines(data)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// writer.writelines(&[b"one, ", b"two\n"]).await?;
    /// assert_eq!(reader.readline().await?, b"one, two\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn writelines(&self, data: &[&[u8]]) -> StreamResult<()> {
        let data: Vec<_> = data.iter().map(|chunk| chunk.to_vec()).collect();
        flat(call!(self, call_writelines, data)).await
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
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// for _ in 0..10 {
    ///     writer.write(&[b'x'; 10_000]).await?;
    ///     writer.drain().await?;
    /// }
    /// assert_eq!(reader.readexactly(100_000).await?.len(), 100_000);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn drain(&self) -> StreamResult<()> {
        self.draining.ask_now(|| flat(call!(self, call_drain)).boxed()).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// assert!(writer.can_write_eof().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn can_write_eof(&self) -> StreamResult<bool> {
        call!(self, call_can_write_eof).await
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
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// writer.write(b"all").await?;
    /// writer.write_eof().await?;
    /// // The peer sends back all it got, and ends too.
    /// assert_eq!(reader.read(-1).await?, b"all");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn write_eof(&self) -> StreamResult<()> {
        flat(call!(self, call_write_eof)).await
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
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// writer.close().await?;
    /// assert_eq!(reader.read(-1).await?, b"");
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
    /// `writer.is_closing()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// assert!(!writer.is_closing().await?);
    /// writer.close().await?;
    /// assert!(writer.is_closing().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn is_closing(&self) -> StreamResult<bool> {
        call!(self, call_is_closing).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// writer.write(b"the last words").await?;
    /// writer.close().await?;
    /// writer.wait_closed().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn wait_closed(&self) -> StreamResult<()> {
        self.closing.ask_now(|| flat(call!(self, call_wait_closed)).boxed()).await
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let Some(ExtraInfo::Address(peer)) = writer.get_extra_info("peername").await? else { panic!("it is connected") };
    /// assert_eq!((peer.host.as_str(), peer.port), ("127.0.0.1", port));
    /// assert!(writer.get_extra_info("no such thing").await?.is_none());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn get_extra_info(&self, name: &str) -> StreamResult<Option<ExtraInfo>> {
        let name = name.to_owned();
        call!(self, call_get_extra_info, name).await
    }

    /// The peer's address; none if it is not known, as of a peer that was gone before it was accepted.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `writer.get_extra_info('peername')`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// assert_eq!(writer.peer_addr().await?, Some(([127, 0, 0, 1], port).into()));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn peer_addr(&self) -> StreamResult<Option<SocketAddr>> {
        Ok(self.get_extra_info("peername").await?.and_then(|info| info.socket_addr()))
    }

    /// This side's address.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `writer.get_extra_info('sockname')`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// assert!(writer.local_addr().await?.is_some_and(|address| address.ip().is_loopback()));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn local_addr(&self) -> StreamResult<Option<SocketAddr>> {
        Ok(self.get_extra_info("sockname").await?.and_then(|info| info.socket_addr()))
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// assert_eq!(writer.transport().await?.get_write_buffer_size().await?, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn transport(&self) -> StreamResult<Transport> {
        let (resource, link) = (self.held.resource(), self.held.link.downgrade());
        let transport = self.held.call(move |component| {
            Box::pin(async move {
                let writers = component.guest.wasyncio_streams_streams().stream_writer();
                let transport = writers.call_transport(component.accessor, resource).await?;
                Ok(Held::new(link.upgrade()?, transport, ResourceKind::Transport))
            })
        });
        Ok(Transport(transport.await?))
    }
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter").finish_non_exhaustive()
    }
}
