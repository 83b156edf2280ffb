//! A Unix socket that is listened on.

use std::task::{Context, Poll, ready};

use wasyncio_core::address::SocketAddress;
use wasyncio_core::runtime::Task;
use wasyncio_core::transport::{Halves, Listener};
use wasyncio_core::{Error, Result};
use wit_bindgen::rt::async_support::StreamVtable;

use super::bindings::unix::{UnixListener as Socket, UnixSocket};
use super::bindings::wit_stream::StreamPayload;
use super::unix::{failure, halves};
use crate::accepts::{Accepted, Accepts};

/// A bound socket, and what accepts from it once it listens. Out of descriptors, the host pauses.
pub(crate) struct UnixListener {
    accepts: Option<Accepts<UnixSocket>>,
    path: SocketAddress,
    /// Owns the path, with `accepts`.
    socket: Socket,
}

impl UnixListener {
    /// Of a socket that is bound to `path`.
    pub(crate) fn new(socket: Socket, path: SocketAddress) -> Self {
        Self { accepts: None, path, socket }
    }
}

impl Listener for UnixListener {
    fn poll_listen(&mut self, _cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.accepts.is_none() {
            let stream = self.socket.listen().map_err(|error| Error::from(failure(&self.path, error)))?;
            self.accepts = Some(Accepts::new(stream));
        }
        Poll::Ready(Ok(()))
    }

    fn addresses(&self) -> Vec<SocketAddress> {
        vec![self.path.clone()]
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Halves>> {
        let Some(accepts) = &mut self.accepts else { return Poll::Pending };
        Poll::Ready(ready!(accepts.poll_accept(cx)).map(halves))
    }

    fn withdraw(&mut self) {
        if let Some(accepts) = &self.accepts {
            accepts.withdraw();
        }
    }

    fn close(self: Box<Self>) -> Option<Task> {
        // An accept in flight is ended by the drop of `accepts`.
        None
    }
}

impl Accepted for UnixSocket {
    const VTABLE: &'static StreamVtable<Self> = <Self as StreamPayload>::VTABLE;

    #[expect(unsafe_code, reason = "the caller's promise is the bindings'")]
    unsafe fn from_handle(handle: u32) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_handle(handle) }
    }
}
