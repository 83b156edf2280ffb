//! A listening socket that can be closed while a program holds it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Listens until it is dropped or closed. Closed, it accepts nothing more, tells whoever waits, and knows its address.
pub(super) struct Listener {
    address: SocketAddr,
    inner: Mutex<Option<TcpListener>>,
    closed: CancellationToken,
}

impl Listener {
    pub(super) fn new(inner: TcpListener) -> io::Result<Self> {
        Ok(Self { address: inner.local_addr()?, inner: Mutex::new(Some(inner)), closed: CancellationToken::new() })
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
        f(self.inner.lock().unwrap_or_else(PoisonError::into_inner).as_ref())
    }

    pub(super) fn close(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.closed.cancel();
    }

    /// Waits until it is closed.
    pub(super) fn closed(&self) -> WaitForCancellationFutureOwned {
        self.closed.clone().cancelled_owned()
    }
}
