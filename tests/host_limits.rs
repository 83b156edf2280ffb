//! Limits of connections and of idle time, seen by the peers of a server.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use wasyncio_tests::{Running, ask, command, connect, echo_server, example, finish};

#[test]
fn at_the_limit_of_connections_a_peer_waits_and_is_not_dropped() {
    let mut server = echo_server(&["--max-connections", "2"]);
    let address = server.address();
    let mut first = connect(address);
    let mut second = connect(address);
    assert_eq!(ask(&mut first, "one\n"), "one\n");
    assert_eq!(ask(&mut second, "two\n"), "two\n");

    let mut third = connect(address);
    third.write_all(b"three\n").expect("the system takes it");
    server.line_with("2 connections open (max-connections): accepting pauses");
    third.set_read_timeout(Some(Duration::from_millis(200))).expect("not zero");
    let error = third.read(&mut [0; 1]).expect_err("nobody has accepted it");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    third.set_read_timeout(Some(wasyncio_tests::DEADLINE)).expect("not zero");

    drop(first);
    let mut answer = [0; 6];
    third.read_exact(&mut answer).expect("it is accepted now");
    assert_eq!(&answer, b"three\n");
    assert_eq!(ask(&mut second, "still\n"), "still\n");
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let mut server = echo_server(&["--idle-timeout", "300ms"]);
    let address = server.address();
    let mut idle = connect(address);
    let mut busy = connect(address);
    assert_eq!(ask(&mut idle, "one\n"), "one\n");
    busy.set_read_timeout(Some(Duration::from_millis(50))).expect("not zero");
    idle.set_nonblocking(true).expect("a socket can");
    let closed = loop {
        // Twenty times as often as the timeout asks for; the reads are the clock.
        assert_eq!(ask(&mut busy, "tick\n"), "tick\n");
        _ = busy.read(&mut [0; 1]);
        match idle.read(&mut [0; 16]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => break other,
        }
    };
    assert!(matches!(closed, Ok(0)) || closed.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    assert_eq!(ask(&mut busy, "tick\n"), "tick\n");
    server.line_with("failed: ");
}

#[test]
fn a_program_over_its_memory_limit_is_one_line_and_code_122() {
    let mut run = Command::new(command());
    let run = run.args(["run", "--max-memory", "64KiB"]).arg(example("echo-server"));
    let finished = finish(run);
    assert_eq!(finished.status.code(), Some(122), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(finished.stderr.contains("needs more memory than 64.0 KiB (max-memory)"), "{}", finished.stderr);
}

/// How many bytes a server takes from a peer that never reads the echo of them.
fn taken_by(mut server: Running) -> usize {
    let address = server.address();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    // The peer's own buffers are small, so that it is the server's that count.
    socket.set_recv_buffer_size(8 << 10).expect("a socket can");
    socket.set_send_buffer_size(8 << 10).expect("a socket can");
    socket.connect(&address.into()).expect("the server accepts");
    let mut client = TcpStream::from(socket);
    client.set_write_timeout(Some(Duration::from_millis(500))).expect("not zero");
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    let mut taken = 0;
    while let Ok(count) = client.write(&line) {
        taken += count;
    }
    taken
}

#[test]
fn the_systems_buffers_are_limited() {
    let limited = taken_by(echo_server(&["--max-buffer", "8KiB"]));
    let unlimited = taken_by(echo_server(&[]));
    // Besides: what asyncio's reader and writer may hold, twice 64 KiB and 64 KiB, and the peer's own buffers.
    assert!(limited < 512 << 10, "{limited} bytes");
    assert!(unlimited > limited + (512 << 10), "{limited} and {unlimited} bytes");
}

#[test]
fn small_writes_do_not_wait_for_each_other() {
    // Nagle's algorithm would hold the second of two small segments back until the first is acknowledged, 40 ms later.
    let mut server = echo_server(&[]);
    let mut client = connect(server.address());
    let begun = std::time::Instant::now();
    for _ in 0..50 {
        client.write_all(b"a\n").expect("connected");
        client.write_all(b"b\n").expect("connected");
        client.read_exact(&mut [0; 4]).expect("two echoes");
    }
    assert!(begun.elapsed() < Duration::from_millis(50 * 40), "{:?}", begun.elapsed());
}
