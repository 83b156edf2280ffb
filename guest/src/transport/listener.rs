//! One listening socket.

#![expect(unsafe_code, reason = "the host writes the handle of an accepted socket into our memory")]

use std::task::{Context, Poll, ready};

use wit_bindgen::rt::async_support::StreamReader;

use super::bindings::sockets::types::TcpSocket;
use super::bindings::wit_stream::StreamPayload;
use super::progress::{BLOCKED, Ended};
use super::waitable::Waitable;

/// A listening socket. While `in_flight` is set, the host may write into `slot`, which nobody touches then.
pub(crate) struct Listener {
    accepts: Waitable,
    /// Declared, and so dropped, before `slot`.
    stream: StreamReader<TcpSocket>,
    in_flight: bool,
    slot: Box<u32>,
    /// Set once the host has ended the stream: nothing more will come.
    ended: bool,
}

impl Listener {
    /// Wraps what `tcp-socket.listen` gave.
    pub(crate) fn new(stream: StreamReader<TcpSocket>) -> Self {
        Self { accepts: Waitable::new(stream.handle()), stream, in_flight: false, slot: Box::new(0), ended: false }
    }

    /// The next connection; none if there will be no more.
    ///
    /// # Cancel safety
    /// Yes, as [`Inbound::poll_receive`](super::inbound::Inbound::poll_receive).
    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<TcpSocket>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let code = if self.in_flight {
                ready!(self.accepts.poll(cx))
            } else {
                // SAFETY: the handle is ours and has nothing in flight; `slot` has room for one handle and stays where it is
                // until the read has ended.
                unsafe {
                    let slot: *mut u32 = &raw mut *self.slot;
                    (<TcpSocket as StreamPayload>::VTABLE.start_read)(self.stream.handle(), slot.cast(), 1)
                }
            };
            if code == BLOCKED {
                self.in_flight = true;
                continue;
            }
            self.in_flight = false;
            if let Some(socket) = self.finish(code) {
                return Poll::Ready(Some(socket));
            }
        }
    }

    /// The task that waits goes away; an accept in flight stays.
    pub(crate) fn withdraw(&self) {
        if self.in_flight {
            self.accepts.withdraw();
        }
    }

    /// Whether an accept is in flight.
    pub(crate) fn in_flight(&self) -> bool {
        self.in_flight
    }

    /// Ends an accept in flight. May block the task, so only a task may call it. A connection that it brought is closed.
    pub(crate) fn cancel(&mut self) {
        if std::mem::take(&mut self.in_flight) {
            self.accepts.withdraw();
            let code = self.accepts.try_take().unwrap_or_else(|| {
                // SAFETY: the handle is ours and has a read in flight that belongs to no waitable set any more.
                unsafe { (<TcpSocket as StreamPayload>::VTABLE.cancel_read)(self.stream.handle()) }
            });
            drop(self.finish(code));
        }
    }

    fn finish(&mut self, code: u32) -> Option<TcpSocket> {
        let ended = Ended::decode(code);
        self.ended = ended.dropped;
        // SAFETY: the host has written one handle, which is ours now.
        (ended.count > 0).then(|| unsafe { TcpSocket::from_handle(*self.slot) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.in_flight {
            // As in `Inbound`: the host may still write into it.
            std::mem::forget(std::mem::take(&mut self.slot));
        }
    }
}
