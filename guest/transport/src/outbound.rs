//! The sending direction: what the host is given of a payload, write by write.

#![expect(unsafe_code, reason = "the host reads our buffer while a write is in flight")]

use std::task::{Context, Poll, ready};

use wasyncio_core::transport::{Outcome, Payload, SendHalf, Sent};
use wit_bindgen::rt::async_support::{StreamWriter, stream_new};

use crate::outcome::{OptionalOutcome, OutcomeSource};
use crate::progress::{Ended, MOST_ITEMS};
use crate::waitable::Waitable;
use crate::{ByteStream, ByteStreamVtable};

/// A direction that is begun when something is to be sent. Until then it can be given away as it is: [`Outbound::into_begin`].
pub trait Begin {
    /// Sends what comes out of `outgoing`, and tells how that ended.
    fn begin(self: Box<Self>, outgoing: ByteStream) -> Box<dyn OutcomeSource>;
}

/// The sending direction. While a write is in flight, the host may read `payload`, which nobody touches then.
pub struct Outbound {
    vtable: &'static ByteStreamVtable,
    /// What begins it, until that is done.
    unbegun: Option<Box<dyn Begin>>,
    /// From then on, until we end it.
    open: Option<Open>,
    /// From then on.
    outcome: OptionalOutcome,
    payload: Option<Payload>,
    /// How many bytes of the payload were taken.
    taken: usize,
    broken: bool,
}

struct Open {
    writes: Waitable,
    stream: StreamWriter<u8>,
}

impl Open {
    fn new(stream: StreamWriter<u8>) -> Self {
        Self { writes: Waitable::new(stream.handle()), stream }
    }
}

impl Outbound {
    /// A direction that is begun when something is to be sent. `vtable` is that of the component's bindings.
    pub fn unbegun(begin: Box<dyn Begin>, vtable: &'static ByteStreamVtable) -> Self {
        Self { vtable, unbegun: Some(begin), open: None, outcome: None, payload: None, taken: 0, broken: false }
    }

    /// A direction into `stream`; `outcome` answers once it was ended or has broken.
    pub fn begun(stream: StreamWriter<u8>, vtable: &'static ByteStreamVtable, outcome: OptionalOutcome) -> Self {
        Self { vtable, unbegun: None, open: Some(Open::new(stream)), outcome, payload: None, taken: 0, broken: false }
    }

    /// What would begin it; none once it was begun.
    pub fn into_begin(mut self) -> Option<Box<dyn Begin>> {
        self.unbegun.take()
    }

    /// What would begin it; the direction itself once it was begun.
    ///
    /// # Errors
    /// The direction.
    pub fn into_begin_or_self(mut self: Box<Self>) -> Result<Box<dyn Begin>, Box<Self>> {
        self.unbegun.take().ok_or(self)
    }

    fn begin(&mut self) {
        if let Some(begin) = self.unbegun.take() {
            // SAFETY: the vtable is that of this component's bindings.
            let (stream, outgoing) = unsafe { stream_new(self.vtable) };
            self.open = Some(Open::new(stream));
            self.outcome = Some(begin.begin(outgoing));
        }
    }

    fn finish(&mut self, ended: Ended) {
        let length = self.payload.as_ref().map_or(0, |payload| payload.as_ref().len());
        self.taken = (self.taken + ended.count).min(length);
        self.broken |= ended.dropped;
    }
}

impl SendHalf for Outbound {
    fn send(&mut self, payload: Payload) {
        self.begin();
        self.payload = Some(payload);
        self.taken = 0;
    }

    fn poll_sent(&mut self, cx: Option<&mut Context<'_>>) -> Poll<Sent> {
        loop {
            let Some(Open { writes, stream }) = &self.open else { return Poll::Ready(Sent::Broken) };
            if writes.in_flight() {
                let ended = ready!(writes.poll(cx.as_deref()));
                self.finish(ended);
                continue;
            }
            if self.broken {
                return Poll::Ready(Sent::Broken);
            }
            let bytes = self.payload.as_ref().map_or(&[][..], Payload::as_ref);
            let rest = bytes.get(self.taken..).unwrap_or_default();
            if rest.is_empty() {
                return Poll::Ready(Sent::All(self.payload.take().unwrap_or(Payload::Collected(Vec::new()))));
            }
            let rest = rest.get(..MOST_ITEMS).unwrap_or(rest);
            // SAFETY: the handle is ours and has nothing in flight. `payload` is not touched until the write has ended, and `Drop`
            // keeps it alive longer than the write.
            let code = unsafe { (self.vtable.start_write)(stream.handle(), rest.as_ptr(), rest.len()) };
            writes.begun(code);
        }
    }

    fn unsent(&self) -> usize {
        self.payload.as_ref().map_or(0, |payload| payload.as_ref().len() - self.taken)
    }

    fn in_flight(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.writes.in_flight())
            || self.outcome.as_ref().is_some_and(|outcome| outcome.in_flight())
    }

    fn cancel(&mut self) {
        if let Some(outcome) = &mut self.outcome {
            outcome.cancel();
        }
        // SAFETY: what is in flight is a write.
        let ended = self.open.as_ref().and_then(|open| unsafe { open.writes.cancel(self.vtable.cancel_write) });
        if let Some(ended) = ended {
            self.finish(ended);
        }
        self.payload = None;
        self.taken = 0;
    }

    fn end(&mut self) {
        // Also where nothing was sent: the peer is to read the end.
        self.begin();
        drop(self.open.take_if(|open| !open.writes.in_flight()));
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.outcome.as_mut().map_or(Poll::Ready(Ok(())), |outcome| outcome.poll(cx))
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        if let Some(Open { writes, stream }) = self.open.take() {
            let left = (stream, self.payload.take());
            // SAFETY: what is in flight is a write into this stream out of this memory.
            unsafe { writes.cancel_later(self.vtable.cancel_write, move |_| drop(left)) };
        }
    }
}
