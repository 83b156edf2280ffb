//! Servers: each connection is served by a task of its own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use wasyncio_host::Metrics;
use wasyncio_host::embed::{Asyncio, AsyncioError, StreamError, StreamReader, StreamResult, StreamWriter};

use crate::support::{DEADLINE, local, started};

/// Sends back every line.
async fn echo(reader: StreamReader, writer: StreamWriter) -> StreamResult<()> {
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            return Ok(());
        }
        writer.write(&line).await?;
        writer.drain().await?;
    }
}

#[test]
fn handles_can_go_to_any_thread() {
    fn goes_anywhere<T: Send + Sync + 'static>() {}
    goes_anywhere::<Asyncio>();
    goes_anywhere::<StreamReader>();
    goes_anywhere::<StreamWriter>();
    goes_anywhere::<wasyncio_host::embed::Server>();
    goes_anywhere::<wasyncio_host::embed::Transport>();
    goes_anywhere::<StreamError>();
}

#[tokio::test]
async fn many_clients_are_served_each_by_a_task() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    let server = Arc::new(asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await.unwrap());
    let address = server.sockets().await.unwrap()[0];
    let serving = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.serve_forever(echo).await }
    });
    let mut clients = JoinSet::new();
    for client in 0..100 {
        clients.spawn(async move {
            let mut stream = tokio::io::BufReader::new(tokio::net::TcpStream::connect(address).await?);
            for round in 0..10 {
                let sent = format!("{client} {round}\n");
                stream.write_all(sent.as_bytes()).await?;
                let mut received = String::new();
                stream.read_line(&mut received).await?;
                assert_eq!(received, sent);
            }
            io::Result::Ok(())
        });
    }
    while let Some(client) = tokio::time::timeout(DEADLINE, clients.join_next()).await.expect("they are served") {
        client.unwrap().unwrap();
    }
    server.close().await.unwrap();
    tokio::time::timeout(DEADLINE, serving).await.expect("it ends").unwrap().unwrap();
    assert_eq!(metrics.snapshot().accepted_connections, 100);
}

#[tokio::test]
async fn a_task_that_panics_costs_its_own_connection() {
    let asyncio = started(local(), &Metrics::new()).await;
    let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await.unwrap();
    let port = server.sockets().await.unwrap()[0].port();
    tokio::spawn(async move {
        let serve = async |reader: StreamReader, writer: StreamWriter| {
            assert_ne!(reader.readline().await?, b"panic\n", "as it was told to");
            writer.write(b"fine\n").await
        };
        server.serve_forever(serve).await
    });
    for (line, answer) in [(&b"panic\n"[..], &b""[..]), (b"go on\n", b"fine\n")] {
        let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await.unwrap();
        writer.write(line).await.unwrap();
        let answered = tokio::time::timeout(DEADLINE, reader.read(-1)).await.expect("it is closed");
        assert_eq!(answered.unwrap(), answer);
    }
}

#[tokio::test]
async fn serve_forever_that_is_dropped_closes_the_server() {
    let asyncio = started(local(), &Metrics::new()).await;
    let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(20), server.serve_forever(echo)).await;
    given_up.expect_err("nobody closes it");
    assert!(!server.is_serving().await.unwrap());
    let error = server.serve_forever(echo).await.expect_err("it is closed");
    assert!(matches!(error, StreamError::Asyncio(AsyncioError::RuntimeError(_))), "{error}");
}

#[tokio::test]
async fn an_accept_that_was_given_up_loses_no_connection() {
    let asyncio = started(local(), &Metrics::new()).await;
    let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await.unwrap();
    let port = server.sockets().await.unwrap()[0].port();
    let given_up = async {
        tokio::join!(
            tokio::time::timeout(Duration::from_millis(20), server.accept()),
            tokio::time::timeout(Duration::from_millis(20), server.accept()),
        )
    };
    assert!(matches!(given_up.await, (Err(_), Err(_))), "nobody has come yet");
    let (reader, _writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await.unwrap();
    let (_reader, writer) = server.accept().await.unwrap();
    writer.write(b"welcome\n").await.unwrap();
    assert_eq!(reader.readline().await.unwrap(), b"welcome\n");
}

#[tokio::test]
async fn a_server_is_closed_although_an_accept_was_given_up() {
    let asyncio = started(local(), &Metrics::new()).await;
    let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await.unwrap();
    let address = server.sockets().await.unwrap()[0];
    let given_up = tokio::time::timeout(Duration::from_millis(20), server.accept()).await;
    given_up.expect_err("nobody has come");
    drop(server);
    let refused = tokio::time::timeout(DEADLINE, async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    refused.await.expect("the port is closed");
}
