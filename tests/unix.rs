//! Unix sockets, in every form that a program can have: the crate linked in, composed through `bindings/rust`, composed on the plain
//! methods. What the program sees must be what the same program sees on CPython, which is also the peer, as are `socat` and this test.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wasyncio_tests::{DEADLINE, Finished, Running, command, dist, example, finish, python, spawn, stock_wasmtime};

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oracle/unix.py");

/// What runs a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The crate `wasyncio`, linked in.
    Linked,
    /// `bindings/rust`, composed.
    Composed,
    /// The methods of `wit/` as generated, composed.
    Plain,
    /// CPython's asyncio.
    Oracle,
}

use Form::{Composed, Linked, Oracle, Plain};

const OURS: [Form; 3] = [Linked, Composed, Plain];

impl Form {
    /// The program, for a case and its arguments, with these flags of our command. None if there is no Python and the test may be left
    /// out.
    fn program(self, flags: &[String], case: &[&str]) -> Option<Command> {
        let component = match self {
            Linked => "unix-linked",
            Composed => "unix",
            Plain => "unix-plain",
            Oracle => {
                let mut python = python()?;
                python.arg(ORACLE).args(case);
                return Some(python);
            }
        };
        let mut ours = Command::new(command());
        ours.arg("run").args(flags).arg(dist(&format!("tests/{component}.wasm"))).arg("--").args(case);
        Some(ours)
    }
}

/// Everything in a folder.
fn both_ways(folder: &Path) -> Vec<String> {
    let any = format!("{}/*", folder.display());
    vec!["--allow-unix".into(), any.clone(), "--allow-unix-listen".into(), any]
}

/// A folder of the test's own, by its path without links, which is short.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let real = folder.path().canonicalize().expect("it is there");
    (folder, real)
}

