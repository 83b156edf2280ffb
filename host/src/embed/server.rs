//! asyncio's `Server`.

use std::fmt;

use wasmtime::component::ResourceAny;

use super::pending::{Call, Pending, Taken};
use super::{Held, SocketAddress, StreamReader, StreamResult, StreamWriter, failed, flat};

/// Listens, as asyncio's `Server`. Dropping it closes it; connections stay.
pub struct Server<'a> {
    held: Held<'a>,
    accepting: Pending<'a, (), (ResourceAny, ResourceAny)>,
}

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident) => {{
        let Held { asyncio, resource } = &$self.held;
        let server = asyncio.guest.wasyncio_streams_server();
        server.server().$method(asyncio.accessor, *resource).await
    }};
}

impl<'a> Server<'a> {
    pub(super) fn new(held: Held<'a>) -> Self {
        Self { held, accepting: Pending::new() }
    }

    /// Waits for a connection. Several futures may wait.
    ///
    /// # Errors
    /// That of the listening socket, or a runtime-error if the server is closed.
    ///
    /// # Cancel safety
    /// Yes: a connection that comes after the future was dropped goes to the next call.
    ///
    /// # asyncio
    /// The callback of `start_server`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
    /// let port = server.sockets().await?[0].port;
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let (reader, _writer) = server.accept().await?;
    /// writer.write(b"hello\n").await?;
    /// assert_eq!(reader.readline().await?, b"hello\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn accept(&self) -> StreamResult<(StreamReader<'a>, StreamWriter<'a>)> {
        let accepted = match self.accepting.ask((), || self.call_accept()).await {
            Ok(accepted) => accepted,
            Err(Taken::Awaited | Taken::Abandoned) => self.call_accept().await,
        };
        let (reader, writer) = flat(accepted)?;
        Ok(self.held.asyncio.connection(reader, writer))
    }

    /// Starts to listen, if the server was made without.
    ///
    /// # Errors
    /// A runtime-error if the server is closed; an [`OsError`](super::OsError) if the system refuses.
    ///
    /// # asyncio
    /// `await server.start_serving()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// use wasyncio_host::embed::ServerOptions;
    ///
    /// let options = ServerOptions { start_serving: Some(false), ..Default::default() };
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Some(options)).await?;
    /// assert!(!server.is_serving().await?);
    /// server.start_serving().await?;
    /// assert!(server.is_serving().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn start_serving(&self) -> StreamResult<()> {
        flat(call!(self, call_start_serving))
    }

    /// Listens and waits until the server is closed and its connections are gone; they are accepted elsewhere.
    ///
    /// # Errors
    /// A runtime-error if the server is closed, or somebody is in here already.
    ///
    /// # asyncio
    /// `await server.serve_forever()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
    /// tokio::select! {
    ///     result = server.serve_forever() => panic!("nobody closes it: {result:?}"),
    ///     () = std::future::ready(()) => {}
    /// }
    /// # Ok(())
    /// # });
    /// ```
    pub async fn serve_forever(&self) -> StreamResult<()> {
        flat(call!(self, call_serve_forever))
    }

    /// Whether the server listens.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `server.is_serving()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
    /// assert!(server.is_serving().await?);
    /// server.close().await?;
    /// assert!(!server.is_serving().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn is_serving(&self) -> StreamResult<bool> {
        Ok(call!(self, call_is_serving).map_err(failed)?)
    }

    /// The addresses that it listens on; none once closed.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `server.sockets`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
    /// let sockets = server.sockets().await?;
    /// assert_eq!(sockets[0].host, "127.0.0.1");
    /// assert_ne!(sockets[0].port, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn sockets(&self) -> StreamResult<Vec<SocketAddress>> {
        Ok(call!(self, call_sockets).map_err(failed)?)
    }

    /// Stops listening. Connections stay.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `server.close()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
    /// server.close().await?;
    /// assert!(server.accept().await.is_err());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn close(&self) -> StreamResult<()> {
        Ok(call!(self, call_close).map_err(failed)?)
    }

    /// Waits until the server is closed and every connection that it accepted is gone.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # Cancel safety
    /// Yes: it only waits.
    ///
    /// # asyncio
    /// `await server.wait_closed()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
    /// server.close().await?;
    /// server.wait_closed().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn wait_closed(&self) -> StreamResult<()> {
        flat(call!(self, call_wait_closed))
    }

    /// Closes every connection that it accepted and that is still there.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `server.close_clients()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
    /// let port = server.sockets().await?[0].port;
    /// let (reader, _writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let _accepted = server.accept().await?;
    /// server.close_clients().await?;
    /// assert_eq!(reader.read(-1).await?, b"");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn close_clients(&self) -> StreamResult<()> {
        Ok(call!(self, call_close_clients).map_err(failed)?)
    }

    /// Aborts every connection that it accepted and that is still there.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `server.abort_clients()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
    /// let port = server.sockets().await?[0].port;
    /// let _connection = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let (_reader, writer) = server.accept().await?;
    /// server.abort_clients().await?;
    /// assert!(writer.is_closing().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn abort_clients(&self) -> StreamResult<()> {
        Ok(call!(self, call_abort_clients).map_err(failed)?)
    }

    fn call_accept(&self) -> Call<'a, (ResourceAny, ResourceAny)> {
        let Held { asyncio, resource } = self.held;
        Box::pin(async move {
            asyncio.guest.wasyncio_streams_server().server().call_accept(asyncio.accessor, resource).await
        })
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // A connection that was accepted for a future that is gone.
        if let Some(Ok(Ok((reader, writer)))) = self.accepting.abandoned() {
            drop(self.held.asyncio.connection(reader, writer));
        }
    }
}

impl fmt::Debug for Server<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
