//! Servers whose connections were taken.

use crate::bindings::raw::{Ending, accept, take};
use crate::bindings::server::Server;
use crate::helpers::{
    Begun, Outcome, accept_one, begin, client, expect, holds, look, open, receive, receives, refused, send, server,
    turn,
};

async fn waits<T>(what: &str, call: &mut Begun<'_, T>) -> Outcome {
    turn().await;
    holds(what, look(call).await.is_none())
}

pub(crate) async fn wait_closed_waits_for_taken_connections() -> Outcome {
    let (server, port) = server().await?;
    let _clients = (client(port).await?, client(port).await?, client(port).await?);
    // Two accepted as they are, and one taken from its reader and writer.
    let (reader, writer) = server.accept().await?;
    let taken = take(reader, writer).await?;
    let mut accepted = Vec::new();
    while accepted.len() < 2 {
        accepted.extend(accept(&server).await?);
    }
    let (opened, unopened) = (accepted.remove(0), accepted.remove(0));
    let directions = open(&opened)?;
    server.close();
    let mut closing = begin("wait-closed", server.wait_closed()).await?;
    waits("has not waited for three", &mut closing).await?;
    drop(unopened);
    waits("has not waited for two", &mut closing).await?;
    // Its directions are one thing, and whether it counts another.
    drop(directions);
    waits("has not waited for the resource", &mut closing).await?;
    opened.finished();
    waits("has not waited for the one that was taken", &mut closing).await?;
    drop(taken);
    Ok(closing.await?)
}

async fn is_told(close: impl Fn(&Server), expected: Ending) -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let accepted = accept_one(&server).await?;
    let mut opened = open(&accepted)?;
    let mut first = begin("ending", accepted.ending()).await?;
    let second = begin("ending", accepted.ending()).await?;
    waits("was told before", &mut first).await?;
    close(&server);
    expect("who waited", first.await, expected)?;
    expect("who waited, too", second.await, expected)?;
    expect("who asks afterwards", accepted.ending().await, expected)?;
    // Telling is all: what becomes of the directions is the program's.
    writer.write(b"still")?;
    receives("incoming", &mut opened.incoming, b"still").await?;
    send(&mut opened.outgoing, b"there").await?;
    expect("the client", reader.readexactly(5).await?, b"there".to_vec())?;
    drop((opened, accepted));
    server.close();
    Ok(server.wait_closed().await?)
}

pub(crate) async fn close_clients_is_told() -> Outcome {
    is_told(Server::close_clients, Ending::Close).await
}

pub(crate) async fn abort_clients_is_told() -> Outcome {
    is_told(Server::abort_clients, Ending::Abort).await
}

pub(crate) async fn abort_after_close_is_told_last() -> Outcome {
    let (server, port) = server().await?;
    let _client = client(port).await?;
    let accepted = accept_one(&server).await?;
    server.close_clients();
    expect("close", accepted.ending().await, Ending::Close)?;
    server.abort_clients();
    expect("abort", accepted.ending().await, Ending::Abort)
}

/// As the two that were accepted so, the one that was taken from its reader and writer is the server's.
pub(crate) async fn a_connection_that_was_taken_is_told() -> Outcome {
    let (server, port) = server().await?;
    let (_reader, _writer) = client(port).await?;
    let (reader, writer) = server.accept().await?;
    let taken = take(reader, writer).await?;
    let mut opened = open(&taken)?;
    let mut ending = begin("ending", taken.ending()).await?;
    server.close_clients();
    turn().await;
    expect("who waited", look(&mut ending).await, Some(Ending::Close))?;
    send(&mut opened.outgoing, b"still there").await?;

    let (reader, _writer) = client(port).await?;
    let (accepted, accepted_writer) = server.accept().await?;
    let unopened = take(accepted, accepted_writer).await?;
    server.abort_clients();
    expect("an unopened one", reader.read(-1).await?, vec![])?;
    expect("who asks afterwards", unopened.ending().await, Ending::Abort)
}

pub(crate) async fn unopened_connections_are_ended() -> Outcome {
    for close in [Server::close_clients, Server::abort_clients] {
        let (server, port) = server().await?;
        let (reader, _writer) = client(port).await?;
        let accepted = accept_one(&server).await?;
        close(&server);
        expect("the client", reader.read(-1).await?, vec![])?;
        refused("open", open(&accepted), "its server has ended it")?;
        drop(accepted);
        server.close();
        server.wait_closed().await?;
    }
    Ok(())
}

/// A connection that the server does not count is not told, and one that nobody accepted never is.
pub(crate) async fn others_are_not_told() -> Outcome {
    let (server, port) = server().await?;
    let (reader, writer) = client(port).await?;
    let connected = take(reader, writer).await?;
    let accepted = accept_one(&server).await?;
    accepted.finished();
    let mut one = begin("ending", connected.ending()).await?;
    let mut other = begin("ending", accepted.ending()).await?;
    server.close_clients();
    waits("the client's own was told", &mut one).await?;
    waits("a finished one was told", &mut other).await?;
    // Neither was closed.
    drop((one, other));
    let (mut one, mut other) = (open(&connected)?, open(&accepted)?);
    send(&mut one.outgoing, b"ping").await?;
    receives("incoming", &mut other.incoming, b"ping").await?;
    drop(one);
    expect("the end", receive(&mut other.incoming).await, None)
}

/// The server is gone, and its connections go on.
pub(crate) async fn a_dropped_server_leaves_its_connections() -> Outcome {
    let (server, port) = server().await?;
    let (_reader, writer) = client(port).await?;
    let accepted = accept_one(&server).await?;
    drop(server);
    let mut opened = open(&accepted)?;
    writer.write(b"ping")?;
    receives("incoming", &mut opened.incoming, b"ping").await?;
    let ending = begin("ending", accepted.ending()).await?;
    drop(ending);
    accepted.finished();
    Ok(())
}
