//! asyncio's streams from Rust, against real peers.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use wasyncio_host::embed::{Asyncio, AsyncioError, OsErrorKind, StreamError, StreamReader, StreamResult, StreamWriter};
use wasyncio_host::{Host, Limit, Limits, Metrics, Policy};

/// What nothing here takes longer than.
const DEADLINE: Duration = Duration::from_secs(30);

async fn started(policy: Policy, metrics: &Metrics) -> Asyncio {
    started_with(policy, metrics, Limits::default()).await
}

async fn started_with(policy: Policy, metrics: &Metrics, limits: Limits) -> Asyncio {
    assert!(wasyncio_host::embedded().is_some(), "there are no streams in this build: run `cargo xtask build` first");
    let host = Host::builder().cache(true).build().unwrap();
    host.streams().unwrap().policy(policy).metrics(metrics).limits(limits).start().await.unwrap()
}

fn local() -> Policy {
    Policy::new().allow_connect("127.0.0.1:*".parse().unwrap()).allow_listen("127.0.0.1:0".parse().unwrap())
}

/// A peer that sends `text`, reads until the end, and returns what it read.
fn peer(text: &'static [u8]) -> (u16, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(text).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        received
    };
    (port, thread::spawn(serve))
}

/// What the peer read, which ends only when the connection is closed.
async fn joined(peer: thread::JoinHandle<Vec<u8>>) -> Vec<u8> {
    tokio::task::spawn_blocking(|| peer.join().unwrap()).await.unwrap()
}

/// A connection, and its peer.
async fn connected(asyncio: &Asyncio) -> (StreamReader, StreamWriter, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    (reader, writer, peer)
}

/// Waits until `condition` holds.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(DEADLINE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}: never"));
}

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

#[tokio::test]
#[cfg(target_os = "linux")]
async fn unix_sockets_are_there_too() {
    use std::os::unix::net::UnixListener;

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let any = format!("{}/*", folder.path().display());
    let policy = Policy::new().allow_unix(any.parse().unwrap()).allow_unix_listen(any.parse().unwrap());
    let asyncio = started(policy, &Metrics::new()).await;

    let server = asyncio.start_unix_server(path("x"), Default::default()).await.unwrap();
    assert_eq!(server.unix_sockets().await.unwrap(), [path("x")]);
    let (reader, writer) = asyncio.open_unix_connection(path("x"), Default::default()).await.unwrap();
    let (_accepted, answering) = server.accept().await.unwrap();
    answering.write(b"hello\n").await.unwrap();
    answering.drain().await.unwrap();
    assert_eq!(reader.readline().await.unwrap(), b"hello\n");
    assert!(writer.can_write_eof().await.unwrap());
    server.close().await.unwrap();
    assert!(!path("x").exists(), "it is removed as the server closes");

    let error = asyncio.open_unix_connection(path("x"), Default::default()).await.unwrap_err();
    let kind = |error: StreamError| match error {
        StreamError::Asyncio(AsyncioError::OsError(error)) => error.kind,
        other => panic!("{other}"),
    };
    assert_eq!(kind(error), OsErrorKind::FileNotFound);
    let _elsewhere = UnixListener::bind(path("y")).unwrap();
    let error = asyncio.open_unix_connection("/run/nothing-granted", Default::default()).await.unwrap_err();
    assert_eq!(kind(error), OsErrorKind::AccessDenied);
    asyncio.open_unix_connection(path("y"), Default::default()).await.unwrap();
}
