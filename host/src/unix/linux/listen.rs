//! Listening.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::blocking;
use super::connect::abstract_address;
use super::error::path_error;
use super::file::{self, SocketFile};
use super::place::{NamedPlace, likely};
use crate::UnixAddress;
use crate::policy::check::Check;
use crate::sockets::Network;
use crate::sockets::accept::{Accepting, Kind};
use crate::sockets::address::Place;
use crate::sockets::connection::Connection;
use crate::sockets::listener::{Listener, Listening};
use crate::sockets::network::{Permit, Unconnected};
use crate::sockets::shared::{Lease, OnClose};
use crate::sockets::stream::Stream;
use crate::unix::address::Named;
use crate::unix::bindings::unix::{ListenOptions, PathError};
use crate::unix::socket::UnixSocket;
use crate::wasi::tcp::bindings::types::ErrorCode;

/// A socket that is bound, as a program has it.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct UnixListener {
    network: Arc<Network>,
    /// As the program gave it.
    path: Arc<[u8]>,
    backlog: u32,
    state: State,
}

enum State {
    Bound(Bound),
    /// Open as long as the program has this.
    Listening(Arc<Listener>),
    /// It could not listen.
    Broken,
}

/// In the order in which they are dropped: what is to be done as the socket is closed comes before it.
struct Bound {
    on_close: Option<OnClose>,
    socket: Socket,
    address: Arc<UnixAddress>,
    lease: Option<Lease>,
    unconnected: Unconnected,
}

impl UnixListener {
    /// Listens, once, if the program still may.
    pub(in crate::unix) fn listen(&mut self, check: &Check) -> Result<Accepting<AcceptedUnix>, PathError> {
        let Bound { socket, address, mut lease, on_close, unconnected } =
            match std::mem::replace(&mut self.state, State::Broken) {
                State::Bound(bound) => bound,
                other => {
                    self.state = other;
                    return Err(PathError::InvalidArgument);
                }
            };
        // The policy may have been changed, and what is bound is not looked at before it listens.
        if !check.keeps_unix_listening(&address) {
            permitted(check, &address)?;
        }
        socket.listen(i32::try_from(self.backlog).unwrap_or(i32::MAX))?;
        let socket = tokio::net::UnixListener::from_std(socket.into())?;
        lease.iter_mut().for_each(Lease::listening);
        let listener = Arc::new(Listener::new(
            Listening::Unix(socket),
            Place::Unix(Arc::clone(&address)),
            lease,
            on_close,
            Some(unconnected),
        ));
        self.network.listening(&listener);
        self.state = State::Listening(Arc::clone(&listener));
        Ok(Accepting::new(listener, Arc::clone(&self.network), AcceptedUnix { path: Arc::clone(&self.path), address }))
    }
}

impl Drop for UnixListener {
    fn drop(&mut self) {
        // At once, as the file is to be gone: the stream of its connections is dropped later.
        if let State::Listening(listener) = &self.state {
            listener.close();
        }
    }
}

/// Where a socket is to be made.
enum Target {
    File(NamedPlace),
    Abstract(SockAddr),
}

/// Makes a socket at `path`, if the program may.
pub(in crate::unix) async fn bind(
    network: &Arc<Network>,
    check: &Check,
    path: Arc<[u8]>,
    options: ListenOptions,
) -> Result<UnixListener, PathError> {
    let bound = bind_to(network, check, &path, options.cleanup).await;
    let bound = bound.inspect_err(|_| network.failed_path())?;
    Ok(UnixListener { network: Arc::clone(network), path, backlog: options.backlog, state: State::Bound(bound) })
}

async fn bind_to(network: &Arc<Network>, check: &Check, path: &Arc<[u8]>, cleanup: bool) -> Result<Bound, PathError> {
    let unconnected = network.unconnected()?;
    let (address, found) = match Named::parse(path)? {
        Named::Abstract(name) => (
            UnixAddress::Abstract(name.to_vec()),
            abstract_address(name).map(Target::Abstract).map_err(PathError::from),
        ),
        Named::Path(_) => {
            let path = Arc::clone(path);
            blocking(network, move || find(Path::new(OsStr::from_bytes(&path)))).await
        }
    };
    permitted(check, &address)?;
    let (target, of_work) = (found?, Arc::clone(network));
    blocking(network, move || bound(&of_work, unconnected, address, target, cleanup)).await
}

/// Where a socket is to be made. Why not is told of granted paths alone: only then the result may be looked at.
fn find(path: &Path) -> (UnixAddress, Result<Target, PathError>) {
    match NamedPlace::find(path) {
        Ok(place) => (UnixAddress::Path(place.path()), Ok(Target::File(place))),
        Err(error) => (UnixAddress::Path(likely(path)), Err(path_error(&error))),
    }
}

fn permitted(check: &Check, address: &UnixAddress) -> Result<(), PathError> {
    if check.permits_unix_listen(address) { Ok(()) } else { Err(PathError::AccessDenied) }
}

/// A socket at `address`: one that other workers have, or a new one.
fn bound(
    network: &Arc<Network>,
    unconnected: Unconnected,
    address: UnixAddress,
    target: Target,
    cleanup: bool,
) -> Result<Bound, PathError> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let address = Arc::new(address);
    // For the folder, if it stays open.
    let descriptor = network.descriptor()?;
    let bind = move |socket: &Socket| -> Result<Option<OnClose>, PathError> {
        match target {
            Target::Abstract(address) => socket.bind(&address)?,
            Target::File(place) => {
                file::bind(socket, &place)?;
                if cleanup {
                    return Ok(Some(Box::new(SocketFile::of(place, descriptor)?)));
                }
            }
        }
        Ok(None)
    };
    match network.shared.clone() {
        None => {
            let on_close = bind(&socket)?;
            Ok(Bound { on_close, socket, address, lease: None, unconnected })
        }
        Some(shared) => {
            let place = Place::Unix(Arc::clone(&address));
            let bound = shared.bind(place, socket, network.descriptor()?, bind);
            let (socket, lease) = bound.map_err(|(_, error)| error)?;
            Ok(Bound { on_close: None, socket, address, lease: Some(lease), unconnected })
        }
    }
}

/// Gives a socket buffers of the size that a program may have.
pub(super) fn limit_buffers(network: &Network, socket: &SockRef<'_>) {
    let Some(size) = network.max_buffer else { return };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    // A size is a hint, which a system may refuse.
    _ = socket.set_send_buffer_size(size);
    _ = socket.set_recv_buffer_size(size);
}

/// What listening Unix sockets make of connections.
pub(in crate::unix) struct AcceptedUnix {
    /// As the program gave it.
    path: Arc<[u8]>,
    address: Arc<UnixAddress>,
}

impl Kind for AcceptedUnix {
    type Socket = UnixSocket;

    fn connected(
        &self,
        network: &Arc<Network>,
        stream: Stream,
        _peer: Option<SocketAddr>,
        permit: Permit,
    ) -> Self::Socket {
        limit_buffers(network, &stream.socket());
        let connection = Connection::accepted(stream, Place::Unix(Arc::clone(&self.address)), permit);
        UnixSocket::new(connection, Arc::clone(&self.path), Arc::default())
    }

    fn failed(&self, _: &Arc<Network>, _: ErrorCode) -> Option<Self::Socket> {
        None
    }
}
