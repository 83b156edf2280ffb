//! Connections: their two directions, and how each ends.

use wasip3::sockets::types::{ErrorCode, IpAddressFamily};
use wasip3::wit_bindgen::StreamReader;

use crate::{listening, pair, socket, state, told};

async fn all(stream: StreamReader<u8>) -> String {
    String::from_utf8_lossy(&stream.collect().await).into_owned()
}

pub(crate) async fn run(family: IpAddressFamily) {
    echo_and_half_close(family).await;
    twice(family).await;
    dropped(family).await;
    reset(family).await;
    listeners(family).await;
}

async fn echo_and_half_close(family: IpAddressFamily) {
    let (client, server) = pair(family).await;
    state("client", &client);
    state("server", &server);
    let (mut writer, reader) = wasip3::wit_stream::new();
    let sent = client.send(reader);
    told("unsent", writer.write_all(b"hello".to_vec()).await.len());
    drop(writer);
    told("client send", sent.await);
    let (received, outcome) = server.receive();
    told("server received", all(received).await);
    told("server receive", outcome.await);
    // The other direction is still open.
    let (mut writer, reader) = wasip3::wit_stream::new();
    let sent = server.send(reader);
    told("unsent", writer.write_all(b"answer".to_vec()).await.len());
    drop(writer);
    told("server send", sent.await);
    let (received, outcome) = client.receive();
    told("client received", all(received).await);
    told("client receive", outcome.await);
    state("client, both ended", &client);
}

async fn twice(family: IpAddressFamily) {
    let (client, server) = pair(family).await;
    let (first, first_outcome) = client.receive();
    let (second, second_outcome) = client.receive();
    told("second received", all(second).await);
    told("second receive", second_outcome.await);
    let (mut writer, reader) = wasip3::wit_stream::new();
    let (mut second_writer, second_reader) = wasip3::wit_stream::new();
    let sent = server.send(reader);
    let second_sent = server.send(second_reader);
    told("second unsent", second_writer.write_all(b"never".to_vec()).await.len());
    told("second send", second_sent.await);
    told("first unsent", writer.write_all(b"first".to_vec()).await.len());
    drop(writer);
    told("first send", sent.await);
    told("first received", all(first).await);
    told("first receive", first_outcome.await);
    told("received again", all(client.receive().0).await);
    told("receive again", client.receive().1.await);
}

/// A program drops its streams, its sockets, or both.
async fn dropped(family: IpAddressFamily) {
    let (client, server) = pair(family).await;
    let (received, outcome) = client.receive();
    drop(received);
    told("receive, stream dropped", outcome.await);
    drop(client);
    let (received, outcome) = server.receive();
    told("received of a dropped peer", all(received).await);
    told("receive of a dropped peer", outcome.await);

    // A connection goes on while a stream of it is there.
    let (client, server) = pair(family).await;
    let (mut writer, reader) = wasip3::wit_stream::new();
    let sent = client.send(reader);
    drop(client);
    told("unsent without its socket", writer.write_all(b"still".to_vec()).await.len());
    drop(writer);
    told("send without its socket", sent.await);
    let (received, outcome) = server.receive();
    drop(server);
    told("received without its socket", all(received).await);
    told("receive without its socket", outcome.await);
}

/// The peer is gone with bytes unread: the system resets the connection.
async fn reset(family: IpAddressFamily) {
    let (client, server) = pair(family).await;
    let (mut writer, reader) = wasip3::wit_stream::new();
    let sent = client.send(reader);
    told("unsent", writer.write_all(b"unread".to_vec()).await.len());
    let (mut arriving, arrived_outcome) = server.receive();
    // They have arrived when there is something to read.
    told("readable", arriving.read(Vec::with_capacity(1)).await.1.len());
    drop((arriving, arrived_outcome, server));
    let (received, outcome) = client.receive();
    told("received after a reset", all(received).await);
    told("receive after a reset", outcome.await);
    // Now the other direction knows, too.
    told("unsent after a reset", !writer.write_all(b"more".to_vec()).await.is_empty());
    drop(writer);
    told("send after a reset", sent.await);
    told("remote after a reset", client.get_remote_address().is_ok());
}

async fn listeners(family: IpAddressFamily) {
    // Its connections go on without it.
    let (listener, mut accepted, address) = listening(family);
    drop(listener);
    let client = socket(family);
    told("connect, socket dropped", client.connect(address).await);
    told("accepted, socket dropped", accepted.next().await.is_some());
    drop(accepted);
    told("connect, stream dropped too", socket(family).connect(address).await);
    // The stream alone is dropped: nobody accepts any more, and the socket says what it is.
    let (listener, accepted, address) = listening(family);
    drop(accepted);
    state("listener without its stream", &listener);
    told("listen again", listener.listen().map(|_| ()));
    drop(listener);
    let outcome = socket(family).connect(address).await;
    told("connect, all dropped", matches!(outcome, Err(ErrorCode::ConnectionRefused)));
}
