//! The logs of connections and of decisions, on files and descriptors of their own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use wasyncio_tests::records::{find, lines};
use wasyncio_tests::{DEADLINE, ask, command, connect, dist, finish, metrics, misbehaving_server, signal, spawn};

/// A folder of its own, as logs have.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("cargo made the folder")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("it is text")
}

fn reset(client: TcpStream) {
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("a socket can");
    drop(client);
}

#[test]
fn each_connection_leaves_a_line_that_says_how_it_ended() {
    let folder = folder();
    let log = folder.path().join("access");
    let mut server =
        misbehaving_server(&["--access-log", text(&log), "--max-lifetime", "2s", "--max-peer-connections", "3"]);
    let address = server.address();
    assert_eq!(fs::metadata(&log).expect("it was made").permissions().mode() & 0o777, 0o600);
    let ended = |end: &str| find(&log, end, |line| line["end"] == end);

    let mut client = connect(address);
    let own = client.local_addr().expect("it is connected").to_string();
    assert_eq!(ask(&mut client, b"hello\n"), "hello\n");
    drop(client);
    let line = ended("closed-by-peer");
    assert_eq!((line["peer"].as_str(), line["local"].as_str()), (Some(&*own), Some(&*address.to_string())));
    assert_eq!((&line["received"], &line["sent"], &line["direction"]), (&6.into(), &6.into(), &"accepted".into()));
    assert!(line["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0 && seconds < 30.0), "{line}");
    assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')) && line["worker"].is_null(), "{line}");

    let mut client = connect(address);
    assert_eq!(ask(&mut client, b"x\n"), "x\n");
    reset(client);
    ended("connection-reset");

    let mut open: Vec<_> = (0..3).map(|_| connect(address)).collect();
    open.iter_mut().for_each(|client| assert_eq!(ask(client, b"x\n"), "x\n"));
    assert!(matches!(connect(address).read(&mut [0; 1]), Ok(0) | Err(_)), "it is closed");
    assert_eq!(ended("max-peer-connections")["received"], 0);
    ended("max-lifetime");
    drop(open);

    let mut client = connect(address);
    assert_eq!(ask(&mut client, b"x\n"), "x\n");
    signal(server.id(), "-TERM");
    assert_eq!(server.wait().code(), Some(0));
    // Written before the process ended.
    assert!(lines(&log).iter().any(|line| line["end"] == "cut"), "{:?}", lines(&log));
}

#[test]
fn connections_that_a_program_makes_and_workers_are_told() {
    let folder = folder();
    let log = folder.path().join("access");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let to = listener.local_addr().expect("it is bound").to_string();
    let mut server = misbehaving_server(&["--access-log", text(&log), "--allow-connect", &to, "--workers", "2"]);
    let mut client = connect(server.address());
    assert_eq!(ask(&mut client, format!("relay {to}\n").as_bytes()), "connected\n");
    drop(listener.accept().expect("it connects"));
    _ = client.write_all(b"on\n");
    let line = find(&log, "a connection that was made", |line| line["direction"] == "connected");
    assert_eq!(line["peer"], to.as_str());
    assert!(line["worker"].as_u64().is_some_and(|worker| worker < 2), "{line}");
}

#[test]
fn a_descriptor_that_was_handed_in_is_written() {
    let folder = folder();
    let log = folder.path().join("access");
    let with = |redirection: &str, flag: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec \"$@\" {redirection}"), "sh"]).arg(command()).args(["run", flag, "fd:7"]);
        shell.args(["--allow-listen", "127.0.0.1:0"]).arg(dist("tests/misbehaving.wasm"));
        shell.args(["--", "serve", "127.0.0.1:0"]);
        shell
    };
    let mut server = spawn(&mut with(&format!("7>>{}", log.display()), "--access-log"));
    assert_eq!(ask(&mut connect(server.address()), b"hello\n"), "hello\n");
    find(&log, "the connection", |line| line["received"] == 6);

    let refused = finish(&mut with("7>&-", "--audit-log"));
    assert_eq!(refused.status.code(), Some(121), "{}", refused.stderr);
    assert!(refused.stderr.starts_with("wasyncio: cannot open the log fd:7: "), "{}", refused.stderr);
    let refused = finish(&mut with("7</dev/null", "--audit-log"));
    assert!(refused.stderr.contains("it cannot be written"), "{}", refused.stderr);
    let refused = finish(Command::new(command()).args(["run", "--access-log", "fd:x", "app.wasm"]));
    assert_eq!(refused.status.code(), Some(120), "{}", refused.stderr);
}

