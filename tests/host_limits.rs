//! Limits of connections and of idle time, seen by the peers of a server.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
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

/// A connection from another address of this machine.
fn connect_from(host: [u8; 4], address: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((host, 0)).into()).expect("an address of this machine");
    socket.connect(&address.into()).expect("the server accepts");
    let client = TcpStream::from(socket);
    client.set_read_timeout(Some(wasyncio_tests::DEADLINE)).expect("not zero");
    client
}

/// Whether the server has closed a connection without a byte.
fn is_closed(client: &mut TcpStream) -> bool {
    match client.read(&mut [0; 1]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_peer_with_too_many_connections_is_turned_away_and_others_are_not() {
    let mut server = echo_server(&["--max-peer-connections", "2", "--metrics", "127.0.0.1:0"]);
    let address = server.address();
    let mut first = connect(address);
    let mut second = connect(address);
    assert_eq!(ask(&mut first, "one\n"), "one\n");
    assert_eq!(ask(&mut second, "two\n"), "two\n");
    for _ in 0..5 {
        assert!(is_closed(&mut connect(address)));
    }
    server.line_with("127.0.0.1 has 2 connections open (max-peer-connections): further ones of a peer are closed");
    // Another peer: the same machine by another address.
    assert_eq!(ask(&mut connect_from([127, 0, 0, 2], address), "other\n"), "other\n");
    drop(first);
    server.line_with("closed after 4 bytes");
    let mut again = connect(address);
    assert_eq!(ask(&mut again, "again\n"), "again\n");
    assert_eq!(ask(&mut second, "still\n"), "still\n");
    let metrics = wasyncio_tests::metrics(&mut server);
    for line in [
        "wasyncio_limits_reached_total{limit=\"max-peer-connections\"} 5",
        // Those that were turned away never were the program's.
        "wasyncio_accepted_connections_total 4",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in:\n{metrics}");
    }
}

#[test]
fn the_connections_of_a_peer_are_counted_over_all_workers() {
    let mut server = echo_server(&["--max-peer-connections", "3", "--workers", "4"]);
    let address = server.address();
    server.lines_with("Serving on (", 4);
    // One after the other, so that each is decided about before the next.
    let mut open: Vec<TcpStream> = Vec::new();
    for _ in 0..12 {
        let mut client = connect(address);
        // It fails if the connection was reset meanwhile.
        _ = client.write_all(b"x\n");
        match client.read_exact(&mut [0; 2]) {
            Ok(()) => open.push(client),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{error}")
            }
        }
    }
    assert_eq!(open.len(), 3);
    assert_eq!(ask(&mut connect_from([127, 0, 0, 2], address), "other\n"), "other\n");
    for client in &mut open {
        assert_eq!(ask(client, "still\n"), "still\n");
    }
}

#[test]
fn a_busy_connection_ends_with_its_lifetime() {
    let mut server = echo_server(&["--max-lifetime", "500ms", "--metrics", "127.0.0.1:0"]);
    let mut busy = connect(server.address());
    let begun = std::time::Instant::now();
    let mut ticks = 0;
    while busy.write_all(b"tick\n").is_ok() && busy.read_exact(&mut [0; 5]).is_ok() {
        ticks += 1;
        assert!(begun.elapsed() < wasyncio_tests::DEADLINE, "it is still open");
    }
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    assert!(ticks > 10, "it was busy");
    let told = server.line_with("failed: ");
    assert!(told.contains("timed out"), "{told}");
    let metrics = wasyncio_tests::metrics(&mut server);
    assert!(metrics.contains("\nwasyncio_limits_reached_total{limit=\"max-lifetime\"} 1\n"), "{metrics}");
    // And others come.
    assert_eq!(ask(&mut connect(server.address()), "next\n"), "next\n");
}

#[test]
fn a_connection_whose_peer_reads_nothing_ends_with_its_lifetime() {
    let mut server = echo_server(&["--max-lifetime", "1s"]);
    let client = connect(server.address());
    client.set_nonblocking(true).expect("a socket can");
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    let begun = std::time::Instant::now();
    // Until the echo of it fills all buffers and nothing moves any more.
    while begun.elapsed() < Duration::from_millis(900) {
        if let Err(error) = (&client).write(&line) {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "it is open");
            std::thread::yield_now();
        }
    }
    let told = server.line_with("failed: ");
    assert!(told.contains("timed out"), "{told}");
}

#[test]
fn limits_of_connections_are_told_by_check_and_understood_in_a_policy_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("echo.toml");
    let text = "listen = ['127.0.0.1:0']\nlimits = { max-peer-connections = 7, max-lifetime = '1h' }\n";
    std::fs::write(&file, text).expect("the folder is ours");
    let mut check = Command::new(command());
    let told = finish(check.args(["check", "--policy"]).arg(&file).arg(example("echo-server")));
    for line in ["is limited by max-peer-connections 7", "is limited by max-lifetime 1h"] {
        assert!(told.stdout.lines().any(|found| found == line), "{}\n{}", told.stdout, told.stderr);
    }
}
