//! Connections that are taken from their readers and writers.

use crate::bindings::raw::take;
use crate::bindings::streams::from_streams;
use crate::bindings::types::{Error, OsErrorKind};
use crate::bindings::wit_stream;
use crate::helpers::{
    Outcome, Wrong, begin, client, expect, holds, number, open, receive, receives, refused, send, server, serving,
};

pub(crate) async fn a_connection_is_taken() -> Outcome {
    let (server, port) = server().await?;
    for _ in 0..20 {
        let (reader, writer) = client(port).await?;
        let (accepted, accepted_writer) = server.accept().await?;
        // Both sides are.
        let (one, other) = (take(reader, writer).await?, take(accepted, accepted_writer).await?);
        let (mut one, mut other) = (open(&one)?, open(&other)?);
        expect("read ahead", (one.read_ahead, other.read_ahead), (vec![], vec![]))?;
        send(&mut one.outgoing, b"ping").await?;
        receives("the ping", &mut other.incoming, b"ping").await?;
        send(&mut other.outgoing, b"pong").await?;
        receives("the pong", &mut one.incoming, b"pong").await?;
        drop(one.outgoing);
        expect("the end", receive(&mut other.incoming).await, None)?;
        expect("received", other.received.await, Ok(()))?;
    }
    Ok(())
}

pub(crate) async fn what_was_read_ahead_comes_first() -> Outcome {
    let (server, port) = server().await?;
    let (_reader, writer) = client(port).await?;
    writer.write(b"a line\nand more")?;
    let (accepted, accepted_writer) = server.accept().await?;
    expect("the line", accepted.readline().await?, b"a line\n".to_vec())?;
    let taken = take(accepted, accepted_writer).await?;
    let mut opened = open(&taken)?;
    expect("read ahead", opened.read_ahead, b"and more".to_vec())?;
    writer.write(b", and the rest")?;
    receives("incoming", &mut opened.incoming, b", and the rest").await
}

/// A read that was cancelled stays in flight in the component.
pub(crate) async fn a_read_in_flight_loses_nothing() -> Outcome {
    let (server, port) = server().await?;
    for round in 0..50 {
        let (_reader, writer) = client(port).await?;
        let (accepted, accepted_writer) = server.accept().await?;
        writer.write(b"a line\nha")?;
        expect("the line", accepted.readline().await?, b"a line\n".to_vec())?;
        drop(begin("readline", accepted.readline()).await?);
        // Sent before, or while it is taken: they come in the one way or in the other.
        if round % 2 == 0 {
            writer.write(b"lf\n")?;
            writer.drain().await?;
        }
        let taken = take(accepted, accepted_writer).await?;
        if round % 2 == 1 {
            writer.write(b"lf\n")?;
        }
        let mut opened = open(&taken)?;
        let mut all = opened.read_ahead;
        while all.len() < 5 {
            let Some(bytes) = receive(&mut opened.incoming).await else { break };
            all.extend(bytes);
        }
        expect("read ahead and received", String::from_utf8_lossy(&all), "half\n".into())?;
    }
    Ok(())
}

pub(crate) async fn reader_and_writer_of_two_connections_are_refused() -> Outcome {
    let (server, port) = server().await?;
    let (reader, _writer) = client(port).await?;
    let (_other_reader, other_writer) = client(port).await?;
    let (_, one) = server.accept().await?;
    let (other, _) = server.accept().await?;
    refused("take", take(reader, other_writer).await, "not of one connection")?;
    drop(one);
    // The writer has gone with the call, so its connection is closed.
    expect("the other end of the writer", other.read(-1).await?, vec![])
}

/// It is sent all the same.
pub(crate) async fn a_connection_that_was_written_to_is_refused() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let (accepted, _accepted_writer) = server.accept().await?;
    writer.write(b"written")?;
    refused("take", take(reader, writer).await, "written to")?;
    expect("what was written", accepted.read(-1).await?, b"written".to_vec())
}

