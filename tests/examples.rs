//! The documents' four programs, each against a real peer.

#[path = "tls/mod.rs"]
mod with;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use wasyncio_tests::{command, connect, documents, example, finish, python, spawn};
use with::Files;

fn run(name: &str) -> Command {
    let mut run = Command::new(command());
    run.arg("run").arg(example(name)).args(["--allow-connect", "127.0.0.1:*", "--allow-listen", "127.0.0.1:0", "--"]);
    run
}

/// The documents' server, printed in Python, on a free port.
const PYTHON_SERVER: &str = "
import asyncio, sys

async def handle_echo(reader, writer):
    data = await reader.read(100)
    writer.write(data)
    await writer.drain()
    writer.close()
    await writer.wait_closed()

async def main():
    server = await asyncio.start_server(handle_echo, '127.0.0.1', 0)
    print('Serving on', server.sockets[0].getsockname(), flush=True)
    async with server:
        await server.serve_forever()

asyncio.run(main())
";

#[test]
fn the_echo_client_talks_to_pythons_server() {
    let Some(mut python) = python() else { return };
    let mut server = spawn(python.arg("-c").arg(PYTHON_SERVER));
    let finished = finish(run("tcp-echo-client").args(["Hello World!", &server.address().to_string()]));
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.stdout, "Send: 'Hello World!'\nReceived: 'Hello World!'\nClose the connection\n");
}

#[test]
fn the_echo_client_says_who_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("bound");
    drop(taken);
    let finished = finish(run("tcp-echo-client").args(["Hello", &address.to_string()]));
    assert_eq!(finished.status.code(), Some(1));
    let port = address.port();
    assert_eq!(
        finished.stderr,
        format!("tcp-echo-client: Connect call failed ('127.0.0.1', {port}): connection refused\n")
    );
}

#[test]
fn the_echo_server_talks_to_pythons_client() {
    documents::echo_server_talks_to_pythons_client(run("tcp-echo-server"));
}

#[test]
fn the_echo_server_serves_many_one_after_the_other() {
    let mut server = spawn(run("tcp-echo-server").arg("127.0.0.1:0"));
    let address = server.address();
    for _ in 0..50 {
        let mut client = connect(address);
        client.write_all(b"once").expect("the server reads");
        let mut all = String::new();
        client.read_to_string(&mut all).expect("the server closes");
        assert_eq!(all, "once");
    }
}

#[test]
fn http_headers_are_printed_from_pythons_http_server() {
    documents::headers_are_printed_from_pythons_http_server(run("http-headers"));
}

#[test]
fn http_headers_are_printed_however_they_are_cut() {
    documents::headers_are_printed_however_they_are_cut(run("http-headers"));
}

/// A name that the policy resolves, and a server whose authority it trusts; neither is known elsewhere.
#[test]
fn http_headers_are_printed_over_tls() {
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
    std::fs::write(folder.path().join("page.html"), "<p>hello").expect("the folder is ours");
    python.current_dir(folder.path()).arg("-c").arg(script);
    let mut server = spawn(python.arg(files.at("web.pem")).arg(files.at("web.key")));
    let url = format!("https://localhost:{}/page.html", server.address().port());
    let headers = |arguments: &[&str]| {
        let mut program = Command::new(command());
        program.arg("run").arg(example("http-headers")).args(["--allow-connect", "localhost:*"]);
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
    assert!(system.stderr.contains("unable to get local issuer certificate"), "{}", system.stderr);
    let other = headers(&["other"]);
    assert!(other.stderr.contains("the TLS trust other is not granted"), "{}", other.stderr);
}

#[test]
fn data_is_waited_for_on_a_connected_pair() {
    let finished = finish(&mut run("wait-for-data"));
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.stdout, "Received: abc\n");
}
