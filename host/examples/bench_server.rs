//! The server of the benchmark's subject `embed`: `cargo xtask bench --subjects embed,linked,tokio`.

use bench_protocol::{Address, Mode, Received, SERVING};
use wasyncio_host::embed::{StreamReader, StreamResult, StreamWriter};
use wasyncio_host::{Host, Policy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (address, mode) = bench_protocol::parse(&arguments)?;
    let host = Host::builder().cache(true).build()?;
    let policy = match &address {
        Address::Tcp(address) => Policy::new().allow_listen((*address).into()),
        Address::Unix(path) => Policy::new().allow_unix_listen(path.parse()?),
        Address::Tls(..) => return Err("this server has no TLS".into()),
    };
    let asyncio = host.streams()?.policy(policy).start().await?;
    let server = match address {
        Address::Tcp(address) => {
            let server = asyncio.start_server(&[address.ip().to_string()], address.port(), Default::default()).await?;
            println!("{SERVING}{}", server.sockets().await?[0]);
            server
        }
        Address::Unix(path) => {
            let server = asyncio.start_unix_server(&path, Default::default()).await?;
            println!("{SERVING}{path}");
            server
        }
        Address::Tls(..) => unreachable!("it was refused above"),
    };
    server
        .serve_forever(move |reader, writer| async move {
            // A client that ends a measurement resets its connections; every other failure it notices itself.
            _ = match mode {
                Mode::Echo => echo(&reader, &writer).await,
                Mode::Sink => sink(&reader, &writer).await,
            };
        })
        .await?;
    Ok(())
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

async fn sink(reader: &StreamReader, writer: &StreamWriter) -> StreamResult<()> {
    let mut received = Received::announced(&reader.readline().await?);
    while received.wants_more() {
        let data = reader.read(65536).await?;
        if data.is_empty() {
            break;
        }
        received.take(&data);
    }
    writer.write(received.report().as_bytes()).await?;
    writer.drain().await?;
    writer.close().await
}
