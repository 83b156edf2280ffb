//! Accepting: sockets of any kind out of a stream of the host's.

#![expect(unsafe_code, reason = "the host writes the handle of an accepted socket into our memory")]

use std::task::{Context, Poll, ready};

use wasyncio_transport::{Ended, Waitable};
use wit_bindgen::rt::async_support::{StreamReader, StreamVtable};

/// A kind of socket that comes out of a stream.
pub(crate) trait Accepted: Sized + 'static {
    /// How the bindings work streams of them.
    const VTABLE: &'static StreamVtable<Self>;

    /// A socket of ours.
    ///
    /// # Safety
    /// `handle` is that of such a socket, and nobody else owns it.
    unsafe fn from_handle(handle: u32) -> Self;
}

/// The stream of what a listening socket accepts. While an accept is in flight, the host may write into `slot`, which nobody touches then.
pub(crate) struct Accepts<S: Accepted> {
    waitable: Waitable,
    /// Declared, and so dropped, before `slot`. None once this is dropped.
    stream: Option<StreamReader<S>>,
    slot: Box<u32>,
    /// Set once the host has ended the stream: nothing more will come.
    ended: bool,
}

impl<S: Accepted> Accepts<S> {
    pub(crate) fn new(stream: StreamReader<S>) -> Self {
        let waitable = Waitable::new(stream.handle());
        Self { waitable, stream: Some(stream), slot: Box::new(0), ended: false }
    }

    /// The next socket; none if there will be no more.
    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<S>> {
        loop {
            let Some(stream) = self.stream.as_ref().filter(|_| !self.ended) else { return Poll::Ready(None) };
            if !self.waitable.in_flight() {
                let slot: *mut u32 = &raw mut *self.slot;
                // SAFETY: the handle is ours and has nothing in flight; `slot` has room for one handle and stays where it is
                // until the read has ended.
                let code = unsafe { (S::VTABLE.start_read)(stream.handle(), slot.cast(), 1) };
                self.waitable.begun(code);
            }
            let ended = ready!(self.waitable.poll(Some(cx)));
            self.ended = ended.dropped;
            if let Some(socket) = brought(ended, &self.slot) {
                return Poll::Ready(Some(socket));
            }
        }
    }

    /// Nobody waits any more; an accept in flight stays.
    pub(crate) fn withdraw(&self) {
        if self.waitable.in_flight() {
            self.waitable.withdraw();
        }
    }
}

/// The socket that a read which has `ended` has brought into its memory.
fn brought<S: Accepted>(ended: Ended, slot: &u32) -> Option<S> {
    // SAFETY: the host has written one handle, which is ours now.
    (ended.count > 0).then(|| unsafe { S::from_handle(*slot) })
}

impl<S: Accepted> Drop for Accepts<S> {
    fn drop(&mut self) {
        let (stream, slot) = (self.stream.take(), std::mem::take(&mut self.slot));
        // A connection that has come meanwhile is closed.
        let close = move |ended| drop((brought::<S>(ended, &slot), stream));
        // SAFETY: what is in flight is a read from this stream into this memory.
        unsafe { self.waitable.cancel_later(S::VTABLE.cancel_read, close) };
    }
}
