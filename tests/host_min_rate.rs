//! The minimum rate of a peer: who drips is ended, who is slow but fast enough stays, who is idle is not its business.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use wasyncio_tests::{DEADLINE, Running, command, connect, example, metrics, spawn};

/// How long a peer is looked at, as these tests have it.
const TIME: Duration = Duration::from_secs(1);

/// How often a peer does something that does it slowly.
const BEAT: Duration = Duration::from_millis(50);

fn server(flags: &[&str]) -> Running {
    let mut run = Command::new(command());
    run.args(["run", "--min-rate", "200B", "--min-rate-time", "1s", "--metrics", "127.0.0.1:0"]).args(flags);
    run.args(["--allow-listen", "127.0.0.1:0"]).arg(example("echo-server"));
    spawn(run.args(["--", "127.0.0.1:0"]))
}

fn echo(client: &mut TcpStream, line: &[u8]) {
    client.write_all(line).expect("connected");
    let mut answer = vec![0; line.len()];
    client.read_exact(&mut answer).expect("an echo");
    assert!(answer == line, "it is the line");
}

/// Whether the server has ended a connection, by now.
fn has_ended(client: &mut TcpStream) -> bool {
    client.set_read_timeout(Some(Duration::from_millis(1))).expect("not zero");
    let result = client.read(&mut [0; 1]);
    client.set_read_timeout(Some(DEADLINE)).expect("not zero");
    match result {
        Ok(count) => count == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn a_peer_that_drips_is_ended_and_slow_and_idle_ones_are_not() {
    let mut server = server(&[]);
    let address = server.address();
    // One that has sent nothing, and one that was answered.
    let mut fresh = connect(address);
    let mut answered = connect(address);
    echo(&mut answered, b"hello\n");
    // 20 and 2000 bytes a second.
    let (mut drips, mut slow) = (connect(address), connect(address));
    let begun = Instant::now();
    let (mut sent, mut ended) = (Vec::new(), None);
    while begun.elapsed() < 4 * TIME {
        if ended.is_none() && (drips.write_all(b"x").is_err() || has_ended(&mut drips)) {
            ended = Some(begun.elapsed());
        }
        slow.write_all(&[b'y'; 100]).expect("it is fast enough");
        sent.extend([b'y'; 100]);
        thread::sleep(BEAT);
    }
    let ended = ended.expect("it was too slow");
    assert!(ended >= TIME - BEAT, "it had its time: {ended:?}");
    let told = server.line_with("failed: ");
    assert!(told.contains("timed out"), "{told}");
    sent.push(b'\n');
    slow.write_all(b"\n").expect("it is open");
    let mut answer = vec![0; sent.len()];
    slow.read_exact(&mut answer).expect("an echo");
    assert!(answer == sent, "it is the line");
    echo(&mut answered, b"still\n");
    echo(&mut fresh, b"first\n");
    let text = metrics(&mut server);
    assert!(text.contains("\nwasyncio_limits_reached_total{limit=\"min-rate\"} 1\n"), "{text}");
}

#[test]
fn a_peer_that_stops_in_the_middle_is_ended() {
    let mut server = server(&[]);
    let mut client = connect(server.address());
    // Answered as often as it likes, and more slowly than the rate: that is its pace, and nobody waits in the middle.
    for _ in 0..3 {
        echo(&mut client, b"a\n");
        thread::sleep(TIME);
    }
    client.write_all(b"a line that does not").expect("connected");
    let begun = Instant::now();
    assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)), "it is ended");
    assert!(begun.elapsed() >= TIME - BEAT && begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    let told = server.line_with("failed: ");
    assert!(told.contains("timed out"), "{told}");
}

/// A peer whose own buffers are small, so that it is its reading that counts.
fn small_peer(address: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(8 << 10).expect("a socket can");
    socket.connect(&address.into()).expect("the server accepts");
    let client = TcpStream::from(socket);
    client.set_read_timeout(Some(DEADLINE)).expect("not zero");
    client.set_write_timeout(Some(DEADLINE)).expect("not zero");
    client
}

const LINE: [u8; 1024] = {
    let mut line = [b'x'; 1024];
    line[1023] = b'\n';
    line
};

#[test]
fn a_peer_that_takes_nothing_is_ended() {
    let mut server = server(&["--max-buffer", "8KiB"]);
    let client = small_peer(server.address());
    let begun = Instant::now();
    let mut writer = client.try_clone().expect("a descriptor is free");
    // Far more than all buffers have room for; it fails once the connection is ended.
    let writing = thread::spawn(move || (0..64 << 10).all(|_| writer.write_all(&LINE).is_ok()));
    let told = server.line_with("failed: ");
    assert!(told.contains("timed out"), "{told}");
    assert!(begun.elapsed() >= TIME - BEAT, "{:?}", begun.elapsed());
    drop(client);
    assert!(!writing.join().expect("it ends"), "it was cut");
}

#[test]
fn a_peer_that_takes_slowly_and_fast_enough_stays() {
    // Lines in all, and in a beat. With the system's own buffers, of megabytes, it is seconds until they take anything again:
    // what counts is what the peer takes.
    for (flags, all, beat) in [(&["--max-buffer", "8KiB"][..], 1 << 10, 4), (&[], 8 << 10, 20)] {
        let mut server = server(flags);
        let mut client = small_peer(server.address());
        let mut writer = client.try_clone().expect("a descriptor is free");
        let writing = thread::spawn(move || (0..all).try_for_each(|_| writer.write_all(&LINE)));
        let begun = Instant::now();
        let mut left = all * LINE.len();
        let mut room = vec![0; beat * LINE.len()];
        while begun.elapsed() < 4 * TIME {
            client.read_exact(&mut room).expect("it is fast enough");
            left -= room.len();
            thread::sleep(BEAT);
        }
        assert!(left > 0, "there was something to be sent all the time");
        while left > 0 {
            left -= client.read(&mut room).expect("it is open");
        }
        writing.join().expect("it has written all").expect("it is open");
        echo(&mut client, b"still\n");
    }
}
