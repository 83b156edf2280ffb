//! `asyncio.start_server` over TCP.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::task::Poll;

use crate::address::{AddressFamily, SocketInfo};
use crate::connect::bind_failure;
use crate::connection::{Connection, Owner};
use crate::error::{Error, Result};
use crate::names::{self, NoHost};
use crate::reader::{ReaderState, StreamReader};
use crate::semantics::limits::limit_or_default;
use crate::transport::background;
use crate::transport::listener::Listener;
use crate::transport::tcp::{self, TcpSocket};
use crate::transport::waiters::Waiters;
use crate::writer::StreamWriter;

/// How many connections wait to be accepted unless told otherwise, as in asyncio.
const DEFAULT_BACKLOG: u32 = 100;

/// The keyword arguments of Python's `start_server`; what is none has Python's default.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The limit of every accepted reader in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    pub limit: Option<u64>,
    /// Only addresses of this family.
    pub family: Option<AddressFamily>,
    /// Flags of `getaddrinfo`: WASI has none, so any is not supported.
    pub flags: Option<u32>,
    /// How many connections may wait to be accepted; none is 100.
    pub backlog: Option<u32>,
    /// WASI always allows an address to be used again; `false` is not supported.
    pub reuse_address: Option<bool>,
    /// WASI cannot share a port; `true` is not supported.
    pub reuse_port: Option<bool>,
    /// Probe idle connections.
    pub keep_alive: Option<bool>,
    /// Whether to listen at once; none is yes. `false` is not supported yet.
    pub start_serving: Option<bool>,
}

/// A set of listening sockets.
///
/// Dropping it closes it as [`close`](Self::close) does.
///
/// # asyncio
/// `asyncio.Server` of CPython 3.14, with [`accept`](Self::accept) in the place of the callback.
pub struct Server {
    state: Rc<ServerState>,
}

struct ServerState {
    sockets: RefCell<Vec<Socket>>,
    closed: Cell<bool>,
    /// The accept that drives the listeners; the others wait for their turn.
    accepting: Cell<bool>,
    turns: Waiters,
    /// How many accepted connections are alive.
    connections: Cell<usize>,
    ended: Waiters,
    limit: usize,
}

struct Socket {
    listener: Listener,
    address: SocketAddr,
    /// Owns the address, with `listener`.
    _socket: TcpSocket,
}

/// Listens by TCP on every address of `host`; an empty one means every interface. Port 0 picks a free port, which
/// [`Server::sockets`] tells.
///
/// # Errors
/// [`Error::Os`] if the host does not resolve or an address cannot be bound, naming it; what was already bound is closed.
///
/// # asyncio
/// `server = await asyncio.start_server(callback, host, port)`.
pub async fn start_server(host: &str, port: u16) -> Result<Server> {
    start_server_with(&[host], port, ServerOptions::default()).await
}

