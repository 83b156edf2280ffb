//! What an operator has of TCP he has of Unix sockets: logs, limits of time and rate, a policy that is changed while it serves.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wasyncio_tests::records::{find, lines};
use wasyncio_tests::{DEADLINE, Running, command, dist, example, finish, metrics, signal, spawn};

fn folder() -> (TempDir, PathBuf) {
    // Of its own, also for logs; and short, as a path in an address is.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let real = folder.path().canonicalize().expect("it is there");
    (folder, real)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn with_deadline(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream.set_write_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream
}

fn connect(path: &Path) -> UnixStream {
    with_deadline(UnixStream::connect(path).expect("the program listens"))
}

fn echoes(stream: &mut UnixStream, line: &str) {
    stream.write_all(line.as_bytes()).expect("the server reads");
    let mut echo = vec![0; line.len()];
    stream.read_exact(&mut echo).expect("the server echoes");
    assert_eq!(echo, line.as_bytes());
}

/// The example's server on `path`.
fn server(flags: &[&str], path: &Path) -> Running {
    let mut server = Command::new(command());
    server.arg("run").args(flags).args(["--allow-unix-listen", text(path)]).arg(example("unix-echo-server"));
    let mut server = spawn(server.arg("--").arg(path));
    server.line_with("Serving on");
    server
}

/// A case of the tests' program.
fn case(flags: &[&str], case: &[&str]) -> Command {
    let mut program = Command::new(command());
    program.arg("run").args(flags).arg(dist("tests/unix.wasm")).arg("--").args(case);
    program
}

#[test]
fn each_connection_leaves_a_line_with_its_path() {
    let (_folder, folder) = folder();
    let (log, path) = (folder.join("log"), folder.join("x"));
    // A peer is an address, and these have none.
    let flags = ["--access-log", text(&log), "--max-peer-connections", "1", "--max-lifetime", "2s"];
    let mut server = server(&flags, &path);
    let ended = |end: &str| find(&log, end, |line| line["end"] == end);
    let (mut first, mut second) = (connect(&path), connect(&path));
    echoes(&mut first, "hello\n");
    echoes(&mut second, "second\n");
    drop(first);
    let line = ended("closed-by-peer");
    assert_eq!((line["local"].as_str(), line["peer"].as_str()), (Some(text(&path)), Some("")), "{line}");
    assert_eq!((&line["received"], &line["sent"], &line["direction"]), (&6.into(), &6.into(), &"accepted".into()));
    assert!(matches!(second.read(&mut [0; 1]), Ok(0) | Err(_)), "it was open for too long");
    assert_eq!(ended("max-lifetime")["received"], 7);
    let mut third = connect(&path);
    echoes(&mut third, "x\n");
    signal(server.id(), "-TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(lines(&log).iter().any(|line| line["end"] == "cut" && line["local"] == text(&path)), "{:?}", lines(&log));
}

#[test]
fn connections_that_are_made_and_abstract_names_are_told() {
    let (_folder, folder) = folder();
    let (log, path) = (folder.join("log"), folder.join("x"));
    let listener = UnixListener::bind(&path).expect("the path is free");
    let echo = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("it connects");
        let mut writer = stream.try_clone().expect("a descriptor is free");
        BufReader::new(stream).lines().map_while(Result::ok).all(|line| writeln!(writer, "{line}").is_ok())
    });
    let flags = ["--access-log", text(&log), "--allow-unix", text(&path)];
    let finished = finish(&mut case(&flags, &["echo_client", text(&path), "3"]));
    assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
    assert!(echo.join().expect("it echoes"));
    let line = &lines(&log)[0];
    assert_eq!((line["local"].as_str(), line["peer"].as_str()), (Some(""), Some(text(&path))), "{line}");
    assert_eq!((&line["direction"], &line["sent"]), (&"connected".into(), &303.into()), "{line}");

    let name = format!("wasyncio-test-log-{}", std::process::id());
    let written = format!("@{name}");
    let log = folder.join("abstract");
    let flags = ["--access-log", text(&log), "--allow-unix-listen", &written];
    let mut server = spawn(&mut case(&flags, &["echo_server", &written, "1"]));
    server.line_with("Serving on");
    let address = SocketAddr::from_abstract_name(&name).expect("it is a name");
    let mut client = with_deadline(UnixStream::connect_addr(&address).expect("it listens"));
    echoes(&mut client, "hello\n");
    drop(client);
    let line = find(&log, "the connection", |line| line["received"] == 6);
    assert_eq!((line["local"].as_str(), line["peer"].as_str()), (Some(&*written), Some("")), "{line}");
}

