//! Many peers at once, and peers that go away without a word.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use wasyncio_tests::{connect, echo_server, finish, signal};

fn assert_echoes(client: &mut TcpStream) {
    client.write_all(b"hello\n").expect("connected");
    let mut answer = [0; 6];
    client.read_exact(&mut answer).expect("an echo");
    assert_eq!(&answer, b"hello\n");
}

/// Writes lines and reads them back at the same time.
fn stream_lines(address: SocketAddr, ready: &std::sync::Barrier) {
    let mut client = connect(address);
    assert_echoes(&mut client);
    ready.wait();
    let sent: Vec<u8> = (0..20_000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
    let mut writer = client.try_clone().expect("a descriptor is free");
    let expected = sent.clone();
    let writing = thread::spawn(move || {
        writer.write_all(&sent).expect("the server reads on");
        writer.shutdown(std::net::Shutdown::Write).expect("connected");
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).expect("the server writes to the end");
    writing.join().expect("it has written all");
    assert!(received == expected, "{} of {} bytes came back", received.len(), expected.len());
}

#[test]
fn five_thousand_connections_at_once() {
    // As many as the machine lets a process have, with some descriptors for everything else.
    let limit = finish(Command::new("sh").args(["-c", "ulimit -n"])).stdout;
    let count = limit.trim().parse().map_or(5_000, |limit: usize| limit.saturating_sub(200).min(5_000));
    let mut server = echo_server(&["--stdio", "out"]);
    let address = server.address();
    // One after the other: more at once than asyncio's backlog of 100 would wait for the system to try again, a second
    // each.
    let accepted = |_| {
        let mut client = connect(address);
        assert_echoes(&mut client);
        client
    };
    let mut clients: Vec<_> = (0..count).map(accepted).collect();
    clients.iter_mut().rev().for_each(assert_echoes);
}

#[test]
fn a_peer_that_vanishes_costs_only_its_own_connection() {
    let mut server = echo_server(&[]);
    let address = server.address();
    let mut steady = connect(address);
    for _ in 0..50 {
        let mut gone = connect(address);
        gone.write_all(&[b'x'; 10_000]).expect("connected");
        // As after kill -9: what was not read is answered by a reset.
        socket2::SockRef::from(&gone).set_linger(Some(Duration::ZERO)).expect("a socket can");
        drop(gone);
        assert_echoes(&mut steady);
    }
}

#[test]
fn stopping_under_load_loses_no_byte_of_what_was_accepted() {
    for flags in [&["--grace", "1min"][..], &["--grace", "1min", "--workers", "2"][..]] {
        let mut server = echo_server(flags);
        let address = server.address();
        let ready = std::sync::Barrier::new(9);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| stream_lines(address, &ready));
            }
            ready.wait();
            signal(server.id(), "-TERM");
        });
        assert_eq!(server.wait().code(), Some(0));
    }
}
