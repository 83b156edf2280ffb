//! The documents' Python programs as they are printed, in the sandbox: against each other, against CPython, against real servers.
//!
//! They name their ports: 8888 of 127.0.0.1, 80 and 443. So they are run one after the other, and what needs 80 and 443 is not run, with
//! a line that says so, where this user may not listen there.
#![cfg(unix)]

mod documents;
#[path = "tls/mod.rs"]
mod with;

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use documents::Programs;
use wasyncio_python::say;
use wasyncio_tests::{DEADLINE, command, dist, finish, interpreter, python, signal, spawn};
use with::Files;

/// Held by whoever uses the documents' ports.
static PORTS: Mutex<()> = Mutex::new(());

/// What a document's programs are called here.
#[derive(Clone, Copy)]
enum Edition {
    /// `@asyncio.coroutine`, `yield from`, `loop=`.
    Of36,
    /// `async def`, `loop=`.
    Of37,
    /// `asyncio.run`.
    Chinese,
    /// `asyncio.run`, `wait_closed`; its indentation is restored.
    Restored,
}

const EDITIONS: [Edition; 4] = [Edition::Of36, Edition::Of37, Edition::Chinese, Edition::Restored];

/// The programs of an edition in files.
struct Printed {
    folder: tempfile::TempDir,
    edition: Edition,
    _ports: MutexGuard<'static, ()>,
}

impl Printed {
    /// None, with a line that says so, if the documents or the interpreter are not there.
    fn new(edition: Edition) -> Option<Self> {
        let documents = documents::folder()?;
        // Which compiles it, too.
        interpreter(&[])?;
        let Programs { client, server, headers, data } = match edition {
            Edition::Of36 => documents::fenced(&documents),
            Edition::Of37 => documents::indented(&documents, "002", "   "),
            Edition::Chinese => documents::indented(&documents, "003", "\t"),
            Edition::Restored => documents::restored(&documents),
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in [("client", client), ("server", server), ("headers", headers), ("data", data)] {
            fs::write(folder.path().join(name).with_extension("py"), text).expect("the folder is ours");
        }
        let _ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Self { folder, edition, _ports })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).with_extension("py")
    }

    /// A program in the sandbox.
    fn sandboxed(&self, name: &str, flags: &[&str], arguments: &[&str]) -> Command {
        let mut python = Command::new(command());
        python.arg("python").arg("--python").arg(dist("python.wasm")).args(flags);
        python.args(["--env", "PYTHONUNBUFFERED=1"]).arg(self.file(name)).args(arguments);
        python
    }

    fn client(&self) -> Command {
        self.sandboxed("client", &["--allow-connect", "127.0.0.1:8888"], &[])
    }

    fn server(&self) -> Command {
        self.sandboxed("server", &["--allow-listen", "127.0.0.1:8888", "--grace", "10s"], &[])
    }

    /// What the client prints, line by line.
    fn client_prints(&self) -> [&'static str; 3] {
        match self.edition {
            Edition::Of36 | Edition::Of37 => ["Send: 'Hello World!'", "Received: 'Hello World!'", "Close the socket"],
            Edition::Chinese | Edition::Restored => {
                ["Send: 'Hello World!'", "Received: 'Hello World!'", "Close the connection"]
            }
        }
    }
}

/// The programs of the newest edition for CPython, as its server and its client.
fn natively(name: &str) -> Option<(Command, tempfile::TempDir)> {
    let programs = documents::indented(&documents::folder()?, "003", "\t");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("native.py");
    fs::write(&file, if name == "server" { programs.server } else { programs.client }).expect("the folder is ours");
    let mut python = python()?;
    python.arg("-u").arg(file);
    Some((python, folder))
}

