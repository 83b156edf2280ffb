//! The command as a service: workers, stopping, loading again, metrics, logs.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use wasyncio_tests::{DEADLINE, ask, command, connect, echo_server, example, finish, signal, spawn};

#[test]
fn workers_share_one_listening_address() {
    let mut server = echo_server(&["--workers", "2"]);
    let address = server.address();
    let mut clients: Vec<_> = (0..20).map(|_| connect(address)).collect();
    for client in &mut clients {
        assert_eq!(ask(client, "hello\n"), "hello\n");
    }
    let mut addresses = Vec::new();
    let end = Instant::now() + DEADLINE;
    while addresses.len() < 2 {
        assert!(Instant::now() < end, "the second worker does not serve");
        let printed = server.printed();
        addresses = printed.lines().filter_map(|line| Some(line.split_once("Serving on ")?.1.to_owned())).collect();
    }
    assert_eq!(addresses[0], addresses[1]);
    signal(server.id(), "-TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_worker_that_is_ended_is_replaced_and_the_address_stays() {
    let mut server = echo_server(&["--workers", "1", "--timeout", "300ms"]);
    let address = server.address();
    server.line_with("worker 0, replaced in 100ms: ");
    server.line_with("worker 0, replaced in 200ms: ");
    assert_eq!(ask(&mut connect(address), "hello\n"), "hello\n");
}

#[test]
fn a_stopped_server_lets_connections_end() {
    for workers in [&["--grace", "1min"][..], &["--grace", "1min", "--workers", "2"][..]] {
        let mut server = echo_server(workers);
        let address = server.address();
        let mut client = connect(address);
        assert_eq!(ask(&mut client, "before\n"), "before\n");
        signal(server.id(), "-TERM");
        // Refused, or reset if it was in the queue at that moment.
        while TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
        assert_eq!(ask(&mut client, "after\n"), "after\n");
        drop(client);
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn connections_that_outlast_the_grace_period_are_cut_and_told() {
    let mut server = echo_server(&["--grace", "200ms"]);
    let mut client = connect(server.address());
    assert_eq!(ask(&mut client, "hello\n"), "hello\n");
    signal(server.id(), "-INT");
    assert_eq!(server.wait().code(), Some(123));
    server.line_with("connections were still open after 200ms, and were cut");
    assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)), "it is closed");
}

#[test]
fn loading_again_keeps_the_address_and_the_connections() {
    let mut server = echo_server(&["--workers", "2", "--grace", "1min"]);
    let address = server.address();
    let mut old = connect(address);
    assert_eq!(ask(&mut old, "one\n"), "one\n");
    signal(server.id(), "-HUP");
    server.line_with("loaded the program again");
    assert_eq!(ask(&mut connect(address), "two\n"), "two\n");
    assert_eq!(ask(&mut old, "three\n"), "three\n");
}

#[test]
fn a_port_that_the_new_generation_does_not_take_is_closed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("echo.toml");
    let ports: Vec<_> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free")).collect();
    let addresses: Vec<_> = ports.iter().map(|port| port.local_addr().expect("bound")).collect();
    drop(ports);
    let policy = |address| std::fs::write(&file, format!("listen = ['{address}']\nargs = ['{address}']\n"));
    policy(addresses[0]).expect("the folder is ours");
    let mut run = Command::new(command());
    let mut server = spawn(run.args(["run", "--workers", "2", "--policy"]).arg(&file).arg(example("echo-server")));
    assert_eq!(server.address(), addresses[0]);
    assert_eq!(ask(&mut connect(addresses[0]), "old\n"), "old\n");
    policy(addresses[1]).expect("the folder is ours");
    signal(server.id(), "-HUP");
    server.line_with(&format!("'127.0.0.1', {})", addresses[1].port()));
    assert_eq!(ask(&mut connect(addresses[1]), "new\n"), "new\n");
    let end = Instant::now() + DEADLINE;
    let second = std::time::Duration::from_secs(1);
    while !TcpStream::connect_timeout(&addresses[0], second)
        .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    {
        assert!(Instant::now() < end, "{} is still open", addresses[0]);
        std::thread::sleep(second / 20);
    }
    assert_eq!(ask(&mut connect(addresses[1]), "still\n"), "still\n");
}

