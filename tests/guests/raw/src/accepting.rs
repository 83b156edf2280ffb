//! Accepting connections as they are.

use crate::bindings::raw::{Connection, accept};
use crate::bindings::server::ServerOptions;
use crate::bindings::server::start_server;
use crate::helpers::{
    Outcome, begin, client, expect, holds, look, number, open, receive, receives, refused, send, server, serving,
    sleep, turn,
};

/// The test's peer connects many times, and tells it on the first connection.
pub(crate) async fn accept_gives_all_that_wait() -> Outcome {
    let (server, port) = server().await?;
    serving(port);
    let first = accept(&server).await?;
    expect("first", first.len(), 1)?;
    console::println("begun");
    let mut opened = open(&first[0])?;
    receives("incoming", &mut opened.incoming, b"they wait\n").await?;
    let mut left = number(0);
    let mut all: Vec<Connection> = Vec::new();
    let mut calls = 0;
    while left > 0 {
        let accepted = accept(&server).await?;
        calls += 1;
        holds(&format!("{} at once", accepted.len()), (1..=64).contains(&accepted.len()))?;
        left -= accepted.len().min(left);
        all.extend(accepted);
    }
    expect("accepted", all.len(), number(0))?;
    // 64 each, and one accept that was in flight when they came.
    holds(&format!("{calls} calls"), calls <= number::<usize>(0).div_ceil(64) + 1)?;
    for connection in &all {
        let mut opened = open(connection)?;
        send(&mut opened.outgoing, b"served").await?;
    }
    Ok(())
}

pub(crate) async fn accept_starts_to_listen() -> Outcome {
    let options = ServerOptions {
        limit: None,
        family: None,
        flags: None,
        backlog: None,
        reuse_address: None,
        reuse_port: None,
        keep_alive: None,
        start_serving: Some(false),
    };
    let server = start_server(vec!["127.0.0.1".into()], 0, Some(options)).await?;
    holds("serves before", !server.is_serving())?;
    let mut accepting = begin("accept", accept(&server)).await?;
    holds("does not serve", server.is_serving())?;
    let port = server.sockets().first().map_or(0, |address| address.port);
    let _client = client(port).await?;
    expect("accepted", accepting.as_mut().await?.len(), 1)
}

pub(crate) async fn close_ends_a_waiting_accept() -> Outcome {
    let (server, _) = server().await?;
    let first = begin("accept", accept(&server)).await?;
    let second = begin("accept", accept(&server)).await?;
    server.close();
    refused("the first", first.await, "is closed")?;
    refused("the second", second.await, "is closed")?;
    refused("a later one", accept(&server).await, "is closed")?;
    Ok(server.wait_closed().await?)
}

/// An accept that is cancelled before its answer has come, with the connection before and behind it.
pub(crate) async fn a_cancelled_accept_loses_no_connection() -> Outcome {
    let (server, port) = server().await?;
    for round in 0..100_u32 {
        let line = format!("round {round}\n").into_bytes();
        let accepting = begin("accept", accept(&server)).await?;
        let (reader, writer) = if round % 2 == 0 {
            drop(accepting);
            client(port).await?
        } else {
            // It comes while the call is being cancelled, or just before or after.
            let mut connecting = begin("open-connection", client(port)).await?;
            drop(accepting);
            connecting.as_mut().await?
        };
        writer.write(&line)?;
        let mut accepted = accept(&server).await?;
        expect("accepted", accepted.len(), 1)?;
        let mut opened = open(&accepted.remove(0))?;
        receives("the line", &mut opened.incoming, &line).await?;
        send(&mut opened.outgoing, &line).await?;
        expect("the echo", reader.readline().await?, line)?;
    }
    Ok(())
}

/// Dropped by the caller, which has not looked at it.
pub(crate) async fn an_answer_that_came_and_was_dropped_closes_its_connections() -> Outcome {
    let (server, port) = server().await?;
    for _ in 0..20 {
        let accepting = begin("accept", accept(&server)).await?;
        let (reader, _writer) = client(port).await?;
        // The component answers, and this program's task is told; nobody polls the call.
        turn().await;
        sleep(1).await;
        drop(accepting);
        // Had it not been answered, the next call would have the connection.
        let mut next = begin("accept", accept(&server)).await?;
        turn().await;
        holds("the answer had not come", look(&mut next).await.is_none())?;
        expect("the client", reader.read(-1).await?, vec![])?;
    }
    Ok(())
}

/// As above, looked at and dropped as a whole.
pub(crate) async fn a_list_that_is_dropped_closes_its_connections() -> Outcome {
    let (server, port) = server().await?;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(client(port).await?);
    }
    let mut left = clients.len();
    while left > 0 {
        let accepted = accept(&server).await?;
        left -= accepted.len();
    }
    for (reader, _writer) in clients {
        expect("the client", reader.read(-1).await?, vec![])?;
    }
    server.close();
    Ok(server.wait_closed().await?)
}

/// The server's own accept and this one, in turns, on one server.
pub(crate) async fn both_accepts_go_together() -> Outcome {
    let (server, port) = server().await?;
    for _ in 0..10 {
        let (reader, writer) = client(port).await?;
        writer.write(b"one\n")?;
        let (accepted, accepted_writer) = server.accept().await?;
        accepted_writer.write(&accepted.readline().await?)?;
        expect("the client of the one", reader.readline().await?, b"one\n".to_vec())?;

        let (reader, writer) = client(port).await?;
        writer.write(b"other\n")?;
        let mut raw = accept(&server).await?;
        expect("accepted", raw.len(), 1)?;
        let mut opened = open(&raw.remove(0))?;
        receives("the line", &mut opened.incoming, b"other\n").await?;
        send(&mut opened.outgoing, b"other\n").await?;
        drop(opened.outgoing);
        expect("the client of the other", reader.read(-1).await?, b"other\n".to_vec())?;
        drop(writer);
        expect("the end", receive(&mut opened.incoming).await, None)?;
    }
    Ok(())
}
