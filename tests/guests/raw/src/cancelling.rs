//! Calls of every kind that are cancelled: begun, and dropped before their answer came. Nothing is lost and nothing is left.
//!
//! Each is cancelled in both orders where that matters: before what it waits for is there, and when that has reached the component,
//! or its socket, and this program has not looked.

use crate::bindings::connect::open_connection;
use crate::bindings::raw;
use crate::bindings::server::{Server, start_server};
use crate::bindings::sockets;
use crate::bindings::streams::{StreamReader, StreamReaderProtocol, StreamWriter, from_streams};
use crate::bindings::types::{Error, ExtraInfo};
use crate::bindings::wasi_sockets::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket};
use crate::bindings::wit_stream;
use crate::helpers::{
    Begun, Outcome, Wrong, begin, client, expect, holds, look, receive, refused, server, sleep, turn,
};

/// How often each kind of call is cancelled where the test counts descriptors.
const ROUNDS: usize = 200;

/// How much the system does not take from a writer at once.
const MUCH: usize = 8_000_000;

/// Both ends of a connection.
struct Pair {
    reader: StreamReader,
    writer: StreamWriter,
    accepted: StreamReader,
    accepted_writer: StreamWriter,
}

async fn pair(server: &Server, port: u16) -> Outcome<Pair> {
    let (reader, writer) = client(port).await?;
    let (accepted, accepted_writer) = server.accept().await?;
    Ok(Pair { reader, writer, accepted, accepted_writer })
}

/// Begins one of the reads and drops it.
async fn cancel_a_read(reader: &StreamReader, kind: usize) -> Outcome {
    match kind % 5 {
        0 => drop(begin("read", reader.read(100)).await?),
        1 => drop(begin("read(-1)", reader.read(-1)).await?),
        2 => drop(begin("readline", reader.readline()).await?),
        3 => drop(begin("readexactly", reader.readexactly(1_000_000)).await?),
        _ => drop(begin("readuntil", reader.readuntil(vec![b"\r\n".to_vec(), b"\0".to_vec()])).await?),
    }
    Ok(())
}

/// Before anything has arrived.
pub(crate) async fn cancelled_reads_lose_nothing_that_comes_later() -> Outcome {
    let (server, port) = server().await?;
    let pair = pair(&server, port).await?;
    for round in 0..100 {
        cancel_a_read(&pair.accepted, round).await?;
        let line = format!("line {round}\n").into_bytes();
        pair.writer.write(&line)?;
        expect("the line", pair.accepted.readline().await?, line)?;
    }
    Ok(())
}

/// What has arrived is not enough for the call, which has taken it from the socket.
pub(crate) async fn cancelled_reads_lose_nothing_that_was_collected() -> Outcome {
    let (server, port) = server().await?;
    for kind in [1, 2, 3, 4] {
        let pair = pair(&server, port).await?;
        let mut expected = Vec::new();
        for round in 0..20 {
            let part = format!("part {round} of {kind}, ").into_bytes();
            let call: Begun<'_, Result<Vec<u8>, Error>> = match kind {
                1 => begin("read(-1)", pair.accepted.read(-1)).await?,
                2 => begin("readline", pair.accepted.readline()).await?,
                3 => begin("readexactly", pair.accepted.readexactly(1_000_000)).await?,
                _ => begin("readuntil", pair.accepted.readuntil(vec![b"\0".to_vec()])).await?,
            };
            pair.writer.write(&part)?;
            expected.extend(part);
            turn().await;
            if round % 2 == 0 {
                sleep(1).await;
            }
            drop(call);
        }
        pair.writer.write_eof()?;
        let all = pair.accepted.read(-1).await?;
        expect("everything", String::from_utf8_lossy(&all), String::from_utf8_lossy(&expected))?;
    }
    Ok(())
}

