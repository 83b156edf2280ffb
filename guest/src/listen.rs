//! `asyncio.start_server` over TCP.

use std::net::SocketAddr;

use wasyncio_core::address::SocketAddress;
use wasyncio_core::options::ServerOptions;
use wasyncio_core::transport::Listener;
use wasyncio_core::{Error, OsError, OsErrorKind, Result, Server, limit_or_default};
use wasyncio_transport::runtime::runtime;

use crate::connect::bind_failure;
use crate::names::{self, NoHost};
use crate::secure;
use crate::wasi::listener::TcpListener;
use crate::wasi::tcp::{self, TcpSocket};

/// How many connections wait to be accepted unless told otherwise, as in asyncio.
pub(crate) const DEFAULT_BACKLOG: u32 = 100;

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

/// Listens by TCP on every address of the hosts, with asyncio's keyword arguments. No host, or an empty one alone, means every
/// interface. An address that this machine does not have, or of a family that it does not have, is left out.
///
/// # Errors
/// As [`start_server`]; [`Error::Value`] if the limit is 0; [`Error::NotImplemented`] naming the option that WASI cannot do. With `ssl`
/// [`Error::Value`] without an identity, and [`Error::Os`] for what the policy does not grant.
pub async fn start_server_with(hosts: &[impl AsRef<str>], port: u16, options: ServerOptions) -> Result<Server> {
    let limit = limit_or_default(options.limit)?;
    check(&options)?;
    let ssl = secure::server(options.ssl.as_ref())?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    let mut hosts: Vec<Option<&str>> = hosts.iter().map(|host| Some(host.as_ref())).collect();
    if hosts.is_empty() || hosts == [Some("")] {
        hosts = vec![None];
    }
    for host in hosts {
        for address in names::resolve(host, port, options.family, NoHost::Any).await? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
    for address in &addresses {
        if let Some(listener) = bind(*address, &options)? {
            listeners.push(secure::listening(Box::new(listener), ssl.as_ref()));
        }
    }
    if listeners.is_empty() {
        let tried: Vec<_> = addresses.into_iter().map(|address| SocketAddress::Ip(address).to_string()).collect();
        let text = format!("could not bind on any address out of [{}]", tried.join(", "));
        return Err(OsError::new(OsErrorKind::AddressNotAvailable, text).into());
    }
    serve(listeners, limit, options.start_serving).await
}

/// A server of a socket that the program has bound itself.
///
/// # Errors
/// As [`start_server_with`]; [`Error::Os`] if the socket is not bound.
///
/// # asyncio
/// `server = await asyncio.start_server(callback, sock=sock)`.
pub async fn start_server_sock(socket: TcpSocket, options: ServerOptions) -> Result<Server> {
    let limit = limit_or_default(options.limit)?;
    check(&options)?;
    let ssl = secure::server(options.ssl.as_ref())?;
    let address = socket
        .get_local_address()
        .map(tcp::from_wasi)
        .map_err(|code| OsError::new(tcp::describe(&code).0, "The socket is not bound to an address"))?;
    prepare(&socket, &options).map_err(|code| bind_failure(&address, &code))?;
    let listener = secure::listening(Box::new(TcpListener::new(socket, address)), ssl.as_ref());
    serve(vec![listener], limit, options.start_serving).await
}

/// A server of bound sockets, which listens unless `start_serving` says not to.
pub(crate) async fn serve(
    listeners: Vec<Box<dyn Listener>>,
    limit: usize,
    start_serving: Option<bool>,
) -> Result<Server> {
    let server = Server::new(runtime(), listeners, limit);
    if start_serving != Some(false) {
        server.start_serving().await?;
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

/// A bound socket; none if this machine does not have the address, or its family. As CPython since 3.13.
fn bind(address: SocketAddr, options: &ServerOptions) -> Result<Option<TcpListener>> {
    let Ok(socket) = tcp::create(&address) else { return Ok(None) };
    let failed = |code: tcp::ErrorCode| Error::from(bind_failure(&address, &code));
    prepare(&socket, options).map_err(failed)?;
    match socket.bind(tcp::to_wasi(address)) {
        Ok(()) => {}
        Err(tcp::ErrorCode::AddressNotBindable) => return Ok(None),
        Err(code) => return Err(failed(code)),
    }
    let address = socket.get_local_address().map_or(address, tcp::from_wasi);
    Ok(Some(TcpListener::new(socket, address)))
}

fn prepare(socket: &TcpSocket, options: &ServerOptions) -> Result<(), tcp::ErrorCode> {
    // WASI refuses a backlog of 0, which systems take for the smallest.
    socket.set_listen_backlog_size(u64::from(options.backlog.unwrap_or(DEFAULT_BACKLOG).max(1)))?;
    if let Some(keep_alive) = options.keep_alive {
        socket.set_keep_alive_enabled(keep_alive)?;
    }
    Ok(())
}
