//! The sending direction of a connection: what was written and not yet taken by the host.
//!
//! Small writes are collected and leave as one: WASI sockets have no TCP_NODELAY, and a second small segment would wait for
//! the acknowledgement of the first, which the peer may delay by 40 ms.

#![expect(unsafe_code, reason = "the host reads our buffer while a write is in flight")]

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use wit_bindgen::rt::async_support::StreamWriter;

use super::bindings::sockets::types::ErrorCode;
use super::bindings::wit_stream::StreamPayload;
use super::progress::{BLOCKED, Ended, MOST};
use super::tcp::Outcome;
use super::waitable::Waitable;

/// A buffer that grew beyond this many bytes is given back once it is empty.
const KEPT: usize = 64 * 1024;

/// Bytes from which on those that are handed over are not copied.
const TAKEN_OVER: usize = 8 * 1024;

/// How far sending has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Everything was taken.
    Done,
    /// The host takes no more at the moment.
    Blocked,
    /// The other end is gone; [`Outbound::outcome`] tells why.
    Broken,
}

/// Bytes to be sent.
pub(crate) enum Data<'a> {
    Borrowed(&'a [u8]),
    /// If they are many and nothing is before them, these are not copied.
    Owned(Bytes),
}

impl Data<'_> {
    #[cfg(feature = "component")]
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Borrowed(bytes) => bytes.is_empty(),
            Self::Owned(bytes) => bytes.is_empty(),
        }
    }
}

impl<'a> From<Cow<'a, [u8]>> for Data<'a> {
    fn from(data: Cow<'a, [u8]>) -> Self {
        match data {
            Cow::Borrowed(bytes) => Self::Borrowed(bytes),
            Cow::Owned(bytes) => Self::Owned(bytes.into()),
        }
    }
}

/// What the host is given.
enum Flight {
    /// Of the memory that is used again and again.
    Collected(Vec<u8>),
    Given(Bytes),
}

impl Flight {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Collected(bytes) => bytes,
            Self::Given(bytes) => bytes,
        }
    }
}

/// The sending direction. While `in_flight` is set, the host may read `flight`, which nobody touches then.
pub(crate) struct Outbound {
    writes: Waitable,
    /// None once the sending side was ended. Declared, and so dropped, before the buffers.
    stream: Option<StreamWriter<u8>>,
    in_flight: bool,
    /// What the host is given, from `sent` on.
    flight: Flight,
    sent: usize,
    /// What was written since.
    pending: Vec<u8>,
    broken: bool,
    outcome: Option<Pin<Box<dyn Future<Output = Outcome>>>>,
}

impl Outbound {
    /// A direction into a stream, and the future that says how it ended.
    pub(crate) fn new(stream: StreamWriter<u8>, outcome: Pin<Box<dyn Future<Output = Outcome>>>) -> Self {
        Self {
            writes: Waitable::new(stream.handle()),
            stream: Some(stream),
            in_flight: false,
            flight: Flight::Collected(Vec::new()),
            sent: 0,
            pending: Vec::new(),
            broken: false,
            outcome: Some(outcome),
        }
    }

    /// Adds bytes to what leaves next.
    pub(crate) fn push(&mut self, data: Data<'_>) {
        match data {
            Data::Borrowed(bytes) => self.pending.extend_from_slice(bytes),
            Data::Owned(bytes) if bytes.len() >= TAKEN_OVER && self.len() == 0 && !self.in_flight => {
                self.sent = 0;
                self.flight = Flight::Given(bytes);
            }
            Data::Owned(bytes) => self.pending.extend_from_slice(&bytes),
        }
    }

    /// How many bytes were pushed and not yet taken.
    pub(crate) fn len(&self) -> usize {
        self.flight.bytes().len() - self.sent + self.pending.len()
    }

    /// Sends as much as the host takes without waiting. May be called where no task runs.
    pub(crate) fn flush(&mut self) -> Sending {
        self.advance(None)
    }

