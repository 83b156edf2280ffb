//! The two directions of a connection, as wasmtime polls them.
//!
//! Bytes go between the program's memory and the kernel without a buffer in between. A read or write of no bytes asks
//! for readiness. One that the program cancels (`finish`) ends as cancelled unless it can be done at once.

use std::any::{Any, TypeId};
use std::io::{ErrorKind, IoSlice};
use std::iter;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use wasmtime::component::{
    Destination, FutureReader, Source, StreamConsumer, StreamProducer, StreamReader, StreamResult,
};
use wasmtime::{AsContextMut, StoreContextMut};

use super::connection::{ClosedBy, Connection};
use crate::tls::Ciphertext;
use crate::wasi::tcp::bindings::types::ErrorCode;

/// Bytes that are read at once where the program's own buffer cannot be used.
const BUFFER: usize = 8192;

/// How a direction ended; told once, and as a success if nobody tells.
type Outcome = oneshot::Sender<Result<(), ErrorCode>>;

/// A direction of a connection while it is open.
struct Half {
    connection: Arc<Connection>,
    outcome: Outcome,
    direction: Shutdown,
}

impl Half {
    fn end(self, result: Result<(), ErrorCode>) {
        match &result {
            Ok(()) if self.direction == Shutdown::Write => self.connection.closed_by(ClosedBy::Program),
            Ok(()) => {}
            Err(code) => self.connection.failed(code),
        }
        self.connection.expects_no_more(self.direction);
        // Fails if the peer has reset the connection.
        _ = match self.direction {
            Shutdown::Read => self.connection.stream.stop_receiving(),
            direction => self.connection.shutdown(direction),
        };
        self.tell(result);
    }

    fn tell(self, result: Result<(), ErrorCode>) {
        // Fails if the program has dropped the future: it does not want to know.
        _ = self.outcome.send(result);
    }

