//! A listening socket that can be closed while a program holds it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::network::Unconnected;
use super::shared::Lease;

/// Listens until it is dropped or closed. Closed, it accepts nothing more, tells whoever waits, and knows its address.
pub(super) struct Listener {
    address: SocketAddr,
    inner: Mutex<Option<Open>>,
    closed: CancellationToken,
}

/// In the order in which they are dropped: a port is free when its last socket is closed.
struct Open {
    socket: TcpListener,
    _lease: Option<Lease>,
    _unconnected: Option<Unconnected>,
}

impl Listener {
    pub(super) fn new(socket: TcpListener, lease: Option<Lease>, unconnected: Option<Unconnected>) -> io::Result<Self> {
        let open = Open { _lease: lease, _unconnected: unconnected, socket };
        Ok(Self { address: open.socket.local_addr()?, inner: Mutex::new(Some(open)), closed: CancellationToken::new() })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts; once closed, waits forever.
    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.with(|listener| match listener {
            Some(listener) => listener.poll_accept(context),
            None => Poll::Pending,
        })
    }

    /// Calls `f` with the socket, if it is open.
    pub(super) fn with<T>(&self, f: impl FnOnce(Option<&TcpListener>) -> T) -> T {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        f(inner.as_ref().map(|open| &open.socket))
    }

    pub(super) fn close(&self) {
        let open = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(open);
        self.closed.cancel();
    }

    /// Waits until it is closed.
    pub(super) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.closed.clone().cancelled_owned()
    }
}