#[test]
fn decisions_are_in_the_audit_log_and_counted() {
    let (_folder, folder) = folder();
    let log = folder.join("log");
    let (free, other) = (folder.join("free"), folder.join("other"));
    let flags = ["--audit-log", text(&log), "--audit-grants", "--allow-unix-listen", text(&free)];
    finish(&mut case(&flags, &["listen_on", text(&free), text(&other), "@wasyncio\u{1b}test"]));
    let decided = |log: &Path, path: &str| {
        let line = find(log, path, |line| line["target"] == path);
        ["event", "asked", "by"].map(|field| line[field].as_str().unwrap_or_default().to_owned())
    };
    let by = format!("allow-unix-listen {}", free.display());
    assert_eq!(decided(&log, text(&free)), ["granted", "listen-unix", &by]);
    assert_eq!(decided(&log, text(&other)), ["denied", "listen-unix", "no grant"]);
    assert_eq!(decided(&log, "@wasyncio\\u{1b}test"), ["denied", "listen-unix", "no grant"]);

    let log = folder.join("connect");
    let _listener = UnixListener::bind(&other).expect("the path is free");
    let grant = format!("{}/*", folder.display());
    let flags = ["--audit-log", text(&log), "--audit-grants", "--allow-unix", &grant];
    finish(&mut case(&flags, &["connect_to", text(&other), "@name"]));
    assert_eq!(decided(&log, text(&other)), ["granted", "connect-unix", &format!("allow-unix {grant}")]);
    assert_eq!(decided(&log, "@name"), ["denied", "connect-unix", "no grant"]);
    let started = &lines(&log)[0];
    assert_eq!(
        (&started["event"], &started["changes"][0]),
        (&"started".into(), &format!("+ allow-unix {grant}").into())
    );
}

/// Replaces a policy file, and has it read.
fn load(service: &Running, file: &Path, policy: &str) {
    let new = file.with_extension("new");
    fs::write(&new, policy).expect("the folder is ours");
    fs::rename(&new, file).expect("the folder is ours");
    signal(service.id(), "-HUP");
}

#[test]
fn a_listening_socket_without_its_grant_is_closed_and_what_it_accepted_stays() {
    for workers in [&[][..], &["--workers", "2"][..]] {
        let (_folder, folder) = folder();
        let (file, path) = (folder.join("policy.toml"), folder.join("x"));
        fs::write(&file, "unix-listen = ['x']\n").expect("the folder is ours");
        let mut run = Command::new(command());
        run.args(["run", "--metrics", "127.0.0.1:0", "--policy"]).arg(&file).args(workers);
        let mut service = spawn(run.arg(example("unix-echo-server")).arg("--").arg(&path));
        service.lines_with("Serving on", if workers.is_empty() { 1 } else { 2 });
        let mut client = connect(&path);
        echoes(&mut client, "before\n");

        // A grant that comes is no reason to end anything.
        load(&service, &file, "unix-listen = ['x']\nunix = ['@wasyncio-test']\n");
        service.lines_with("changed the policy in place", 1);
        service.line_with("policy: + allow-unix @wasyncio-test");
        echoes(&mut connect(&path), "still\n");

        load(&service, &file, "unix = ['@wasyncio-test']\n");
        service.lines_with("changed the policy in place", 2);
        service.line_with(&format!("policy: - allow-unix-listen {}", path.display()));
        let end = Instant::now() + DEADLINE;
        while path.exists() || UnixStream::connect(&path).is_ok() {
            assert!(Instant::now() < end, "{} is still there", path.display());
            thread::sleep(Duration::from_millis(10));
        }
        service.line_with(&format!("the socket for {} is closed: it is not granted any more", path.display()));
        for _ in 0..3 {
            echoes(&mut client, "after\n");
        }
        let text = metrics(&mut service);
        assert!(text.contains("\nwasyncio_reloads_total{result=\"in-place\"} 2\n"), "{text}");
        drop(client);
        // It has nothing left to do, and ends by itself.
        assert_eq!(service.wait().code(), Some(0));
    }
}

#[test]
fn a_connection_without_its_grant_is_ended_and_not_made_again() {
    let (_folder, folder) = folder();
    let (file, path, log) = (folder.join("policy.toml"), folder.join("x"), folder.join("log"));
    fs::write(&file, "unix = ['*']\n").expect("the folder is ours");
    let listener = UnixListener::bind(&path).expect("the path is free");
    let flags = ["--policy", text(&file), "--access-log", text(&log)];
    let mut service = spawn(&mut case(&flags, &["ask_twice", text(&path)]));
    let mut peer = with_deadline(listener.accept().expect("it connects").0);
    let mut questions = BufReader::new(peer.try_clone().expect("a descriptor is free")).lines();
    assert_eq!(questions.next().expect("a question").expect("in time"), "first");
    // Another grant, that has it, too.
    load(&service, &file, "unix = ['x']\n");
    service.lines_with("changed the policy in place", 1);
    peer.write_all(b"answer\n").expect("it is open");
    service.line_with("first ok");
    assert_eq!(questions.next().expect("a question").expect("in time"), "second");
    load(&service, &file, "unix = ['y']\n");
    service.line_with("second PermissionError: Permission denied");
    service.line_with("again PermissionError: Permission denied");
    assert!(questions.next().is_none_or(|end| end.is_err()), "it is ended");
    let line = find(&log, "the connection", |line| line["direction"] == "connected");
    assert_eq!(line["end"], "policy", "{line}");
    assert_eq!(service.wait().code(), Some(0), "{}", service.printed());
}

