//! An instance, and the peers of its connections.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use wasyncio_host::embed::{Asyncio, StreamReader, StreamWriter};
use wasyncio_host::{Host, Limits, Metrics, Policy};

/// What nothing here takes longer than.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) async fn started(policy: Policy, metrics: &Metrics) -> Asyncio {
    started_with(policy, metrics, Limits::default()).await
}

pub(crate) async fn started_with(policy: Policy, metrics: &Metrics, limits: Limits) -> Asyncio {
    assert!(wasyncio_host::embedded().is_some(), "there are no streams in this build: run `cargo xtask build` first");
    let host = Host::builder().cache(true).build().unwrap();
    host.streams().unwrap().policy(policy).metrics(metrics).limits(limits).start().await.unwrap()
}

pub(crate) fn local() -> Policy {
    Policy::new().allow_connect("127.0.0.1:*".parse().unwrap()).allow_listen("127.0.0.1:0".parse().unwrap())
}

/// A peer that sends `text`, reads until the end, and returns what it read.
pub(crate) fn peer(text: &'static [u8]) -> (u16, thread::JoinHandle<Vec<u8>>) {
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
pub(crate) async fn joined(peer: thread::JoinHandle<Vec<u8>>) -> Vec<u8> {
    tokio::task::spawn_blocking(|| peer.join().unwrap()).await.unwrap()
}

/// A connection, and its peer.
pub(crate) async fn connected(asyncio: &Asyncio) -> (StreamReader, StreamWriter, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    (reader, writer, peer)
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(DEADLINE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}: never"));
}
