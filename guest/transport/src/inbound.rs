//! The receiving direction: a `stream<u8>`, and what tells how it ended.

#![expect(unsafe_code, reason = "the host writes into our buffer while a read is in flight")]

use std::task::{Context, Poll, ready};

use wasyncio_core::transport::{ReceiveHalf, Received};
use wit_bindgen::rt::async_support::{StreamReader, stream_new};

use crate::ByteStreamVtable;
use crate::outcome::OptionalOutcome;
use crate::progress::{Ended, MOST_ITEMS};
use crate::waitable::Waitable;

/// A read with more room than this, in bytes, is begun only when there is something to be read, if the one before has probably
/// taken all there was: a connection that carries much now and then must not hold memory in between.
const PROBED_BYTES: usize = 4 * 1024;

/// The receiving direction. While one of `reads` is in flight, the host may write into `chunk`, which nobody touches then.
pub struct Inbound {
    reads: Waitable,
    /// Declared, and so dropped, before `chunk`. None once the stream was given away, or a read in flight was left behind.
    stream: Option<StreamReader<u8>>,
    vtable: &'static ByteStreamVtable,
    chunk: Vec<u8>,
    /// The last read did not fill its room.
    emptied: bool,
    ended: bool,
    outcome: OptionalOutcome,
}

impl Inbound {
    /// `vtable` is that of the component's bindings; `outcome` answers once the stream has ended.
    pub fn new(stream: StreamReader<u8>, vtable: &'static ByteStreamVtable, outcome: OptionalOutcome) -> Self {
        let reads = Waitable::new(stream.handle());
        Self { reads, stream: Some(stream), vtable, chunk: Vec::new(), emptied: false, ended: false, outcome }
    }

    /// The stream itself, and what tells how it ended, if anything does. None while a read is in flight. A stream whose end was
    /// read cannot be given away any more: another one stands for it, at its end.
    pub fn into_parts(mut self) -> Option<(StreamReader<u8>, OptionalOutcome)> {
        if self.reads.in_flight() {
            return None;
        }
        self.reads.withdraw();
        let mut stream = self.stream.take()?;
        if self.ended {
            // SAFETY: the vtable is that of this component's bindings.
            let (writer, ended) = unsafe { stream_new(self.vtable) };
            drop(writer);
            stream = ended;
        }
        Some((stream, self.outcome.take()))
    }

    /// Begins a read of `room` bytes at most; of none to learn that there is something.
    fn start(&mut self, room: usize) -> u32 {
        let Some(stream) = &self.stream else { return GONE };
        self.chunk.clear();
        let probes = room > PROBED_BYTES && std::mem::take(&mut self.emptied);
        if probes || self.chunk.capacity() > room.max(PROBED_BYTES) {
            self.chunk = Vec::new();
        }
        if !probes {
            self.chunk.reserve(room);
        }
        let room = self.chunk.spare_capacity_mut();
        // SAFETY: the handle is ours and has nothing in flight. `room` stays where it is until the read has ended: `chunk` is not
        // touched while the read is in flight, and `Drop` keeps it alive longer than the read.
        unsafe { (self.vtable.start_read)(stream.handle(), room.as_mut_ptr().cast(), room.len().min(MOST_ITEMS)) }
    }

    fn finish(&mut self, ended: Ended) {
        let room = self.chunk.capacity();
        // SAFETY: the read has ended, and the host has written `count` bytes, at most the room that it was given.
        unsafe { self.chunk.set_len(ended.count.min(room)) };
        self.ended = ended.dropped;
        self.emptied = ended.count > 0 && ended.count < room;
    }
}

/// As the end of a stream whose other end is gone.
const GONE: u32 = 1;

impl ReceiveHalf for Inbound {
    fn poll_receive(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<Received<'_>> {
        loop {
            if self.ended {
                let outcome = match &mut self.outcome {
                    Some(outcome) => ready!(outcome.poll(cx)),
                    None => Ok(()),
                };
                return Poll::Ready(outcome.err().map_or(Received::Eof, Received::Failed));
            }
            if !self.reads.in_flight() {
                let code = self.start(room);
                self.reads.begun(code);
            }
            let ended = ready!(self.reads.poll(Some(cx)));
            self.finish(ended);
            if !self.chunk.is_empty() {
                return Poll::Ready(Received::Data(&mut self.chunk));
            }
        }
    }

    fn withdraw(&mut self) {
        if self.reads.in_flight() {
            self.reads.withdraw();
        }
    }

    fn in_flight(&self) -> bool {
        self.reads.in_flight() || self.outcome.as_ref().is_some_and(|outcome| outcome.in_flight())
    }

    fn cancel(&mut self) -> Vec<u8> {
        if let Some(outcome) = &mut self.outcome {
            outcome.cancel();
        }
        // SAFETY: what is in flight is a read.
        let Some(ended) = (unsafe { self.reads.cancel(self.vtable.cancel_read) }) else { return Vec::new() };
        self.finish(ended);
        std::mem::take(&mut self.chunk)
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        let left = (self.stream.take(), std::mem::take(&mut self.chunk));
        // SAFETY: what is in flight is a read from this stream into this memory.
        unsafe { self.reads.cancel_later(self.vtable.cancel_read, move |_| drop(left)) };
    }
}
