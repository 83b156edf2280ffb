//! What a service manager, a probe and an operator see: systemd's notifications and sockets, health, what `check` tells.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wasyncio_tests::{DEADLINE, Running, ask, command, connect, echo_server, example, finish, serve_with, signal};

/// Waits for a message to systemd that has this line.
fn told(manager: &UnixDatagram, wanted: &str) -> String {
    let end = Instant::now() + DEADLINE;
    let mut seen = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = manager.recv(&mut buffer).unwrap_or_else(|error| panic!("no {wanted} ({error}), but {seen:?}"));
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        if text.lines().any(|line| line.starts_with(wanted)) {
            return text;
        }
        assert!(Instant::now() < end, "no {wanted}, but {seen:?}");
        seen.push(text);
    }
}

#[test]
fn systemd_is_told_of_start_reload_watchdog_and_stop() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("notify");
    let manager = UnixDatagram::bind(&place).expect("the folder is ours");
    manager.set_read_timeout(Some(DEADLINE)).expect("not zero");
    let mut run = Command::new(command());
    run.env("NOTIFY_SOCKET", &place).env("WATCHDOG_USEC", "200000");
    let mut server = serve_with(&mut run, &example("echo-server"), &["--workers", "2", "--grace", "1s"], &[]);
    told(&manager, "READY=1");
    // It listens by then, and not only runs.
    assert_eq!(ask(&mut connect(server.address()), "hello\n"), "hello\n");
    told(&manager, "WATCHDOG=1");
    signal(server.id(), "-HUP");
    assert!(told(&manager, "RELOADING=1").contains("\nMONOTONIC_USEC="));
    told(&manager, "READY=1");
    signal(server.id(), "-TERM");
    told(&manager, "STOPPING=1");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn sockets_that_are_handed_in_are_used_and_still_under_the_policy() {
    let handed_in = |flags: &[&str]| {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("bound");
        let mut shell = Command::new("sh");
        // Systemd hands sockets in from number 3 on.
        shell.args(["-c", "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"", "sh"]);
        shell.arg(command()).arg("run").args(flags);
        (socket, address, shell)
    };
    let (socket, address, mut shell) = handed_in(&["--grace", "1s"]);
    shell.args(["--allow-listen", &address.to_string()]).arg(example("echo-server"));
    shell.args(["--", &address.to_string()]).stdin(Stdio::from(OwnedFd::from(socket.try_clone().expect("one more"))));
    let mut child = shell.stdout(Stdio::null()).spawn().expect("it starts");
    // Nobody could bind the address besides; it is in the queue even before the program listens.
    assert_eq!(ask(&mut connect(address), "hello\n"), "hello\n");
    // The program is loaded again with the same socket.
    assert!(finish(Command::new("kill").args(["-HUP", &child.id().to_string()])).status.success());
    assert_eq!(ask(&mut connect(address), "again\n"), "again\n");
    assert!(finish(Command::new("kill").args(["-TERM", &child.id().to_string()])).status.success());
    assert_eq!(child.wait().expect("it is ours").code(), Some(0));

    let (socket, address, mut shell) = handed_in(&[]);
    shell.arg(example("echo-server")).args(["--", &address.to_string()]);
    let denied = shell.stdin(Stdio::from(OwnedFd::from(socket))).output().expect("it starts");
    let text = String::from_utf8_lossy(&denied.stderr).into_owned();
    assert!(text.contains(&format!("denied: listening on {address}")), "{text}");
    assert_eq!(denied.status.code(), Some(1));
}

/// The answer to a request.
fn get(mut stream: impl Read + Write, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: probe\r\n\r\n").as_bytes()).expect("connected");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

fn metrics_of(server: &mut Running) -> SocketAddr {
    let line = server.line_with("metrics are on http://");
    let (_, rest) = line.split_once("http://").expect("found above");
    rest.trim_end_matches("/metrics").parse().expect("an address")
}

#[test]
fn probes_learn_whether_it_lives_and_serves() {
    let mut server = echo_server(&["--metrics", "127.0.0.1:0", "--grace", "1min"]);
    let metrics = metrics_of(&mut server);
    let mut client = connect(server.address());
    assert_eq!(ask(&mut client, "hello\n"), "hello\n");
    for path in ["/livez", "/readyz"] {
        let answer = get(connect(metrics), path);
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nok\n"), "{path}: {answer}");
    }
    assert!(get(connect(metrics), "/nonsense").starts_with("HTTP/1.1 404 "));
    signal(server.id(), "-TERM");
    let end = Instant::now() + DEADLINE;
    loop {
        let answer = get(connect(metrics), "/readyz");
        if answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("stopping\n") {
            break;
        }
        assert!(Instant::now() < end, "{answer}");
    }
    assert!(get(connect(metrics), "/livez").starts_with("HTTP/1.1 200 OK"));
    drop(client);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn no_more_than_sixteen_probes_are_answered_at_once() {
    let mut server = echo_server(&["--metrics", "127.0.0.1:0"]);
    let metrics = metrics_of(&mut server);
    server.address();
    let silent: Vec<_> = (0..16).map(|_| connect(metrics)).collect();
    let mut waiting = connect(metrics);
    waiting.set_read_timeout(Some(Duration::from_millis(500))).expect("not zero");
    waiting.write_all(b"GET /livez HTTP/1.1\r\nHost: probe\r\n\r\n").expect("the system takes it");
    let error = waiting.read(&mut [0; 1]).expect_err("sixteen are being attended to");
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error}");
    drop(silent);
    waiting.set_read_timeout(Some(DEADLINE)).expect("not zero");
    let mut text = String::new();
    waiting.read_to_string(&mut text).expect("an answer");
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
}

#[test]
fn metrics_are_served_on_a_unix_socket_that_was_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("metrics");
    drop(std::os::unix::net::UnixListener::bind(&place).expect("the folder is ours"));
    let flag = format!("unix:{}", place.display());
    let mut server = echo_server(&["--metrics", &flag]);
    server.address();
    let stream = UnixStream::connect(&place).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("not zero");
    assert!(get(stream, "/metrics").contains("\nwasyncio_instances 1\n"));
    // A file that is none is left alone.
    let file = folder.path().join("file");
    fs::write(&file, "mine").expect("the folder is ours");
    let flag = format!("unix:{}", file.display());
    let finished = finish(Command::new(command()).args(["run", "--metrics", &flag]).arg(example("echo-server")));
    assert_eq!(finished.status.code(), Some(121));
    assert!(finished.stderr.contains("cannot serve metrics on unix:"), "{}", finished.stderr);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "mine");
}

#[test]
fn metrics_tell_by_kind_and_by_worker() {
    let mut server =
        echo_server(&["--workers", "1", "--metrics", "127.0.0.1:0", "--timeout", "1s", "--max-restarts", "100"]);
    let metrics = metrics_of(&mut server);
    let mut client = connect(server.address());
    assert_eq!(ask(&mut client, "hello\n"), "hello\n");
    let text = get(connect(metrics), "/metrics");
    for expected in [
        "\nwasyncio_worker_accepted_connections_total{worker=\"0\"} 1\n",
        "\nwasyncio_worker_open_connections{worker=\"0\"} 1\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
    // The first replacement has run.
    server.line_with("replaced in 200ms: ");
    signal(server.id(), "-HUP");
    server.line_with("loaded the program again");
    let text = get(connect(metrics), "/metrics");
    for expected in [
        "\nwasyncio_worker_restarts_total{worker=\"0\"} ",
        "\nwasyncio_worker_ends_total{reason=\"limit\",worker=\"0\"} ",
        "\nwasyncio_limits_reached_total{limit=\"timeout\"} ",
        "\nwasyncio_reloads_total{result=\"ok\"} 1\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
}

#[test]
fn check_tells_what_would_be_granted_and_runs_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = folder.path().join("policy.toml");
    fs::write(
        &policy,
        "listen = ['127.0.0.1:8000-8100']\nargs = ['127.0.0.1:8000']\nenv = { KEY = 'secret' }\nlimits = { max-memory = '64MiB' }\n",
    )
    .expect("the folder is ours");
    let check = |flags: &[&str]| {
        let mut check = Command::new(command());
        finish(check.arg("check").arg("--policy").arg(&policy).args(flags).arg(example("echo-server")))
    };
    let checked = check(&["--allow-connect", "*:443", "--stdio", "out", "--max-connections", "7"]);
    assert_eq!(checked.status.code(), Some(0), "{}", checked.stderr);
    for expected in [
        "echo-server.wasm can be run\n",
        "\nmay listen on 127.0.0.1:8000-8100\n",
        "\nmay connect to *:443\n",
        "\nis limited by max-memory 64.0 MiB\n",
        "\nis limited by max-connections 7\n",
        "\nis given the environment variables KEY\n",
        "\nis given these standard streams: out\n",
        "\nis given the arguments \"127.0.0.1:8000\"\n",
        "\nwarning: the grant *:443 to connect has also this machine",
        "\nwarning: its connections are cut at once",
    ] {
        assert!(checked.stdout.contains(expected), "{expected:?} is not in:\n{}", checked.stdout);
    }
    assert!(!checked.stdout.contains("secret") && !checked.stdout.contains("Serving"), "{}", checked.stdout);

    let checked = check(&["--dir", "no/such::/data"]);
    assert_eq!(checked.status.code(), Some(121));
    assert!(checked.stderr.contains("cannot let the program use no/such: "), "{}", checked.stderr);
    fs::write(&policy, "lissten = []\n").expect("the folder is ours");
    let checked = check(&[]);
    assert_eq!(checked.status.code(), Some(121));
    assert!(checked.stderr.contains("policy.toml, line 1: unknown field"), "{}", checked.stderr);
}