/// The folder with what the cases about errors expect.
fn folder_with_files() -> (TempDir, PathBuf) {
    let (folder, real) = folder();
    fs::write(real.join("file"), "text").expect("a temporary folder");
    fs::create_dir(real.join("folder")).expect("a temporary folder");
    drop(UnixListener::bind(real.join("nobody")).expect("the path is free"));
    symlink("nowhere", real.join("dangling")).expect("a temporary folder");
    symlink("file", real.join("to-nobody")).expect("a temporary folder");
    (folder, real)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn started(form: Form, folder: &Path, case: &[&str]) -> Option<Running> {
    Some(spawn(&mut form.program(&both_ways(folder), case)?))
}

/// What a program has printed to its end.
fn transcript(mut running: Running, folder: &Path) -> String {
    let status = running.wait();
    let printed = running.printed();
    assert!(status.success(), "{status}: {printed}");
    printed.replace(text(folder), "FOLDER")
}

/// Runs a case in every form against the test's `peer`, which gets its path, and compares.
fn same_as_cpython(case: &str, peer: fn(&Path, &mut Running)) {
    let transcript_of = |form: Form| {
        let (_folder, folder) = folder();
        let path = folder.join("x.sock");
        let mut running = started(form, &folder, &[case, text(&path)])?;
        peer(&path, &mut running);
        Some(transcript(running, &folder))
    };
    compared(case, transcript_of);
}

/// The same with a peer that listens before the program starts.
fn same_as_cpython_with_a_server(case: &str, serve: fn(UnixStream)) {
    let transcript_of = |form: Form| {
        let (_folder, folder) = folder();
        let path = folder.join("x.sock");
        let listener = UnixListener::bind(&path).expect("the path is free");
        let running = started(form, &folder, &[case, text(&path)])?;
        serve(with_deadline(listener.accept().expect("the program connects").0));
        Some(transcript(running, &folder))
    };
    compared(case, transcript_of);
}

fn compared(case: &str, transcript_of: impl Fn(Form) -> Option<String>) {
    let Some(theirs) = transcript_of(Oracle) else { return };
    assert!(!theirs.is_empty());
    for form in OURS {
        let ours = transcript_of(form).expect("only the oracle may be left out");
        assert_eq!(ours, theirs, "{case}: left: wasyncio ({form:?}), right: CPython");
    }
}

fn with_deadline(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream.set_write_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream
}

fn connect(path: &Path) -> UnixStream {
    with_deadline(UnixStream::connect(path).expect("the program listens"))
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}

fn read_to_end(stream: &mut UnixStream) -> String {
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("the program ends the stream");
    all
}

#[test]
fn errors_of_connecting_are_cpythons() {
    compared("connect_errors", |form| errors(form, "connect_errors", &["--allow-unix", "@wasyncio-nobody-has-this"]));
}

#[test]
fn errors_of_listening_are_cpythons() {
    let name = "@wasyncio-test-server-errors";
    compared("server_errors", |form| {
        errors(form, "server_errors", &["--allow-unix", name, "--allow-unix-listen", name])
    });
}

/// Runs a case about errors. Names without a folder are in the folder, too.
fn errors(form: Form, case: &str, more: &[&str]) -> Option<String> {
    let (_folder, folder) = folder_with_files();
    let mut flags = both_ways(&folder);
    flags.extend(more.iter().map(ToString::to_string));
    flags.extend(["--allow-unix".into(), format!("@{}", "a".repeat(107))]);
    flags.extend(["--allow-unix-listen".into(), format!("{}/missing/*", folder.display())]);
    flags.extend(["--allow-unix".into(), format!("{}/missing/*", folder.display())]);
    flags.extend(["--allow-unix-listen".into(), format!("{}/file/*", folder.display())]);
    flags.extend(["--allow-unix".into(), format!("{}/file/*", folder.display())]);
    let mut program = form.program(&flags, &[case, text(&folder)])?;
    let running = spawn(program.current_dir(&folder));
    let transcript = transcript(running, &folder);
    assert_eq!(fs::read(folder.join("file")).expect("it is still there"), b"text");
    assert!(folder.join("folder").is_dir());
    Some(transcript)
}

#[test]
fn a_client_knows_its_names_and_its_peer() {
    same_as_cpython_with_a_server("names_of_a_client", |mut stream| {
        stream.write_all(b"hello\n").expect("the program reads");
        read_to_end(&mut stream);
    });
}

#[test]
fn a_server_knows_its_names_and_its_peers() {
    same_as_cpython("names_of_a_server", |path, running| {
        running.line_with("Serving on");
        let mut stream = connect(path);
        stream.write_all(b"hello\n").expect("the program reads");
        read_to_end(&mut stream);
    });
}

#[test]
fn one_side_can_be_closed() {
    same_as_cpython_with_a_server("half_close", |mut stream| {
        assert_eq!(read_to_end(&mut stream), "question");
        stream.write_all(b"answer").expect("the program reads");
    });
}

#[test]
fn a_peer_that_leaves_data_unread_resets() {
    same_as_cpython_with_a_server("reset", |stream| {
        let mut one = [0];
        (&stream).read_exact(&mut one).expect("the program sends");
    });
}

#[test]
fn serving_can_start_later() {
    same_as_cpython("start_serving_later", |_, _| {});
}

#[test]
fn a_second_server_takes_the_path() {
    same_as_cpython("taken_over", |path, running| {
        running.wait();
        assert!(!path.exists());
    });
}

#[test]
fn the_file_is_removed_as_the_server_closes() {
    same_as_cpython("serve_one", |path, running| {
        running.line_with("Serving on");
        assert!(is_socket(path));
        let mut stream = connect(path);
        running.line_with("closed");
        assert!(!path.exists(), "it is removed when the server closes, not when the program ends");
        stream.write_all(b"rest").expect("the connection goes on");
        stream.shutdown(Shutdown::Write).expect("the connection goes on");
        read_to_end(&mut stream);
    });
}

#[test]
fn a_file_of_somebody_else_is_left() {
    same_as_cpython("serve_one", |path, running| {
        running.line_with("Serving on");
        let aside = path.with_extension("aside");
        fs::rename(path, &aside).expect("it is there");
        drop(UnixListener::bind(path).expect("the path is free"));
        drop(connect(&aside));
        running.line_with("closed");
        running.wait();
        assert!(is_socket(path), "it is not the one that was made");
    });
}

#[test]
fn the_file_can_be_kept() {
    same_as_cpython("keep_the_file", |path, running| {
        running.line_with("Serving on");
        drop(connect(path));
        running.wait();
        assert!(is_socket(path));
    });
}

/// One side is ours in every form, the other one CPython's; and each form of ours with each other.
#[test]
fn every_form_talks_to_every_other() {
    let all = [Linked, Composed, Plain, Oracle];
    for server in all {
        for client in all {
            let (_folder, folder) = folder();
            let path = folder.join("x.sock");
            let Some(mut serving) = started(server, &folder, &["echo_server", text(&path), "1"]) else { continue };
            serving.line_with("Serving on");
            let Some(asking) = started(client, &folder, &["echo_client", text(&path), "40"]) else { continue };
            let printed = transcript(asking, &folder);
            assert_eq!(printed, "rest 0\nwait_closed ok", "{client:?} with {server:?}");
            assert_eq!(transcript(serving, &folder), "Serving on FOLDER/x.sock\ndone", "{server:?} with {client:?}");
        }
    }
}

/// Whether there is a `socat`; else says that the test is left out.
fn has_socat() -> bool {
    let found = Command::new("socat").arg("-V").output().is_ok();
    if !found {
        eprintln!("NOT RUN: socat is not installed; `apt-get install socat` gets it");
    }
    found
}

#[test]
fn socat_is_a_client() {
    if !has_socat() {
        return;
    }
    for form in OURS {
        let (_folder, folder) = folder();
        let path = folder.join("x.sock");
        let mut serving = started(form, &folder, &["echo_server", text(&path), "1"]).expect("it is ours");
        serving.line_with("Serving on");
        let mut socat = Command::new("sh");
        // It ends its sending side at the end of its input, and goes on receiving.
        socat.args(["-c", "echo hello | socat -t 10 - UNIX-CONNECT:\"$0\"", text(&path)]);
        let Finished { stdout, stderr, .. } = finish(&mut socat);
        assert_eq!(stdout, "hello\n", "{form:?}: {stderr}");
        assert!(transcript(serving, &folder).ends_with("done"), "{form:?}");
    }
}

#[test]
fn socat_is_a_server() {
    if !has_socat() {
        return;
    }
    for form in OURS {
        let (_folder, folder) = folder();
        let path = folder.join("x.sock");
        let mut socat = Command::new("socat");
        socat.args(["-d", "-d", &format!("UNIX-LISTEN:{}", path.display()), "EXEC:cat"]);
        let mut socat = spawn(&mut socat);
        socat.line_with("listening on");
        let asking = started(form, &folder, &["echo_client", text(&path), "40"]).expect("it is ours");
        assert_eq!(transcript(asking, &folder), "rest 0\nwait_closed ok", "{form:?}");
    }
}

#[test]
fn the_example_echoes_line_after_line() {
    let (_folder, folder) = folder();
    let path = folder.join("echo.sock");
    let mut server = Command::new(command());
    server.arg("run").arg(example("unix-echo-server")).args(["--allow-unix-listen", text(&path), "--", text(&path)]);
    let mut server = spawn(&mut server);
    server.line_with(&format!("Serving on {}", path.display()));
    let mut stream = connect(&path);
    for line in ["one\n", "two\n", "without an end"] {
        stream.write_all(line.as_bytes()).expect("the server reads");
        if line.ends_with('\n') {
            let mut echo = vec![0; line.len()];
            stream.read_exact(&mut echo).expect("the server echoes");
            assert_eq!(echo, line.as_bytes());
        }
    }
    stream.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(read_to_end(&mut stream), "without an end");
    server.line_with("closed after 22 bytes");
}

#[test]
fn the_stock_command_says_that_it_lacks_the_host() {
    let composed = example("unix-echo-server");
    let mut check = Command::new(command());
    let (_folder, folder) = folder();
    let app = wasyncio_tests::app("unix-echo-server");
    check.arg("compose").arg(&app).arg("--stock").arg("-o").arg(folder.join("out.wasm"));
    // The full component needs both; the first is told.
    let refused = finish(&mut check);
    assert!(!refused.status.success());
    let words = "imports wasyncio:host/tls@0.1.0, which the stock wasmtime command does not provide";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    let mut compose = Command::new(command());
    let told = finish(compose.arg("compose").arg(&app).arg("-o").arg(folder.join("out.wasm")));
    let words = "out.wasm needs a host that provides wasyncio:host/tls@0.1.0, as `wasyncio run` does";
    assert!(told.status.success() && told.stderr.contains(words), "{}", told.stderr);
    let Some(stock) = stock_wasmtime() else { return };
    let mut stock = Command::new(stock);
    stock.args(["run", "-W", "component-model-async=y", "-S", "p3,inherit-network"]).arg(composed);
    let refused = finish(&mut stock);
    assert!(!refused.status.success() && refused.stderr.contains("wasyncio:host/"), "{}", refused.stderr);
}
