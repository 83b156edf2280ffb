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
    assert_eq!(finished.status.code(), Some(2));
    assert!(finished.stderr.contains("NAME=IP"), "{}", finished.stderr);
}
