//! Printing what happens as Python prints it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use asyncio::{Error, ExtraInfo, Server, SocketAddress, StreamReader, StreamWriter, start_server};
pub(crate) use case_runner::{number, turn};
use wit_bindgen::spawn_local;

pub(crate) use crate::told::{say, told};

/// How long anything may wait that must end by itself. What takes longer counts as waiting for ever.
const PATIENCE: Duration = Duration::from_secs(6);

/// What `get_extra_info` knows of an end of the connection: `peername` or `sockname`.
pub(crate) fn address(writer: &StreamWriter, name: &str) -> Option<SocketAddress> {
    writer.get_extra_info(name).as_ref().and_then(ExtraInfo::as_address).cloned()
}

/// Runs `future` for [`PATIENCE`] at most.
pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut limit = pin!(wasip3::clocks::monotonic_clock::wait_for(PATIENCE.as_nanos() as u64));
    poll_fn(|cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(value));
        }
        limit.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// What a call that gives nothing came to.
pub(crate) async fn outcome(call: impl Future<Output = Result<(), Error>>) -> String {
    match patiently(call).await {
        Some(Ok(())) => "None".into(),
        Some(Err(error)) => told(&error),
        None => "waits for ever".into(),
    }
}

/// Prints what a call came to.
pub(crate) async fn attempt(name: &str, call: impl Future<Output = Result<(), Error>>) {
    let outcome = outcome(call).await;
    say(format!("{name} {outcome}"));
}

/// Waits until all that can run by itself has, also in another component.
pub(crate) async fn settled() {
    case_runner::sleep(50).await;
}

/// Prints where a server listens.
pub(crate) fn serving(server: &Server) {
    for address in server.sockets() {
        say(format!("Serving on {address}"));
    }
}

/// Serves so many connections on the loopback, each with its number from 1 on, then closes the server and waits for its end.
pub(crate) async fn serve<F: Future<Output = Result<(), Error>> + 'static>(
    connections: usize,
    handler: fn(usize, StreamReader, StreamWriter) -> F,
) -> Result<(), Error> {
    let server = start_server("127.0.0.1", 0).await?;
    serving(&server);
    let mut handlers = Vec::new();
    for number in 1..=connections {
        let (reader, writer) = server.accept().await?;
        handlers.push(spawn_local(handler(number, reader, writer)));
    }
    for handler in handlers {
        if let Some(Err(error)) = handler.await {
            say(format!("a handler failed: {}", told(&error)));
        }
    }
    server.close();
    attempt("server.wait_closed", async {
        server.wait_closed().await;
        Ok(())
    })
    .await;
    Ok(())
}
