//! What becomes of a call, a handle and the instance when somebody gives up, drops or ends one.

use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasyncio_host::embed::StreamError;
use wasyncio_host::{Limit, Limits, Metrics};

use crate::support::{DEADLINE, connected, joined, local, peer, started, started_with, until};

#[tokio::test]
async fn what_is_dropped_is_closed() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    for _ in 0..3 {
        let (port, peer) = peer(b"");
        let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await.unwrap();
        writer.write(b"the last words").await.unwrap();
        drop((reader, writer));
        // The peer reads to the end, which comes only if the connection was closed.
        assert_eq!(joined(peer).await, b"the last words");
    }
    until("all are closed", || metrics.snapshot().open_connections == 0).await;
}

#[tokio::test]
async fn what_is_dropped_takes_no_memory() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    let mut before = 0;
    for round in 0..300 {
        let reader = asyncio.stream_reader(Some(1 << 20)).await.unwrap();
        reader.feed_data(&[b'x'; 100_000]).await.unwrap();
        if round == 9 {
            before = metrics.snapshot().memory_bytes;
        }
    }
    let after = metrics.snapshot().memory_bytes;
    // All readers together hold 30 megabytes.
    assert!(before > 0 && after < before + (1 << 20), "{before} bytes became {after}");
}

#[tokio::test]
async fn the_last_handle_takes_the_instance_along_after_what_was_written() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    let (port, peer) = peer(b"");
    let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await.unwrap();
    drop((asyncio, reader));
    writer.write(&[b'x'; 100_000]).await.unwrap();
    drop(writer);
    assert_eq!(joined(peer).await.len(), 100_000);
    until("the instance is gone", || metrics.snapshot().memory_bytes == 0).await;
}

#[tokio::test]
async fn a_reader_is_freed_although_a_read_was_given_up() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    let mut before = 0;
    for round in 0..200 {
        // Were it not freed, it would keep what it was fed with.
        let reader = asyncio.stream_reader(Some(1 << 20)).await.unwrap();
        let given_up = tokio::time::timeout(Duration::from_micros(10), reader.readline()).await;
        given_up.expect_err("nobody feeds it");
        reader.feed_data(&[b'x'; 100_000]).await.unwrap();
        let given_up = tokio::time::timeout(Duration::from_millis(1), reader.readexactly(1_000_000)).await;
        given_up.expect_err("there is not that much");
        if round == 9 {
            before = metrics.snapshot().memory_bytes;
        }
    }
    let after = metrics.snapshot().memory_bytes;
    assert!(before > 0 && after < before + (2 << 20), "{before} bytes became {after}");
}

#[tokio::test]
async fn a_reader_that_is_dropped_in_a_read_leaves_the_writer() {
    let asyncio = started(local(), &Metrics::new()).await;
    let (reader, writer, mut peer) = connected(&asyncio).await;
    let given_up = tokio::time::timeout(Duration::from_millis(20), reader.readline()).await;
    given_up.expect_err("nobody sends");
    drop(reader);
    for _ in 0..10 {
        writer.write(b"still here\n").await.unwrap();
        writer.drain().await.unwrap();
    }
    peer.write_all(b"to nobody").await.unwrap();
    writer.close().await.unwrap();
    let mut received = Vec::new();
    let read = tokio::time::timeout(DEADLINE, peer.read_to_end(&mut received)).await;
    // What the peer sent was not read, so that its end may be a reset.
    _ = read.expect("it is closed");
    assert_eq!(received, b"still here\n".repeat(10));
}

#[tokio::test]
async fn a_connection_is_closed_although_its_reads_and_drains_were_given_up() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    let (reader, writer, mut peer) = connected(&asyncio).await;
    let given_up = tokio::time::timeout(Duration::from_millis(20), reader.readline()).await;
    given_up.expect_err("nobody sends");
    writer.write(&vec![b'x'; 10_000_000]).await.unwrap();
    for _ in 0..3 {
        let given_up = tokio::time::timeout(Duration::from_millis(20), writer.drain()).await;
        given_up.expect_err("nobody reads");
    }
    drop((reader, writer));
    let mut received = Vec::new();
    let read = tokio::time::timeout(DEADLINE, peer.read_to_end(&mut received)).await;
    assert_eq!(read.expect("it is closed").unwrap(), 10_000_000);
    until("it is closed", || metrics.snapshot().open_connections == 0).await;
}