/// Bytes were sent, and the call is dropped at once: they are in the socket, or on their way, when it is cancelled.
pub(crate) async fn cancelled_reads_lose_nothing_that_is_on_its_way() -> Outcome {
    let (server, port) = server().await?;
    let pair = pair(&server, port).await?;
    for round in 0..200 {
        let line = format!("line {round}\n").into_bytes();
        let call = begin("readline", pair.accepted.readline()).await?;
        pair.writer.write(&line)?;
        // It is sent from here, or when this rests.
        let drain = pair.writer.drain();
        drop(call);
        drain.await?;
        expect("the line", pair.accepted.readline().await?, line)?;
    }
    Ok(())
}

/// The call was answered, and this program has not looked: the answer goes with the call, as `wit/world.wit` says, and nothing
/// more.
pub(crate) async fn an_answer_that_was_not_looked_at_goes_alone() -> Outcome {
    let (server, port) = server().await?;
    let pair = pair(&server, port).await?;
    for round in 0..50 {
        let call = begin("readline", pair.accepted.readline()).await?;
        let (one, other) = (format!("one {round}\n").into_bytes(), format!("other {round}\n").into_bytes());
        pair.writer.write(&[&one[..], &other[..]].concat())?;
        turn().await;
        if round % 2 == 0 {
            sleep(1).await;
        }
        drop(call);
        let mut next = pair.accepted.readline().await?;
        if next == one {
            // It was cancelled before it had answered.
            next = pair.accepted.readline().await?;
        }
        expect("the line behind it", next, other)?;
    }
    Ok(())
}

/// A reader that is fed by hand: what is fed afterwards, and before the cancelled call was answered.
pub(crate) async fn cancelled_reads_of_a_fed_reader_lose_nothing() -> Outcome {
    let reader = StreamReader::create(None)?;
    for round in 0..100 {
        cancel_a_read(&reader, round).await?;
        reader.feed_data(b"line\n")?;
        expect("the line", reader.readline().await?, b"line\n".to_vec())?;
        let call = begin("readexactly", reader.readexactly(8)).await?;
        reader.feed_data(b"half")?;
        turn().await;
        drop(call);
        reader.feed_data(b"rest")?;
        expect("both halves", reader.readexactly(8).await?, b"halfrest".to_vec())?;
    }
    Ok(())
}

pub(crate) async fn cancelled_drains_and_waits_leave_the_writer() -> Outcome {
    let (server, port) = server().await?;
    for _ in 0..5 {
        let pair = pair(&server, port).await?;
        pair.writer.write(&vec![b'x'; MUCH])?;
        for _ in 0..20 {
            drop(begin("drain", pair.writer.drain()).await?);
            drop(begin("wait-closed", pair.writer.wait_closed()).await?);
        }
        // One that is cancelled when its answer has come.
        let draining = begin("drain", pair.writer.drain()).await?;
        expect("received", pair.accepted.readexactly(MUCH as i32).await?.len(), MUCH)?;
        turn().await;
        drop(draining);
        expect("drain", pair.writer.drain().await, Ok(()))?;
        let closing = begin("wait-closed", pair.writer.wait_closed()).await?;
        pair.writer.close();
        expect("the end", pair.accepted.read(-1).await?, vec![])?;
        turn().await;
        drop(closing);
        expect("wait-closed", pair.writer.wait_closed().await, Ok(()))?;
        drop(pair.reader);
        pair.accepted_writer.close();
    }
    Ok(())
}

pub(crate) async fn cancelled_calls_leave_the_protocol() -> Outcome {
    let reader = StreamReader::create(None)?;
    let protocol = StreamReaderProtocol::new(&reader);
    for _ in 0..100 {
        protocol.pause_writing()?;
        drop(begin("drain", protocol.drain()).await?);
        drop(begin("wait-closed", protocol.wait_closed()).await?);
        let draining = begin("drain", protocol.drain()).await?;
        let other = begin("drain", protocol.drain()).await?;
        protocol.resume_writing()?;
        turn().await;
        drop(draining);
        expect("the other", other.await, Ok(()))?;
        expect("a later one", protocol.drain().await, Ok(()))?;
    }
    let closing = begin("wait-closed", protocol.wait_closed()).await?;
    protocol.connection_lost(None);
    turn().await;
    drop(closing);
    Ok(protocol.wait_closed().await?)
}

