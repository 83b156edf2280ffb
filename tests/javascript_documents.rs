//! The documents' four programs in JavaScript, in the sandbox, against native peers.

#[path = "tls/mod.rs"]
mod with;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use wasyncio_python::say;
use wasyncio_tests::{command, connect, documents, finish, finish_within, javascript, python, spawn, stock_wasmtime};
use with::Files;

/// How long compiling a program may take.
const FIRST_START: Duration = Duration::from_secs(300);

/// A program with what it may do; its arguments are to be added.
fn run(name: &str) -> Option<Command> {
    let component = javascript(&format!("examples/js/{name}"))?;
    let mut run = Command::new(command());
    run.arg("run").arg(component).args(["--allow-connect", "127.0.0.1:*", "--allow-listen", "127.0.0.1:0", "--"]);
    Some(run)
}

/// The documents' server, on a free port.
const PYTHON_SERVER: &str = "
import asyncio

async def handle_echo(reader, writer):
    data = await reader.read(100)
    writer.write(data)
    await writer.drain()
    writer.close()
    await writer.wait_closed()

async def main():
    server = await asyncio.start_server(handle_echo, '127.0.0.1', 0)
    print('Serving on', server.sockets[0].getsockname(), flush=True)
    await server.serve_forever()

asyncio.run(main())
";

const CLIENT_PRINTS: &str = "Send: 'Hello World!'\nReceived: 'Hello World!'\nClose the connection\n";

#[test]
fn the_echo_client_talks_to_pythons_server() {
    let Some(mut client) = run("tcp-echo-client") else { return };
    let Some(mut python) = python() else { return };
    let mut server = spawn(python.arg("-c").arg(PYTHON_SERVER));
    let finished = finish(client.args(["Hello World!", &server.address().to_string()]));
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), (CLIENT_PRINTS, ""));
}

/// What uses neither TLS nor Unix sockets runs on any host with WASI 0.3.
#[test]
fn the_echo_client_runs_on_the_stock_command() {
    let Some(component) = javascript("examples/js/tcp-echo-client") else { return };
    let Some(stock) = stock_wasmtime() else { return };
    let Some(mut python) = python() else { return };
    let mut server = spawn(python.arg("-c").arg(PYTHON_SERVER));
    let mut client = Command::new(stock);
    client.args(["run", "-W", "component-model-async=y", "-S", "p3,inherit-network,tcp"]).arg(component);
    // It compiles the engine anew each time.
    let finished = finish_within(FIRST_START, client.args(["Hello World!", &server.address().to_string()]));
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.stdout, CLIENT_PRINTS);
}

#[test]
fn the_echo_client_says_who_refused() {
    let Some(mut client) = run("tcp-echo-client") else { return };
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("bound");
    drop(taken);
    let finished = finish(client.args(["Hello", &address.to_string()]));
    assert_eq!(finished.status.code(), Some(1));
    let told =
        format!("ConnectionRefusedError: Connect call failed ('127.0.0.1', {}): connection refused", address.port());
    assert!(finished.stderr.contains(&told), "{}", finished.stderr);
    assert!(finished.stderr.contains("code: 'ECONNREFUSED'"), "{}", finished.stderr);
}

#[test]
fn the_echo_server_talks_to_pythons_client() {
    let Some(program) = run("tcp-echo-server") else { return };
    documents::echo_server_talks_to_pythons_client(program);
}

