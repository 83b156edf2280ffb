//! The command `wasyncio`: what it allows, and what it says when something is wrong.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use wasyncio_tests::{Finished, command, connect, dist, example, finish, spawn};

fn run(arguments: &[&str]) -> Finished {
    finish(Command::new(command()).arg("run").args(arguments).env("RUST_BACKTRACE", "1"))
}

/// One line, an exit code, no backtrace.
fn assert_one_line(finished: &Finished, says: &[&str]) {
    let lines: Vec<_> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "not one line: {}", finished.stderr);
    for text in says {
        assert!(lines[0].contains(text), "'{text}' is not in: {}", lines[0]);
    }
    assert!(matches!(finished.status.code(), Some(1..)), "ended with {}", finished.status);
}

#[test]
fn listening_without_a_grant_is_denied_and_names_the_flag() {
    let finished = run(&[example("echo-server").to_str().expect("UTF-8"), "--", "127.0.0.1:8888"]);
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("--allow-listen 127.0.0.1:8888"), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("error while attempting to bind on address ('127.0.0.1', 8888): permission denied"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_grant_for_one_address_is_no_grant_for_another() {
    let echo = example("echo-server");
    let finished = run(&[echo.to_str().expect("UTF-8"), "--allow-listen", "127.0.0.1:8889", "--", "127.0.0.1:8888"]);
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("--allow-listen 127.0.0.1:8888"), "{}", finished.stderr);
}

#[test]
fn a_port_in_use_is_told_with_its_address() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("bound").to_string();
    let finished = run(&[example("echo-server").to_str().expect("UTF-8"), "--allow-listen", &address, "--", &address]);
    assert_one_line(&finished, &["address already in use", &taken.local_addr().expect("bound").port().to_string()]);
}

#[test]
fn an_argument_that_is_no_address_is_told() {
    let finished = run(&[example("echo-server").to_str().expect("UTF-8"), "--", "nonsense"]);
    assert_one_line(&finished, &["'nonsense' is no HOST:PORT"]);
}

#[test]
fn a_file_that_is_missing_or_no_component_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("missing.wasm");
    assert_one_line(&run(&[missing.to_str().expect("UTF-8")]), &["missing.wasm"]);
    let text = folder.path().join("text.wasm");
    fs::write(&text, "this is no component").expect("the folder is ours");
    assert_one_line(&run(&[text.to_str().expect("UTF-8")]), &["text.wasm", "component"]);
    let core = folder.path().join("core.wasm");
    fs::write(&core, b"\0asm\x01\0\0\0").expect("the folder is ours");
    assert_one_line(&run(&[core.to_str().expect("UTF-8")]), &["core.wasm", "component"]);
}

#[test]
fn a_component_that_is_no_program_is_told() {
    let streams = dist("wasyncio.wasm");
    assert_one_line(&run(&[streams.to_str().expect("UTF-8")]), &["wasyncio.wasm", "wasi:cli/run"]);
}

#[test]
fn ctrl_c_ends_a_server_cleanly() {
    let mut server = spawn(Command::new(command()).arg("run").arg(example("echo-server")).args([
        "--allow-listen",
        "127.0.0.1:0",
        "--",
        "127.0.0.1:0",
    ]));
    let _client = connect(server.address());
    let signal = finish(Command::new("kill").args(["-INT", &server.id().to_string()]));
    assert!(signal.status.success(), "{}", signal.stderr);
    assert_eq!(server.wait().code(), Some(0));
}
