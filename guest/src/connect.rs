//! `asyncio.open_connection` over TCP.

use std::net::SocketAddr;

use wasyncio_core::address::SocketAddress;
use wasyncio_core::options::ConnectionOptions;
use wasyncio_core::{Error, OsError, OsErrorKind, Result, StreamReader, StreamWriter, limit_or_default, open};
use wasyncio_transport::runtime::runtime;
use wasyncio_transport::{ByteStream, pipe};

use crate::attempts::{interleave, staggered_race};
use crate::names::{self, NoHost};
use crate::secure;
use crate::wasi::bindings::BYTES;
use crate::wasi::tcp::{self, TcpSocket};

/// `IPPROTO_TCP`.
const TCP: u32 = 6;

/// Connects to `host`, a name or an address, by TCP.
///
/// # Errors
/// [`Error::Os`] if the name does not resolve or the connection is refused, denied, reset or timed out, with the address.
///
/// # Cancel safety
/// Yes: dropping the future closes what was begun.
///
/// # asyncio
/// `reader, writer = await asyncio.open_connection(host, port)`.
pub async fn open_connection(host: &str, port: u16) -> Result<(StreamReader, StreamWriter)> {
    open_connection_with(Some(host), Some(port), ConnectionOptions::default()).await
}

/// Connects by TCP, with asyncio's keyword arguments. Without a `host` it is this machine.
///
/// # Errors
/// As [`open_connection`]; [`Error::Value`] with neither host nor port, or a limit of 0; [`Error::NotImplemented`] naming the
/// option that WASI cannot do; [`Error::Group`] of all failures with `all_errors`. With `ssl` [`Error::Ssl`],
/// [`Error::SslCertVerification`], and [`Error::Os`] for what the policy does not grant.
///
/// # Cancel safety
/// As [`open_connection`].
pub async fn open_connection_with(
    host: Option<&str>,
    port: Option<u16>,
    options: ConnectionOptions,
) -> Result<(StreamReader, StreamWriter)> {
    let limit = limit_or_default(options.limit)?;
    check(&options)?;
    if host.is_none() && port.is_none() {
        return Err(Error::Value("host and port was not specified and no sock specified".into()));
    }
    let ssl = secure::client(options.ssl.as_ref(), host, "You must set server_hostname when using ssl without a host")?;
    let addresses = names::resolve(host, port.unwrap_or(0), options.family, NoHost::Loopback).await?;
    let local = match &options.local_addr {
        Some((host, port)) => Some(names::resolve(host.as_deref(), *port, options.family, NoHost::Loopback).await?),
        None => None,
    };

    let racing = options.happy_eyeballs_delay;
    let addresses = interleave(addresses, options.interleave.unwrap_or(u32::from(racing.is_some())));
    let attempts = addresses.into_iter().map(|address| connect(address, local.as_deref()));
    let connected = staggered_race(attempts, racing).await;
    let socket = connected.map_err(|failures| combine(failures.concat(), options.all_errors))?;
    let halves = secure::secured(tcp::halves(socket), ssl).await?;
    Ok(open(runtime(), halves, limit))
}

/// A reader and a writer of a socket that the program has connected itself. `limit` is in bytes; none is
/// [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
///
/// # Errors
/// [`Error::Value`] if the limit is 0; [`Error::Os`] if the socket is not connected.
///
/// # asyncio
/// `reader, writer = await asyncio.open_connection(sock=sock)`.
pub async fn open_connection_sock(socket: TcpSocket, limit: Option<u64>) -> Result<(StreamReader, StreamWriter)> {
    let limit = limit_or_default(limit)?;
    if socket.get_remote_address().is_err() {
        return Err(OsError::new(OsErrorKind::NotConnected, OsErrorKind::NotConnected.describe()).into());
    }
    Ok(open(runtime(), tcp::halves(socket), limit))
}

/// A reader and a writer over any two streams, and the stream that the written bytes come out of. `limit` is in bytes; none is
/// [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
///
/// # Errors
/// [`Error::Value`] if the limit is 0.
pub fn from_streams(incoming: ByteStream, limit: Option<u64>) -> Result<(StreamReader, StreamWriter, ByteStream)> {
    let limit = limit_or_default(limit)?;
    let (halves, outgoing) = pipe(incoming, BYTES);
    let (reader, writer) = open(runtime(), halves, limit);
    Ok((reader, writer, outgoing))
}

fn check(options: &ConnectionOptions) -> Result<()> {
    let unsupported = if options.proto.is_some_and(|proto| proto != 0 && proto != TCP) {
        "proto: only TCP (0 or 6) is supported"
    } else if options.flags.is_some_and(|flags| flags != 0) {
        "flags: WASI's name look-up takes no flags"
    } else {
        return Ok(());
    };
    Err(Error::NotImplemented(unsupported.into()))
}

/// One attempt. Its failures are those that CPython lists: every local address that could not be bound, or the connect.
async fn connect(address: SocketAddr, local: Option<&[SocketAddr]>) -> Result<TcpSocket, Vec<OsError>> {
    let failed = |code: tcp::ErrorCode| {
        let (kind, cause) = tcp::describe(&code);
        let text = format!("Connect call failed {}: {}", SocketAddress::Ip(address), cause.to_ascii_lowercase());
        vec![OsError::new(kind, text).at(address)]
    };
    let socket = tcp::create(&address).map_err(failed)?;
    if let Some(local) = local {
        bind(&socket, address, local)?;
    }
    socket.connect(tcp::to_wasi(address)).await.map_err(failed)?;
    Ok(socket)
}

/// Binds to the first of the local addresses that can be bound, of those of the right family.
fn bind(socket: &TcpSocket, remote: SocketAddr, local: &[SocketAddr]) -> Result<(), Vec<OsError>> {
    let mut failures = Vec::new();
    for address in local.iter().filter(|address| address.is_ipv4() == remote.is_ipv4()) {
        match socket.bind(tcp::to_wasi(*address)) {
            Ok(()) => return Ok(()),
            Err(code) => failures.push(bind_failure(address, &code)),
        }
    }
    if failures.is_empty() {
        // As Python on Linux prints the member of its enum.
        let family = if remote.is_ipv4() { "AF_INET: 2" } else { "AF_INET6: 10" };
        let text = format!("no matching local address with family=<AddressFamily.{family}> found");
        failures.push(OsError::new(OsErrorKind::Other, text).at(remote));
    }
    Err(failures)
}

/// The error of a failed bind, in Python's words.
pub(crate) fn bind_failure(address: &SocketAddr, code: &tcp::ErrorCode) -> OsError {
    let (kind, cause) = tcp::describe(code);
    let address = SocketAddress::Ip(*address);
    let text = format!("error while attempting to bind on address {address}: {}", cause.to_ascii_lowercase());
    OsError::new(kind, text).at(address.to_endpoint())
}

/// One error for all failures, as `create_connection` makes it: the first if they all read the same.
fn combine(failures: Vec<OsError>, all: bool) -> Error {
    if all {
        return Error::Group(failures);
    }
    let Some(first) = failures.first() else {
        return OsError::new(OsErrorKind::TimedOut, "create_connection failed").into();
    };
    if failures.iter().all(|failure| failure.message == first.message) {
        return first.clone().into();
    }
    let messages: Vec<_> = failures.into_iter().map(|failure| failure.message).collect();
    OsError::new(OsErrorKind::Other, format!("Multiple exceptions: {}", messages.join(", "))).into()
}
