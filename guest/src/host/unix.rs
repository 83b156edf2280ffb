//! Unix sockets of `wasyncio:host`: what a connection over one is, and what their errors mean.

use wasyncio_core::address::SocketAddress;
use wasyncio_core::extra_info::Addresses;
use wasyncio_core::transport::Halves;
use wasyncio_core::{OsError, OsErrorKind};
use wasyncio_transport::outcome::OutcomeSource;
use wasyncio_transport::{Begin, ByteStream};

use super::bindings::unix::{PathError, UnixSocket};
use crate::wasi::tcp::{outcome, socket_halves};

/// The two directions of a connection. The sending one is begun when something is sent; until then it holds the socket.
pub(crate) fn halves(socket: UnixSocket) -> Halves {
    let info = Addresses {
        sockname: Some(SocketAddress::Unix(socket.get_local_path())),
        peername: Some(SocketAddress::Unix(socket.get_remote_path())),
        peer_credentials: socket.get_peer_credentials(),
    };
    socket_halves(socket.receive(), Box::new(Sending(socket)), info)
}

/// A connected socket that sends nothing yet.
struct Sending(UnixSocket);

impl Begin for Sending {
    fn begin(self: Box<Self>, outgoing: ByteStream) -> Box<dyn OutcomeSource> {
        outcome(self.0.send(outgoing))
    }
}

/// Python's error for what happened at `path`: the system's words.
pub(crate) fn failure(path: &SocketAddress, error: PathError) -> OsError {
    let kind = match error {
        PathError::AccessDenied => OsErrorKind::AccessDenied,
        PathError::AddressInUse => OsErrorKind::AddressInUse,
        PathError::ConnectionRefused => OsErrorKind::ConnectionRefused,
        PathError::FileNotFound => OsErrorKind::FileNotFound,
        PathError::InvalidArgument | PathError::PathTooLong => OsErrorKind::InvalidArgument,
        PathError::NotADirectory => OsErrorKind::NotADirectory,
        PathError::NotSupported => OsErrorKind::NotSupported,
        PathError::OutOfMemory => OsErrorKind::OutOfResources,
        PathError::Timeout => OsErrorKind::TimedOut,
        PathError::Other(_) => OsErrorKind::Other,
    };
    let message = match error {
        PathError::PathTooLong => "AF_UNIX path too long".into(),
        PathError::Other(Some(words)) => words,
        _ => kind.describe().into(),
    };
    OsError::new(kind, message).at(path.to_endpoint())
}
