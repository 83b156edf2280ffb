//! What was written and not yet taken by the transport.
//!
//! Small writes are collected and leave as one: WASI sockets have no TCP_NODELAY, and a second small segment would wait for
//! the acknowledgement of the first, which the peer may delay by 40 ms.

use std::borrow::Cow;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::transport::{Outcome, Payload, SendHalf, Sent};

/// Memory that grew beyond so many bytes is given back once it is empty: an idle connection must not hold it.
const KEPT_BYTES: usize = 4 * 1024;

/// From so many bytes on, those that are handed over are not copied.
const HANDED_OVER_BYTES: usize = 8 * 1024;

/// How far sending has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Everything was taken.
    Done,
    /// The other end is gone; the outcome tells why.
    Broken,
}

/// The sending direction, and what is to be sent.
pub(super) struct SendBuffer {
    pub(super) half: Box<dyn SendHalf>,
    /// A payload was begun.
    sending: bool,
    /// What was written since.
    pending: Vec<u8>,
    /// Handed over, and next, before `pending`.
    given: Option<Bytes>,
    /// Memory to collect in, empty.
    spare: Vec<u8>,
    broken: bool,
    ended: bool,
}

impl SendBuffer {
    pub(super) fn new(half: Box<dyn SendHalf>) -> Self {
        Self { half, sending: false, pending: Vec::new(), given: None, spare: Vec::new(), broken: false, ended: false }
    }

    /// Adds bytes to what leaves next. Many owned ones are not copied, unless others are before them.
    pub(super) fn push(&mut self, data: Cow<'_, [u8]>) {
        match data {
            Cow::Owned(bytes) if bytes.len() >= HANDED_OVER_BYTES && self.len() == 0 => self.given = Some(bytes.into()),
            data => self.pending.extend_from_slice(&data),
        }
    }

    /// How many bytes were pushed and not yet taken.
    pub(super) fn len(&self) -> usize {
        let begun = if self.sending { self.half.unsent() } else { 0 };
        begun + self.given.as_ref().map_or(0, Bytes::len) + self.pending.len()
    }

    /// Sends all, waiting where the transport takes no more. Without a context it goes as far as it can without waiting.
    pub(super) fn poll_flush(&mut self, mut cx: Option<&mut Context<'_>>) -> Poll<Progress> {
        while !self.broken {
            if self.sending {
                match std::task::ready!(self.half.poll_sent(cx.as_deref_mut())) {
                    Sent::All(payload) => self.keep(payload),
                    Sent::Broken => self.broken = true,
                }
                self.sending = false;
                continue;
            }
            let next = match self.given.take() {
                Some(given) => Payload::Given(given),
                None if self.pending.is_empty() => return Poll::Ready(Progress::Done),
                None => Payload::Collected(std::mem::replace(&mut self.pending, std::mem::take(&mut self.spare))),
            };
            self.half.send(next);
            self.sending = true;
        }
        Poll::Ready(Progress::Broken)
    }

    /// Keeps the memory of what was sent, to collect in it again.
    fn keep(&mut self, payload: Payload) {
        if let Payload::Collected(mut memory) = payload
            && memory.capacity() <= KEPT_BYTES
        {
            memory.clear();
            if self.pending.capacity() == 0 {
                self.pending = memory;
            } else {
                self.spare = memory;
            }
        }
    }

    /// Drops what was not begun.
    pub(super) fn discard(&mut self) {
        self.pending = Vec::new();
        self.given = None;
    }

    /// Ends a write in flight, in a spawned task, and drops everything.
    pub(super) fn cancel(&mut self) {
        self.half.cancel();
        self.sending = false;
        self.discard();
    }

    /// Ends the direction, once, if everything was taken.
    pub(super) fn end(&mut self) {
        if self.len() == 0 && !self.sending && !self.broken && !std::mem::replace(&mut self.ended, true) {
            self.half.end();
        }
    }

    /// Whether the other end is gone.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// How the direction ended, once it was ended or has broken.
    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.half.poll_outcome(cx)
    }
}
