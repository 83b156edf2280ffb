//! What flags and policy files grant, and what they say when something is wrong.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::Command;

use wasyncio_tests::{command, connect, dist, example, finish, spawn};

fn wasyncio(arguments: &[&str]) -> Command {
    let mut wasyncio = Command::new(command());
    wasyncio.args(arguments);
    wasyncio
}

fn assert_echoes(address: SocketAddr) {
    let mut client = connect(address);
    client.write_all(b"hello\n").expect("connected");
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).expect("an echo");
    assert_eq!(line, "hello\n");
}

#[test]
fn a_policy_file_says_all_that_flags_say() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = folder.path().join("echo.toml");
    fs::write(&policy, "listen = ['127.0.0.0/8:0']\nargs = ['127.0.0.1:0']\n[limits]\nmax-memory = '64MiB'\n")
        .expect("the folder is ours");
    let mut server = spawn(wasyncio(&["run", "--policy"]).arg(&policy).arg(example("echo-server")));
    assert_echoes(server.address());
}

#[test]
fn flags_add_to_a_policy_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = folder.path().join("echo.toml");
    fs::write(&policy, "listen = ['127.0.0.2:0']\n").expect("the folder is ours");
    let mut run = wasyncio(&["run", "--allow-listen", "127.0.0.1:0", "--policy"]);
    let mut server = spawn(run.arg(&policy).arg(example("echo-server")).args(["--", "127.0.0.1:0"]));
    assert_echoes(server.address());
}

#[test]
fn a_mistake_in_a_policy_file_is_told_with_its_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = folder.path().join("echo.toml");
    fs::write(&policy, "args = []\nlisten = ['8888']\n").expect("the folder is ours");
    let finished = finish(wasyncio(&["run", "--policy"]).arg(&policy).arg(example("echo-server")));
    assert_eq!(finished.status.code(), Some(121));
    assert!(finished.stderr.contains("echo.toml, line 2: `8888` has no port"), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
}

#[test]
fn a_directory_that_is_not_there_is_told() {
    let finished = finish(wasyncio(&["run", "--dir", "no/such::/data"]).arg(example("echo-server")));
    assert_eq!(finished.status.code(), Some(121));
    assert!(finished.stderr.contains("cannot let the program use no/such: "), "{}", finished.stderr);
}

#[test]
fn standard_output_can_be_withheld() {
    let mut run = wasyncio(&["run", "--stdio", "none"]);
    let finished = finish(run.arg(example("echo-server")).args(["--", "nonsense"]));
    assert_eq!(finished.status.code(), Some(1));
    assert_eq!(finished.stdout, "");
    // Nobody has heard why, so the host says at least that.
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(finished.stderr.ends_with("echo-server.wasm ended with exit code 1\n"), "{}", finished.stderr);
}

#[test]
fn inspect_tells_imports_grants_and_exports() {
    let finished = finish(wasyncio(&["inspect"]).arg(example("echo-server")));
    assert!(finished.status.success(), "{}", finished.stderr);
    for text in ["is a program", "wasi:sockets/types@0.3", "--allow-listen", "wasi:cli/run@0.3", "no wasyncio:streams"]
    {
        assert!(finished.stdout.contains(text), "'{text}' is not in:\n{}", finished.stdout);
    }
    let finished = finish(wasyncio(&["inspect"]).arg(dist("wasyncio.wasm")));
    assert!(finished.stdout.contains("is no program"), "{}", finished.stdout);
    assert!(finished.stdout.contains("wasyncio:streams/server@"), "{}", finished.stdout);
}

#[test]
fn the_example_policy_is_understood() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/operations/echo.toml");
    let file = wasyncio_host::PolicyFile::read(file).expect("it is an example");
    assert_eq!(file.limits.max_connections, Some(5000));
    assert_eq!(file.arguments, ["0.0.0.0:8888"]);
}
