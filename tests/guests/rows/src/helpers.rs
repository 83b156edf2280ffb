//! What the cases share.

use asyncio::{Error, Server, SocketAddress, start_server};
pub(crate) use case_runner::{Outcome, Wrong, expect, holds, sleep};

/// The number of the port that the test gave.
pub(crate) fn port() -> u16 {
    case_runner::number(0)
}

/// A server on a free port of the loopback, and its address.
pub(crate) async fn server() -> Result<(Server, SocketAddress), Error> {
    let server = start_server("127.0.0.1", 0).await?;
    let address = server.sockets().swap_remove(0);
    Ok((server, address))
}
