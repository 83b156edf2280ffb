//! The benchmark's server on asyncio's plain methods as they cross the boundary, without bindings on top of what is generated from
//! the WIT: an async call to another component for every `readline` and every `drain`.

mod generated;

use bench_protocol::{Address, Mode, Received, SERVING};
use console::{eprintln, println};

use generated::wasyncio::streams::server::start_server;
use generated::wasyncio::streams::streams::{StreamReader, StreamWriter};
use generated::wasyncio::streams::tls::{self, SslOptions};
use generated::wasyncio::streams::types::Error;
use generated::wasyncio::streams::unix::start_unix_server;

async fn echo(reader: &StreamReader, writer: &StreamWriter) -> Result<(), Error> {
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            return Ok(());
        }
        writer.write(&line)?;
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
    let started = match &address {
        Address::Tcp(address) => start_server(vec![address.ip().to_string()], address.port(), None).await,
        Address::Unix(path) => start_unix_server(path.clone().into_bytes(), None).await,
        Address::Tls(address, identity) => {
            let ssl = SslOptions {
                identity: Some(identity.clone()),
                trust: None,
                verify_mode: None,
                check_hostname: None,
                alpn_protocols: Vec::new(),
                minimum_version: None,
                server_hostname: None,
                ssl_handshake_timeout: None,
                ssl_shutdown_timeout: None,
            };
            tls::start_server(vec![address.ip().to_string()], address.port(), ssl, None).await
        }
    };
    let server = started.map_err(|error| format!("{error:?}"))?;
    for socket in server.sockets() {
        println(match &address {
            Address::Tcp(_) | Address::Tls(..) => format!("{SERVING}{}:{}", socket.host, socket.port),
            Address::Unix(path) => format!("{SERVING}{path}"),
        });
    }
    loop {
        let (reader, writer) = server.accept().await.map_err(|error| format!("{error:?}"))?;
        wit_bindgen::spawn_local(serve(mode, reader, writer));
    }
}

struct ComposedPlainEcho;

impl wasip3::exports::cli::run::Guest for ComposedPlainEcho {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| eprintln(format!("composed-plain-echo: {error}")))
    }
}

wasip3::cli::command::export!(ComposedPlainEcho with_types_in wasyncio_executor::command);
