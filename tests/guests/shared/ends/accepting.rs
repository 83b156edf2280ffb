//! Accepting from several sockets.

use asyncio::{Error, ServerOptions, StreamReader, StreamWriter, start_server, start_server_with};
use wit_bindgen::spawn_local;

use crate::transcript::{address, number, say, serving, told};

/// The first connection tells when all others are in their queues; then this accepts as many as it was told to, and prints which
/// sockets they came to.
pub(crate) async fn listeners_take_turns() -> Result<(), Error> {
    let server = start_server_with(&["127.0.0.1", "127.0.0.3"], 0, ServerOptions::default()).await?;
    serving(&server);
    let (begins, _writer) = server.accept().await?;
    say("begun");
    begins.readline().await?;
    for _ in 0..number(0) {
        let (_reader, writer) = server.accept().await?;
        say(format!("accepted on {}", address(&writer, "sockname").map(|address| address.host()).unwrap_or_default()));
    }
    Ok(())
}

/// Echoes lines to whoever connects, until the test ends this. Prints a line for each that connects.
pub(crate) async fn echo() -> Result<(), Error> {
    async fn handle(reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        loop {
            let line = reader.readline().await?;
            if line.is_empty() {
                break;
            }
            writer.write(line)?;
            writer.drain().await?;
        }
        writer.close();
        writer.wait_closed().await
    }
    let server = start_server("127.0.0.1", 0).await?;
    serving(&server);
    loop {
        let (reader, writer) = server.accept().await?;
        say("connected");
        spawn_local(async move {
            if let Err(error) = handle(reader, writer).await {
                say(format!("failed: {}", told(&error)));
            }
        });
    }
}
