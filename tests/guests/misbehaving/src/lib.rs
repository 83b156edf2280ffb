//! Misbehaves on demand.
//!
//! - `serve HOST:PORT` echoes lines, but does what some of them say: `trap`, `spin`, `memory`; `sockets` makes sockets until
//!   it cannot, answers how many and why, and closes them; `who` answers a number that differs between instances; after
//!   `relay HOST:PORT` it connects there, answers `connected`, and sends what follows on, line by line, and back. HOST may be
//!   a list, such as `127.0.0.1,127.0.0.2`.
//! - `connect HOST:PORT` makes connections until it cannot, prints how many and why, closes them, and makes one more.
//! - `flood HOST:PORT` connects, writes lines for ever, and reads nothing.

use std::cell::OnceCell;

use console::{eprintln, println};
use wasip3::random::random::get_random_u64;
use wasip3::sockets::types::{ErrorCode, IpAddressFamily, TcpSocket};
use wasyncio_client::{Error, ServerOptions, StreamReader, StreamWriter, open_connection, start_server_with};

thread_local! {
    /// Which instance this is.
    static WHO: OnceCell<u64> = const { OnceCell::new() };
}

fn who() -> u64 {
    WHO.with(|who| *who.get_or_init(get_random_u64))
}

/// Makes sockets until that fails: how many there were, and why there were no more.
fn sockets() -> String {
    let mut sockets = Vec::new();
    let error = loop {
        match TcpSocket::create(IpAddressFamily::Ipv4) {
            Ok(socket) => sockets.push(socket),
            Err(error) => break error,
        }
    };
    let reason = match error {
        ErrorCode::Other(Some(text)) => text,
        other => format!("{other:?}"),
    };
    format!("{} sockets: {reason}\n", sockets.len())
}

/// Relays lines to where the program may connect, until one side ends. Why it cannot, or not any more, is an answer.
async fn relay(address: &str, reader: &StreamReader, writer: &StreamWriter) -> Result<(), Error> {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    match open_connection(host, port.parse().unwrap_or(0)).await {
        Ok((from, to)) => {
            writer.write(b"connected\n")?;
            if let Err(error) = pass_on(reader, writer, &from, &to).await {
                writer.write(format!("the relay failed: {error}\n").as_bytes())?;
            }
            to.close();
        }
        Err(error) => writer.write(format!("not connected: {error}\n").as_bytes())?,
    }
    writer.drain().await
}

async fn pass_on(
    reader: &StreamReader,
    writer: &StreamWriter,
    from: &StreamReader,
    to: &StreamWriter,
) -> Result<(), Error> {
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            return Ok(());
        }
        to.write(&line)?;
        to.drain().await?;
        let answer = from.readline().await?;
        if answer.is_empty() {
            return Ok(());
        }
        writer.write(&answer)?;
        writer.drain().await?;
    }
}

async fn handle(reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
    loop {
        let line = reader.readline().await?;
        let answer = match line.as_slice() {
            b"" => break,
            #[cfg(target_arch = "wasm32")]
            b"trap\n" => core::arch::wasm32::unreachable(),
            b"spin\n" => loop {
                std::hint::spin_loop();
            },
            b"memory\n" => {
                let mut taken = Vec::new();
                loop {
                    taken.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            b"sockets\n" => sockets().into_bytes(),
            b"who\n" => format!("{}\n", who()).into_bytes(),
            line if line.starts_with(b"relay ") => {
                let address = String::from_utf8_lossy(&line["relay ".len()..]).trim_end().to_owned();
                relay(&address, &reader, &writer).await?;
                continue;
            }
            other => other.to_vec(),
        };
        writer.write(&answer)?;
        writer.drain().await?;
    }
    writer.close();
    writer.wait_closed().await
}

async fn serve(host: &str, port: u16) -> Result<(), Error> {
    let hosts: Vec<_> = host.split(',').collect();
    let server = start_server_with(&hosts, port, ServerOptions::default()).await?;
    for socket in server.sockets() {
        println(format!("Serving on {socket}"));
    }
    server
        .serve_forever(|reader, writer| async move {
            if let Err(error) = handle(reader, writer).await {
                println(format!("failed: {error}"));
            }
        })
        .await?;
    println("no longer serving");
    Ok(())
}

async fn connect(host: &str, port: u16) -> Result<(), Error> {
    let mut open = Vec::new();
    let error = loop {
        match open_connection(host, port).await {
            Ok(connection) => open.push(connection),
            Err(error) => break error,
        }
    };
    println(format!("{} connections: {error}", open.len()));
    for (_, writer) in open {
        writer.close();
        writer.wait_closed().await?;
    }
    let (_, writer) = open_connection(host, port).await?;
    println("connected again");
    writer.close();
    writer.wait_closed().await
}

async fn flood(host: &str, port: u16) -> Result<(), Error> {
    let (_reader, writer) = open_connection(host, port).await?;
    println("flooding");
    let line = [&[b'x'; 16383][..], b"\n"].concat();
    loop {
        writer.write(&line)?;
        writer.drain().await?;
    }
}

struct Misbehaving;

impl wasip3::exports::cli::run::Guest for Misbehaving {
    async fn run() -> Result<(), ()> {
        let arguments = console::arguments();
        let address = arguments.get(1).and_then(|address| address.rsplit_once(':'));
        let Some((host, Ok(port))) = address.map(|(host, port)| (host, port.parse())) else {
            eprintln("misbehaving: serve, connect or flood, and HOST:PORT");
            return Err(());
        };
        let result = match arguments[0].as_str() {
            "serve" => serve(host, port).await,
            "connect" => connect(host, port).await,
            _ => flood(host, port).await,
        };
        result.map_err(|error| eprintln(format!("misbehaving: {error}")))
    }
}

wasip3::cli::command::export!(Misbehaving);
