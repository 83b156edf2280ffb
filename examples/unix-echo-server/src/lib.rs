//! The echo server of the asyncio documents on a Unix socket, serving line after line until the client ends.
//!
//! ```text
//! wasyncio run dist/examples/unix-echo-server.wasm \
//!          --allow-unix-listen /tmp/echo.sock -- /tmp/echo.sock      # one terminal
//! socat - UNIX-CONNECT:/tmp/echo.sock                                # another
//! ```
//!
//! prints `Serving on /tmp/echo.sock` and a line for every connection that comes and goes.

use console::{eprintln, println};
use wasyncio_client::{Error, ExtraInfo, StreamReader, StreamWriter, start_unix_server};

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

/// Whose connection it is: clients of Unix sockets have no names, but the system knows who they are.
fn peer(writer: &StreamWriter) -> String {
    match writer.get_extra_info("socket") {
        Some(ExtraInfo::Socket(socket)) => match socket.peer_credentials {
            Some(peer) => format!("user {}", peer.uid),
            None => "somebody".into(),
        },
        _ => "somebody".into(),
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
    let path = arguments.first().ok_or("the path to listen on is missing, such as /tmp/echo.sock")?;
    let server = start_unix_server(path).await.map_err(|error| format!("{path}: {error}"))?;
    for socket in server.sockets() {
        println(format!("Serving on {socket}"));
    }
    server.serve_forever(serve).await.map_err(|error| error.to_string())
}

struct UnixEchoServer;

impl wasip3::exports::cli::run::Guest for UnixEchoServer {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| eprintln(format!("unix-echo-server: {error}")))
    }
}

wasip3::cli::command::export!(UnixEchoServer with_types_in wasyncio_client::command);
