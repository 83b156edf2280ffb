//! asyncio's streams from Rust, against real peers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use wasyncio_host::embed::{AsyncioError, OsErrorKind, StreamError, Streams};
use wasyncio_host::{Host, Metrics, Policy};

/// None where the streams component was not built before this crate.
async fn streams(policy: Policy, metrics: &Metrics) -> Option<Streams> {
    if wasyncio_host::embedded().is_none() {
        eprintln!("skipped: run `cargo xtask build` first");
        return None;
    }
    let host = Host::builder().cache(true).build().unwrap();
    let builder = host.streams().unwrap().policy(policy).metrics(metrics);
    Some(builder.start().await.unwrap())
}

fn local() -> Policy {
    Policy::new().allow_connect("127.0.0.1:*".parse().unwrap())
}

/// A peer that sends `text`, reads until the end, and returns what it read.
fn peer(text: &'static [u8]) -> (u16, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(text).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        received
    };
    (port, thread::spawn(serve))
}

#[tokio::test]
async fn a_connection_reads_and_writes_as_asyncios() {
    let metrics = Metrics::new();
    let Some(mut streams) = streams(local(), &metrics).await else { return };
    let (port, peer) = peer(b"one\ntwo;three");
    let work = streams.run(async |asyncio| {
        let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
        assert_eq!(reader.readline().await?, b"one\n");
        assert_eq!(reader.readuntil(&[b";"]).await?, b"two;");
        assert!(!reader.at_eof().await?);
        let error = reader.readexactly(100).await.expect_err("there are only five");
        let StreamError::Asyncio(AsyncioError::IncompleteReadError(incomplete)) = error else {
            panic!("it is another error: {error}");
        };
        assert_eq!((incomplete.partial.as_slice(), incomplete.expected), (&b"three"[..], Some(100)));
        writer.write(b"good").await?;
        writer.write(b"bye").await?;
        writer.drain().await?;
        writer.close().await?;
        assert!(writer.is_closing().await?);
        writer.wait_closed().await
    });
    work.await.unwrap().unwrap();
    assert_eq!(peer.join().unwrap(), b"goodbye");
    assert_eq!(metrics.snapshot().sent_bytes, 7);
}

#[tokio::test]
async fn what_is_not_granted_is_refused_as_asyncios_error() {
    let Some(mut streams) = streams(Policy::new(), &Metrics::new()).await else { return };
    let opened = streams.run(async |asyncio| asyncio.open_connection("127.0.0.1", 80, None).await.map(drop)).await;
    let error = opened.unwrap().expect_err("nothing is granted");
    let StreamError::Asyncio(AsyncioError::OsError(error)) = error else {
        panic!("it is another error: {error}");
    };
    assert_eq!(error.kind, OsErrorKind::AccessDenied);
}

#[tokio::test]
async fn what_is_dropped_is_closed_when_the_run_is_over() {
    let metrics = Metrics::new();
    let Some(mut streams) = streams(local(), &metrics).await else { return };
    for _ in 0..3 {
        let (port, peer) = peer(b"");
        let opened =
            streams.run(async |asyncio| asyncio.open_connection("127.0.0.1", port, None).await.map(drop)).await;
        opened.unwrap().unwrap();
        // The peer reads to the end, which comes only if the connection was closed.
        let ended = streams.run(async |_| tokio::task::spawn_blocking(|| peer.join()).await);
        assert_eq!(ended.await.unwrap().unwrap().unwrap(), b"");
    }
    drop(streams);
    assert_eq!(metrics.snapshot().open_connections, 0);
}
