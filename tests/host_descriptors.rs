//! Programs that take descriptors until there are no more, and peers that do: a clear error, and then it goes on.
#![cfg(unix)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use wasyncio_tests::{Running, ask, command, connect, dist, spawn};

/// Runs the program with so many descriptors for its process.
fn run(descriptors: usize, flags: &[&str], arguments: &[&str]) -> Running {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {descriptors}; exec \"$@\""), "sh"]);
    shell.arg(command()).arg("run").args(flags).args([
        "--allow-listen",
        "127.0.0.1:0",
        "--allow-connect",
        "127.0.0.1:*",
    ]);
    spawn(shell.arg(dist("tests/misbehaving.wasm")).arg("--").args(arguments))
}

#[test]
fn a_program_that_floods_itself_with_sockets_is_stopped_and_goes_on() {
    let mut server = run(4096, &[], &["serve", "127.0.0.1:0"]);
    let address = server.address();
    let mut client = connect(address);
    // The listening socket is one of them.
    assert_eq!(ask(&mut client, "sockets\n"), "1023 sockets: 1024 sockets are open that are not connected\n");
    assert_eq!(ask(&mut client, "still here\n"), "still here\n");
    assert_eq!(ask(&mut connect(address), "accepted\n"), "accepted\n");
}

#[test]
fn a_program_that_takes_all_descriptors_is_told_and_goes_on() {
    let mut server = run(64, &[], &["serve", "127.0.0.1:0"]);
    let address = server.address();
    let mut client = connect(address);
    for _ in 0..3 {
        let answer = ask(&mut client, "sockets\n");
        assert!(answer.ends_with(" sockets: ErrorCode::OutOfMemory\n"), "{answer}");
        assert_eq!(ask(&mut connect(address), "accepted\n"), "accepted\n");
    }
}

/// A peer that accepts and holds connections until they are closed.
fn peer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || stream.read(&mut [0; 1]));
        }
    });
    address.to_string()
}

#[test]
fn a_flood_of_connections_ends_in_an_error_that_says_why() {
    let mut client = run(64, &[], &["connect", &peer()]);
    let line = client.line_with(" connections: ");
    assert!(line.to_lowercase().contains("out of memory, buffers or descriptors"), "{line}");
    client.line_with("connected again");
    assert_eq!(client.wait().code(), Some(0));

    let mut client = run(64, &["--max-connections", "10"], &["connect", &peer()]);
    let line = client.line_with(" connections: ");
    assert!(
        line.starts_with("10 connections: ") && line.contains("the limit of open connections is reached"),
        "{line}"
    );
    client.line_with("connected again");
    assert_eq!(client.wait().code(), Some(0));
}

#[test]
fn without_descriptors_accepting_pauses_and_nobody_is_dropped() {
    let mut server = run(48, &[], &["serve", "127.0.0.1:0"]);
    let address = server.address();
    // The system takes them all into the queue of the listening socket.
    let mut clients: Vec<_> = (0..80).map(|_| connect(address)).collect();
    server
        .line_with("descriptors that it may have (max-descriptors, `ulimit -n`): accepting pauses until others close");
    clients.iter_mut().for_each(|client| client.write_all(b"hello\n").expect("connected"));
    // Each is answered, the later ones once the earlier ones have gone.
    for mut client in clients {
        let mut answer = [0; 6];
        client.read_exact(&mut answer).expect("it was not dropped");
        assert_eq!(&answer, b"hello\n");
    }
    assert_eq!(ask(&mut connect(address), "and on\n"), "and on\n");
}
