//! Reads and writes, as asyncio's and as tokio's.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use wasyncio_host::embed::{AsyncioError, OsErrorKind, StreamError, StreamResult};
use wasyncio_host::{Limits, Metrics, Policy};

use crate::support::{DEADLINE, connected, joined, local, peer, started, started_with};

#[tokio::test]
async fn a_connection_reads_and_writes_as_asyncios() {
    let metrics = Metrics::new();
    let asyncio = started(local(), &metrics).await;
    let (port, peer) = peer(b"one\ntwo;three");
    let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await.unwrap();
    assert_eq!(reader.readline().await.unwrap(), b"one\n");
    assert_eq!(reader.readuntil(&[b";"]).await.unwrap(), b"two;");
    assert!(!reader.at_eof().await.unwrap());
    let error = reader.readexactly(100).await.expect_err("there are only five");
    let StreamError::Asyncio(AsyncioError::IncompleteReadError(incomplete)) = error else {
        panic!("it is another error: {error}");
    };
    assert_eq!((incomplete.partial.as_slice(), incomplete.expected), (&b"three"[..], Some(100)));
    assert!(reader.at_eof().await.unwrap());
    writer.write(b"good").await.unwrap();
    writer.write(b"bye").await.unwrap();
    writer.drain().await.unwrap();
    writer.close().await.unwrap();
    assert!(writer.is_closing().await.unwrap());
    writer.wait_closed().await.unwrap();
    assert_eq!(joined(peer).await, b"goodbye");
    assert_eq!(metrics.snapshot().sent_bytes, 7);
}

#[tokio::test]
async fn tokios_traits_carry_a_megabyte_both_ways() {
    let asyncio = started(local(), &Metrics::new()).await;
    let (mut reader, mut writer, peer) = connected(&asyncio).await;
    let (mut from_peer, mut to_peer) = peer.into_split();
    let sending_back = tokio::spawn(async move {
        tokio::io::copy(&mut from_peer, &mut to_peer).await.unwrap();
        to_peer.shutdown().await
    });
    let sent: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let mut received = Vec::new();
    let both = async {
        tokio::try_join!(
            async {
                writer.write_all(&sent).await?;
                writer.shutdown().await
            },
            AsyncReadExt::read_to_end(&mut reader, &mut received),
        )
    };
    tokio::time::timeout(DEADLINE, both).await.expect("it is carried").unwrap();
    assert!(received == sent, "{} bytes of {} came back, or others", received.len(), sent.len());
    sending_back.await.unwrap().unwrap();
}

#[tokio::test]
async fn both_ways_of_reading_may_be_mixed() {
    let asyncio = started(local(), &Metrics::new()).await;
    let mut reader = asyncio.stream_reader(None).await.unwrap();
    reader.feed_data(b"one\ntwo\r\nthree;four and the rest").await.unwrap();
    reader.feed_eof().await.unwrap();
    let mut line = String::new();
    AsyncBufReadExt::read_line(&mut reader, &mut line).await.unwrap();
    assert_eq!(line, "one\n");
    assert_eq!(reader.readuntil(&["\r\n"]).await.unwrap(), b"two\r\n");
    let mut five = [0; 5];
    AsyncReadExt::read_exact(&mut reader, &mut five).await.unwrap();
    assert_eq!(&five, b"three");
    assert_eq!(reader.readexactly(1).await.unwrap(), b";");
    let mut four = [0; 4];
    assert_eq!(reader.readinto(&mut four).await.unwrap(), 4);
    assert_eq!(&four, b"four");
    assert_eq!(reader.read(-1).await.unwrap(), b" and the rest");
    assert!(reader.at_eof().await.unwrap());
}

#[tokio::test]
async fn what_is_not_granted_is_refused_as_asyncios_error_and_as_ios() {
    let asyncio = started(Policy::new(), &Metrics::new()).await;
    let error = asyncio.open_connection("127.0.0.1", 80, Default::default()).await.expect_err("nothing is granted");
    let StreamError::Asyncio(AsyncioError::OsError(os_error)) = &error else {
        panic!("it is another error: {error}");
    };
    assert_eq!(os_error.kind, OsErrorKind::AccessDenied);
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_read_that_was_given_up_loses_nothing_to_whatever_comes_next() {
    let asyncio = started(local(), &Metrics::new()).await;
    let (mut reader, _writer, mut peer) = connected(&asyncio).await;
    let given_up = async |read: &mut (dyn Future<Output = StreamResult<Vec<u8>>> + Unpin)| {
        tokio::time::timeout(Duration::from_millis(20), read).await.expect_err("it is not all there yet");
    };
    peer.write_all(b"on").await.unwrap();
    given_up(&mut Box::pin(reader.readline())).await;
    given_up(&mut Box::pin(reader.readexactly(10))).await;
    given_up(&mut Box::pin(reader.readuntil(&["two"]))).await;
    assert_eq!(reader.read(1).await.unwrap(), b"o");
    peer.write_all(b"e\ntw").await.unwrap();
    assert_eq!(reader.readline().await.unwrap(), b"ne\n");
    given_up(&mut Box::pin(reader.read(-1))).await;
    let mut one = [0; 1];
    AsyncReadExt::read_exact(&mut reader, &mut one).await.unwrap();
    assert_eq!(&one, b"t");
    peer.write_all(b"o").await.unwrap();
    assert_eq!(reader.readexactly(2).await.unwrap(), b"wo");
}

#[tokio::test]
async fn two_futures_cannot_wait_in_one_reader() {
    let asyncio = started(local(), &Metrics::new()).await;
    let (reader, _writer, _peer) = connected(&asyncio).await;
    let (first, second) = tokio::join!(tokio::time::timeout(Duration::from_millis(20), reader.readline()), async {
        reader.read(1).await
    },);
    first.expect_err("nobody sends");
    let error = second.expect_err("the first waits");
    assert!(error.to_string().contains("already waiting"), "{error}");
}

#[tokio::test]
async fn what_a_read_collects_is_bounded() {
    let mut limits = Limits::default();
    limits.max_memory = Some(8 << 20);
    let asyncio = started_with(local(), &Metrics::new(), limits).await;
    let (reader, _writer, mut peer) = connected(&asyncio).await;
    let flood = tokio::spawn(async move { while peer.write_all(&[b'x'; 1 << 16]).await.is_ok() {} });
    let read = tokio::time::timeout(DEADLINE, reader.read(-1)).await.expect("it is bounded");
    let Err(StreamError::Asyncio(AsyncioError::OsError(error))) = read else { panic!("it is another answer") };
    assert_eq!(error.kind, OsErrorKind::OutOfResources);
    drop((reader, _writer));
    tokio::time::timeout(DEADLINE, flood).await.expect("the peer is told").unwrap();
}
