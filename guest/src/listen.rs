//! `asyncio.start_server` over TCP.

use std::net::SocketAddr;

use crate::address::AddressFamily;
use crate::connect::bind_failure;
use crate::error::{Error, OsError, Result};
use crate::names::{self, NoHost};
use crate::semantics::limits::limit_or_default;
use crate::server::{Server, Socket};
use crate::transport::tcp::{self, TcpSocket};

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
    /// Whether to listen at once; none is yes.
    pub start_serving: Option<bool>,
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
    let sockets = addresses.into_iter().map(|address| bind(address, &options)).collect::<Result<_>>()?;
    serve(sockets, limit, &options)
}

/// A server of a socket that the program has bound itself.
///
/// # Errors
/// As [`start_server_with`]; [`Error::Os`] if the socket is not bound.
///
/// # asyncio
/// `server = await asyncio.start_server(callback, sock=sock)`.
pub fn start_server_sock(socket: TcpSocket, options: ServerOptions) -> Result<Server> {
    let limit = limit_or_default(options.limit)?;
    check(&options)?;
    let address = socket.get_local_address().map(tcp::from_wasi).map_err(|code| {
        let kind = tcp::kind_of(&code);
        OsError::new(kind, "The socket is not bound to an address")
    })?;
    prepare(&socket, &options).map_err(|code| bind_failure(&address, &code))?;
    serve(vec![Socket::new(socket, address)], limit, &options)
}

fn serve(sockets: Vec<Socket>, limit: usize, options: &ServerOptions) -> Result<Server> {
    let server = Server::new(sockets, limit);
    if options.start_serving != Some(false) {
        server.start_serving()?;
    }
    Ok(server)
}

fn check(options: &ServerOptions) -> Result<()> {
    let unsupported = if options.reuse_port == Some(true) {
        "reuse_port: WASI cannot share a port between sockets"
    } else if options.reuse_address == Some(false) {
        "reuse_address: WASI always allows an address to be used again"
    } else if options.flags.is_some() {
        "flags: WASI's name look-up takes no flags"
    } else {
        return Ok(());
    };
    Err(Error::NotImplemented(unsupported.into()))
}

fn bind(address: SocketAddr, options: &ServerOptions) -> Result<Socket> {
    let failed = |code: tcp::ErrorCode| Error::from(bind_failure(&address, &code));
    let socket = tcp::create(&address).map_err(failed)?;
    prepare(&socket, options).map_err(failed)?;
    socket.bind(tcp::to_wasi(address)).map_err(failed)?;
    let address = socket.get_local_address().map_or(address, tcp::from_wasi);
    Ok(Socket::new(socket, address))
}

fn prepare(socket: &TcpSocket, options: &ServerOptions) -> Result<(), tcp::ErrorCode> {
    // WASI refuses a backlog of 0, which systems take for the smallest.
    socket.set_listen_backlog_size(u64::from(options.backlog.unwrap_or(DEFAULT_BACKLOG).max(1)))?;
    if let Some(keep_alive) = options.keep_alive {
        socket.set_keep_alive_enabled(keep_alive)?;
    }
    Ok(())
}
