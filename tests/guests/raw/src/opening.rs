//! Connections that are opened: both directions, how each ends, and what is known of the connection.

use crate::bindings::ErrorCode;
use crate::bindings::raw::{Connection, take};
use crate::bindings::types::ExtraInfo;
use crate::helpers::{
    Outcome, accept_one, client, expect, holds, number, open, receive, receives, refused, send, server, serving,
};

pub(crate) async fn bytes_go_both_ways() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let connection = accept_one(&server).await?;
    let mut opened = open(&connection)?;
    expect("read ahead of a new connection", opened.read_ahead, vec![])?;
    for round in 0..50_usize {
        let line = format!("{}\n", "x".repeat(round * 100));
        writer.write(line.as_bytes())?;
        receives("the line", &mut opened.incoming, line.as_bytes()).await?;
        send(&mut opened.outgoing, line.as_bytes()).await?;
        expect("the echo", reader.readexactly(line.len() as i32).await?, line.into_bytes())?;
    }
    Ok(())
}

pub(crate) async fn a_connection_is_opened_once() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let connection = accept_one(&server).await?;
    let mut opened = open(&connection)?;
    refused("opened again", open(&connection), "opened before")?;
    // The first is none the worse for it.
    writer.write(b"ping")?;
    receives("incoming", &mut opened.incoming, b"ping").await?;
    send(&mut opened.outgoing, b"pong").await?;
    expect("the client", reader.readexactly(4).await?, b"pong".to_vec())
}

pub(crate) async fn the_peer_ends_its_sending_side_first() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let connection = accept_one(&server).await?;
    let mut opened = open(&connection)?;
    writer.write(b"all")?;
    writer.write_eof()?;
    receives("incoming", &mut opened.incoming, b"all").await?;
    expect("the end", receive(&mut opened.incoming).await, None)?;
    expect("received", opened.received.await, Ok(()))?;
    // The other direction goes on.
    send(&mut opened.outgoing, b"answer").await?;
    drop(opened.outgoing);
    expect("the client", reader.read(-1).await?, b"answer".to_vec())?;
    expect("sent", opened.sent.await, Ok(()))
}

pub(crate) async fn the_program_ends_its_sending_side_first() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let connection = accept_one(&server).await?;
    let mut opened = open(&connection)?;
    send(&mut opened.outgoing, b"all").await?;
    drop(opened.outgoing);
    expect("sent", opened.sent.await, Ok(()))?;
    expect("the client", reader.read(-1).await?, b"all".to_vec())?;
    // The other direction goes on.
    writer.write(b"answer")?;
    writer.close();
    receives("incoming", &mut opened.incoming, b"answer").await?;
    expect("the end", receive(&mut opened.incoming).await, None)?;
    expect("received", opened.received.await, Ok(()))
}

/// Ending the sending side without a byte sends the end.
pub(crate) async fn a_side_that_sent_nothing_is_ended() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let connection = accept_one(&server).await?;
    let opened = open(&connection)?;
    drop(opened.outgoing);
    expect("sent", opened.sent.await, Ok(()))?;
    expect("the client", reader.read(-1).await?, vec![])?;
    drop((writer, opened.incoming));
    Ok(())
}

/// The test's peer resets: while the program receives, and while it sends.
pub(crate) async fn a_reset_is_told() -> Outcome {
    let (server, port) = server().await?;
    serving(port);
    for _ in 0..number(0) {
        let connection = accept_one(&server).await?;
        let mut opened = open(&connection)?;
        receives("incoming", &mut opened.incoming, b"begin\n").await?;
        console::println("begun");
        expect("the end", receive(&mut opened.incoming).await, None)?;
        expect("received", opened.received.await, Err(ErrorCode::ConnectionReset))?;
        // Whatever the system still takes, in the end the direction is known to be broken.
        while opened.outgoing.write_all(vec![b'x'; 4096]).await.is_empty() {}
        let sent = opened.sent.await;
        let broken = matches!(sent, Err(ErrorCode::ConnectionReset | ErrorCode::ConnectionBroken));
        holds(&format!("sent: {sent:?}"), broken)?;
        holds("no peername after the reset", address(&connection, "peername").is_some())?;
    }
    Ok(())
}

/// As above, with the sending side stuck when the reset comes.
pub(crate) async fn a_reset_while_sending_is_told() -> Outcome {
    let (server, port) = server().await?;
    serving(port);
    for _ in 0..number(0) {
        let connection = accept_one(&server).await?;
        let mut opened = open(&connection)?;
        console::println("begun");
        let left = opened.outgoing.write_all(vec![b'x'; 8_000_000]).await;
        holds("everything was sent", !left.is_empty())?;
        let sent = opened.sent.await;
        holds(&format!("sent: {sent:?}"), matches!(sent, Err(ErrorCode::ConnectionReset)))?;
        expect("the end", receive(&mut opened.incoming).await, None)?;
    }
    Ok(())
}

pub(crate) async fn dropping_an_unopened_connection_closes_it() -> Outcome {
    let (server, port) = server().await?;
    let (reader, _writer) = client(port).await?;
    drop(accept_one(&server).await?);
    expect("the client of an accepted one", reader.read(-1).await?, vec![])?;

    let (reader, writer) = client(port).await?;
    let (accepted, accepted_writer) = server.accept().await?;
    drop(take(accepted, accepted_writer).await?);
    expect("the client of a taken one", reader.read(-1).await?, vec![])?;
    drop(writer);
    server.close();
    Ok(server.wait_closed().await?)
}

pub(crate) async fn dropping_both_directions_closes() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let connection = accept_one(&server).await?;
    let mut opened = open(&connection)?;
    send(&mut opened.outgoing, b"last words").await?;
    drop((opened.incoming, opened.outgoing));
    expect("the client", reader.read(-1).await?, b"last words".to_vec())?;
    // Nobody receives any more: what the client writes is refused, sooner or later.
    let transport = writer.transport();
    while writer.drain().await.is_ok() && !transport.is_closing() {
        writer.write(&vec![b'x'; 64 * 1024])?;
    }
    // The resource and the futures are there all the while.
    drop((opened.received, opened.sent, connection));
    Ok(())
}

fn address(connection: &Connection, name: &str) -> Option<u16> {
    match connection.get_extra_info(name) {
        Some(ExtraInfo::Address(address)) => Some(address.port),
        _ => None,
    }
}

pub(crate) async fn extra_info_is_known_before_and_after_the_end() -> Outcome {
    let (server, port) = server().await?;
    let (_reader, writer) = client(port).await?;
    let Some(ExtraInfo::Address(client)) = writer.get_extra_info("sockname") else {
        return holds("the client has no address", false);
    };
    let connection = accept_one(&server).await?;
    let known = |when: &str| {
        expect(&format!("peername {when}"), address(&connection, "peername"), Some(client.port))?;
        expect(&format!("sockname {when}"), address(&connection, "sockname"), Some(port))?;
        let socket = matches!(connection.get_extra_info("socket"), Some(ExtraInfo::Socket(_)));
        holds(&format!("no socket {when}"), socket)?;
        expect(&format!("another name {when}"), connection.get_extra_info("cipher"), None)
    };
    known("unopened")?;
    let mut opened = open(&connection)?;
    known("opened")?;
    writer.close();
    expect("the end", receive(&mut opened.incoming).await, None)?;
    drop((opened.incoming, opened.outgoing));
    expect("sent", opened.sent.await, Ok(()))?;
    known("ended")?;
    connection.finished();
    known("finished")?;
    connection.finished();
    known("finished twice")
}
