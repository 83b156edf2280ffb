//! The echo server of the asyncio documents by TLS, serving line after line until the client ends.
//!
//! ```text
//! wasyncio run dist/examples/tls-echo-server.wasm --allow-listen 127.0.0.1:8888 \
//!          --tls-identity web=cert.pem,key.pem -- 127.0.0.1:8888 web      # one terminal
//! openssl s_client -connect 127.0.0.1:8888                               # another
//! ```
//!
//! prints `Serving on ('127.0.0.1', 8888)` and a line for every connection that comes and goes. The program never has the key.

use console::{eprintln, println};
use wasyncio_client::{Error, ExtraInfo, ServerOptions, SslOptions, StreamReader, StreamWriter, start_server_with};

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

/// Whose connection it is, and how it is enciphered.
fn peer(writer: &StreamWriter) -> String {
    let name = match writer.get_extra_info("peername") {
        Some(ExtraInfo::Address(address)) => address.to_string(),
        _ => "somebody".into(),
    };
    match writer.get_extra_info("cipher") {
        Some(ExtraInfo::Cipher(cipher)) => format!("{name} by {} {}", cipher.protocol, cipher.name),
        _ => name,
    }
}

async fn serve(reader: StreamReader, writer: StreamWriter) {
    let peer = peer(&writer);
    println(format!("{peer} connected"));
    match handle_echo(&reader, &writer).await {
        Ok(bytes) => println(format!("{peer} closed after {bytes} bytes")),
        Err(error) => println(format!("{peer} failed: {error}")),
    }
}

async fn run() -> Result<(), String> {
    let arguments = console::arguments();
    let [address, identity] = arguments.as_slice() else {
        return Err("give the address to listen on, such as 127.0.0.1:8888, and the name of an identity".into());
    };
    let (host, port) = address.rsplit_once(':').ok_or("the address has no port")?;
    let port = port.parse().map_err(|_| format!("{port} is no port"))?;
    let ssl = SslOptions { identity: Some(identity.clone()), ..SslOptions::default() };
    let options = ServerOptions { ssl: Some(ssl), ..ServerOptions::default() };
    let server = start_server_with(&[host], port, options).await.map_err(|error| format!("{address}: {error}"))?;
    for socket in server.sockets() {
        println(format!("Serving on {socket}"));
    }
    server.serve_forever(serve).await.map_err(|error| error.to_string())
}

struct TlsEchoServer;

impl wasip3::exports::cli::run::Guest for TlsEchoServer {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| eprintln(format!("tls-echo-server: {error}")))
    }
}

wasip3::cli::command::export!(TlsEchoServer with_types_in wasyncio_client::command);
