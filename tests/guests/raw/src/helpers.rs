//! What the cases share.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

pub(crate) use case_runner::{Outcome, Wrong, expect, holds, number, sleep};
use wit_bindgen::StreamResult;
use wit_bindgen::rt::async_support::{FutureReader, StreamReader as Incoming, StreamWriter as Outgoing};

use crate::bindings::connect::open_connection;
use crate::bindings::raw::{Connection, accept};
use crate::bindings::server::{Server, start_server};
use crate::bindings::streams::{StreamReader, StreamWriter};
use crate::bindings::types::Error;
use crate::bindings::{ErrorCode, wit_stream};

/// Fails unless it is a runtime error whose text has `words` in it.
pub(crate) fn refused<T>(what: &str, got: Result<T, Error>, words: &str) -> Outcome {
    match got {
        Err(Error::RuntimeError(text)) if text.contains(words) => Ok(()),
        Err(error) => Err(Wrong(format!("{what}: {error:?}, which does not say '{words}'"))),
        Ok(_) => Err(Wrong(format!("{what}: no error"))),
    }
}

/// Lets everything run that is ready, and what that makes ready, here and in the component.
pub(crate) async fn turn() {
    case_runner::turn().await;
    case_runner::turn().await;
}

/// A call that was begun: its answer has not come.
pub(crate) type Begun<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Begins a call. Fails if it answers at once.
pub(crate) async fn begin<'a, T>(what: &str, call: impl Future<Output = T> + 'a) -> Outcome<Begun<'a, T>> {
    let mut call: Begun<'a, T> = Box::pin(call);
    let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
    holds(&format!("{what} has answered at once"), !polled)?;
    Ok(call)
}

/// What the call has come to, if it has.
pub(crate) async fn look<T>(call: &mut Begun<'_, T>) -> Option<T> {
    poll_fn(|cx| {
        Poll::Ready(match call.as_mut().poll(cx) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        })
    })
    .await
}

/// A server on a free port of the loopback, and its port.
pub(crate) async fn server() -> Outcome<(Server, u16)> {
    let server = start_server(vec!["127.0.0.1".into()], 0, None).await?;
    let port = server.sockets().first().map_or(0, |address| address.port);
    Ok((server, port))
}

/// Prints where a server listens.
pub(crate) fn serving(port: u16) {
    console::println(format!("Serving on ('127.0.0.1', {port})"));
}

/// A client of this machine.
pub(crate) async fn client(port: u16) -> Outcome<(StreamReader, StreamWriter)> {
    Ok(open_connection(Some("127.0.0.1".into()), Some(port), None).await?)
}

/// The next connection, as it is.
pub(crate) async fn accept_one(server: &Server) -> Outcome<Connection> {
    let mut accepted = accept(server).await?;
    expect("accepted", accepted.len(), 1)?;
    accepted.pop().ok_or_else(|| Wrong("none".into()))
}

/// A connection that was opened.
pub(crate) struct Opened {
    pub(crate) read_ahead: Vec<u8>,
    pub(crate) incoming: Incoming<u8>,
    pub(crate) outgoing: Outgoing<u8>,
    pub(crate) received: FutureReader<Result<(), ErrorCode>>,
    pub(crate) sent: FutureReader<Result<(), ErrorCode>>,
}

/// Opens a connection.
pub(crate) fn open(connection: &Connection) -> Result<Opened, Error> {
    let (outgoing, given) = wit_stream::new::<u8>();
    let directions = connection.open(given)?;
    Ok(Opened {
        read_ahead: directions.read_ahead,
        incoming: directions.incoming,
        outgoing,
        received: directions.received,
        sent: directions.sent,
    })
}

/// The next bytes; none at the end.
pub(crate) async fn receive(incoming: &mut Incoming<u8>) -> Option<Vec<u8>> {
    match incoming.read(Vec::with_capacity(64 * 1024)).await {
        (StreamResult::Dropped, bytes) if bytes.is_empty() => None,
        (_, bytes) => Some(bytes),
    }
}

/// Bytes up to as many as `expected` has, which they must be.
pub(crate) async fn receives(what: &str, incoming: &mut Incoming<u8>, expected: &[u8]) -> Outcome {
    let mut received = Vec::new();
    while received.len() < expected.len() {
        match receive(incoming).await {
            Some(bytes) => received.extend(bytes),
            None => break,
        }
    }
    expect(what, String::from_utf8_lossy(&received), String::from_utf8_lossy(expected))
}

/// Sends all of it.
pub(crate) async fn send(outgoing: &mut Outgoing<u8>, bytes: &[u8]) -> Outcome {
    let left = outgoing.write_all(bytes.to_vec()).await;
    expect("bytes that were not sent", left.len(), 0)
}
