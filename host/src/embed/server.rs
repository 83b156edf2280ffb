//! asyncio's `Server`.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;

use super::link::{Call, Held};
use super::wait::Wait;
use super::{AsyncioError, Connection, SocketAddress, StreamReader, StreamResult, StreamWriter, flat};

/// Listens, as asyncio's `Server`. Dropping it closes it; connections stay.
pub struct Server {
    held: Held,
    accepting: Wait<Connection>,
    closing: Wait<()>,
    closed: AtomicBool,
    /// Somebody is in `serve_forever`.
    serving_forever: AtomicBool,
    /// The limit of the readers, in bytes.
    limit: u64,
}

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident) => {{
        let resource = $self.held.resource();
        $self.held.call(move |component| {
            Box::pin(async move {
                let server = component.guest.wasyncio_streams_server();
                server.server().$method(component.accessor, resource).await
            })
        })
    }};
}

impl Server {
    pub(super) fn new(held: Held, limit: u64) -> Self {
        Self {
            held,
            accepting: Wait::new(),
            closing: Wait::new(),
            closed: AtomicBool::new(false),
            serving_forever: AtomicBool::new(false),
            limit,
        }
    }

    /// Waits for a connection. Several futures may wait.
    ///
    /// # Errors
    /// That of the listening socket, or a runtime-error if the server is closed.
    ///
    /// # Cancel safety
    /// Yes: a connection that comes after the future was dropped goes to the next call; dropping the server closes
    /// it.
    ///
    /// # asyncio
    /// The callback of `start_server`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
    /// let port = server.sockets().await?[0].port();
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let (reader, _writer) = server.accept().await?;
    /// writer.write(b"hello\n").await?;
    /// assert_eq!(reader.readline().await?, b"hello\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn accept(&self) -> StreamResult<(StreamReader, StreamWriter)> {
        Ok(self.accepting.ask(|| self.call_accept()).await?.split(self.limit))
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
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, options).await?;
    /// assert!(!server.is_serving().await?);
    /// server.start_serving().await?;
    /// assert!(server.is_serving().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn start_serving(&self) -> StreamResult<()> {
        flat(call!(self, call_start_serving)).await
    }

    /// Listens, accepts until the server is closed, and runs `client_connected_cb` for every connection in a tokio task of its own;
    /// then waits until the connections are gone. A task that panics costs its own connection.
    ///
    /// # Errors
    /// A runtime-error if the server is closed, or somebody is in here already; an [`OsError`](super::OsError) if the system refuses;
    /// that of the host.
    ///
    /// # Cancel safety
    /// Dropping the future closes the server, as cancelling does in asyncio. The tasks go on.
    ///
    /// # asyncio
    /// `await server.serve_forever()` with the callback of `start_server`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
    /// let port = server.sockets().await?[0].port();
    /// tokio::spawn(async move {
    ///     server
    ///         .serve_forever(async |reader, writer| {
    ///             let line = reader.readline().await?;
    ///             writer.write(&line).await
    ///         })
    ///         .await
    /// });
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// writer.write(b"hello\n").await?;
    /// assert_eq!(reader.readline().await?, b"hello\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn serve_forever<F, T>(
        &self,
        mut client_connected_cb: impl FnMut(StreamReader, StreamWriter) -> F,
    ) -> StreamResult<()>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let mut serving = self.begin_serving_forever()?;
        let started = self.start_serving().await;
        // A server that cannot listen yet may be able to later.
        serving.closes = started.is_ok();
        started?;
        loop {
            match self.accept().await {
                Ok((reader, writer)) => drop(tokio::spawn(client_connected_cb(reader, writer))),
                Err(_) if self.closed.load(Ordering::SeqCst) => break,
                Err(error) => return Err(error),
            }
        }
        self.wait_closed().await
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
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
    /// assert!(server.is_serving().await?);
    /// server.close().await?;
    /// assert!(!server.is_serving().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn is_serving(&self) -> StreamResult<bool> {
        call!(self, call_is_serving).await
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
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
    /// let sockets = server.sockets().await?;
    /// assert!(sockets[0].ip().is_loopback());
    /// assert_ne!(sockets[0].port(), 0);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn sockets(&self) -> StreamResult<Vec<SocketAddr>> {
        Ok(call!(self, call_sockets).await?.iter().filter_map(SocketAddress::socket_addr).collect())
    }

    /// The paths that are listened on, of a server of Unix sockets; an abstract name is behind a NUL. Empty once closed.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `[s.getsockname() for s in server.sockets]`.
    #[cfg(unix)]
    pub async fn unix_sockets(&self) -> StreamResult<Vec<std::path::PathBuf>> {
        Ok(call!(self, call_sockets).await?.iter().filter_map(SocketAddress::unix_path).collect())
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
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
    /// server.close().await?;
    /// assert!(server.accept().await.is_err());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn close(&self) -> StreamResult<()> {
        self.begin_close().await
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
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
    /// server.close().await?;
    /// server.wait_closed().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn wait_closed(&self) -> StreamResult<()> {
        self.closing.ask_now(|| flat(call!(self, call_wait_closed)).boxed()).await
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
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
    /// let port = server.sockets().await?[0].port();
    /// let (reader, _writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let _accepted = server.accept().await?;
    /// server.close_clients().await?;
    /// assert_eq!(reader.read(-1).await?, b"");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn close_clients(&self) -> StreamResult<()> {
        call!(self, call_close_clients).await
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
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
    /// let port = server.sockets().await?[0].port();
    /// let _connection = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let (_reader, writer) = server.accept().await?;
    /// server.abort_clients().await?;
    /// assert!(writer.is_closing().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn abort_clients(&self) -> StreamResult<()> {
        call!(self, call_abort_clients).await
    }

    fn call_accept(&self) -> Call<Connection> {
        let (resource, link) = (self.held.resource(), self.held.link.downgrade());
        let call = self.held.call(move |component| {
            Box::pin(async move {
                let servers = component.guest.wasyncio_streams_server();
                match servers.server().call_accept(component.accessor, resource).await? {
                    Ok((reader, writer)) => Ok(Ok(Connection::new(link.upgrade()?, reader, writer))),
                    Err(error) => Ok(Err(error)),
                }
            })
        });
        flat(call).boxed()
    }

    /// Closes, whether or not it is awaited.
    fn begin_close(&self) -> impl Future<Output = StreamResult<()>> + Send + use<> {
        self.closed.store(true, Ordering::SeqCst);
        call!(self, call_close)
    }

    fn begin_serving_forever(&self) -> StreamResult<ServingForever<'_>> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(AsyncioError::RuntimeError("server <Server> is closed".to_owned()).into());
        }
        if self.serving_forever.swap(true, Ordering::SeqCst) {
            let text = "server <Server> is already being awaited on serve_forever()";
            return Err(AsyncioError::RuntimeError(text.to_owned()).into());
        }
        Ok(ServingForever { server: self, closes: true })
    }
}

/// Somebody is in `serve_forever`, and closes the server by leaving it.
struct ServingForever<'a> {
    server: &'a Server,
    closes: bool,
}

impl Drop for ServingForever<'_> {
    fn drop(&mut self) {
        self.server.serving_forever.store(false, Ordering::SeqCst);
        if self.closes {
            drop(self.server.begin_close());
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