#[test]
fn a_log_that_was_moved_away_is_made_again_also_when_locked_down() {
    let folder = folder();
    let (log, old) = (folder.path().join("access"), folder.path().join("access.1"));
    let mut server = misbehaving_server(&["--access-log", text(&log), "--grace", "1min"]);
    let address = server.address();
    assert_eq!(ask(&mut connect(address), b"one\n"), "one\n");
    find(&log, "the first connection", |line| line["received"] == 4);
    fs::rename(&log, &old).expect("the folder is ours");
    signal(server.id(), "-HUP");
    server.line_with("loaded the program again");
    let end = Instant::now() + DEADLINE;
    while !log.exists() {
        assert!(Instant::now() < end, "it was not made: {}", server.printed());
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(ask(&mut connect(address), b"second\n"), "second\n");
    find(&log, "the second connection", |line| line["received"] == 7);
    assert_eq!(fs::metadata(&log).expect("it was made").permissions().mode() & 0o777, 0o600);
    assert!(lines(&old).iter().all(|line| line["received"] == 4), "{:?}", lines(&old));
}

#[test]
fn a_log_in_a_directory_that_the_program_may_write_is_refused() {
    let folder = folder();
    let log = folder.path().join("access");
    let grant = format!("{}::/data:rw", folder.path().display());
    for flag in ["--access-log", "--audit-log"] {
        let mut run = Command::new(command());
        run.args(["run", "--dir", &grant, flag, text(&log)]).arg(dist("tests/misbehaving.wasm"));
        let refused = finish(&mut run);
        assert_eq!(refused.status.code(), Some(121), "{}", refused.stderr);
        assert!(refused.stderr.contains(text(&log)), "{}", refused.stderr);
    }
}

#[test]
fn what_was_denied_is_told_with_what_decided_and_cannot_be_forged() {
    let folder = folder();
    let log = folder.path().join("audit");
    let mut server =
        misbehaving_server(&["--audit-log", text(&log), "--allow-connect", "*:9", "--deny", "127.0.0.9:*"]);
    let mut client = connect(server.address());
    let asked = [
        ("127.0.0.1:5", "connect", "127.0.0.1:5", "no grant"),
        ("127.0.0.9:9", "connect", "127.0.0.9:9", "deny 127.0.0.9:*"),
    ];
    for (to, asked, target, by) in asked {
        // Each is told, also if it is the same again.
        for _ in 0..2 {
            assert!(ask(&mut client, format!("relay {to}\n").as_bytes()).starts_with("not connected: "));
        }
        let line = find(&log, target, |line| line["target"] == target);
        assert_eq!((&line["event"], &line["asked"], &line["by"]), (&"denied".into(), &asked.into(), &by.into()));
        let end = Instant::now() + DEADLINE;
        while lines(&log).iter().filter(|line| line["target"] == target).count() < 2 {
            assert!(Instant::now() < end, "only one of {target} is told");
            thread::sleep(Duration::from_millis(10));
        }
    }
    // A grant is not told unless that was asked for.
    assert!(lines(&log).iter().all(|line| line["event"] != "granted"), "{:?}", lines(&log));
    let started = &lines(&log)[0];
    assert_eq!(started["event"], "started");
    for entry in ["+ allow-listen 127.0.0.1:0", "+ allow-connect *:9", "+ deny 127.0.0.9:*"] {
        assert!(started["changes"].as_array().is_some_and(|all| all.contains(&entry.into())), "{started}");
    }
}

#[test]
fn a_name_of_the_programs_cannot_forge_a_line() {
    let folder = folder();
    let log = folder.path().join("audit");
    let mut server = misbehaving_server(&["--audit-log", text(&log)]);
    let mut client = connect(server.address());
    let name = "x\"},\r{\"event\":\"granted\"\u{1b}[2J\u{9b}2J\u{7f}\\";
    assert!(ask(&mut client, format!("relay {name}:80\n").as_bytes()).starts_with("not connected: "));
    let line = find(&log, "the name", |line| line["event"] == "denied");
    assert_eq!((&line["asked"], line["target"].as_str()), (&"lookup".into(), Some(name)));
    let raw = fs::read_to_string(&log).expect("it is there");
    assert!(raw.chars().all(|c| c == '\n' || !c.is_control()), "{raw:?}");
}

#[test]
fn grants_are_told_on_request_with_the_grant_that_decided() {
    let folder = folder();
    let log = folder.path().join("audit");
    let flags = ["--audit-log", text(&log), "--audit-grants", "--allow-connect", "127.0.0.0/8:*", "--workers", "1"];
    let mut server = misbehaving_server(&flags);
    let mut client = connect(server.address());
    // Nobody is there: it was granted nevertheless.
    ask(&mut client, b"relay 127.0.0.1:1\n");
    for (asked, by) in [
        ("bind", "allow-listen 127.0.0.1:0"),
        ("listen", "allow-listen 127.0.0.1:0"),
        ("connect", "allow-connect 127.0.0.0/8:*"),
    ] {
        let line = find(&log, asked, |line| line["asked"] == asked);
        assert_eq!((&line["event"], &line["by"], &line["worker"]), (&"granted".into(), &by.into(), &0.into()));
    }
}

#[test]
fn changes_of_the_policy_are_in_the_audit_log() {
    let folder = folder();
    let (log, file) = (folder.path().join("audit"), folder.path().join("policy.toml"));
    let write = |policy: &str| {
        let new = folder.path().join("new");
        fs::write(&new, format!("listen = ['127.0.0.1:0']\n{policy}\n")).expect("the folder is ours");
        fs::rename(&new, &file).expect("the folder is ours");
    };
    write("");
    let mut server = misbehaving_server(&["--audit-log", text(&log), "--policy", text(&file)]);
    server.address();
    let event = |name: &str| find(&log, name, |line| line["event"] == name);
    event("started");
    write("connect = ['127.0.0.1:1']");
    signal(server.id(), "-HUP");
    assert_eq!(event("policy-changed")["changes"], serde_json::json!(["+ allow-connect 127.0.0.1:1"]));
    write("connect = [");
    signal(server.id(), "-HUP");
    assert!(event("reload-failed")["reason"].as_str().is_some_and(|reason| reason.contains("policy.toml, line ")));
    write("limits = { max-connections = 9 }");
    signal(server.id(), "-HUP");
    assert_eq!(event("reloaded")["changes"], serde_json::json!(["- allow-connect 127.0.0.1:1"]));
}

/// A pipe that nobody reads, open for both sides.
fn unread_pipe(folder: &Path) -> (PathBuf, fs::File) {
    let path = folder.join("pipe");
    let made = finish(Command::new("mkfifo").arg(&path));
    assert!(made.status.success(), "{}", made.stderr);
    let both = fs::OpenOptions::new().read(true).write(true).open(&path).expect("it was made");
    (path, both)
}

fn serves(address: SocketAddr) {
    assert_eq!(ask(&mut connect(address), b"hello\n"), "hello\n");
}

#[test]
fn an_unread_log_holds_nobody_up_and_what_is_lost_is_counted() {
    // A pipe has 64 KiB, some hundreds of lines, and 4096 wait.
    const CONNECTIONS: usize = 5500;
    let folder = folder();
    let (pipe, mut reader) = unread_pipe(folder.path());
    let mut server = misbehaving_server(&["--access-log", text(&pipe), "--metrics", "127.0.0.1:0", "--workers", "2"]);
    let address = server.address();
    (0..CONNECTIONS).for_each(|_| serves(address));
    let text = metrics(&mut server);
    let line = text.lines().find(|line| line.starts_with("wasyncio_log_lines_lost_total{log=\"access\"} "));
    let lost: usize = line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("it is counted");
    assert!(lost > 0 && lost < CONNECTIONS, "{lost}");
    // Once somebody reads, the log itself has the number.
    let mut seen = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    let end = Instant::now() + DEADLINE;
    while !String::from_utf8_lossy(&seen).contains("\"event\":\"lines-lost\"") {
        assert!(Instant::now() < end, "it is not told");
        let count = reader.read(&mut chunk).expect("a pipe can be read");
        seen.extend_from_slice(&chunk[..count]);
    }
    server.line_with("lines of the access log are lost");
    serves(address);
}