pub(crate) async fn a_pair_of_streams_is_refused() -> Outcome {
    let (mut sending, incoming) = wit_stream::new::<u8>();
    let (reader, writer, mut outgoing) = from_streams(incoming, None).await?;
    refused("take", take(reader, writer).await, "no directions that can be taken")?;
    expect("the end of what it would have sent", receive(&mut outgoing).await, None)?;
    holds("somebody receives", !sending.write_all(b"lost".to_vec()).await.is_empty())
}

pub(crate) async fn a_closed_connection_is_refused() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    writer.close();
    refused("take of a closed one", take(reader, writer).await, "it is closed")?;
    let (reader, writer) = client(port).await?;
    writer.close();
    writer.wait_closed().await?;
    refused("take of one that has been closed", take(reader, writer).await, "it is closed")?;
    let (reader, writer) = client(port).await?;
    writer.write_eof()?;
    refused("take after write-eof", take(reader, writer).await, "it is closed")?;
    drop(server);
    Ok(())
}

/// The test's peer resets.
pub(crate) async fn the_error_that_broke_it_is_told() -> Outcome {
    let (server, port) = server().await?;
    serving(port);
    let (reader, writer) = server.accept().await?;
    reader.readline().await?;
    console::println("begun");
    match reader.readline().await {
        Err(Error::OsError(_)) => {}
        other => return Err(Wrong(format!("readline: {other:?}"))),
    }
    match take(reader, writer).await {
        Err(Error::OsError(error)) => expect("kind", error.kind, OsErrorKind::ConnectionReset),
        other => Err(Wrong(format!("take: {:?}", other.map(|_| "a connection")))),
    }
}

/// The peer has sent, and ended its side: the end may have come with the last bytes.
pub(crate) async fn the_end_of_the_stream_is_not_lost() -> Outcome {
    let (server, port) = server().await?;
    serving(port);
    for _ in 0..number(0) {
        let (reader, writer) = server.accept().await?;
        console::println("accepted");
        expect("the line", reader.readline().await?, b"a line\n".to_vec())?;
        let taken = take(reader, writer).await?;
        let mut opened = open(&taken)?;
        let mut rest = opened.read_ahead;
        while let Some(bytes) = receive(&mut opened.incoming).await {
            rest.extend(bytes);
        }
        expect("the rest", String::from_utf8_lossy(&rest), "the rest".into())?;
        expect("received", opened.received.await, Ok(()))?;
        send(&mut opened.outgoing, b"answer").await?;
    }
    Ok(())
}

/// A read has told of the end: there is no stream left to be given away, but one at its end.
pub(crate) async fn a_connection_whose_end_was_read_is_taken() -> Outcome {
    let (server, port) = server().await?;
    for opens in [true, false, true] {
        let (reader, writer) = client(port).await?;
        let (accepted, accepted_writer) = server.accept().await?;
        writer.write(b"all")?;
        writer.write_eof()?;
        expect("all", accepted.read(-1).await?, b"all".to_vec())?;
        let taken = take(accepted, accepted_writer).await?;
        if opens {
            let mut opened = open(&taken)?;
            expect("read ahead", opened.read_ahead, vec![])?;
            expect("the end", receive(&mut opened.incoming).await, None)?;
            expect("received", opened.received.await, Ok(()))?;
            send(&mut opened.outgoing, b"answer").await?;
            drop(opened.outgoing);
            expect("the client", reader.read(-1).await?, b"answer".to_vec())?;
        } else {
            drop(taken);
            expect("the client", reader.read(-1).await?, vec![])?;
        }
    }
    Ok(())
}

/// Dropped before it has answered, a take closes the connection.
pub(crate) async fn a_cancelled_take_closes() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let (accepted, _accepted_writer) = server.accept().await?;
    // More than the system takes, so that it waits.
    writer.write(&vec![b'x'; 8_000_000])?;
    drop(begin("take", take(reader, writer)).await?);
    // What was written leaves, as when the writer is dropped.
    expect("received", accepted.read(-1).await?.len(), 8_000_000)
}