/// Waits until somebody listens on 127.0.0.1:8888, without connecting: a connection is something to the programs.
fn listens() {
    let end = Instant::now() + DEADLINE;
    // The address and the port in hexadecimal, any peer, and the state of listening.
    let line = " 0100007F:22B8 00000000:0000 0A ";
    while !fs::read_to_string("/proc/net/tcp").expect("this is Linux").contains(line) {
        assert!(Instant::now() < end, "nobody listens on 127.0.0.1:8888");
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn echoes(printed: &Printed, server: &mut Command, client: &mut Command, stop_code: Option<i32>) {
    let mut server = spawn(server);
    listens();
    let client = finish(client);
    assert!(client.status.success(), "{}{}", client.stdout, client.stderr);
    assert_eq!(client.stdout.lines().collect::<Vec<_>>(), printed.client_prints(), "{}", client.stderr);
    server.line_with("Serving on ('127.0.0.1', 8888)");
    server.line_with("Received 'Hello World!' from ('127.0.0.1', ");
    server.line_with("Send: 'Hello World!'");
    server.line_with("Close the c");
    if let Some(code) = stop_code {
        signal(server.id(), "-INT");
        assert_eq!(server.wait().code(), Some(code), "{}", server.printed());
    }
}

#[test]
fn the_echo_client_and_the_echo_server_talk_in_the_sandbox() {
    for edition in EDITIONS {
        let Some(printed) = Printed::new(edition) else { return };
        // The older editions end well at Ctrl-C, as they say; the newer ones leave that to `asyncio.run`.
        let code = if matches!(edition, Edition::Of36 | Edition::Of37) { 0 } else { 130 };
        echoes(&printed, &mut printed.server(), &mut printed.client(), Some(code));
    }
}

#[test]
fn the_echo_server_serves_cpythons_client() {
    for edition in EDITIONS {
        let Some(printed) = Printed::new(edition) else { return };
        let Some((mut client, _folder)) = natively("client") else { return };
        let mut server = spawn(&mut printed.server());
        listens();
        let client = finish(&mut client);
        assert!(client.stdout.contains("Received: 'Hello World!'"), "{}{}", client.stdout, client.stderr);
        server.line_with("Received 'Hello World!' from ('127.0.0.1', ");
    }
}

#[test]
fn the_echo_client_talks_to_cpythons_server() {
    for edition in EDITIONS {
        let Some(printed) = Printed::new(edition) else { return };
        let Some((mut server, _folder)) = natively("server") else { return };
        echoes(&printed, &mut server, &mut printed.client(), None);
    }
}

#[test]
fn data_is_waited_for() {
    for edition in EDITIONS {
        let Some(printed) = Printed::new(edition) else { return };
        let finished = finish(&mut printed.sandboxed("data", &[], &[]));
        assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("Received: abc\n", ""));
    }
}

/// An address that nobody else uses, with the port that the programs name; none, with a line that says so, if it is not ours to have.
fn port_is_ours(port: u16) -> bool {
    match TcpListener::bind(("127.8.8.8", port)) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            say(&format!("NOT RUN: this user may not listen on port {port}, which the documents' program names"));
            false
        }
        Err(error) => panic!("127.8.8.8:{port}: {error}"),
    }
}

const WEB: &str = "
import http.server, ssl, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def finish(self):
        super().finish()
        if len(sys.argv) > 2:
            self.connection.unwrap()
server = http.server.ThreadingHTTPServer(('127.8.8.8', int(sys.argv[1])), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[2:])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print('Serving on', server.server_address, flush=True)
server.serve_forever()
";

fn page() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("page.html"), "<p>hello").expect("the folder is ours");
    folder
}

fn web(folder: &Path, arguments: &[String]) -> Option<Command> {
    let mut python = python()?;
    python.current_dir(folder).args(["-c", WEB]).args(arguments);
    Some(python)
}

fn shows_headers(stdout: &str) {
    let lines: Vec<_> = stdout.lines().collect();
    assert!(lines.first().is_some_and(|line| line.starts_with("HTTP header> HTTP/1.0 200 OK")), "{lines:?}");
    assert!(lines.contains(&"HTTP header> Content-Length: 8"), "{lines:?}");
}

#[test]
fn headers_are_printed_over_http() {
    if !port_is_ours(80) {
        return;
    }
    for edition in EDITIONS {
        let Some(printed) = Printed::new(edition) else { return };
        let page = page();
        let Some(mut server) = web(page.path(), &["80".to_owned()]) else { return };
        let mut server = spawn(&mut server);
        server.line_with("Serving on");
        let flags = ["--allow-connect", "localhost:80", "--resolve", "localhost=127.8.8.8"];
        let finished = finish(&mut printed.sandboxed("headers", &flags, &["http://localhost/page.html"]));
        assert!(finished.status.success(), "{}", finished.stderr);
        shows_headers(&finished.stdout);
    }
}

#[test]
fn headers_are_printed_over_https() {
    if !port_is_ours(443) {
        return;
    }
    let files = Files::new();
    for edition in EDITIONS {
        let Some(printed) = Printed::new(edition) else { return };
        let page = page();
        let arguments = ["443".to_owned(), files.shown("web.pem"), files.shown("web.key")];
        let Some(mut server) = web(page.path(), &arguments) else { return };
        let mut server = spawn(&mut server);
        server.line_with("Serving on");
        let flags = ["--allow-connect", "localhost:443", "--resolve", "localhost=127.8.8.8"];
        let run = |authorities: &Path| {
            let mut program = printed.sandboxed("headers", &flags, &["https://localhost/page.html"]);
            // What the host takes for the system's authorities.
            finish(program.env("SSL_CERT_FILE", authorities))
        };
        let finished = run(&files.at("ca.pem"));
        assert!(finished.status.success(), "{}", finished.stderr);
        shows_headers(&finished.stdout);
        let distrusted = run(&files.at("other.pem"));
        assert_eq!((distrusted.status.code(), distrusted.stdout.as_str()), (Some(1), ""), "{}", distrusted.stderr);
        assert!(distrusted.stderr.contains("CERTIFICATE_VERIFY_FAILED"), "{}", distrusted.stderr);
    }
}

#[test]
fn what_is_not_granted_is_told_with_the_flag() {
    let Some(printed) = Printed::new(Edition::Chinese) else { return };
    let finished = finish(&mut printed.sandboxed("client", &[], &[]));
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("--allow-connect 127.0.0.1:8888"), "{}", finished.stderr);
    assert!(finished.stderr.contains("PermissionError: [Errno "), "{}", finished.stderr);
}
