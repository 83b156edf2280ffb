//! The benchmark's server on wstd, the peer on WASI 0.2. wstd has no buffered reader, so the lines are cut here.

use bench_protocol::{Mode, Received, SERVING};
use wasip2::cli::{environment, stderr, stdout};
use wasip2::io::streams::OutputStream;
use wstd::io::{AsyncRead, AsyncWrite, Result};
use wstd::iter::AsyncIterator;
use wstd::net::{TcpListener, TcpStream};
use wstd::runtime;

/// How much is read at once, as in the readers of the other servers.
const CHUNK: usize = 65536;

async fn echo(mut stream: TcpStream) -> Result<()> {
    let mut chunk = vec![0; 4096];
    let mut line = Vec::new();
    loop {
        let size = stream.read(&mut chunk).await?;
        if size == 0 {
            return Ok(());
        }
        for piece in chunk[..size].split_inclusive(|&byte| byte == b'\n') {
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                stream.write_all(&line).await?;
                stream.flush().await?;
                line.clear();
            }
        }
        if size == chunk.len() && size < CHUNK {
            chunk.resize(size * 2, 0);
        }
    }
}

async fn sink(mut stream: TcpStream) -> Result<()> {
    let mut chunk = vec![0; CHUNK];
    let mut first = Vec::new();
    let ahead = loop {
        let size = stream.read(&mut chunk).await?;
        first.extend_from_slice(&chunk[..size]);
        match first.iter().position(|&byte| byte == b'\n') {
            Some(end) => break first.split_off(end + 1),
            None if size == 0 => return Ok(()),
            None => {}
        }
    };
    let mut received = Received::announced(&first);
    received.take(&ahead);
    while received.wants_more() {
        let size = stream.read(&mut chunk).await?;
        if size == 0 {
            break;
        }
        received.take(&chunk[..size]);
    }
    stream.write_all(received.report().as_bytes()).await?;
    stream.flush().await
}

async fn serve(mode: Mode, stream: TcpStream) {
    // A client that ends a measurement resets its connections; every other failure it notices itself.
    let _ = match mode {
        Mode::Echo => echo(stream).await,
        Mode::Sink => sink(stream).await,
    };
}

async fn run() -> std::result::Result<(), String> {
    let arguments = environment::get_arguments();
    let (address, mode) = bench_protocol::parse(arguments.get(1..).unwrap_or_default())?;
    let bench_protocol::Address::Tcp(address) = address else {
        return Err("WASI 0.2 has neither Unix sockets nor TLS".to_owned());
    };
    let failed = |error: wstd::io::Error| error.to_string();
    let listener = TcpListener::bind(&address.to_string()).await.map_err(failed)?;
    print(&stdout::get_stdout(), &format!("{SERVING}{}", listener.local_addr().map_err(failed)?));
    let mut incoming = listener.incoming();
    while let Some(stream) = incoming.next().await {
        // One that was reset before it was accepted is no reason to end.
        if let Ok(stream) = stream {
            runtime::spawn(serve(mode, stream)).detach();
        }
    }
    Ok(())
}

/// The standard library prints nowhere on this target.
fn print(output: &OutputStream, line: &str) {
    // Nobody is left to be told that this failed.
    let _ = output.blocking_write_and_flush(format!("{line}\n").as_bytes());
}

struct WstdEcho;

impl wasip2::exports::cli::run::Guest for WstdEcho {
    fn run() -> std::result::Result<(), ()> {
        runtime::block_on(run()).map_err(|error| print(&stderr::get_stderr(), &format!("wstd-echo: {error}")))
    }
}

wasip2::cli::command::export!(WstdEcho);
