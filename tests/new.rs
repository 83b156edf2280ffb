//! `wasyncio new`: what it lays is built by plain cargo outside of the workspace, and talks.

mod outside;

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasyncio_tests::{command, connect, finish, interpreter, spawn};

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace")
}

fn new(folder: &Path, arguments: &[&str]) -> Command {
    let mut new = Command::new(command());
    new.current_dir(folder).arg("new").args(arguments);
    new
}

fn laid(folder: &Path, language: &str, more: &[&str]) -> PathBuf {
    let laid = finish(new(folder, &["my-echo", "--lang", language]).args(more));
    assert!(laid.status.success(), "{}", laid.stderr);
    folder.join("my-echo")
}

fn root() -> &'static str {
    checkout().to_str().expect("a path that is text")
}

/// Runs a laid program's command and has a line echoed.
fn echoes(run: &mut Command) {
    let mut server = spawn(run);
    let mut client = connect(server.address());
    client.write_all(b"first\nwithout an end").expect("it is served");
    client.shutdown(Shutdown::Write).expect("connected");
    let mut echoed = Vec::new();
    client.read_to_end(&mut echoed).expect("it answers");
    assert_eq!(echoed, b"first\nwithout an end");
}

fn rust_is_built_and_echoes(form: &[&str]) {
    if !outside::has_target() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = laid(folder.path(), "rust", &[&["--checkout", root()], form].concat());
    let mut run = Command::new(command());
    run.arg("run").arg(outside::build(&project, "my_echo"));
    echoes(run.args(["--allow-listen", "127.0.0.1:0", "--", "0"]));
}

#[test]
fn a_linked_rust_program_is_built_by_plain_cargo_and_echoes() {
    rust_is_built_and_echoes(&[]);
}

#[test]
fn a_composed_rust_program_is_built_by_plain_cargo_and_echoes() {
    rust_is_built_and_echoes(&["--composed"]);
}

#[test]
fn a_python_program_echoes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = laid(folder.path(), "python", &[]);
    let Some(mut run) = interpreter(&["--allow-listen", "127.0.0.1:0"]) else { return };
    echoes(run.arg(project.join("main.py")).arg("0"));
}

#[test]
fn what_is_there_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("my-echo")).expect("a temporary folder");
    let refused = finish(&mut new(folder.path(), &["my-echo", "--lang", "rust", "--checkout", root()]));
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("cannot write my-echo"), "{}", refused.stderr);
    assert_eq!(fs::read_dir(folder.path().join("my-echo")).expect("it is there").count(), 0);
}

#[test]
fn a_missing_or_wrong_checkout_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = finish(&mut new(folder.path(), &["my-echo", "--lang", "rust"]));
    assert!(refused.stderr.contains("--checkout DIR"), "{}", refused.stderr);
    let refused = finish(&mut new(folder.path(), &["my-echo", "--lang", "rust", "--checkout", "."]));
    assert!(refused.stderr.contains("no checkout of wasyncio"), "{}", refused.stderr);
    let refused = finish(&mut new(folder.path(), &["my-echo", "--lang", "python", "--composed"]));
    assert!(refused.stderr.contains("always composed"), "{}", refused.stderr);
    let refused = finish(&mut new(folder.path(), &["my-echo", "--lang", "cobol"]));
    assert!(refused.stderr.contains("rust, python, js"), "{}", refused.stderr);
    assert!(!folder.path().join("my-echo").exists());
}
