//! The streams of a session, as wasmtime polls them.
//!
//! Bytes of the program are enciphered out of its memory, and what was deciphered is copied into it. A read or write of no bytes asks
//! for readiness; one that the program cancels (`finish`) ends as cancelled unless it can be done at once.

use std::any::{Any, TypeId};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use wasmtime::component::{Destination, Source, StreamConsumer, StreamProducer, StreamResult};
use wasmtime::{AsContextMut, StoreContextMut};

use super::engine::Outgoing;
use super::session::{Outcome, Session};
use crate::sockets::streams::Sending;
use crate::wasi::tcp::bindings::types::ErrorCode;

/// Bytes that are given at once where the program's own buffer cannot be used.
const BUFFER: usize = 16 * 1024;

type Polled = Poll<wasmtime::Result<StreamResult>>;

fn waiting(finish: bool) -> Polled {
    if finish { Poll::Ready(Ok(StreamResult::Cancelled)) } else { Poll::Pending }
}

fn ready(result: StreamResult) -> Polled {
    Poll::Ready(Ok(result))
}

/// What the peer says.
pub(super) struct Deciphered {
    session: Arc<Session>,
    outcome: Option<Outcome>,
}

/// What the program says.
pub(super) struct ToEncipher {
    session: Arc<Session>,
    outcome: Option<Outcome>,
}

/// What is to be sent to the peer. Given to a socket of the host's own, it is that which the session sends to.
pub(crate) struct Ciphertext(Option<Arc<Session>>);

/// What comes of the peer by a stream of the program's.
pub(super) struct ToDecipher(Arc<Session>);

impl Deciphered {
    pub(super) fn new(session: Arc<Session>, outcome: Outcome) -> Self {
        Self { session, outcome: Some(outcome) }
    }

    fn end(&mut self, result: Result<(), ErrorCode>) -> Polled {
        if let Some(outcome) = self.outcome.take() {
            // Fails if the program does not want to know.
            _ = outcome.send(result);
        }
        ready(StreamResult::Dropped)
    }
}

impl Drop for Deciphered {
    fn drop(&mut self) {
        let _: Poll<_> = self.end(Ok(()));
        self.session.reader_gone();
    }
}

impl<D> StreamProducer<D> for Deciphered {
    type Item = u8;
    // Never filled: bytes go straight to where the program wants them.
    type Buffer = Option<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        destination: Destination<'a, u8, Self::Buffer>,
        finish: bool,
    ) -> Polled {
        if destination.remaining(store.as_context_mut()) == Some(0) {
            return match self.session.poll_readable(context) {
                Poll::Ready(()) => ready(StreamResult::Completed),
                Poll::Pending => waiting(finish),
            };
        }
        let mut destination = destination.as_direct(store, BUFFER);
        match self.session.poll_read(context, destination.remaining()) {
            Poll::Ready(Ok(0)) => self.end(Ok(())),
            Poll::Ready(Ok(count)) => {
                destination.mark_written(count);
                ready(StreamResult::Completed)
            }
            Poll::Ready(Err(code)) => self.end(Err(code)),
            Poll::Pending => waiting(finish),
        }
    }
}

impl ToEncipher {
    pub(super) fn new(session: Arc<Session>, outcome: Outcome) -> Self {
        Self { session, outcome: Some(outcome) }
    }
}

impl Drop for ToEncipher {
    fn drop(&mut self) {
        // Told of a failure already, or to be told of the end.
        self.session.writer_gone(self.outcome.take());
    }
}

impl<D> StreamConsumer<D> for ToEncipher {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<D>,
        source: Source<u8>,
        finish: bool,
    ) -> Polled {
        let mut source = source.as_direct(store);
        if source.remaining().is_empty() {
            return match self.session.poll_writable(context) {
                Poll::Ready(()) => ready(StreamResult::Completed),
                Poll::Pending => waiting(finish),
            };
        }
        match self.session.poll_write(context, source.remaining()) {
            Poll::Ready(Ok(count)) => {
                source.mark_read(count);
                ready(StreamResult::Completed)
            }
            Poll::Ready(Err(code)) => {
                if let Some(outcome) = self.outcome.take() {
                    _ = outcome.send(Err(code));
                }
                ready(StreamResult::Dropped)
            }
            Poll::Pending => waiting(finish),
        }
    }
}

impl Ciphertext {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self(Some(session))
    }

    /// Sends by this socket from now on.
    pub(crate) fn send_by(mut self, sending: Sending) {
        if let Some(session) = self.0.take() {
            session.send_to(Outgoing::Socket(sending));
        }
    }
}

impl Drop for Ciphertext {
    fn drop(&mut self) {
        if let Some(session) = &self.0 {
            session.taker_gone();
        }
    }
}

impl<D> StreamProducer<D> for Ciphertext {
    type Item = u8;
    type Buffer = Option<u8>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        destination: Destination<'a, u8, Self::Buffer>,
        finish: bool,
    ) -> Polled {
        let Some(session) = &self.0 else { return ready(StreamResult::Dropped) };
        if destination.remaining(store.as_context_mut()) == Some(0) {
            return match session.poll_takable(context) {
                Poll::Ready(()) => ready(StreamResult::Completed),
                Poll::Pending => waiting(finish),
            };
        }
        let mut destination = destination.as_direct(store, BUFFER);
        match session.poll_take(context, destination.remaining()) {
            Poll::Ready(0) => ready(StreamResult::Dropped),
            Poll::Ready(count) => {
                destination.mark_written(count);
                ready(StreamResult::Completed)
            }
            Poll::Pending => waiting(finish),
        }
    }

    fn try_into(me: Pin<Box<Self>>, wanted: TypeId) -> Result<Box<dyn Any>, Pin<Box<Self>>> {
        if wanted != TypeId::of::<Self>() {
            return Err(me);
        }
        let this: Box<Self> = Pin::into_inner(me);
        Ok(this)
    }
}

impl ToDecipher {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self(session)
    }
}

impl Drop for ToDecipher {
    fn drop(&mut self) {
        self.0.feeder_gone();
    }
}

impl<D> StreamConsumer<D> for ToDecipher {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<D>,
        source: Source<u8>,
        finish: bool,
    ) -> Polled {
        let mut source = source.as_direct(store);
        if source.remaining().is_empty() {
            return ready(StreamResult::Completed);
        }
        match self.0.poll_feed(context, source.remaining()) {
            Poll::Ready(0) => ready(StreamResult::Dropped),
            Poll::Ready(count) => {
                source.mark_read(count);
                ready(StreamResult::Completed)
            }
            Poll::Pending => waiting(finish),
        }
    }
}