#[tokio::test]
async fn a_call_that_was_given_up_is_made_although_its_handle_is_dropped() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    for _ in 0..20 {
        let (reader, writer, mut peer) = connected(&asyncio).await;
        // Polled once: asked for, and not begun.
        tokio::select! {
            biased;
            _ = writer.write(b"asked for") => panic!("the component had no turn yet"),
            () = std::future::ready(()) => {}
        }
        tokio::select! {
            biased;
            _ = reader.readline() => panic!("nobody sends"),
            () = std::future::ready(()) => {}
        }
        drop((writer, reader));
        let mut received = Vec::new();
        let read = tokio::time::timeout(DEADLINE, peer.read_to_end(&mut received)).await;
        read.expect("it is closed").unwrap();
        assert_eq!(received, b"asked for");
    }
    until("all are closed", || metrics.snapshot().open_connections == 0).await;
}

#[tokio::test]
async fn drains_that_are_given_up_leave_one_call() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    let (_reader, writer, _peer) = connected(&asyncio).await;
    writer.write(&vec![b'x'; 10_000_000]).await.unwrap();
    let mut before = 0;
    for round in 0..20_000 {
        // Polled once, so that the call is made.
        tokio::select! {
            biased;
            drained = writer.drain() => panic!("nobody reads: {drained:?}"),
            () = tokio::task::yield_now() => {}
        }
        if round == 100 {
            before = metrics.snapshot().memory_bytes;
        }
    }
    assert!(!writer.is_closing().await.unwrap());
    let after = metrics.snapshot().memory_bytes;
    assert!(before > 0 && after < before + (1 << 20), "{before} bytes became {after}");
}

#[tokio::test]
async fn a_limit_reaches_everybody_who_waits_and_whoever_comes_later() {
    let metrics = Metrics::new();
    let mut limits = Limits::default();
    limits.max_memory = Some(16 << 20);
    let asyncio = started_with(local(), &metrics, limits).await;
    let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await.unwrap();
    let (reader, writer, _peer) = connected(&asyncio).await;
    let waiting = tokio::spawn(async move { reader.readline().await });
    let accepting = tokio::spawn(async move { server.accept().await.map(drop) });
    let ended = tokio::spawn({
        let asyncio = asyncio.clone();
        async move { asyncio.ended().await }
    });
    tokio::task::yield_now().await;
    let error = writer.write(&vec![b'x'; 32 << 20]).await.expect_err("it is too much");
    let is_limit = |error: &StreamError| {
        let StreamError::Host(error) = error else { return false };
        matches!(**error, wasyncio_host::Error::Limit { limit: Limit::Memory(_), .. })
    };
    assert!(is_limit(&error), "{error}");
    let errors = async {
        let read = waiting.await.unwrap().expect_err("it has ended");
        let accepted = accepting.await.unwrap().expect_err("it has ended");
        (read, accepted, ended.await.unwrap())
    };
    let (read, accepted, ended) = tokio::time::timeout(DEADLINE, errors).await.expect("they are told");
    assert!(is_limit(&read) && is_limit(&accepted) && is_limit(&ended), "{read}; {accepted}; {ended}");
    let error = writer.drain().await.expect_err("it has ended");
    assert!(is_limit(&error), "{error}");
    assert_eq!(metrics.snapshot().open_connections, 0);
}

#[tokio::test]
async fn an_abort_reaches_everybody_who_waits() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    let (reader, _writer, _peer) = connected(&asyncio).await;
    let (read, ()) = tokio::join!(reader.readline(), async {
        tokio::task::yield_now().await;
        asyncio.abort();
    });
    assert!(matches!(read, Err(StreamError::Ended)), "{read:?}");
    assert_eq!((metrics.snapshot().open_connections, metrics.snapshot().memory_bytes), (0, 0));
}

#[test]
fn a_runtime_that_ends_leaves_nobody_waiting() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let asyncio = first.block_on(started(local(), &Metrics::new()));
    drop(first);
    let error = runtime().block_on(async {
        let opened = asyncio.open_connection("127.0.0.1", 80, Default::default());
        tokio::time::timeout(DEADLINE, opened).await.expect("it is told").expect_err("the instance is gone")
    });
    assert!(matches!(error, StreamError::Ended), "{error}");
}

#[tokio::test]
async fn the_embedders_own_work_is_not_the_components() {
    let mut limits = Limits::default();
    limits.max_compute = Some(Duration::from_millis(200));
    let asyncio = started_with(local(), &Metrics::new(), limits).await;
    let (port, peer) = peer(b"one\n");
    let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await.unwrap();
    // On the thread that also runs the component.
    thread::sleep(Duration::from_millis(500));
    assert_eq!(reader.readline().await.unwrap(), b"one\n");
    for _ in 0..5 {
        writer.write(b"x").await.unwrap();
        thread::sleep(Duration::from_millis(100));
        writer.drain().await.unwrap();
    }
    writer.close().await.unwrap();
    assert_eq!(joined(peer).await, b"xxxxx");
}
