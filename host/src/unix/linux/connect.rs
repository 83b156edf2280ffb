//! Connecting.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixStream;

use super::blocking;
use super::error::path_error;
use super::listen::limit_buffers;
use super::place::{Place, likely};
use crate::UnixAddress;
use crate::policy::check::Check;
use crate::sockets::Network;
use crate::sockets::address::Place as SocketPlace;
use crate::sockets::connection::Connection;
use crate::sockets::stream::Stream;
use crate::unix::address::Named;
use crate::unix::bindings::unix::PathError;
use crate::unix::socket::UnixSocket;

/// How long connecting goes on while the queue of the listening socket is full. The system has no way to wait for that.
const PATIENCE: Duration = Duration::from_secs(60);

/// The pauses in between: the first one, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// What is connected to.
enum Target {
    /// A file that is open.
    File(Place),
    /// Without the NUL.
    Abstract(Vec<u8>),
}

/// Connects to the socket at `path`, if the program may.
pub(in crate::unix) async fn connect(
    network: &Arc<Network>,
    check: &Check,
    path: Arc<[u8]>,
) -> Result<UnixSocket, PathError> {
    let connected = connect_to(network, check, &path).await;
    let connection = connected.inspect_err(|_| network.failed_path())?;
    network.metrics.connected.inc();
    Ok(UnixSocket::new(connection, Arc::default(), path))
}

async fn connect_to(network: &Arc<Network>, check: &Check, path: &Arc<[u8]>) -> Result<Arc<Connection>, PathError> {
    // For the file that is open until it is connected.
    let (unconnected, _descriptor) = (network.unconnected()?, network.descriptor()?);
    let (address, found) = match Named::parse(path)? {
        Named::Abstract(name) => (UnixAddress::Abstract(name.to_vec()), Ok(Target::Abstract(name.to_vec()))),
        Named::Path(_) => {
            let path = Arc::clone(path);
            blocking(network, move || find(Path::new(OsStr::from_bytes(&path)))).await
        }
    };
    let granted = check.permits_unix(&address).ok_or(PathError::AccessDenied)?;
    let target = found?;
    let permit = network.permit_to_connect(unconnected)?;
    let stream = connected(&target).await?;
    // It took its time, and what is open is not looked at before it is here.
    if !check.upholds_unix(&granted, &address) {
        return Err(PathError::AccessDenied);
    }
    limit_buffers(network, &stream.socket());
    Ok(Connection::made(stream, SocketPlace::Unix(address.into()), permit, None))
}

/// What is at `path`. Why there is nothing is told of granted paths alone: only then the result may be looked at.
fn find(path: &Path) -> (UnixAddress, Result<Target, PathError>) {
    match Place::find(path, OFlags::empty()) {
        Ok(place) => (UnixAddress::Path(place.path().to_owned()), Ok(Target::File(place))),
        Err(error) => (UnixAddress::Path(likely(path)), Err(path_error(&error))),
    }
}

async fn connected(target: &Target) -> Result<Stream, PathError> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let address = match target {
        Target::File(place) => SockAddr::unix(place.by_descriptor())?,
        Target::Abstract(name) => abstract_address(name)?,
    };
    let end = Instant::now() + PATIENCE;
    let mut pause = PAUSES.0;
    loop {
        match socket.connect(&address) {
            Ok(()) => return Ok(Stream::Unix(UnixStream::from_std(socket.into())?)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(PathError::Timeout),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The address of an abstract name.
pub(super) fn abstract_address(name: &[u8]) -> io::Result<SockAddr> {
    // Checked for what cannot be one; socket2 takes it as a path that begins with a NUL.
    std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    let path = [b"\0", name].concat();
    SockAddr::unix(OsStr::from_bytes(&path))
}
