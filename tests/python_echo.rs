//! The documents' echo client and server as printed, on CPython's asyncio in the sandbox: against each other, and against CPython.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::PathBuf;
use std::process::Command;

use socket2::SockRef;
use tempfile::TempDir;
use wasyncio_tests::{connect, each_gets_its_own_data, finish, interpreter, programs, python, spawn};

/// A folder with the documents' programs. Their port is taken by others: it is replaced, and nothing else is.
struct Documents(TempDir);

impl Documents {
    fn with_port(port: u16) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["tcp_echo_client.py", "tcp_echo_server.py"] {
            let text = fs::read_to_string(programs().join("documents").join(name)).expect("the program is there");
            assert!(text.contains("'127.0.0.1', 8888)"), "{name} has the documents' address");
            fs::write(folder.path().join(name), text.replace("8888", &port.to_string())).expect("the folder is ours");
        }
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program in the sandbox, which may use loopback.
    fn sandboxed(&self, name: &str) -> Option<Command> {
        let folder = self.0.path().to_str().expect("a temporary folder's path is text");
        let mut python =
            interpreter(&["--dir", folder, "--allow-listen", "127.0.0.1:*", "--allow-connect", "127.0.0.1:*"])?;
        python.arg(self.at(name));
        Some(python)
    }

    /// The program in CPython, which prints lines as on a terminal.
    fn native(&self, name: &str) -> Option<Command> {
        let mut python = python()?;
        python.arg("-u").arg(self.at(name));
        Some(python)
    }
}

const CLIENT_PRINTS: &str = "Send: 'Hello World!'\nReceived: 'Hello World!'\nClose the connection\n";

fn a_client_gets_its_answer(mut server: Command, client: impl Fn(&Documents) -> Option<Command>) {
    let mut server = spawn(&mut server);
    let documents = Documents::with_port(server.address().port());
    let Some(mut client) = client(&documents) else { return };
    let finished = finish(&mut client);
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.stdout, CLIENT_PRINTS);
    server.line_with("Received 'Hello World!' from ('127.0.0.1', ");
    server.line_with("Send: 'Hello World!'");
    server.line_with("Close the connection");
}

#[test]
fn the_server_serves_a_client_of_cpython() {
    let Some(server) = Documents::with_port(0).sandboxed_kept("tcp_echo_server.py") else { return };
    a_client_gets_its_answer(server, |documents| documents.native("tcp_echo_client.py"));
}

#[test]
fn the_client_is_served_by_cpython() {
    let Some(server) = Documents::with_port(0).native_kept("tcp_echo_server.py") else { return };
    a_client_gets_its_answer(server, |documents| documents.sandboxed("tcp_echo_client.py"));
}

#[test]
fn both_talk_to_each_other() {
    let Some(server) = Documents::with_port(0).sandboxed_kept("tcp_echo_server.py") else { return };
    a_client_gets_its_answer(server, |documents| documents.sandboxed("tcp_echo_client.py"));
}

impl Documents {
    /// As [`sandboxed`](Self::sandboxed); the folder stays until the test's process has ended.
    fn sandboxed_kept(self, name: &str) -> Option<Command> {
        let command = self.sandboxed(name);
        std::mem::forget(self);
        command
    }

    /// As there.
    fn native_kept(self, name: &str) -> Option<Command> {
        let command = self.native(name);
        std::mem::forget(self);
        command
    }
}

/// A server that gives back what it gets, until the end.
const ECHO: &str = "
import asyncio

async def handle(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
    except ConnectionError as error:
        print('lost', type(error).__name__)

async def main():
    server = await asyncio.start_server(handle, '127.0.0.1', 0)
    print('Serving on', server.sockets[0].getsockname())
    await server.serve_forever()

asyncio.run(main())
";

#[test]
fn two_hundred_connections_each_get_their_own_data() {
    let Some(mut python) = interpreter(&["--allow-listen", "127.0.0.1:0"]) else { return };
    let mut server = spawn(python.args(["-c", ECHO]));
    let address = server.address();
    let mut clients = each_gets_its_own_data(address, 10, 400);
    for client in &mut clients {
        client.shutdown(Shutdown::Write).expect("the connection is open");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).expect("the server closes");
        assert_eq!(rest, b"");
    }
}

#[test]
fn a_reset_is_a_connection_reset_error_and_harms_nobody() {
    let Some(mut python) = interpreter(&["--allow-listen", "127.0.0.1:0"]) else { return };
    let mut server = spawn(python.args(["-c", ECHO]));
    let address = server.address();
    let mut other = connect(address);
    for _ in 0..5 {
        let mut client = connect(address);
        client.write_all(b"line\n").expect("the server reads");
        let mut back = [0; 5];
        client.read_exact(&mut back).expect("the server answers");
        SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO)).expect("a TCP socket");
        drop(client);
    }
    server.lines_with("lost ConnectionResetError", 5);
    other.write_all(b"still there\n").expect("the server reads");
    let mut back = [0; 12];
    other.read_exact(&mut back).expect("the server answers");
    assert_eq!(&back, b"still there\n");
}

/// Many short answers that are written one by one leave together: none waits for an acknowledgement.
#[test]
fn pipelined_lines_come_back_in_order() {
    let Some(mut python) = interpreter(&["--allow-listen", "127.0.0.1:0"]) else { return };
    let mut server = spawn(python.args(["-c", ECHO]));
    let mut client = connect(server.address());
    let lines: Vec<u8> = (0..20_000).flat_map(|number| format!("{number}\n").into_bytes()).collect();
    let mut sender = client.try_clone().expect("a socket can be shared");
    let sent = lines.clone();
    let sending = std::thread::spawn(move || {
        sender.write_all(&sent).expect("the server reads");
        sender.shutdown(Shutdown::Write).expect("the connection is open");
    });
    let mut back = Vec::new();
    client.read_to_end(&mut back).expect("the server closes");
    assert!(back == lines, "{} bytes of {}", back.len(), lines.len());
    sending.join().expect("all was sent");
}
