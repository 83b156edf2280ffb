//! The two directions of a connection, as wasmtime polls them.
//!
//! Bytes go between the program's memory and the kernel without a buffer in between. A read or write of no bytes asks
//! for readiness. One that the program cancels (`finish`) ends as cancelled unless it can be done at once.

use std::io::ErrorKind;
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
}

/// What the program receives.
pub(crate) struct Receiving(Option<Half>);

/// What the program sends.
pub(crate) struct Sending(Option<Half>);

impl Receiving {
    pub(crate) fn new(connection: Arc<Connection>, outcome: Outcome) -> Self {
        Self(Some(Half { connection, outcome, direction: Shutdown::Read }))
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
            data.pipe(&mut store, Sending::new(connection, sender))?;
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
        loop {
            // After the host's own shutdown there is an end of stream that the peer did not send.
            if let Some(code) = connection.ended() {
                return self.end(Err(code));
            }
            match connection.receive(destination.remaining()) {
                Ok(0) if connection.ended().is_some() => {}
                Ok(0) if connection.was_reset() => return self.end(Err(ErrorCode::ConnectionReset)),
                Ok(0) => return self.end_by_peer(),
                Ok(count) => {
                    connection.received(count);
                    destination.mark_written(count);
                    return Poll::Ready(Ok(StreamResult::Completed));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match connection.stream.poll_read_ready(context) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return self.end(Err(error.into())),
                        Poll::Pending => return waiting_to_receive(connection, finish),
                    }
                }
                Err(error) => {
                    let error = connection.error_of(error);
                    return self.end(Err(error.into()));
                }
            }
        }
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
        loop {
            if let Some(code) = connection.ended() {
                return self.end(Err(code));
            }
            match connection.stream.try_write(source.remaining()) {
                Ok(count) => {
                    connection.sent(count);
                    source.mark_read(count);
                    return Poll::Ready(Ok(StreamResult::Completed));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match connection.stream.poll_write_ready(context) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return self.end(Err(error.into())),
                        Poll::Pending => return waiting_to_send(connection, finish),
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
                    let code = if broken { ErrorCode::ConnectionBroken } else { error.into() };
                    return self.end(Err(code));
                }
            }
        }
    }
}
