//! Cases of readers, writers, transports and protocols.

use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use asyncio::{AddressFamily, Error, ExtraInfo, StreamReader, StreamReaderProtocol, from_streams, open_connection};
use wit_bindgen::spawn_local;

use crate::helpers::{Outcome, Wrong, expect, holds, port, server, sleep};

pub(crate) async fn several_separators_shortest_match_wins() -> Outcome {
    let (server, address) = server().await?;
    let (_client, writer) = open_connection(&address.host(), address.port()).await?;
    let (reader, _writer) = server.accept().await?;
    writer.write(b"name: value\r\nlast\n")?;
    let ends = ["\r\n", ": ", "\n"];
    expect("first", reader.readuntil(&ends).await?, b"name: ".to_vec())?;
    expect("second", reader.readuntil(&ends).await?, b"value\r\n".to_vec())?;
    expect("third", reader.readuntil(&ends).await?, b"last\n".to_vec())
}

pub(crate) async fn a_transport_writes_and_tells_of_its_socket() -> Outcome {
    let (server, address) = server().await?;
    let (client, writer) = open_connection(&address.host(), address.port()).await?;
    let (reader, accepted) = server.accept().await?;
    let transport = writer.transport();
    holds("can_write_eof", transport.can_write_eof())?;
    transport.write(b"one ")?;
    transport.writelines(&[b"two ".to_vec(), b"three".to_vec()])?;
    transport.write_eof()?;
    expect("what was written", reader.read(-1).await?, b"one two three".to_vec())?;
    let after = Error::Runtime("Cannot call write() after write_eof()".into());
    expect("write after the end", transport.write(b"more"), Err(after))?;

    let Some(ExtraInfo::Socket(here)) = transport.get_extra_info("socket") else {
        return Err(Wrong("no socket".into()));
    };
    let Some(ExtraInfo::Socket(there)) = accepted.get_extra_info("socket") else {
        return Err(Wrong("no socket of the accepted connection".into()));
    };
    expect("family", here.family, AddressFamily::Inet)?;
    expect("the server's address", here.peername.clone(), Some(address))?;
    expect("their peer", here.peername, there.sockname)?;
    expect("our peer", here.sockname, there.peername)?;

    transport.close();
    expect("wait_closed", writer.wait_closed().await, Ok(()))?;
    expect("the reader ends", client.read(1).await?, vec![])
}

pub(crate) async fn lines_are_iterated() -> Outcome {
    let (server, address) = server().await?;
    let (_client, writer) = open_connection(&address.host(), address.port()).await?;
    let (reader, _writer) = server.accept().await?;
    writer.write(b"one\n\nthree")?;
    writer.write_eof()?;
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().await? {
        lines.push(line);
    }
    expect("lines", lines, vec![b"one\n".to_vec(), b"\n".to_vec(), b"three".to_vec()])
}

pub(crate) async fn a_fed_reader_pauses_its_transport() -> Outcome {
    let (server, address) = server().await?;
    let (connected, writer) = open_connection(&address.host(), address.port()).await?;
    let _accepted = server.accept().await?;
    let transport = writer.transport();

    let reader = StreamReader::new(Some(4))?;
    reader.set_transport(&transport)?;
    let again = Error::Assertion("Transport already set".into());
    expect("set twice", reader.set_transport(&transport), Err(again.clone()))?;
    expect("the reader of a connection", connected.set_transport(&transport), Err(again))?;

    reader.feed_data(b"12345678")?;
    holds("paused at twice the limit", transport.is_reading())?;
    reader.feed_data(b"9")?;
    holds("not paused above twice the limit", !transport.is_reading())?;
    expect("read", reader.read(4).await?, b"1234".to_vec())?;
    holds("resumed above the limit", !transport.is_reading())?;
    expect("read", reader.read(1).await?, b"5".to_vec())?;
    holds("not resumed at the limit", transport.is_reading())?;

    reader.feed_data(b"abcdef")?;
    holds("not paused again", !transport.is_reading())?;
    let reader = Rc::new(reader);
    let waiting = reader.clone();
    let task = spawn_local(async move { waiting.readexactly(20).await });
    sleep(0).await;
    holds("a read that waits did not resume", transport.is_reading())?;
    reader.feed_eof();
    let partial = b"6789abcdef".to_vec();
    match task.await {
        Some(Err(Error::IncompleteRead { partial: got, .. })) => expect("partial", got, partial)?,
        other => return Err(Wrong(format!("no IncompleteReadError: {other:?}"))),
    }
    let after = Error::Assertion("feed_data after feed_eof".into());
    expect("fed after the end", reader.feed_data(b"x"), Err(after))
}