/// Listens by TCP on every address of the hosts, with asyncio's keyword arguments. No host means every interface.
///
/// # Errors
/// As [`start_server`]; [`Error::Value`] if the limit is 0; [`Error::NotImplemented`] naming the option that WASI cannot do.
pub async fn start_server_with(hosts: &[impl AsRef<str>], port: u16, options: ServerOptions) -> Result<Server> {
    let limit = limit_or_default(options.limit)?;
    check(&options)?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    let mut hosts: Vec<Option<&str>> = hosts.iter().map(|host| Some(host.as_ref())).collect();
    if hosts.is_empty() {
        hosts.push(None);
    }
    for host in hosts {
        for address in names::resolve(host, port, options.family, NoHost::Any).await? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    let sockets = addresses.into_iter().map(|address| listen(address, &options)).collect::<Result<_>>()?;
    Ok(Server {
        state: Rc::new(ServerState {
            sockets: RefCell::new(sockets),
            closed: Cell::default(),
            accepting: Cell::default(),
            turns: Waiters::default(),
            connections: Cell::default(),
            ended: Waiters::default(),
            limit,
        }),
    })
}

fn check(options: &ServerOptions) -> Result<()> {
    let unsupported = if options.reuse_port == Some(true) {
        "reuse_port: WASI cannot share a port between sockets"
    } else if options.reuse_address == Some(false) {
        "reuse_address: WASI always allows an address to be used again"
    } else if options.flags.is_some() {
        "flags: WASI's name look-up takes no flags"
    } else if options.start_serving == Some(false) {
        "start_serving=False is not supported yet"
    } else {
        return Ok(());
    };
    Err(Error::NotImplemented(unsupported.into()))
}

fn listen(address: SocketAddr, options: &ServerOptions) -> Result<Socket> {
    let failed = |code: tcp::ErrorCode| Error::from(bind_failure(&address, &code));
    let socket = tcp::create(&address).map_err(failed)?;
    let backlog = options.backlog.unwrap_or(DEFAULT_BACKLOG);
    socket.set_listen_backlog_size(u64::from(backlog.max(1))).map_err(failed)?;
    if let Some(keep_alive) = options.keep_alive {
        socket.set_keep_alive_enabled(keep_alive).map_err(failed)?;
    }
    socket.bind(tcp::to_wasi(address)).map_err(failed)?;
    let listener = Listener::new(socket.listen().map_err(failed)?);
    let address = socket.get_local_address().map_or(address, tcp::from_wasi);
    Ok(Socket { listener, address, _socket: socket })
}

impl Server {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// [`Error::Runtime`] if the server is closed.
    ///
    /// # Cancel safety
    /// Yes: a connection that arrives meanwhile is there for the next call.
    pub async fn accept(&self) -> Result<(StreamReader, StreamWriter)> {
        // One call drives the listeners at a time; its end, also by cancellation, is the next one's turn.
        self.state.turns.wait(|| (self.state.closed.get() || !self.state.accepting.replace(true)).then_some(())).await;
        if self.state.closed.get() {
            return Err(closed());
        }
        let turn = Turn(&self.state);
        let socket = poll_fn(|cx| {
            for socket in self.state.sockets.borrow_mut().iter_mut() {
                if let Poll::Ready(Some(accepted)) = socket.listener.poll_accept(cx) {
                    return Poll::Ready(Some(accepted));
                }
            }
            if self.state.closed.get() { Poll::Ready(None) } else { self.state.turns.poll_pending(cx) }
        })
        .await;
        drop(turn);
        socket.map(|socket| self.state.connected(&socket)).ok_or_else(closed)
    }

    /// The addresses that are listened on; empty once closed.
    ///
    /// # asyncio
    /// `[s.getsockname() for s in server.sockets]`.
    pub fn sockets(&self) -> Vec<SocketAddr> {
        self.state.sockets.borrow().iter().map(|socket| socket.address).collect()
    }

    /// Stops listening. Accepted connections go on.
    ///
    /// # asyncio
    /// `server.close()`.
    pub fn close(&self) {
        self.state.close();
    }

    /// Waits until the server is closed and every connection that it accepted is gone.
    ///
    /// # Cancel safety
    /// Yes.
    ///
    /// # asyncio
    /// `await server.wait_closed()`.
    pub async fn wait_closed(&self) {
        let state = &self.state;
        state.ended.wait(|| (state.closed.get() && state.connections.get() == 0).then_some(())).await;
    }

    /// Accepts for ever and runs `serve` for every connection, each beside the others.
    ///
    /// # Errors
    /// [`Error::Runtime`] once the server is closed.
    ///
    /// # asyncio
    /// `await server.serve_forever()` with the callback of `start_server`.
    pub async fn serve_forever<F: Future<Output = ()> + 'static>(
        &self,
        mut serve: impl FnMut(StreamReader, StreamWriter) -> F,
    ) -> Result<()> {
        loop {
            let (reader, writer) = self.accept().await?;
            background::spawn(serve(reader, writer));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.close();
    }
}

fn closed() -> Error {
    Error::Runtime("server is closed".into())
}

impl ServerState {
    fn connected(self: &Rc<Self>, socket: &TcpSocket) -> (StreamReader, StreamWriter) {
        let info = SocketInfo {
            sockname: socket.get_local_address().ok().map(tcp::from_wasi),
            peername: socket.get_remote_address().ok().map(tcp::from_wasi),
        };
        let (inbound, outbound) = tcp::split(socket);
        let state = ReaderState::new(self.limit);
        self.connections.set(self.connections.get() + 1);
        let weak: Weak<Self> = Rc::downgrade(self);
        let connection = Connection::new(inbound, outbound, info, state.clone(), Some(weak));
        (StreamReader::of(state, connection.clone()), StreamWriter::of(connection))
    }

    fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        let mut sockets = self.sockets.take();
        if sockets.iter().any(|socket| socket.listener.in_flight()) {
            // Ending an accept in flight may block, which a synchronous call must not.
            background::spawn(async move { sockets.iter_mut().for_each(|socket| socket.listener.cancel()) });
        }
        self.turns.wake();
        self.ended.wake();
    }
}

impl Owner for ServerState {
    fn connection_lost(&self, _: &Connection) {
        self.connections.set(self.connections.get().saturating_sub(1));
        if self.connections.get() == 0 {
            self.ended.wake();
        }
    }
}

/// The right to drive the listeners.
struct Turn<'a>(&'a ServerState);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.accepting.set(false);
        for socket in self.0.sockets.borrow().iter() {
            socket.listener.withdraw();
        }
        self.0.turns.wake();
    }
}
