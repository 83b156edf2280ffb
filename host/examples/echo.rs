//! An echo server for many connections: asyncio's streams inside the sandbox, one tokio task for each connection.
//!
//! ```text
//! cargo run --release -p wasyncio-host --example echo -- 127.0.0.1:8888
//! nc 127.0.0.1 8888
//! ```
//!
//! It sends every line back, prints the address it listens on, and ends by Ctrl-C after it has closed its connections.

use std::net::SocketAddr;

use wasyncio_host::embed::{StreamReader, StreamResult, StreamWriter};
use wasyncio_host::{Host, Limits, Policy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8888".to_owned());
    let address: SocketAddr = address.parse()?;

    let mut limits = Limits::default();
    limits.max_connections = Some(10_000);
    let policy = Policy::new().allow_listen(address.into());
    let host = Host::builder().build()?;
    let asyncio = host.streams()?.policy(policy).limits(limits).start().await?;

    let server = asyncio.start_server(&[address.ip().to_string()], address.port(), Default::default()).await?;
    println!("listening on {}", server.sockets().await?[0]);
    tokio::select! {
        served = server.serve_forever(serve) => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    server.close_clients().await?;
    server.wait_closed().await?;
    Ok(())
}

async fn serve(reader: StreamReader, writer: StreamWriter) {
    let peer = writer.peer_addr().await.ok().flatten();
    if let Err(error) = echo(&reader, &writer).await {
        eprintln!("{peer:?}: {error}");
    }
}

async fn echo(reader: &StreamReader, writer: &StreamWriter) -> StreamResult<()> {
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            return Ok(());
        }
        writer.write(&line).await?;
        writer.drain().await?;
    }
}