#[test]
fn metrics_count_connections_bytes_and_messages() {
    let mut server = echo_server(&["--metrics", "127.0.0.1:0"]);
    let line = server.line_with("metrics are on http://");
    let (_, rest) = line.split_once("http://").expect("found above");
    let metrics: SocketAddr = rest.trim_end_matches("/metrics").parse().expect("an address");
    let mut client = connect(server.address());
    assert_eq!(ask(&mut client, "hello\n"), "hello\n");
    drop(client);
    // After this the bytes have been counted.
    server.line_with("closed after 6 bytes");
    let mut scrape = connect(metrics);
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nHost: metrics\r\n\r\n").expect("connected");
    let mut text = String::new();
    scrape.read_to_string(&mut text).expect("an answer");
    for expected in [
        "HTTP/1.1 200 OK",
        "\nwasyncio_open_connections ",
        "\nwasyncio_accepted_connections_total 1\n",
        "\nwasyncio_received_bytes_total 6\n",
        "\nwasyncio_sent_bytes_total 6\n",
        "\nwasyncio_received_messages_total 1\n",
        "\nwasyncio_sent_messages_total 1\n",
        "\nwasyncio_instances 1\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
}

#[test]
fn logs_can_be_json() {
    let mut run = Command::new(command());
    let finished = finish(run.args(["--log-format", "json", "run"]).arg(example("echo-server")));
    let denied = finished.stderr.lines().find(|line| line.contains("denied: ")).expect("it is told");
    assert!(denied.starts_with('{') && denied.ends_with('}') && denied.contains(r#""level":"WARN""#), "{denied}");
}

#[test]
fn the_command_describes_itself_to_shells_and_to_man() {
    for shell in ["bash", "zsh", "fish"] {
        let finished = finish(Command::new(command()).args(["completions", shell]));
        assert!(finished.stdout.contains("max-connections"), "{shell}: {}", finished.stderr);
    }
    let finished = finish(Command::new(command()).args(["man", "run"]));
    assert!(finished.stdout.contains(".TH") && finished.stdout.contains("max\\-connections"), "{}", finished.stdout);
    assert_eq!(finish(Command::new(command()).args(["man", "nonsense"])).status.code(), Some(120));
}

#[test]
fn workers_serve_on_while_nobody_reads_what_they_print() {
    // Each connection has its lines printed: so many fill any pipe several times over.
    const CONNECTIONS: usize = 4000;
    let mut run = Command::new(command());
    run.args(["run", "--workers", "2", "--allow-listen", "127.0.0.1:0"]).arg(example("echo-server"));
    run.args(["--", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = KilledAtTheEnd(run.spawn().expect("it starts"));
    let mut stdout = server.0.stdout.take().expect("piped");
    let mut line = Vec::new();
    while !line.ends_with(b")\n") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).expect("it prints its address");
        line.push(byte[0]);
    }
    let line = String::from_utf8(line).expect("it is text");
    let port: u16 = line.trim_end_matches(")\n").rsplit(' ').next().and_then(|port| port.parse().ok()).expect("a port");
    for at in 0..CONNECTIONS {
        let mut client = connect(([127, 0, 0, 1], port).into());
        client.write_all(b"hello\n").expect("connected");
        let mut answer = [0; 6];
        client.read_exact(&mut answer).unwrap_or_else(|error| panic!("connection {at}: {error}"));
    }
    // What was lost is told on standard error, which ends with the process.
    signal(server.0.id(), "-TERM");
    let mut log = BufReader::new(server.0.stderr.take().expect("piped")).lines().map_while(Result::ok);
    assert!(log.any(|line| line.contains("of output that nobody reads")), "it is told");
}

/// Ends the process when it is dropped.
struct KilledAtTheEnd(Child);

impl Drop for KilledAtTheEnd {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
