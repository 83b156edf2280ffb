//! Memory stays bounded, whatever the peer does: measured by the size of the guest's own memory.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use wasyncio_tests::{command, dist, spawn};

/// Runs the program against a peer and gives the number after `grown` in its last line.
fn growth(case: &str, peer: impl FnOnce(TcpStream) -> Option<TcpStream> + Send + 'static) -> (usize, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let mut running = spawn(Command::new(command()).arg("run").arg(dist("tests/memory.wasm")).args([
        "--allow-connect",
        "127.0.0.1:*",
        "--",
        case,
        &port.to_string(),
    ]));
    let (stream, _) = listener.accept().expect("the program connects");
    let peer = thread::spawn(move || peer(stream));
    let line = running.line_with("grown ");
    drop(peer.join().expect("the peer did its part"));
    let number = line.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    (number.unwrap_or_else(|| panic!("no number in '{line}'")), line)
}

#[test]
fn a_flood_without_a_newline_is_bounded_by_twice_the_limit_and_one_read() {
    let (grown, line) = growth("flood", |mut stream| {
        let chunk = vec![b'f'; 1 << 20];
        for _ in 0..64 {
            stream.write_all(&chunk).expect("the program reads");
        }
        stream.shutdown(Shutdown::Write).expect("the connection is open");
        Some(stream)
    });
    // Twice the limit and one read are 192 KiB. The buffer doubles as it grows, and the program holds what it took out of it.
    assert!(grown <= 1 << 20, "{line}");
    assert!(!line.contains("after 0 overruns"), "{line}");
}

#[test]
fn a_peer_that_never_reads_makes_drain_wait_with_bounded_memory() {
    // The program would write 64 MiB; the kernel takes a few, and then drain waits.
    let (grown, line) = growth("stuck", Some);
    assert!(grown <= 1 << 20, "{line}");
    assert!(line.ends_with("finished: false"), "{line}");
}
