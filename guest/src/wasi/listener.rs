//! One listening socket.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use wasyncio_core::address::SocketAddress;
use wasyncio_core::runtime::Task;
use wasyncio_core::transport::{Halves, Listener};
use wasyncio_core::{Error, Result};
use wasyncio_transport::runtime;
use wit_bindgen::rt::async_support::StreamVtable;

use super::bindings::sockets::types::{ErrorCode, TcpSocket};
use super::bindings::wit_stream::StreamPayload;
use super::{clock, tcp};
use crate::accepts::{Accepted, Accepts};
use crate::connect::bind_failure;

/// How long accepting pauses when the system is out of descriptors: asyncio's `ACCEPT_RETRY_DELAY`.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// A bound socket, and what accepts from it once it listens.
pub(crate) struct TcpListener {
    accepts: Option<Accepts<TcpSocket>>,
    pause: Option<Rc<Pause>>,
    address: SocketAddr,
    /// Owns the address, with `accepts`.
    socket: TcpSocket,
}

impl TcpListener {
    /// Of a bound socket.
    pub(crate) fn new(socket: TcpSocket, address: SocketAddr) -> Self {
        Self { accepts: None, pause: None, address, socket }
    }
}

impl Listener for TcpListener {
    fn poll_listen(&mut self, _cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.accepts.is_none() {
            let stream = self.socket.listen().map_err(|code| Error::from(bind_failure(&self.address, &code)))?;
            self.accepts = Some(Accepts::new(stream));
            // An address that was left to the system may be known only now.
            self.address = self.socket.get_local_address().map_or(self.address, tcp::from_wasi);
        }
        Poll::Ready(Ok(()))
    }

    fn addresses(&self) -> Vec<SocketAddress> {
        vec![self.address.into()]
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Halves>> {
        let Some(accepts) = &mut self.accepts else { return Poll::Pending };
        loop {
            if let Some(pause) = &self.pause {
                ready!(pause.poll(cx));
                self.pause = None;
            }
            let Some(socket) = ready!(accepts.poll_accept(cx)) else { return Poll::Ready(None) };
            // WASI has no other way to tell of a failed accept: what comes is a socket without an address.
            match socket.get_local_address() {
                Ok(_) => return Poll::Ready(Some(tcp::halves(socket))),
                // The peer was gone before it was accepted.
                Err(ErrorCode::ConnectionAborted | ErrorCode::ConnectionReset) => {}
                Err(_) => self.pause = Some(Pause::begin(ACCEPT_RETRY_DELAY)),
            }
        }
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

impl Accepted for TcpSocket {
    const VTABLE: &'static StreamVtable<Self> = <Self as StreamPayload>::VTABLE;

    #[expect(unsafe_code, reason = "the caller's promise is the bindings'")]
    unsafe fn from_handle(handle: u32) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_handle(handle) }
    }
}

/// A pause of its own task: whoever accepts may come and go.
#[derive(Default)]
struct Pause {
    over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Pause {
    fn begin(time: Duration) -> Rc<Self> {
        let pause = Rc::<Self>::default();
        let ending = pause.clone();
        runtime::spawn(Box::pin(async move {
            clock::sleep(time).await;
            ending.over.set(true);
            if let Some(waker) = ending.waker.take() {
                waker.wake();
            }
        }));
        pause
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.over.get() {
            return Poll::Ready(());
        }
        self.waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}
