//! Names: what `--resolve` says, and which grants they need.

use std::io::{BufRead, BufReader, Write};
use std::process::Command;

use wasyncio_tests::{command, connect, example, finish, spawn};

fn echo(arguments: &[&str]) -> Command {
    let mut run = Command::new(command());
    run.arg("run").arg(example("echo-server")).args(arguments);
    run
}

#[test]
fn a_name_stands_for_the_addresses_the_operator_gave() {
    let mut server = spawn(&mut echo(&[
        "--resolve",
        "echo.example=127.0.0.1",
        "--allow-listen",
        "echo.example:0",
        "--",
        "echo.example:0",
    ]));
    let mut client = connect(server.address());
    client.write_all(b"hello\n").expect("connected");
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).expect("an echo");
    assert_eq!(line, "hello\n");
}

#[test]
fn a_name_given_by_the_operator_still_needs_a_grant() {
    let finished = finish(&mut echo(&["--resolve", "echo.example=127.0.0.1", "--", "echo.example:0"]));
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("denied: looking up echo.example;"), "{}", finished.stderr);
}

#[test]
fn a_name_grants_only_the_addresses_the_operator_gave() {
    let finished = finish(&mut echo(&[
        "--resolve",
        "echo.example=127.0.0.2",
        "--allow-listen",
        "echo.example:0",
        "--",
        "127.0.0.1:0",
    ]));
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("denied: listening on 127.0.0.1:0;"), "{}", finished.stderr);
}

#[test]
fn an_entry_without_addresses_is_a_usage_error() {
    let finished = finish(&mut echo(&["--resolve", "echo.example"]));
    assert_eq!(finished.status.code(), Some(120));
    assert!(finished.stderr.contains("NAME=IP"), "{}", finished.stderr);
}

/// The client of the documents, which asks for `address`, and an echoing peer on `port` of this machine.
fn client(flags: &[&str], name: &str) -> wasyncio_tests::Finished {
    let peer = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = peer.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        let (mut stream, _) = peer.accept().expect("a client");
        let mut bytes = [0; 100];
        let count = std::io::Read::read(&mut stream, &mut bytes).expect("a message");
        stream.write_all(&bytes[..count]).expect("the client reads");
    });
    let mut run = Command::new(command());
    run.arg("run").args(flags.iter().map(|flag| flag.replace("PORT", &port.to_string())));
    finish(run.arg(example("tcp-echo-client")).args(["--", "hello", &format!("{name}:{port}")]))
}

#[test]
fn a_granted_name_connects_to_what_the_operator_gave() {
    let finished =
        client(&["--resolve", "echo.example=127.0.0.1", "--allow-connect", "echo.example:PORT"], "echo.example");
    assert!(finished.status.success(), "{}", finished.stderr);
    assert!(finished.stdout.contains("Received: 'hello'"), "{}", finished.stdout);
}

#[test]
fn a_wildcard_covers_a_name_the_operator_gave() {
    let finished = client(&["--resolve", "a.b.example=127.0.0.1", "--allow-connect", "*.example:PORT"], "a.b.example");
    assert!(finished.status.success(), "{}", finished.stderr);
}

#[test]
fn localhost_is_granted_by_its_name() {
    let finished = client(&["--allow-connect", "localhost:PORT"], "localhost");
    assert!(finished.status.success(), "{}", finished.stderr);
}

#[test]
fn a_network_and_a_range_of_ports_cover_an_address() {
    let finished = client(&["--allow-connect", "127.0.0.0/8:1-65535"], "127.0.0.1");
    assert!(finished.status.success(), "{}", finished.stderr);
}

#[test]
fn the_port_of_a_grant_counts_for_a_name_too() {
    let finished =
        client(&["--resolve", "echo.example=127.0.0.1", "--allow-connect", "echo.example:1"], "echo.example");
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("denied: connecting to 127.0.0.1:"), "{}", finished.stderr);
}

/// The echo server, asked to serve on port 0 of `name`.
fn serves(flags: &[&str], name: &str) {
    let mut server = spawn(&mut echo(&[flags, &["--", &format!("{name}:0")]].concat()));
    let mut client = connect(server.address());
    client.write_all(b"hello\n").expect("connected");
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).expect("an echo");
    assert_eq!(line, "hello\n");
}

#[test]
fn a_server_is_started_by_the_name_of_this_machine() {
    serves(&["--allow-listen", "localhost:0"], "localhost");
    serves(&["--allow-listen", "*:0"], "localhost");
    serves(&["--allow-listen", "localhost:0", "--workers", "2"], "LocalHost");
}

/// Had it been asked for, the name would be one that does not resolve, and nobody would be told.
#[test]
fn a_grant_to_listen_lets_a_program_look_up_nothing_else() {
    for grant in ["*:*", "0.0.0.0:*", "localhost:*"] {
        let finished = client(&["--allow-listen", grant], "secret.attacker.example");
        assert!(!finished.status.success());
        let denied = "denied: looking up secret.attacker.example;";
        assert!(finished.stderr.contains(denied), "{grant}: {}", finished.stderr);
    }
}

#[test]
fn a_name_that_is_every_interface_or_none_is_refused_as_it_is_loaded() {
    for workers in [&[][..], &["--workers", "2"]] {
        let entry = ["--resolve", "all.example=0.0.0.0", "--allow-listen", "all.example:0"];
        let finished = finish(&mut echo(&[&entry[..], workers, &["--", "127.0.0.1:0"]].concat()));
        assert_eq!(finished.status.code(), Some(121));
        let told =
            "wasyncio: cannot use the name all.example in a grant: it resolves to 0.0.0.0, which is every interface";
        assert!(finished.stderr.starts_with(told), "{}", finished.stderr);
        let nowhere = ["--allow-listen", "nowhere.invalid:0"];
        let finished = finish(&mut echo(&[&nowhere[..], workers, &["--", "127.0.0.1:0"]].concat()));
        assert_eq!(finished.status.code(), Some(121));
        let told = "wasyncio: cannot use the name nowhere.invalid in a grant: ";
        assert!(finished.stderr.starts_with(told), "{}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    }
}

#[test]
fn a_denied_name_is_neither_looked_up_nor_connected_to() {
    let flags = [
        "--allow-connect",
        "*:*",
        "--resolve",
        "echo.example=127.0.0.1",
        "--deny",
        "echo.example:*",
        "--deny",
        "private:*",
    ];
    for name in ["echo.example", "Echo.Example.", "echo%2eexample"] {
        let finished = client(&flags, name);
        assert!(!finished.status.success());
        let denied = format!("denied: looking up {name}, which the rule echo.example:* denies;");
        assert!(finished.stderr.contains(&denied), "{}", finished.stderr);
    }
    let finished = client(&flags, "127.0.0.1");
    assert!(!finished.status.success());
    assert!(finished.stderr.contains(", which the rule echo.example:* denies;"), "{}", finished.stderr);
}
