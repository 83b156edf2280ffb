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

/// Composes over an old file with no more than 4 KiB of room for a file, which it takes more than; `on_limit` says what the
/// process does then. What is in the folder afterwards.
#[cfg(target_os = "linux")]
fn interrupted(on_limit: &str) -> (Finished, Vec<String>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(out(&folder), "the old file").expect("the folder is ours");
    let script = format!("{on_limit}; ulimit -f 8; exec \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, "sh"]).arg(command()).arg("compose").arg(app("echo-server"));
    let finished = finish(shell.arg("-o").arg(out(&folder)).arg("--no-cache"));
    let names = fs::read_dir(folder.path()).expect("the folder is ours");
    let names = names.map(|file| file.expect("it is read").file_name().to_string_lossy().into_owned()).collect();
    (finished, names, fs::read_to_string(out(&folder)).expect("it is there"))
}

#[test]
#[cfg(target_os = "linux")]
fn a_write_that_fails_leaves_the_old_file() {
    let (finished, names, content) = interrupted("trap '' XFSZ");
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("cannot write"), "{}", finished.stderr);
    assert_eq!((names, content.as_str()), (vec!["whole.wasm".to_owned()], "the old file"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_write_that_is_interrupted_leaves_the_old_file() {
    let (finished, _, content) = interrupted("trap - XFSZ");
    assert_eq!(finished.status.code(), None, "a signal ends it in the middle of the write");
    assert_eq!(content, "the old file");
}