/// Before any connection has come.
pub(crate) async fn cancelled_accepts_lose_no_connection() -> Outcome {
    let (server, port) = server().await?;
    for round in 0..100 {
        let line = format!("round {round}\n").into_bytes();
        let one = begin("accept", server.accept()).await?;
        let other = begin("accept", server.accept()).await?;
        let raw = begin("raw.accept", raw::accept(&server)).await?;
        drop((one, other, raw));
        let (_reader, writer) = client(port).await?;
        writer.write(&line)?;
        let (accepted, _accepted_writer) = server.accept().await?;
        expect("the line", accepted.readline().await?, line)?;
    }
    Ok(())
}

/// While a connection comes: it is there for the next call, or it has come to one of the calls, with which it is closed. It never
/// hangs.
pub(crate) async fn accepts_cancelled_while_a_connection_comes_keep_or_close_it() -> Outcome {
    let (server, port) = server().await?;
    for round in 0..100 {
        let one = begin("accept", server.accept()).await?;
        let other = begin("accept", server.accept()).await?;
        let raw = begin("raw.accept", raw::accept(&server)).await?;
        let connecting = begin("open-connection", client(port)).await?;
        if round % 2 == 0 {
            drop((raw, other, one));
        } else {
            drop((one, other, raw));
        }
        let (reader, writer) = connecting.await?;
        let mut ended = begin("read", reader.read(1)).await?;
        let mut accepting = begin("accept", server.accept()).await?;
        loop {
            if let Some(accepted) = look(&mut accepting).await {
                let (accepted, _accepted_writer) = accepted?;
                writer.write(b"a line\n")?;
                expect("the line", accepted.readline().await?, b"a line\n".to_vec())?;
                break;
            }
            if let Some(end) = look(&mut ended).await {
                holds(&format!("read: {end:?}"), !matches!(end, Ok(bytes) if !bytes.is_empty()))?;
                break;
            }
            turn().await;
        }
    }
    Ok(())
}

pub(crate) async fn cancelled_calls_leave_the_server() -> Outcome {
    let (server, port) = server().await?;
    for _ in 0..100 {
        // It listens already, so this may answer at once.
        drop(begin("start-serving", server.start_serving()).await);
        drop(begin("wait-closed", server.wait_closed()).await?);
    }
    let _pair = pair(&server, port).await?;
    let closing = begin("wait-closed", server.wait_closed()).await?;
    let other = begin("wait-closed", server.wait_closed()).await?;
    server.close();
    drop(closing);
    drop(_pair);
    Ok(other.await?)
}

/// As in asyncio, cancelling it closes the server.
pub(crate) async fn a_cancelled_serve_forever_closes() -> Outcome {
    for _ in 0..20 {
        let (server, port) = server().await?;
        let serving = begin("serve-forever", server.serve_forever()).await?;
        let accepting = begin("accept", server.accept()).await?;
        drop(serving);
        refused("accept", accepting.await, "is closed")?;
        holds("still serves", !server.is_serving())?;
        holds("still listens", client(port).await.is_err())?;
        server.wait_closed().await?;
    }
    Ok(())
}

fn socket() -> Outcome<TcpSocket> {
    TcpSocket::create(IpAddressFamily::Ipv4).map_err(|code| Wrong(format!("create: {code}")))
}

fn this_machine(port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (127, 0, 0, 1) })
}

/// A call that may answer at once, and whose answer is then dropped.
async fn cancel<T>(what: &str, call: impl Future<Output = Result<T, Error>>) -> Outcome {
    // Either way nothing may be left of it.
    drop(begin(what, call).await);
    Ok(())
}

