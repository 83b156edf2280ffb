//! One listening socket.

#![expect(unsafe_code, reason = "the host writes the handle of an accepted socket into our memory")]

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use wasyncio_core::address::SocketAddress;
use wasyncio_core::runtime::Task;
use wasyncio_core::transport::{Halves, Listener};
use wasyncio_core::{Error, Result};
use wasyncio_transport::{Ended, Waitable, runtime};
use wit_bindgen::rt::async_support::{StreamReader, StreamVtable};

use super::bindings::sockets::types::{ErrorCode, TcpSocket};
use super::bindings::wit_stream::StreamPayload;
use super::{clock, tcp};
use crate::connect::bind_failure;

/// How long accepting pauses when the system is out of descriptors: asyncio's `ACCEPT_RETRY_DELAY`.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// A bound socket, and what accepts from it once it listens.
pub(crate) struct TcpListener {
    accepts: Option<Accepts>,
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

/// What `tcp-socket.listen` gave. While an accept is in flight, the host may write into `slot`, which nobody touches then.
struct Accepts {
    waitable: Waitable,
    /// Declared, and so dropped, before `slot`. None once this is dropped.
    stream: Option<StreamReader<TcpSocket>>,
    slot: Box<u32>,
    /// Set once the host has ended the stream: nothing more will come.
    ended: bool,
}

impl Accepts {
    fn new(stream: StreamReader<TcpSocket>) -> Self {
        let waitable = Waitable::new(stream.handle());
        Self { waitable, stream: Some(stream), slot: Box::new(0), ended: false }
    }

    /// The next socket; none if there will be no more.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<TcpSocket>> {
        loop {
            let Some(stream) = self.stream.as_ref().filter(|_| !self.ended) else { return Poll::Ready(None) };
            if !self.waitable.in_flight() {
                let slot: *mut u32 = &raw mut *self.slot;
                // SAFETY: the handle is ours and has nothing in flight; `slot` has room for one handle and stays where it is
                // until the read has ended.
                let code = unsafe { (VTABLE.start_read)(stream.handle(), slot.cast(), 1) };
                self.waitable.begun(code);
            }
            let ended = ready!(self.waitable.poll(Some(cx)));
            self.ended = ended.dropped;
            if let Some(socket) = brought(ended, &self.slot) {
                return Poll::Ready(Some(socket));
            }
        }
    }

    fn withdraw(&self) {
        if self.waitable.in_flight() {
            self.waitable.withdraw();
        }
    }
}

const VTABLE: &StreamVtable<TcpSocket> = <TcpSocket as StreamPayload>::VTABLE;

/// The socket that a read which has `ended` has brought into its memory.
fn brought(ended: Ended, slot: &u32) -> Option<TcpSocket> {
    // SAFETY: the host has written one handle, which is ours now.
    (ended.count > 0).then(|| unsafe { TcpSocket::from_handle(*slot) })
}

impl Drop for Accepts {
    fn drop(&mut self) {
        let (stream, slot) = (self.stream.take(), std::mem::take(&mut self.slot));
        // A connection that has come meanwhile is closed.
        let close = move |ended| drop((brought(ended, &slot), stream));
        // SAFETY: what is in flight is a read from this stream into this memory.
        unsafe { self.waitable.cancel_later(VTABLE.cancel_read, close) };
    }
}
