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
use crate::policy::check::{Check, ConnectPermit};
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

/// What the program may connect to.
struct Granted {
    address: UnixAddress,
    permit: ConnectPermit,
}

/// Connects to the socket at `path`, if the program may.
pub(in crate::unix) async fn connect(
    network: &Arc<Network>,
    check: &Arc<Check>,
    path: Arc<[u8]>,
) -> Result<UnixSocket, PathError> {
    let connected = connect_to(network, check, &path).await;
    let connection = connected.inspect_err(|_| network.failed_path())?;
    network.metrics.connected.inc();
    Ok(UnixSocket::new(connection, Arc::default(), path))
}

async fn connect_to(
    network: &Arc<Network>,
    check: &Arc<Check>,
    path: &Arc<[u8]>,
) -> Result<Arc<Connection>, PathError> {
    // For the file that is open until it is connected.
    let (unconnected, _descriptor) = (network.unconnected()?, network.descriptor()?);
    let (target, granted) = match Named::parse(path)? {
        Named::Abstract(name) => {
            let granted = permitted(check, UnixAddress::Abstract(name.to_vec()))?;
            (Target::Abstract(name.to_vec()), granted)
        }
        Named::Path(_) => {
            let (check, path) = (Arc::clone(check), Arc::clone(path));
            let found = blocking(network, move || find(&check, Path::new(OsStr::from_bytes(&path)))).await;
            found.map(|(place, granted)| (Target::File(place), granted))?
        }
    };
    let permit = network.permit_to_connect(unconnected)?;
    let stream = connected(&target).await?;
    // It took its time, and what is open is not looked at before it is here.
    if !check.upholds_unix(&granted.permit, &granted.address) {
        return Err(PathError::AccessDenied);
    }
    limit_buffers(network, &stream.socket());
    Ok(Connection::made(stream, SocketPlace::Unix(granted.address.into()), permit, None))
}

/// What is at `path`, if the program may connect to it.
fn find(check: &Check, path: &Path) -> Result<(Place, Granted), PathError> {
    match Place::find(path, OFlags::empty()) {
        Ok(place) => {
            let granted = permitted(check, UnixAddress::Path(place.path().to_owned()))?;
            Ok((place, granted))
        }
        // Why not is told of granted paths alone.
        Err(error) => Err(match permitted(check, UnixAddress::Path(likely(path))) {
            Ok(_) => path_error(&error),
            Err(denied) => denied,
        }),
    }
}

fn permitted(check: &Check, address: UnixAddress) -> Result<Granted, PathError> {
    let permit = check.permits_unix(&address).ok_or(PathError::AccessDenied)?;
    Ok(Granted { address, permit })
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
