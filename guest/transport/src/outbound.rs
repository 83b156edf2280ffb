//! The sending direction: what the host is given of a payload, write by write.

#![expect(unsafe_code, reason = "the host reads our buffer while a write is in flight")]

use std::any::Any;
use std::task::{Context, Poll, ready};

use wasyncio_core::transport::{Outcome, Payload, SendHalf, Sent};
use wit_bindgen::rt::async_support::{StreamWriter, stream_new};

use crate::outcome::{Known, OutcomeSource};
use crate::progress::{BLOCKED, Ended, MOST_ITEMS};
use crate::runtime;
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
    state: State,
    in_flight: bool,
    payload: Option<Payload>,
    /// How many bytes of the payload were taken.
    taken: usize,
    broken: bool,
}

enum State {
    Unbegun(Box<dyn Begin>),
    Open {
        writes: Waitable,
        stream: StreamWriter<u8>,
        outcome: Box<dyn OutcomeSource>,
    },
    /// Ended by us.
    Ended(Box<dyn OutcomeSource>),
}

impl Outbound {
    /// A direction that is begun when something is to be sent. `vtable` is that of the component's bindings.
    pub fn unbegun(begin: Box<dyn Begin>, vtable: &'static ByteStreamVtable) -> Self {
        Self { vtable, state: State::Unbegun(begin), in_flight: false, payload: None, taken: 0, broken: false }
    }

    /// A direction into `stream`; `outcome` answers once it was ended or has broken.
    pub fn begun(stream: StreamWriter<u8>, vtable: &'static ByteStreamVtable, outcome: Box<dyn OutcomeSource>) -> Self {
        let state = State::Open { writes: Waitable::new(stream.handle()), stream, outcome };
        Self { vtable, state, in_flight: false, payload: None, taken: 0, broken: false }
    }

    /// What would begin it; none once it was begun.
    pub fn into_begin(mut self) -> Option<Box<dyn Begin>> {
        match std::mem::replace(&mut self.state, State::Ended(Box::new(Known(Ok(()))))) {
            State::Unbegun(begin) => Some(begin),
            state @ (State::Open { .. } | State::Ended(_)) => {
                self.state = state;
                None
            }
        }
    }

    fn begin(&mut self) {
        match std::mem::replace(&mut self.state, State::Ended(Box::new(Known(Ok(()))))) {
            State::Unbegun(begin) => {
                // SAFETY: the vtable is that of this component's bindings.
                let (stream, outgoing) = unsafe { stream_new(self.vtable) };
                let outcome = begin.begin(outgoing);
                self.state = State::Open { writes: Waitable::new(stream.handle()), stream, outcome };
            }
            state => self.state = state,
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

    fn poll_sent(&mut self, mut cx: Option<&mut Context<'_>>) -> Poll<Sent> {
        loop {
            if self.in_flight
                && let State::Open { writes, .. } = &self.state
            {
                let code = match cx.as_deref_mut() {
                    Some(cx) => ready!(writes.poll(cx)),
                    None => match writes.try_take() {
                        Some(code) => code,
                        None => return Poll::Pending,
                    },
                };
                self.in_flight = false;
                self.finish(Ended::decode(code));
            }
            let State::Open { stream, .. } = &self.state else { return Poll::Ready(Sent::Broken) };
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
            if code == BLOCKED {
                self.in_flight = true;
            } else {
                self.finish(Ended::decode(code));
            }
        }
    }

    fn unsent(&self) -> usize {
        self.payload.as_ref().map_or(0, |payload| payload.as_ref().len() - self.taken)
    }

    fn in_flight(&self) -> bool {
        let asks = match &self.state {
            State::Open { outcome, .. } | State::Ended(outcome) => outcome.in_flight(),
            State::Unbegun(_) => false,
        };
        self.in_flight || asks
    }

    fn cancel(&mut self) {
        if let State::Open { outcome, .. } | State::Ended(outcome) = &mut self.state {
            outcome.cancel();
        }
        if std::mem::take(&mut self.in_flight)
            && let State::Open { writes, stream, .. } = &self.state
        {
            writes.withdraw();
            let code = writes.try_take().unwrap_or_else(|| {
                // SAFETY: the handle is ours and has a write in flight that belongs to no waitable set any more.
                unsafe { (self.vtable.cancel_write)(stream.handle()) }
            });
            self.finish(Ended::decode(code));
        }
        self.payload = None;
        self.taken = 0;
    }

    fn end(&mut self) {
        // Also where nothing was sent: the peer is to read the end.
        self.begin();
        if self.in_flight {
            return;
        }
        match std::mem::replace(&mut self.state, State::Ended(Box::new(Known(Ok(()))))) {
            State::Open { writes, stream, outcome } => {
                writes.withdraw();
                drop(stream);
                self.state = State::Ended(outcome);
            }
            state => self.state = state,
        }
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        match &mut self.state {
            State::Unbegun(_) => Poll::Ready(Ok(())),
            State::Open { outcome, .. } | State::Ended(outcome) => outcome.poll(cx),
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Ended(Box::new(Known(Ok(())))));
        if let State::Open { writes, stream, .. } = state {
            writes.withdraw();
            if self.in_flight {
                // As in `Inbound`.
                let (payload, vtable) = (self.payload.take(), self.vtable);
                let ended = writes.try_take().is_some();
                runtime::spawn(Box::pin(async move {
                    if !ended {
                        // SAFETY: as in `cancel`.
                        unsafe { (vtable.cancel_write)(stream.handle()) };
                    }
                    drop((stream, payload));
                }));
            }
        }
    }
}
