//! The benchmark's server in Rust, compiled twice: as `linked-echo` on the crate `wasyncio`, one component with the streams, and
//! as `composed-echo` on `bindings/rust`, which imports them. The packages name the one or the other `asyncio`.

use asyncio::{
    Error, ServerOptions, SslOptions, StreamReader, StreamWriter, start_server, start_server_with, start_unix_server,
};
use bench_protocol::{Address, Mode, Received, SERVING};
use console::{eprintln, println};

async fn echo(reader: &StreamReader, writer: &StreamWriter) -> Result<(), Error> {
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            return Ok(());
        }
        writer.write(line)?;
        writer.drain().await?;
    }
}

async fn sink(reader: &StreamReader, writer: &StreamWriter) -> Result<(), Error> {
    let mut received = Received::announced(&reader.readline().await?);
    while received.wants_more() {
        let data = reader.read(65536).await?;
        if data.is_empty() {
            break;
        }
        received.take(&data);
    }
    writer.write(received.report().as_bytes())?;
    writer.drain().await
}

async fn serve(mode: Mode, reader: StreamReader, writer: StreamWriter) {
    let served = match mode {
        Mode::Echo => echo(&reader, &writer).await,
        Mode::Sink => sink(&reader, &writer).await,
    };
    writer.close();
    // A client that ends a measurement resets its connections; every other failure it notices itself.
    let _ = served.and(writer.wait_closed().await);
}

async fn run() -> Result<(), String> {
    let (address, mode) = bench_protocol::parse(&console::arguments())?;
    let started = match address {
        Address::Tcp(address) => start_server(&address.ip().to_string(), address.port()).await,
        Address::Unix(path) => start_unix_server(path).await,
        Address::Tls(address, identity) => {
            let ssl = SslOptions { identity: Some(identity), ..SslOptions::default() };
            let options = ServerOptions { ssl: Some(ssl), ..ServerOptions::default() };
            start_server_with(&[address.ip().to_string()], address.port(), options).await
        }
    };
    let server = started.map_err(|error| error.to_string())?;
    for socket in server.sockets() {
        println(format!("{SERVING}{socket}"));
    }
    server.serve_forever(move |reader, writer| serve(mode, reader, writer)).await.map_err(|error| error.to_string())
}

struct Echo;

impl wasip3::exports::cli::run::Guest for Echo {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| eprintln(format!("{}: {error}", env!("CARGO_PKG_NAME"))))
    }
}

wasip3::cli::command::export!(Echo with_types_in asyncio::command);