/// What makes connections, pairs and servers: begun and cancelled again and again, and then it works. The test counts descriptors.
pub(crate) async fn cancelled_makers_leave_no_descriptors() -> Outcome {
    let (server, port) = server().await?;
    let local = || Some("127.0.0.1".to_owned());
    drop(pair(&server, port).await?);
    console::println("begin");
    for round in 0..ROUNDS {
        cancel("open-connection", open_connection(local(), Some(port), None)).await?;
        cancel("start-server", start_server(vec!["127.0.0.1".into()], 0, None)).await?;
        let connected = socket()?;
        connected.connect(this_machine(port)).await.map_err(|code| Wrong(format!("connect: {code}")))?;
        cancel("sockets.open-connection", sockets::open_connection(connected, None)).await?;
        let bound = socket()?;
        bound.bind(this_machine(0)).map_err(|code| Wrong(format!("bind: {code}")))?;
        cancel("sockets.start-server", sockets::start_server(bound, None)).await?;
        let (_sending, incoming) = wit_stream::new::<u8>();
        cancel("from-streams", from_streams(incoming, None)).await?;
        if round % 16 == 15 {
            // What was connected is in the queue of the listening socket, which ends at 100.
            drain_queue(&server).await?;
        }
    }
    drain_queue(&server).await?;
    let pair = pair(&server, port).await?;
    pair.writer.write(b"works\n")?;
    expect("the line", pair.accepted.readline().await?, b"works\n".to_vec())?;
    drop(pair);
    console::println("end");
    sleep(20_000).await;
    Ok(())
}

/// Accepts and drops until a connection of our own comes, which is the last.
async fn drain_queue(server: &Server) -> Outcome {
    let port = server.sockets().first().map_or(0, |address| address.port);
    let (_reader, writer) = client(port).await?;
    let Some(ExtraInfo::Address(own)) = writer.get_extra_info("sockname") else {
        return Err(Wrong("no address".into()));
    };
    loop {
        for connection in raw::accept(server).await? {
            if let Some(ExtraInfo::Address(peer)) = connection.get_extra_info("peername")
                && peer.port == own.port
            {
                return Ok(());
            }
        }
    }
}

/// Everything that waits on a connection or a server, begun and cancelled on new ones again and again. The test counts descriptors.
pub(crate) async fn cancelled_waits_leave_no_descriptors() -> Outcome {
    let (server, port) = server().await?;
    drop(pair(&server, port).await?);
    console::println("begin");
    for round in 0..ROUNDS {
        let pair = pair(&server, port).await?;
        let accept = begin("accept", server.accept()).await?;
        let raw_accept = begin("raw.accept", raw::accept(&server)).await?;
        cancel_a_read(&pair.accepted, round).await?;
        cancel_a_read(&pair.reader, round + 1).await?;
        drop(begin("wait-closed", pair.writer.wait_closed()).await?);
        drop(begin("server.wait-closed", server.wait_closed()).await?);
        drop((raw_accept, accept));
        match round % 4 {
            0 => cancel("raw.take", raw::take(pair.reader, pair.writer)).await?,
            1 => {
                let taken = raw::take(pair.accepted, pair.accepted_writer).await?;
                drop(begin("ending", taken.ending()).await?);
            }
            2 => {
                pair.writer.write(&vec![b'x'; MUCH])?;
                drop(begin("drain", pair.writer.drain()).await?);
                cancel("raw.take", raw::take(pair.reader, pair.writer)).await?;
            }
            _ => pair.writer.transport().abort(),
        }
    }
    let pair = pair(&server, port).await?;
    pair.writer.write(b"works\n")?;
    expect("the line", pair.accepted.readline().await?, b"works\n".to_vec())?;
    drop(pair);
    console::println("end");
    sleep(20_000).await;
    Ok(())
}

/// A pair over streams: a read in flight in the component when the call is cancelled, and when the pair is dropped.
pub(crate) async fn cancelled_reads_of_a_pair_of_streams_lose_nothing() -> Outcome {
    for _ in 0..50 {
        let (mut sending, incoming) = wit_stream::new::<u8>();
        let (reader, writer, mut outgoing) = from_streams(incoming, None).await?;
        drop(begin("readline", reader.readline()).await?);
        let left = sending.write_all(b"a line\n".to_vec()).await;
        expect("left", left.len(), 0)?;
        expect("the line", reader.readline().await?, b"a line\n".to_vec())?;
        writer.write(b"out")?;
        expect("outgoing", receive(&mut outgoing).await, Some(b"out".to_vec()))?;
        drop(begin("read", reader.read(1)).await?);
        drop((reader, writer));
        expect("the end", receive(&mut outgoing).await, None)?;
    }
    Ok(())
}
