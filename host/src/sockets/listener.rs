//! A listening socket that can be closed while a program holds it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::address::Place;
use super::network::Unconnected;
use super::shared::{Lease, OnClose};
use super::stream::Stream;

/// Listens until it is dropped or closed. Closed, it accepts nothing more, tells whoever waits, and knows its place.
pub(crate) struct Listener {
    place: Place,
    inner: Mutex<Option<Open>>,
    closed: CancellationToken,
}

/// In the order in which they are dropped: a port is free when its last socket is closed.
struct Open {
    _on_close: Option<OnClose>,
    socket: Listening,
    _lease: Option<Lease>,
    _unconnected: Option<Unconnected>,
}

/// The system's listening socket, of whichever kind.
pub(crate) enum Listening {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listening {
    /// The next connection, with the peer's address if it has one.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Stream, Option<SocketAddr>)>> {
        match self {
            Self::Tcp(socket) => socket.poll_accept(context).map_ok(|(stream, peer)| (Stream::Tcp(stream), Some(peer))),
            #[cfg(unix)]
            Self::Unix(socket) => socket.poll_accept(context).map_ok(|(stream, _)| (Stream::Unix(stream), None)),
        }
    }

    fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(socket) => SockRef::from(socket),
            #[cfg(unix)]
            Self::Unix(socket) => SockRef::from(socket),
        }
    }
}

impl Listener {
    /// `place` is where it listens. `lease` is of a socket that is shared, `on_close` of one that is not.
    pub(crate) fn new(
        socket: Listening,
        place: Place,
        lease: Option<Lease>,
        on_close: Option<OnClose>,
        unconnected: Option<Unconnected>,
    ) -> Self {
        let open = Open { _on_close: on_close, socket, _lease: lease, _unconnected: unconnected };
        Self { place, inner: Mutex::new(Some(open)), closed: CancellationToken::new() }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Accepts; once closed, waits forever.
    pub(crate) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Stream, Option<SocketAddr>)>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.as_ref() {
            Some(open) => open.socket.poll_accept(context),
            None => Poll::Pending,
        }
    }

    /// Calls `f` with the socket, if it is open.
    pub(crate) fn with<T>(&self, f: impl FnOnce(Option<SockRef<'_>>) -> T) -> T {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        f(inner.as_ref().map(|open| open.socket.socket()))
    }

    pub(crate) fn close(&self) {
        let open = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(open);
        self.closed.cancel();
    }

    /// Waits until it is closed.
    pub(crate) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.closed.clone().cancelled_owned()
    }
}
