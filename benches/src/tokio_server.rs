//! The native peer: tokio on one thread, as the sandboxed servers are.

use std::io;

use bench_protocol::{Address, Mode, Received, SERVING};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, UnixListener};

use crate::{Result, tls};

/// Serves until the process is killed.
pub(crate) fn serve(buffered: bool, arguments: &[String]) -> Result<()> {
    let (address, mode) = bench_protocol::parse(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match address {
            Address::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                println!("{SERVING}{}", listener.local_addr()?);
                loop {
                    let (stream, _) = listener.accept().await?;
                    // As asyncio does.
                    stream.set_nodelay(true)?;
                    tokio::spawn(serve_one(stream, buffered, mode));
                }
            }
            Address::Tls(address, files) => {
                let acceptor = tls::acceptor(&files)?;
                let listener = TcpListener::bind(address).await?;
                println!("{SERVING}{}", listener.local_addr()?);
                loop {
                    let (stream, _) = listener.accept().await?;
                    stream.set_nodelay(true)?;
                    let accepted = acceptor.accept(stream);
                    tokio::spawn(async move {
                        // The client notices what fails, here too.
                        if let Ok(mut stream) = accepted.await {
                            serve_one(&mut stream, buffered, mode).await;
                            // Without it the client would take the end for a failure.
                            let _ = stream.shutdown().await;
                        }
                    });
                }
            }
            Address::Unix(path) => {
                let listener = UnixListener::bind(&path)?;
                println!("{SERVING}{path}");
                loop {
                    tokio::spawn(serve_one(listener.accept().await?.0, buffered, mode));
                }
            }
        }
    })
}

async fn serve_one(stream: impl AsyncRead + AsyncWrite + Unpin, buffered: bool, mode: Mode) {
    // A client that ends a measurement resets its connections; every other failure it notices itself.
    let _ = match mode {
        Mode::Sink => sink(stream).await,
        Mode::Echo if buffered => echo_buffered(stream).await,
        Mode::Echo => echo(stream).await,
    };
}

async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    // It reads, then writes: a stream that both share needs no halves.
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await? > 0 {
        stream.get_mut().write_all(&line).await?;
        stream.get_mut().flush().await?;
        line.clear();
    }
    Ok(())
}

/// Sends before the next read would wait.
async fn echo_buffered(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut stream = BufWriter::new(BufReader::new(stream));
    let mut line = Vec::new();
    while stream.get_mut().read_until(b'\n', &mut line).await? > 0 {
        stream.write_all(&line).await?;
        line.clear();
        if !stream.get_ref().buffer().contains(&b'\n') {
            stream.flush().await?;
        }
    }
    Ok(())
}

async fn sink(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await?;
    let mut received = Received::announced(&line);
    let mut data = vec![0; 65536];
    while received.wants_more() {
        match stream.read(&mut data).await? {
            0 => break,
            size => received.take(&data[..size]),
        }
    }
    stream.write_all(received.report().as_bytes()).await?;
    stream.shutdown().await
}
