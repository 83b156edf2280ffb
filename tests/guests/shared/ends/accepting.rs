//! Accepting from several sockets.

use asyncio::{Error, start_server_with};

use crate::today::{server_options, sockname};
use crate::transcript::{number, say, serving};

/// The first connection tells when all others are in their queues; then this accepts as many as it was told to, and prints which
/// sockets they came to.
pub(crate) async fn listeners_take_turns() -> Result<(), Error> {
    let server = start_server_with(&["127.0.0.1", "127.0.0.3"], 0, server_options()).await?;
    serving(&server);
    let (begins, _writer) = server.accept().await?;
    begins.readline().await?;
    for _ in 0..number(1) {
        let (_reader, writer) = server.accept().await?;
        say(format!("accepted on {}", sockname(&writer).map(|(host, _)| host).unwrap_or_default()));
    }
    Ok(())
}
