//! What the cases share.

use std::fmt::Debug;
use std::time::Duration;

use asyncio::{Error, Server, SocketAddress, start_server};

/// What was wrong.
pub(crate) struct Wrong(pub(crate) String);

/// How a case ends.
pub(crate) type Outcome = Result<(), Wrong>;

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self(format!("unexpected error: {error:?}"))
    }
}

/// Fails unless both are equal.
pub(crate) fn expect<T: PartialEq + Debug>(what: &str, got: T, expected: T) -> Outcome {
    if got == expected { Ok(()) } else { Err(Wrong(format!("{what}: got {got:?} instead of {expected:?}"))) }
}

/// Fails unless it holds.
pub(crate) fn holds(what: &str, holds: bool) -> Outcome {
    if holds { Ok(()) } else { Err(Wrong(what.into())) }
}

/// The argument at `index` after the case's name.
pub(crate) fn argument(index: usize) -> String {
    console::arguments().into_iter().nth(index + 1).unwrap_or_default()
}

/// The number of the port that the test gave.
pub(crate) fn port() -> u16 {
    argument(0).parse().unwrap_or_default()
}

/// Waits; 0 lets everything run that is ready, and what that makes ready.
pub(crate) async fn sleep(milliseconds: u64) {
    if milliseconds == 0 {
        wit_bindgen::yield_async().await;
        wit_bindgen::yield_async().await;
    } else {
        let time = Duration::from_millis(milliseconds);
        wasip3::clocks::monotonic_clock::wait_for(time.as_nanos() as u64).await;
    }
}

/// A server on a free port of the loopback, and its address.
pub(crate) async fn server() -> Result<(Server, SocketAddress), Error> {
    let server = start_server("127.0.0.1", 0).await?;
    let address = server.sockets().swap_remove(0);
    Ok((server, address))
}
