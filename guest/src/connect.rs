//! `asyncio.open_connection` over TCP.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Weak;
use std::time::Duration;

use crate::address::{AddressFamily, PythonAddress, SocketInfo};
use crate::attempts::{interleave, staggered_race};
use crate::connection::{Connection, Owner};
use crate::error::{Error, OsError, OsErrorKind, Result};
use crate::names::{self, NoHost};
use crate::reader::{ReaderState, StreamReader};
use crate::semantics::limits::limit_or_default;
use crate::transport::pipe;
use crate::transport::tcp::{self, TcpSocket};
use crate::writer::StreamWriter;

/// `IPPROTO_TCP`.
const TCP: u32 = 6;

/// The keyword arguments of Python's `open_connection`; what is none has Python's default.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConnectionOptions {
    /// The reader's limit in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    pub limit: Option<u64>,
    /// Only addresses of this family.
    pub family: Option<AddressFamily>,
    /// `IPPROTO_…`: 0 and 6 mean TCP, any other is not supported.
    pub proto: Option<u32>,
    /// Flags of `getaddrinfo`: WASI has none, so anything but 0 is not supported.
    pub flags: Option<u32>,
    /// Bind to this host and port, or port 0, before connecting.
    pub local_addr: Option<(String, u16)>,
    /// Race the addresses (RFC 8305): nanoseconds between two starts; none is one after the other.
    pub happy_eyeballs_delay: Option<u64>,
    /// How many addresses of the first family come first; none is 1 when racing, else 0, which keeps the order.
    pub interleave: Option<u32>,
    /// Report every failed attempt instead of one combined error.
    pub all_errors: bool,
}

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
/// option that WASI cannot do; [`Error::Group`] of all failures with `all_errors`.
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
    let addresses = names::resolve(host, port.unwrap_or(0), options.family, NoHost::Loopback).await?;
    let local = match &options.local_addr {
        Some((host, port)) => Some(names::resolve(Some(host), *port, options.family, NoHost::Any).await?),
        None => None,
    };

    let racing = options.happy_eyeballs_delay.map(Duration::from_nanos);
    let addresses = interleave(addresses, options.interleave.unwrap_or(u32::from(racing.is_some())));
    let attempts = addresses.into_iter().map(|address| connect(address, local.as_deref()));
    let connected = match racing {
        Some(delay) => staggered_race(attempts, delay).await,
        None => first_success(attempts).await,
    };
    let socket = connected.map_err(|failures| combine(failures, options.all_errors))?;
    Ok(streams_of(&socket, limit, None))
}

async fn first_success<T, E>(
    attempts: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<T, Vec<E>> {
    let mut failures = Vec::new();
    for attempt in attempts {
        match attempt.await {
            Ok(won) => return Ok(won),
            Err(failure) => failures.push(failure),
        }
    }
    Err(failures)
}

/// A reader and a writer of a socket that the program has connected itself. `limit` is in bytes; none is
/// [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
///
/// # Errors
/// [`Error::Value`] if the limit is 0; [`Error::Os`] if the socket is not connected.
///
/// # asyncio
/// `reader, writer = await asyncio.open_connection(sock=sock)`.
pub fn open_connection_sock(socket: &TcpSocket, limit: Option<u64>) -> Result<(StreamReader, StreamWriter)> {
    let limit = limit_or_default(limit)?;
    if let Err(code) = socket.get_remote_address() {
        return Err(OsError::new(tcp::kind_of(&code), "Transport endpoint is not connected").into());
    }
    Ok(streams_of(socket, limit, None))
}

/// A reader and a writer over any two streams, and the stream that the written bytes come out of. `limit` is in bytes; none is
/// [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
///
/// # Errors
/// [`Error::Value`] if the limit is 0.
pub fn from_streams(incoming: ByteStream, limit: Option<u64>) -> Result<(StreamReader, StreamWriter, ByteStream)> {
    let state = ReaderState::new(limit_or_default(limit)?);
    let (inbound, outbound, outgoing) = pipe::split(incoming);
    let connection = Connection::new(inbound, outbound, SocketInfo::default(), state.clone(), None);
    Ok((StreamReader::of(state, connection.clone()), StreamWriter::of(connection), outgoing))
}

/// A component-model `stream<u8>`, to read from.
pub type ByteStream = wit_bindgen::rt::async_support::StreamReader<u8>;

/// The reader and writer of a connected socket.
pub(crate) fn streams_of(
    socket: &TcpSocket,
    limit: usize,
    owner: Option<(Weak<dyn Owner>, usize)>,
) -> (StreamReader, StreamWriter) {
    let info = SocketInfo {
        sockname: socket.get_local_address().ok().map(tcp::from_wasi),
        peername: socket.get_remote_address().ok().map(tcp::from_wasi),
    };
    let (inbound, outbound) = tcp::split(socket);
    let state = ReaderState::new(limit);
    let connection = Connection::new(inbound, outbound, info, state.clone(), owner);
    (StreamReader::of(state, connection.clone()), StreamWriter::of(connection))
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

/// One attempt.
async fn connect(address: SocketAddr, local: Option<&[SocketAddr]>) -> Result<TcpSocket, OsError> {
    let failed = |code: tcp::ErrorCode| {
        let cause = tcp::describe(&code).to_ascii_lowercase();
        OsError::new(tcp::kind_of(&code), format!("Connect call failed {}: {cause}", PythonAddress(&address)))
            .at(address)
    };
    let socket = tcp::create(&address).map_err(failed)?;
    if let Some(local) = local {
        bind(&socket, address, local)?;
    }
    socket.connect(tcp::to_wasi(address)).await.map_err(failed)?;
    Ok(socket)
}

/// Binds to the first of the local addresses that can be bound, of those of the right family.
fn bind(socket: &TcpSocket, remote: SocketAddr, local: &[SocketAddr]) -> Result<(), OsError> {
    let mut failure = None;
    for address in local.iter().filter(|address| address.is_ipv4() == remote.is_ipv4()) {
        match socket.bind(tcp::to_wasi(*address)) {
            Ok(()) => return Ok(()),
            Err(code) => failure = Some(bind_failure(address, &code)),
        }
    }
    Err(failure.unwrap_or_else(|| {
        // As Python on Linux prints the member of its enum.
        let family = if remote.is_ipv4() { "AF_INET: 2" } else { "AF_INET6: 10" };
        let text = format!("no matching local address with family=<AddressFamily.{family}> found");
        OsError::new(OsErrorKind::AddressNotAvailable, text).at(remote)
    }))
}

/// The error of a failed bind, in Python's words.
pub(crate) fn bind_failure(address: &SocketAddr, code: &tcp::ErrorCode) -> OsError {
    let cause = tcp::describe(code).to_ascii_lowercase();
    let text = format!("error while attempting to bind on address {}: {cause}", PythonAddress(address));
    OsError::new(tcp::kind_of(code), text).at(address)
}

/// One error for all attempts, as `create_connection` makes it.
fn combine(mut failures: Vec<OsError>, all: bool) -> Error {
    if all {
        return Error::Group(failures);
    }
    let Some(last) = failures.pop() else {
        return OsError::new(OsErrorKind::Other, "getaddrinfo() returned empty list").into();
    };
    if failures.iter().all(|failure| failure.message == last.message) {
        return last.into();
    }
    failures.push(last.clone());
    let texts: Vec<_> = failures.iter().map(|failure| failure.message.as_str()).collect();
    OsError::new(last.kind, format!("Multiple exceptions: {}", texts.join(", "))).into()
}