    /// Sends all, waiting where the host takes no more.
    ///
    /// # Cancel safety
    /// Yes: a write that was started goes on, and the next call finds how it ended.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Sending> {
        match self.advance(Some(cx)) {
            Sending::Blocked => Poll::Pending,
            ended => Poll::Ready(ended),
        }
    }

    fn advance(&mut self, cx: Option<&mut Context<'_>>) -> Sending {
        loop {
            if self.in_flight {
                let code = match &cx {
                    None => self.writes.try_take(),
                    Some(cx) => match self.writes.poll(cx) {
                        Poll::Ready(code) => Some(code),
                        Poll::Pending => None,
                    },
                };
                let Some(code) = code else { return Sending::Blocked };
                self.in_flight = false;
                self.finish(Ended::decode(code));
            }
            if self.broken {
                return Sending::Broken;
            }
            if self.sent == self.flight.bytes().len() {
                let flight = self.collected();
                if self.pending.is_empty() {
                    self.flight = Flight::Collected(flight);
                    return Sending::Done;
                }
                self.flight = Flight::Collected(std::mem::replace(&mut self.pending, flight));
            }
            let Some(stream) = &self.stream else { return Sending::Broken };
            let rest = self.flight.bytes().get(self.sent..).unwrap_or_default();
            let rest = rest.get(..MOST).unwrap_or(rest);
            // SAFETY: the handle is ours and has nothing in flight. `flight` is not touched until the write has ended, and
            // `Drop` keeps it alive longer than the stream.
            let code =
                unsafe { (<u8 as StreamPayload>::VTABLE.start_write)(stream.handle(), rest.as_ptr(), rest.len()) };
            if code == BLOCKED {
                self.in_flight = true;
            } else {
                self.finish(Ended::decode(code));
            }
        }
    }

    /// The memory of a flight that was sent, to be used again.
    fn collected(&mut self) -> Vec<u8> {
        self.sent = 0;
        match std::mem::replace(&mut self.flight, Flight::Collected(Vec::new())) {
            Flight::Collected(mut memory) if memory.capacity() <= KEPT => {
                memory.clear();
                memory
            }
            _ => Vec::new(),
        }
    }

    fn finish(&mut self, ended: Ended) {
        self.sent = (self.sent + ended.count).min(self.flight.bytes().len());
        self.broken |= ended.dropped;
    }

    /// Ends the sending side: nothing may be in flight. The peer reads the end of the stream.
    pub(crate) fn end(&mut self) {
        if !self.in_flight {
            self.writes.withdraw();
            self.stream = None;
        }
    }

    /// Drops what was not sent yet.
    pub(crate) fn discard(&mut self) {
        self.pending = Vec::new();
        if !self.in_flight {
            self.flight = Flight::Collected(Vec::new());
            self.sent = 0;
        }
    }

    /// Whether the host may still read our memory.
    pub(crate) fn in_flight(&self) -> bool {
        self.in_flight
    }

    /// Whether the other end is gone.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Ends a write in flight. May block the task, so only a task may call it.
    pub(crate) fn cancel(&mut self) {
        if std::mem::take(&mut self.in_flight)
            && let Some(stream) = &self.stream
        {
            self.writes.withdraw();
            let code = self.writes.try_take().unwrap_or_else(|| {
                // SAFETY: the handle is ours and has a write in flight that belongs to no waitable set any more.
                unsafe { (<u8 as StreamPayload>::VTABLE.cancel_write)(stream.handle()) }
            });
            self.finish(Ended::decode(code));
        }
    }

    /// Takes the future that says how the direction ended. It answers once the sending side was ended or has broken.
    pub(crate) fn outcome(&mut self) -> impl Future<Output = Result<(), ErrorCode>> + use<> {
        let outcome = self.outcome.take();
        async move {
            match outcome {
                Some(outcome) => outcome.await,
                None => Ok(()),
            }
        }
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        if self.in_flight {
            // As in `Inbound`: the host may still read it.
            std::mem::forget(std::mem::replace(&mut self.flight, Flight::Collected(Vec::new())));
        }
    }
}