    /// Receives into `room`, which is not empty. Nothing is received at the peer's end of the stream.
    fn poll_receive(&self, context: &mut Context<'_>, room: &mut [u8]) -> Poll<Result<usize, ErrorCode>> {
        let connection = &self.connection;
        loop {
            // After the host's own shutdown there is an end of stream that the peer did not send.
            if let Some(code) = connection.ended() {
                return Poll::Ready(Err(code));
            }
            match connection.receive(room) {
                Ok(0) if connection.ended().is_some() => {}
                Ok(0) if connection.was_reset() => return Poll::Ready(Err(ErrorCode::ConnectionReset)),
                Ok(count) => {
                    if count > 0 {
                        connection.received(count);
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match connection.stream.poll_read_ready(context) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Err(error) => {
                    let error = connection.error_of(error);
                    return Poll::Ready(Err(error.into()));
                }
            }
        }
    }

    /// Sends of `parts`, which are not empty, what the system takes.
    fn poll_send(&self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, ErrorCode>> {
        let connection = &self.connection;
        loop {
            if let Some(code) = connection.ended() {
                return Poll::Ready(Err(code));
            }
            let sent = match parts {
                [part] => connection.stream.try_write(part),
                parts => connection.stream.try_write_vectored(parts),
            };
            match sent {
                Ok(count) => {
                    connection.sent(count);
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match connection.stream.poll_write_ready(context) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Err(error) => {
                    let error = connection.error_of(error);
                    // Windows has two more errors for a connection that was shut down for writing.
                    let broken = match error.kind() {
                        ErrorKind::BrokenPipe => true,
                        ErrorKind::ConnectionAborted => cfg!(windows),
                        _ => false,
                    };
                    return Poll::Ready(Err(if broken { ErrorCode::ConnectionBroken } else { error.into() }));
                }
            }
        }
    }
}

/// What the program receives.
pub(crate) struct Receiving(Option<Half>);

/// What the program sends.
pub(crate) struct Sending(Option<Half>);

impl Receiving {
    pub(crate) fn new(connection: Arc<Connection>, outcome: Outcome) -> Self {
        Self(Some(Half { connection, outcome, direction: Shutdown::Read }))
    }

    /// Receives into `room`, which is not empty, and waits until there is something; nothing is received at the peer's end. For
    /// who has the direction without a program in between.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<Result<usize, ErrorCode>> {
        let Some(half) = &self.0 else { return Poll::Ready(Ok(0)) };
        let received = half.poll_receive(context, room);
        if received.is_pending() {
            half.connection.waits_to_receive();
        }
        received
    }

    fn end(&mut self, result: Result<(), ErrorCode>) -> Poll<wasmtime::Result<StreamResult>> {
        if let Some(half) = self.0.take() {
            half.end(result);
        }
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}

impl Receiving {
    /// The peer has ended its sending side: there is nothing to be shut down.
    fn end_by_peer(&mut self) -> Poll<wasmtime::Result<StreamResult>> {
        if let Some(half) = self.0.take() {
            half.connection.closed_by(ClosedBy::Peer);
            half.connection.expects_no_more(half.direction);
            half.tell(Ok(()));
        }
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}

impl Sending {
    pub(crate) fn new(connection: Arc<Connection>, outcome: Outcome) -> Self {
        Self(Some(Half { connection, outcome, direction: Shutdown::Write }))
    }

    /// Sends of `parts`, which are not empty, what the system takes, and waits until it takes something. For who has the
    /// direction without a program in between.
    pub(crate) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize, ErrorCode>> {
        let Some(half) = &self.0 else { return Poll::Ready(Err(ErrorCode::ConnectionBroken)) };
        let sent = half.poll_send(context, parts);
        if sent.is_pending() {
            half.connection.waits_to_send();
        }
        sent
    }

    fn end(&mut self, result: Result<(), ErrorCode>) -> Poll<wasmtime::Result<StreamResult>> {
        if let Some(half) = self.0.take() {
            half.end(result);
        }
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let _: Poll<_> = self.end(Ok(()));
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let _: Poll<_> = self.end(Ok(()));
    }
}

/// Sends what comes out of `data` over a connection, if it was given, and tells how that ended.
pub(crate) fn send(
    mut store: impl AsContextMut,
    connection: Result<Arc<Connection>, ErrorCode>,
    mut data: StreamReader<u8>,
) -> wasmtime::Result<FutureReader<Result<(), ErrorCode>>> {
    match connection {
        Ok(connection) => {
            let (sender, outcome) = oneshot::channel();
            let sending = Sending::new(connection, sender);
            match data.try_into::<Ciphertext>(&mut store) {
                // TLS of the host's own: it sends by itself.
                Ok(ciphertext) => ciphertext.send_by(sending),
                Err(data) => data.pipe(&mut store, sending)?,
            }
            FutureReader::new(&mut store, outcome)
        }
        Err(code) => {
            data.close(&mut store)?;
            FutureReader::new(&mut store, async move { wasmtime::error::Ok(Err(code)) })
        }
    }
}

/// What is received, and how that ended.
pub(crate) type Received = (StreamReader<u8>, FutureReader<Result<(), ErrorCode>>);

/// Gives what is received over a connection, if it was given, and tells how that ended.
pub(crate) fn receive(
    mut store: impl AsContextMut,
    connection: Result<Arc<Connection>, ErrorCode>,
) -> wasmtime::Result<Received> {
    Ok(match connection {
        Ok(connection) => {
            let (sender, outcome) = oneshot::channel();
            let stream = StreamReader::new(&mut store, Receiving::new(connection, sender))?;
            (stream, FutureReader::new(&mut store, outcome)?)
        }
        Err(code) => {
            let stream = StreamReader::new(&mut store, iter::empty())?;
            (stream, FutureReader::new(&mut store, async move { wasmtime::error::Ok(Err(code)) })?)
        }
    })
}

/// The program waits to receive, unless it wants to `finish`.
fn waiting_to_receive(connection: &Connection, finish: bool) -> Poll<wasmtime::Result<StreamResult>> {
    if finish {
        connection.rests_from_receiving();
        return Poll::Ready(Ok(StreamResult::Cancelled));
    }
    connection.waits_to_receive();
    Poll::Pending
}

/// The program waits for the peer to take something, unless it wants to `finish`.
fn waiting_to_send(connection: &Connection, finish: bool) -> Poll<wasmtime::Result<StreamResult>> {
    if finish {
        connection.rests_from_sending();
        return Poll::Ready(Ok(StreamResult::Cancelled));
    }
    connection.waits_to_send();
    Poll::Pending
}

impl<D> StreamProducer<D> for Receiving {
    type Item = u8;
    // Never filled: bytes go straight to where the program wants them.
    type Buffer = Option<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        destination: Destination<'a, u8, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let Some(half) = &self.0 else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        let connection = &half.connection;
        if destination.remaining(store.as_context_mut()) == Some(0) {
            return match connection.stream.poll_read_ready(context) {
                Poll::Ready(_) => Poll::Ready(Ok(StreamResult::Completed)),
                Poll::Pending => waiting_to_receive(connection, finish),
            };
        }
        let mut destination = destination.as_direct(store, BUFFER);
        match half.poll_receive(context, destination.remaining()) {
            Poll::Ready(Ok(0)) => self.end_by_peer(),
            Poll::Ready(Ok(count)) => {
                destination.mark_written(count);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(Err(code)) => self.end(Err(code)),
            Poll::Pending => waiting_to_receive(&half.connection, finish),
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

impl<D> StreamConsumer<D> for Sending {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<D>,
        source: Source<u8>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let Some(half) = &self.0 else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        let connection = &half.connection;
        let mut source = source.as_direct(store);
        if source.remaining().is_empty() {
            return match connection.stream.poll_write_ready(context) {
                Poll::Ready(_) => Poll::Ready(Ok(StreamResult::Completed)),
                Poll::Pending => waiting_to_send(connection, finish),
            };
        }
        match half.poll_send(context, &[IoSlice::new(source.remaining())]) {
            Poll::Ready(Ok(count)) => {
                source.mark_read(count);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(Err(code)) => self.end(Err(code)),
            Poll::Pending => waiting_to_send(&half.connection, finish),
        }
    }
}
