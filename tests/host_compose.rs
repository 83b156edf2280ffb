//! `wasyncio compose`, and what the stock wasmtime command makes of its result.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use wasyncio_tests::{Finished, app, command, connect, example, finish, spawn, stock_wasmtime};

fn compose(app: &Path, out: &Path, flags: &[&str]) -> Finished {
    finish(Command::new(command()).arg("compose").arg(app).arg("-o").arg(out).args(flags))
}

fn out(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("whole.wasm")
}

#[test]
fn the_result_needs_wasi_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let finished = compose(&app("echo-server"), &out(&folder), &[]);
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("", ""));
    let imports = wasyncio_host::imports(&fs::read(out(&folder)).expect("it was written")).expect("it is a component");
    assert!(imports.iter().all(|import| import.starts_with("wasi:")), "{imports:?}");
}

#[test]
fn the_line_that_stock_prints_runs_the_result() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let finished = compose(&app("echo-server"), &out(&folder), &["--stock"]);
    assert!(finished.status.success(), "{}", finished.stderr);
    let expected = format!("wasmtime run -S p3,inherit-network,allow-ip-name-lookup {}\n", out(&folder).display());
    assert_eq!(finished.stdout, expected);

    let Some(wasmtime) = stock_wasmtime() else { return };
    let mut words = finished.stdout.split_whitespace();
    assert_eq!(words.next(), Some("wasmtime"));
    // By name, so that looking one up is part of it.
    let mut server = spawn(Command::new(wasmtime).args(words).arg("localhost:0"));
    let mut client = connect(server.address());
    client.write_all(b"hello\n").expect("connected");
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).expect("an echo");
    assert_eq!(line, "hello\n");
}

#[test]
fn what_is_complete_already_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let finished = compose(&example("echo-server"), &out(&folder), &[]);
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("there is nothing to compose"), "{}", finished.stderr);
    assert!(!out(&folder).exists());
}
