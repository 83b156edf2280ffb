//! `asyncio.Server`.

use std::cell::OnceCell;
use std::future::{Future, poll_fn};
use std::task::Poll;

use crate::dispatcher::{self, Token};
use crate::generated::wasyncio::streams::{fast, server};
use crate::{Error, ServerOptions, SocketAddress, StreamReader, StreamWriter, pair, spawn};

/// A set of listening sockets. Dropping it closes it as [`close`](Self::close) does.
///
/// # asyncio
/// `asyncio.Server`, with [`accept`](Self::accept) in the place of the callback; [`serve_forever`] has the callback.
pub struct Server {
    /// Declared, and so dropped, before the server that it watches.
    token: OnceCell<Token>,
    inner: server::Server,
}

/// Listens on every address of `host`; an empty one means every interface. Port 0 picks a free port: ask
/// [`Server::sockets`] which.
///
/// # Errors
/// [`Error::OsError`] if the host does not resolve or an address cannot be bound or is denied, naming it.
///
/// # asyncio
/// `server = await asyncio.start_server(callback, host, port)`.
pub async fn start_server(host: &str, port: u16) -> Result<Server, Error> {
    Ok(Server::of(server::start_server(vec![host.to_owned()], port, None).await?))
}

/// Listens on every address of the hosts, with asyncio's keyword arguments. No host means every interface.
///
/// # Errors
/// As [`start_server`]; [`Error::ValueError`] and [`Error::NotImplementedError`] name the option at fault.
pub async fn start_server_with(hosts: &[&str], port: u16, options: ServerOptions) -> Result<Server, Error> {
    let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
    Ok(Server::of(server::start_server(hosts, port, Some(options)).await?))
}

/// Accepts until the server is closed, and runs `serve` for every connection, each beside the others.
///
/// # Errors
/// [`Error::RuntimeError`] once the server is closed.
///
/// # asyncio
/// `await server.serve_forever()`, with the callback that Python gives to `start_server`.
pub async fn serve_forever<F>(
    server: &Server,
    mut serve: impl FnMut(StreamReader, StreamWriter) -> F,
) -> Result<(), Error>
where
    F: Future<Output = ()> + 'static,
{
    loop {
        let (reader, writer) = server.accept().await?;
        spawn(serve(reader, writer));
    }
}

impl Server {
    pub(crate) fn of(inner: server::Server) -> Self {
        Self { token: OnceCell::new(), inner }
    }

    /// Waits for the next connection.
    ///
    /// # Errors
    /// [`Error::RuntimeError`] if the server is closed.
    ///
    /// # Cancel safety
    /// Yes: a connection that arrives meanwhile is there for the next call.
    pub async fn accept(&self) -> Result<(StreamReader, StreamWriter), Error> {
        let token = self.token.get_or_init(|| Token::of_server(&self.inner));
        if token.is_awaited() {
            // Several tasks accept: the component takes care of their turns.
            return Ok(pair(self.inner.accept().await?));
        }
        let mut waiting = Waiting { token, waits: false };
        poll_fn(|cx| {
            if let Some(accepted) = fast::try_accept(&self.inner)? {
                return Poll::Ready(Ok(pair(accepted)));
            }
            waiting.waits = true;
            waiting.token.wait(cx, None);
            Poll::Pending
        })
        .await
    }

    /// Starts to listen, if the server was made without.
    ///
    /// # Errors
    /// [`Error::RuntimeError`] if the server is closed; [`Error::OsError`] if the system refuses.
    pub async fn start_serving(&self) -> Result<(), Error> {
        self.inner.start_serving().await
    }

    /// Listens and waits until the server is closed and its connections are gone; they are accepted in other tasks.
    ///
    /// # Errors
    /// [`Error::RuntimeError`] if the server is closed, or somebody is in here already.
    pub async fn serve_forever(&self) -> Result<(), Error> {
        self.inner.serve_forever().await
    }

    /// Whether the server listens.
    pub fn is_serving(&self) -> bool {
        self.inner.is_serving()
    }

    /// The addresses that are listened on; empty once closed.
    pub fn sockets(&self) -> Vec<SocketAddress> {
        self.inner.sockets()
    }

    /// Stops listening. Accepted connections go on.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Waits until the server is closed and every connection that it accepted is gone.
    ///
    /// # Errors
    /// None.
    pub async fn wait_closed(&self) -> Result<(), Error> {
        self.inner.wait_closed().await
    }

    /// Closes every accepted connection that is still there.
    pub fn close_clients(&self) {
        dispatcher::flush();
        self.inner.close_clients();
    }

    /// Aborts every accepted connection that is still there.
    pub fn abort_clients(&self) {
        dispatcher::flush();
        self.inner.abort_clients();
    }
}

struct Waiting<'a> {
    token: &'a Token,
    waits: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.token.withdraw();
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