#[test]
fn the_echo_server_talks_to_netcat() {
    let Some(mut server) = run("tcp-echo-server") else { return };
    let mut server = spawn(server.arg("127.0.0.1:0"));
    let address = server.address();
    let mut netcat = Command::new("nc");
    netcat.args([&address.ip().to_string(), &address.port().to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut netcat) = netcat.spawn() else {
        say("NOT RUN: there is no command nc");
        return;
    };
    netcat.stdin.as_mut().expect("piped").write_all(b"from nc").expect("nc reads");
    let mut back = [0; 7];
    netcat.stdout.as_mut().expect("piped").read_exact(&mut back).expect("the server answers");
    assert_eq!(&back, b"from nc");
    server.line_with("Close the connection");
    // It ends when both of its directions have.
    drop(netcat.stdin.take());
    netcat.wait().expect("nc is ours");
}

/// Connections that end leave nothing: a program may have 256 handles here.
#[test]
fn the_echo_server_serves_many_one_after_the_other() {
    let Some(component) = javascript("examples/js/tcp-echo-server") else { return };
    let mut run = Command::new(command());
    run.arg("run").arg(component).args(["--allow-listen", "127.0.0.1:0", "--max-handles", "256", "--", "127.0.0.1:0"]);
    let mut server = spawn(&mut run);
    let address = server.address();
    for _ in 0..500 {
        let mut client = connect(address);
        client.write_all(b"once").expect("the server reads");
        let mut all = String::new();
        client.read_to_string(&mut all).expect("the server closes");
        assert_eq!(all, "once");
    }
}

#[test]
fn http_headers_are_printed_from_pythons_http_server() {
    let Some(program) = run("http-headers") else { return };
    documents::headers_are_printed_from_pythons_http_server(program);
}

#[test]
fn http_headers_are_printed_however_they_are_cut() {
    let Some(program) = run("http-headers") else { return };
    documents::headers_are_printed_however_they_are_cut(program);
}

/// A name that the policy resolves, and a server whose authority it trusts; neither is known elsewhere.
#[test]
fn http_headers_are_printed_over_tls() {
    let Some(component) = javascript("examples/js/http-headers") else { return };
    let files = Files::new();
    let Some(mut python) = python() else { return };
    let script = "
import http.server, ssl, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def finish(self):
        super().finish()
        # Else the end would not be announced, which is an error.
        self.connection.unwrap()
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:])
server.socket = context.wrap_socket(server.socket, server_side=True)
print('Serving on', server.server_address, flush=True)
server.serve_forever()
";
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("page.html"), "<p>hello").expect("the folder is ours");
    python.current_dir(folder.path()).arg("-c").arg(script);
    let mut server = spawn(python.arg(files.at("web.pem")).arg(files.at("web.key")));
    let url = format!("https://localhost:{}/page.html", server.address().port());
    let headers = |arguments: &[&str]| {
        let mut program = Command::new(command());
        program.arg("run").arg(&component).args(["--allow-connect", "localhost:*"]);
        program.args(["--allow-connect", "loopback:*", "--resolve", "localhost=127.0.0.1"]);
        program.args(["--tls-trust", &format!("us={}", files.shown("ca.pem"))]);
        finish(program.arg("--").arg(&url).args(arguments))
    };
    let trusted = headers(&["us"]);
    assert!(trusted.status.success(), "{}", trusted.stderr);
    let lines: Vec<_> = trusted.stdout.lines().collect();
    assert!(lines.first().is_some_and(|line| line.starts_with("HTTP header> HTTP/1.0 200 OK")), "{lines:?}");
    assert!(lines.contains(&"HTTP header> Content-Length: 8"), "{lines:?}");
    // The system's authorities do not certify it.
    let system = headers(&[]);
    assert_eq!((system.status.code(), system.stdout.as_str()), (Some(1), ""));
    assert!(system.stderr.contains("SSLCertVerificationError"), "{}", system.stderr);
    assert!(system.stderr.contains("unable to get local issuer certificate"), "{}", system.stderr);
    let other = headers(&["other"]);
    assert!(other.stderr.contains("PermissionError"), "{}", other.stderr);
    assert!(other.stderr.contains("the TLS trust other is not granted"), "{}", other.stderr);
}

#[test]
fn data_is_waited_for_on_a_connected_pair() {
    let Some(mut data) = run("wait-for-data") else { return };
    let finished = finish(&mut data);
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.stdout, "Received: abc\n");
}
