//! The native peer: tokio on one thread, as the sandboxed servers are.

use std::io;

use bench_protocol::{Mode, Received, SERVING};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};

use crate::Result;

/// Serves until the process is killed.
pub(crate) fn serve(buffered: bool, arguments: &[String]) -> Result<()> {
    let (address, mode) = bench_protocol::parse(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        println!("{SERVING}{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            // As asyncio does.
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                // A client that ends a measurement resets its connections; every other failure it notices itself.
                let _ = match mode {
                    Mode::Sink => sink(stream).await,
                    Mode::Echo if buffered => echo_buffered(stream).await,
                    Mode::Echo => echo(stream).await,
                };
            });
        }
    })
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await? > 0 {
        writer.write_all(&line).await?;
        line.clear();
    }
    Ok(())
}

/// Sends before the next read would wait.
async fn echo_buffered(mut stream: TcpStream) -> io::Result<()> {
    let (reader, writer) = stream.split();
    let mut reader = BufReader::new(reader);
    let mut writer = BufWriter::new(writer);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await? > 0 {
        writer.write_all(&line).await?;
        line.clear();
        if !reader.buffer().contains(&b'\n') {
            writer.flush().await?;
        }
    }
    Ok(())
}

async fn sink(mut stream: TcpStream) -> io::Result<()> {
    let mut data = vec![0; 65536];
    let mut received = Received::default();
    loop {
        match stream.read(&mut data).await? {
            0 => break,
            size => received.take(&data[..size]),
        }
    }
    stream.write_all(received.report().as_bytes()).await?;
    stream.shutdown().await
}
