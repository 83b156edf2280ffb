//! The TCP echo server of the asyncio documents, serving line after line until the client ends.
//!
//! ```text
//! cargo xtask echo              # one terminal; or: wasyncio run dist/examples/echo-server.wasm \
//!                               #                       --allow-listen 127.0.0.1:8888 -- 127.0.0.1:8888
//! nc 127.0.0.1 8888             # another
//! ```
//!
//! prints `Serving on ('127.0.0.1', 8888)` and a line for every connection that comes and goes.

use console::{eprintln, println};
use wasyncio_client::{Error, ExtraInfo, StreamReader, StreamWriter, start_server};

/// Where to listen unless the first argument says otherwise.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8888";

async fn handle_echo(reader: &StreamReader, writer: &StreamWriter) -> Result<u64, Error> {
    let mut echoed = 0;
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            break;
        }
        writer.write(&line)?;
        writer.drain().await?;
        echoed += line.len() as u64;
    }
    writer.close();
    writer.wait_closed().await?;
    Ok(echoed)
}

async fn serve(reader: StreamReader, writer: StreamWriter) {
    let peer = match writer.get_extra_info("peername").as_ref().and_then(ExtraInfo::as_address) {
        Some(address) => address.to_string(),
        None => "an unknown peer".into(),
    };
    println(format!("{peer} connected"));
    match handle_echo(&reader, &writer).await {
        Ok(bytes) => println(format!("{peer} closed after {bytes} bytes")),
        Err(error) => println(format!("{peer} failed: {error}")),
    }
}

async fn run() -> Result<(), String> {
    let arguments = console::arguments();
    let address = arguments.first().map_or(DEFAULT_ADDRESS, String::as_str);
    let usage = || format!("'{address}' is no HOST:PORT to listen on, such as {DEFAULT_ADDRESS} or [::1]:8888");
    let (host, port) = address.rsplit_once(':').ok_or_else(usage)?;
    let port = port.parse().map_err(|_| usage())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');

    let server = start_server(host, port).await.map_err(|error| error.to_string())?;
    for socket in server.sockets() {
        println(format!("Serving on {socket}"));
    }
    server.serve_forever(serve).await.map_err(|error| error.to_string())
}

struct EchoServer;

impl wasip3::exports::cli::run::Guest for EchoServer {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| eprintln(format!("echo-server: {error}")))
    }
}

wasip3::cli::command::export!(EchoServer with_types_in wasyncio_client::command);