/// How long a peer is looked at, as these tests have it.
const TIME: Duration = Duration::from_secs(1);

/// How often a peer does something that does it slowly.
const BEAT: Duration = Duration::from_millis(50);

const LINE: [u8; 1024] = {
    let mut line = [b'x'; 1024];
    line[1023] = b'\n';
    line
};

fn with_min_rate(flags: &[&str], path: &Path) -> Running {
    server(&[&["--min-rate", "200B", "--min-rate-time", "1s", "--metrics", "127.0.0.1:0"], flags].concat(), path)
}

/// Whether the server has ended a connection, by now.
fn has_ended(client: &mut UnixStream) -> bool {
    client.set_read_timeout(Some(Duration::from_millis(1))).expect("not zero");
    let result = client.read(&mut [0; 1]);
    client.set_read_timeout(Some(DEADLINE)).expect("not zero");
    match result {
        Ok(count) => count == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn a_peer_that_drips_is_ended_and_a_slow_one_is_not() {
    let (_folder, folder) = folder();
    let path = folder.join("x");
    let mut server = with_min_rate(&[], &path);
    // 20 and 2000 bytes a second.
    let (mut drips, mut slow) = (connect(&path), connect(&path));
    let begun = Instant::now();
    let (mut sent, mut ended) = (String::new(), None);
    while begun.elapsed() < 4 * TIME {
        if ended.is_none() && (drips.write_all(b"x").is_err() || has_ended(&mut drips)) {
            ended = Some(begun.elapsed());
        }
        let piece = "y".repeat(100);
        slow.write_all(piece.as_bytes()).expect("it is fast enough");
        sent.push_str(&piece);
        thread::sleep(BEAT);
    }
    let ended = ended.expect("it was too slow");
    assert!(ended >= TIME - BEAT, "it had its time: {ended:?}");
    let told = server.line_with("failed: ");
    assert!(told.contains("timed out"), "{told}");
    slow.write_all(b"\n").expect("it is open");
    let mut answer = vec![0; sent.len() + 1];
    slow.read_exact(&mut answer).expect("an echo");
    let text = metrics(&mut server);
    assert!(text.contains("\nwasyncio_limits_reached_total{limit=\"min-rate\"} 1\n"), "{text}");
}

#[test]
fn a_peer_that_takes_nothing_is_ended() {
    for flags in [&["--max-buffer", "8KiB"][..], &[]] {
        let (_folder, folder) = folder();
        let path = folder.join("x");
        let mut server = with_min_rate(flags, &path);
        let client = connect(&path);
        let begun = Instant::now();
        let mut writer = client.try_clone().expect("a descriptor is free");
        // Far more than all buffers have room for; it fails once the connection is ended.
        let writing = thread::spawn(move || (0..64 << 10).all(|_| writer.write_all(&LINE).is_ok()));
        let told = server.line_with("failed: ");
        assert!(told.contains("timed out"), "{told}");
        assert!(begun.elapsed() >= TIME - BEAT, "{:?}", begun.elapsed());
        drop(client);
        assert!(!writing.join().expect("it ends"), "it was cut");
    }
}

#[test]
fn a_peer_that_takes_slowly_and_fast_enough_stays() {
    // Lines in all, and in a beat. Before three quarters of the system's buffer are free, for which this peer takes longer than
    // the time that is judged, there is no room to send: what counts is what the peer takes.
    for (flags, all, beat) in [(&["--max-buffer", "8KiB"][..], 1 << 10, 1), (&[], 2 << 10, 2)] {
        let (_folder, folder) = folder();
        let path = folder.join("x");
        let _server = with_min_rate(flags, &path);
        let mut client = connect(&path);
        let mut writer = client.try_clone().expect("a descriptor is free");
        let writing = thread::spawn(move || (0..all).try_for_each(|_| writer.write_all(&LINE)));
        let begun = Instant::now();
        let mut left = all * LINE.len();
        let mut room = vec![0; beat * LINE.len()];
        while begun.elapsed() < 4 * TIME {
            client.read_exact(&mut room).expect("it is fast enough");
            left -= room.len();
            thread::sleep(BEAT);
        }
        assert!(left > 0, "there was something to be sent all the time");
        while left > 0 {
            left -= client.read(&mut room).expect("it is open");
        }
        writing.join().expect("it has written all").expect("it is open");
        echoes(&mut client, "still\n");
    }
}
