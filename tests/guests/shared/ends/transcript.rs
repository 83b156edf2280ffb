//! Printing what happens as Python prints it.

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use asyncio::{Error, ExtraInfo, OsErrorKind, Server, SocketAddress, StreamReader, StreamWriter, start_server};
use wit_bindgen::spawn_local;

/// How long anything may wait that must end by itself. What takes longer counts as waiting for ever.
const PATIENCE: Duration = Duration::from_secs(6);

/// Prints an event.
pub(crate) fn say(words: impl Display) {
    console::println(words.to_string());
}

/// The class and the words of an exception.
pub(crate) fn told(error: &Error) -> String {
    format!("{}: {error}", class(error))
}

/// The name of Python's class for an error.
pub(crate) fn class(error: &Error) -> &'static str {
    match error {
        Error::Value(_) => "ValueError",
        Error::Runtime(_) => "RuntimeError",
        Error::Os(error) => match error.kind {
            OsErrorKind::AccessDenied => "PermissionError",
            OsErrorKind::BrokenPipe => "BrokenPipeError",
            OsErrorKind::ConnectionAborted => "ConnectionAbortedError",
            OsErrorKind::ConnectionRefused => "ConnectionRefusedError",
            OsErrorKind::ConnectionReset => "ConnectionResetError",
            OsErrorKind::NameNotResolved => "gaierror",
            OsErrorKind::TimedOut => "TimeoutError",
            _ => "OSError",
        },
        _ => "Exception",
    }
}

/// What `get_extra_info` knows of an end of the connection: `peername` or `sockname`.
pub(crate) fn address(writer: &StreamWriter, name: &str) -> Option<SocketAddress> {
    writer.get_extra_info(name).as_ref().and_then(ExtraInfo::as_address).cloned()
}

/// The argument at `index`; the first is the case's name.
pub(crate) fn argument(index: usize) -> String {
    console::arguments().into_iter().nth(index).unwrap_or_default()
}

/// The number at `index` of the arguments.
pub(crate) fn number(index: usize) -> usize {
    argument(index).parse().unwrap_or_default()
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

/// Lets everything else that is ready run first.
pub(crate) async fn turn() {
    // Twice, as everything that has become ready has to run, and then what that has made ready.
    wit_bindgen::yield_async().await;
    wit_bindgen::yield_async().await;
}

/// Waits until all that can run by itself has, also in another component.
pub(crate) async fn settled() {
    wasip3::clocks::monotonic_clock::wait_for(Duration::from_millis(50).as_nanos() as u64).await;
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