/// What has come for a read that is given up before it has found it is there for the next.
pub(crate) async fn reads_of_many_connections_that_are_given_up_lose_nothing() -> Outcome {
    const CONNECTIONS: usize = 16;
    const ROUNDS: usize = 60;
    const TURNS: usize = 5;

    let (server, address) = server().await?;
    let (mut clients, mut readers, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        clients.push(open_connection(&address.host(), address.port()).await?);
        let (reader, writer) = server.accept().await?;
        readers.push(reader);
        kept.push(writer);
    }
    let mut sent = vec![Vec::new(); CONNECTIONS];
    let mut got = vec![Vec::new(); CONNECTIONS];
    for round in 0..ROUNDS {
        let mut reads: Vec<_> =
            readers.iter().enumerate().map(|(number, reader)| Some(Box::pin(part(reader, number)))).collect();
        for turn in 0..TURNS {
            poll_fn(|cx| {
                for (number, read) in reads.iter_mut().enumerate() {
                    if turn > 0 && (round + number) % TURNS == turn {
                        // Not polled before: something may have come for it.
                        *read = None;
                    } else if let Some(Poll::Ready(bytes)) = read.as_mut().map(|read| read.as_mut().poll(cx)) {
                        *read = None;
                        got[number].extend(bytes?);
                    }
                }
                Poll::Ready(Ok::<_, Error>(()))
            })
            .await?;
            if turn == 0 {
                for (number, (_, writer)) in clients.iter().enumerate() {
                    let line = format!("{round} {number}\n");
                    sent[number].extend_from_slice(line.as_bytes());
                    writer.write(line.as_bytes())?;
                }
            }
            sleep((turn % 2) as u64).await;
        }
    }
    for (number, (_, writer)) in clients.iter().enumerate() {
        writer.write_eof()?;
        got[number].extend(readers[number].read(-1).await?);
        expect(&format!("all that connection {number} was sent"), &got[number], &sent[number])?;
    }
    Ok(())
}

/// Some of what comes, asked for differently by each.
async fn part(reader: &StreamReader, number: usize) -> Result<Vec<u8>, Error> {
    match number % 4 {
        0 => reader.readline().await,
        1 => reader.read(5).await,
        2 => reader.readexactly(4).await,
        _ => reader.readuntil(&["\n", " "]).await,
    }
}

/// The feeding alone wakes who waits: no connection goes on beside.
pub(crate) async fn fed_readers_wake_who_waits_without_any_connection() -> Outcome {
    let readers =
        [Rc::new(StreamReader::new(None)?), Rc::new(StreamReader::new(None)?), Rc::new(StreamReader::new(None)?)];
    for round in 0..4_u8 {
        let waiting = readers.clone().map(|reader| spawn_local(async move { reader.readline().await }));
        sleep(0).await;
        for reader in &readers {
            reader.feed_data(&[b'0' + round])?;
        }
        sleep(0).await;
        for reader in &readers {
            reader.feed_data(b"\n")?;
        }
        for task in waiting {
            expect("line", task.await, Some(Ok(vec![b'0' + round, b'\n'])))?;
        }
    }
    Ok(())
}

pub(crate) async fn a_protocol_feeds_its_reader() -> Outcome {
    let (server, address) = server().await?;
    let (_connected, writer) = open_connection(&address.host(), address.port()).await?;
    let _accepted = server.accept().await?;
    let reader = StreamReader::new(None)?;
    let protocol = Rc::new(StreamReaderProtocol::new(&reader));
    protocol.connection_made(&writer.transport())?;
    let again = Error::Assertion("Transport already set".into());
    expect("made twice", protocol.connection_made(&writer.transport()), Err(again))?;
    protocol.data_received(b"line\nrest")?;
    expect("line", reader.readline().await?, b"line\n".to_vec())?;

    expect("drain", protocol.drain().await, Ok(()))?;
    protocol.pause_writing()?;
    let draining = protocol.clone();
    let task = spawn_local(async move { draining.drain().await });
    sleep(0).await;
    protocol.resume_writing()?;
    expect("resumed", task.await, Some(Ok(())))?;

    holds("the transport should stay open", protocol.eof_received())?;
    expect("rest", reader.read(-1).await?, b"rest".to_vec())?;
    protocol.pause_writing()?;
    let (draining, closing) = (protocol.clone(), protocol.clone());
    let drained = spawn_local(async move { draining.drain().await });
    let closed = spawn_local(async move { closing.wait_closed().await });
    sleep(0).await;
    let lost = Error::Other("cable cut".into());
    protocol.connection_lost(Some(lost.clone()));
    expect("who drained", drained.await, Some(Err(lost.clone())))?;
    expect("who waited for the end", closed.await, Some(Err(lost.clone())))?;
    expect("the reader", reader.read(1).await, Err(lost.clone()))?;
    expect("exception", reader.exception(), Some(lost))?;
    match protocol.drain().await {
        Err(Error::Os(error)) => expect("drain after the loss", error.message, "Connection lost".into()),
        other => Err(Wrong(format!("drain after the loss: {other:?}"))),
    }
}

