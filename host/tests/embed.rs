//! asyncio's streams from Rust, against real peers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use wasyncio_host::embed::{AsyncioError, OsErrorKind, StreamError, StreamResult, Streams};
use wasyncio_host::{Host, Metrics, Policy};

async fn streams(policy: Policy, metrics: &Metrics) -> Streams {
    assert!(wasyncio_host::embedded().is_some(), "there are no streams in this build: run `cargo xtask build` first");
    let host = Host::builder().cache(true).build().unwrap();
    let builder = host.streams().unwrap().policy(policy).metrics(metrics);
    builder.start().await.unwrap()
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
    let mut streams = streams(local(), &metrics).await;
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
    let mut streams = streams(Policy::new(), &Metrics::new()).await;
    let opened = streams.run(async |asyncio| asyncio.open_connection("127.0.0.1", 80, None).await.map(drop)).await;
    let error = opened.unwrap().expect_err("nothing is granted");
    let StreamError::Asyncio(AsyncioError::OsError(error)) = error else {
        panic!("it is another error: {error}");
    };
    assert_eq!(error.kind, OsErrorKind::AccessDenied);
}

#[tokio::test]
async fn what_is_dropped_is_closed_while_the_run_goes_on() {
    let metrics = Metrics::new();
    let mut streams = streams(local(), &metrics).await;
    let work = streams.run(async |asyncio| {
        for _ in 0..3 {
            let (port, peer) = peer(b"");
            let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
            drop((reader, writer));
            // The peer reads to the end, which comes only if the connection was closed.
            let received = tokio::task::spawn_blocking(|| peer.join().unwrap()).await.unwrap();
            assert_eq!(received, b"");
        }
        StreamResult::Ok(())
    });
    work.await.unwrap().unwrap();
    drop(streams);
    assert_eq!(metrics.snapshot().open_connections, 0);
}

#[tokio::test]
async fn what_is_dropped_takes_no_memory() {
    let metrics = Metrics::new();
    let mut streams = streams(local(), &metrics).await;
    let work = streams.run(async |asyncio| {
        let mut before = 0;
        for round in 0..300 {
            let reader = asyncio.stream_reader(Some(1 << 20)).await?;
            reader.feed_data(&[b'x'; 100_000]).await?;
            if round == 9 {
                before = metrics.snapshot().memory_bytes;
            }
        }
        StreamResult::Ok((before, metrics.snapshot().memory_bytes))
    });
    let (before, after) = work.await.unwrap().unwrap();
    // All readers together hold 30 megabytes.
    assert!(before > 0 && after < before + (1 << 20), "{before} bytes became {after}");
}

#[tokio::test]
async fn a_read_that_was_given_up_loses_nothing() {
    let mut streams = streams(local(), &Metrics::new()).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let work = streams.run(async |asyncio| {
        let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(b"on").unwrap();
        let given_up = tokio::time::timeout(Duration::from_millis(50), reader.readline()).await;
        given_up.expect_err("the line has no end yet");
        let error = reader.read(1).await.expect_err("the line is still waited for");
        assert!(error.to_string().contains("already waiting"), "{error}");
        peer.write_all(b"e\ntwo").unwrap();
        assert_eq!(reader.readline().await?, b"one\n");
        assert_eq!(reader.readexactly(3).await?, b"two");
        drop(writer);
        StreamResult::Ok(())
    });
    work.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_is_dropped_although_it_still_waits() {
    let metrics = Metrics::new();
    let mut streams = streams(local(), &metrics).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for _ in 0..2 {
        let work = streams.run(async |asyncio| {
            let (reader, _writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
            let given_up = tokio::time::timeout(Duration::from_millis(20), reader.readline()).await;
            given_up.expect_err("nobody sends");
            StreamResult::Ok(())
        });
        work.await.unwrap().unwrap();
    }
    // The last one may still be closing.
    streams.run(async |_| tokio::time::sleep(Duration::from_millis(20)).await).await.unwrap();
    assert_eq!(metrics.snapshot().open_connections, 0);
}

#[tokio::test]
async fn an_accept_that_was_given_up_loses_no_connection() {
    let policy = local().allow_listen("127.0.0.1:0".parse().unwrap());
    let mut streams = streams(policy, &Metrics::new()).await;
    let work = streams.run(async |asyncio| {
        let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
        let port = server.sockets().await?[0].port;
        let given_up = tokio::time::timeout(Duration::from_millis(20), server.accept()).await;
        given_up.expect_err("nobody has come yet");
        let (reader, _writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
        let (_reader, writer) = server.accept().await?;
        writer.write(b"welcome\n").await?;
        assert_eq!(reader.readline().await?, b"welcome\n");
        StreamResult::Ok(())
    });
    work.await.unwrap().unwrap();
}