pub(crate) async fn a_pair_is_made_from_streams() -> Outcome {
    let (mut feed, incoming) = wasip3::wit_stream::new();
    let (reader, writer, mut outgoing) = from_streams(incoming, Some(100))?;
    spawn_local(async move {
        for byte in b"one\ntwo\nend" {
            feed.write_all(vec![*byte]).await;
        }
    });
    expect("line", reader.readline().await?, b"one\n".to_vec())?;
    expect("line", reader.readline().await?, b"two\n".to_vec())?;
    expect("partial line", reader.readline().await?, b"end".to_vec())?;
    holds("the end was not seen", reader.at_eof())?;

    let size = 300_000;
    let sending = spawn_local(async move {
        writer.write(vec![b'x'; size])?;
        writer.drain().await?;
        writer.write(b"!")?;
        writer.close();
        writer.wait_closed().await
    });
    let mut got = Vec::new();
    loop {
        let (result, chunk) = outgoing.read(Vec::with_capacity(10_000)).await;
        got.extend(chunk);
        if result == wit_bindgen::StreamResult::Dropped {
            break;
        }
    }
    expect("what was sent", got.len(), size + 1)?;
    expect("sending", sending.await, Some(Ok(())))?;

    let (_feed, incoming) = wasip3::wit_stream::new();
    let (_reader, writer, outgoing) = from_streams(incoming, None)?;
    drop(outgoing);
    writer.write(b"to nobody")?;
    match writer.wait_closed().await {
        Err(Error::Os(error)) => expect("nobody takes it", error.message, "Connection lost".into())?,
        other => return Err(Wrong(format!("nobody takes it: {other:?}"))),
    }
    let (_feed, incoming) = wasip3::wit_stream::new();
    match from_streams(incoming, Some(0)) {
        Err(Error::Value(text)) => expect("limit", text, "Limit cannot be <= 0".into()),
        other => Err(Wrong(format!("a limit of 0: {other:?}"))),
    }
}

pub(crate) async fn a_dropped_writer_closes() -> Outcome {
    let (server, address) = server().await?;
    let (reader, writer) = open_connection(&address.host(), address.port()).await?;
    let (accepted, _accepted_writer) = server.accept().await?;
    writer.write(b"the last words")?;
    drop(writer);
    expect("what was written", accepted.read(-1).await?, b"the last words".to_vec())?;
    expect("the reader ends", reader.read(1).await?, vec![])
}

pub(crate) async fn a_dropped_reader_leaves_the_writer() -> Outcome {
    let (server, address) = server().await?;
    let (reader, writer) = open_connection(&address.host(), address.port()).await?;
    let (accepted, _accepted_writer) = server.accept().await?;
    drop(reader);
    writer.write(b"still here\n")?;
    expect("what was written", accepted.readline().await?, b"still here\n".to_vec())?;
    writer.close();
    expect("closed", writer.wait_closed().await, Ok(()))
}

pub(crate) async fn both_directions_at_once() -> Outcome {
    let (server, address) = server().await?;
    let (reader, writer) = open_connection(&address.host(), address.port()).await?;
    let (accepted_reader, accepted_writer) = server.accept().await?;
    let size: usize = 4_000_000;
    let send = |writer: asyncio::StreamWriter| async move {
        for chunk in 0..size / 1000 {
            writer.write(&[chunk as u8; 1000])?;
            writer.drain().await?;
        }
        writer.write_eof()?;
        Ok::<_, Error>(writer)
    };
    let (one, other) = (spawn_local(send(writer)), spawn_local(send(accepted_writer)));
    let receiving = spawn_local(async move { accepted_reader.read(-1).await });
    let here = reader.read(-1).await?;
    let there = receiving.await.transpose()?.unwrap_or_default();
    for received in [&here, &there] {
        expect("received", received.len(), size)?;
        let in_order = received.chunks(1000).enumerate().all(|(at, chunk)| chunk.iter().all(|&byte| byte == at as u8));
        holds("out of order", in_order)?;
    }
    one.await.transpose()?;
    other.await.transpose()?;
    Ok(())
}

/// The test's peer must get the bytes while this waits for time, not for the network.
pub(crate) async fn bytes_leave_while_something_else_is_awaited() -> Outcome {
    let (_reader, writer) = open_connection("127.0.0.1", port()).await?;
    writer.write(b"no drain ")?;
    writer.write(b"was needed")?;
    sleep(25_000).await;
    Ok(())
}

/// The test's peer answers each request of two writes, and measures.
pub(crate) async fn header_and_body_leave_together() -> Outcome {
    let (reader, writer) = open_connection("127.0.0.1", port()).await?;
    for _ in 0..50 {
        writer.write(b"header\n")?;
        writer.write(b"body\n")?;
        expect("answer", reader.readline().await?, b"ok\n".to_vec())?;
    }
    writer.close();
    Ok(())
}

/// A stream operation has room for 2²⁸ - 1 items.
pub(crate) async fn more_than_one_stream_operation_takes_is_written_and_read_at_once() -> Outcome {
    const SIZE: usize = (1 << 28) + 5;
    let (server, address) = server().await?;
    let (_client, writer) = open_connection(&address.host(), address.port()).await?;
    let (reader, _accepted) = server.accept().await?;
    writer.write(vec![7; SIZE])?;
    let read = reader.readexactly(SIZE as i64).await?;
    holds("all bytes came", read.len() == SIZE && read.iter().all(|byte| *byte == 7))
}
