//! Commands, and the peer that the programs of all languages talk to.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::root;

/// How long a program may take until it begins: the host compiles it first, and one in Python has 20 MB.
const START: Duration = Duration::from_secs(400);
/// How long anything else may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often a command, or whether somebody has connected, is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Runs a command to its end, which has to be a success. What it prints is shown if it fails; meanwhile it is in `folder`.
///
/// # Panics
/// If it fails.
pub fn finish(command: &mut Command, limit: Duration, folder: &Path) {
    let mut running = Running::start(command, folder);
    let status = running.wait(limit);
    assert!(status.success(), "{status}: {command:?}\n{}", running.printed());
}

/// Runs the component as a program and talks to it, as the test's module says. Returns its report.
///
/// # Panics
/// If it does anything else.
pub fn converse(component: &Path, folder: &Path) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let host = root().join("target/release/wasyncio");
    assert!(host.is_file(), "{} is missing: run `cargo xtask build`", host.display());
    let mut command = Command::new(host);
    command.args(["run", "--allow-listen", "127.0.0.1:0", "--allow-connect", &format!("127.0.0.1:{port}")]);
    command.arg(component).args(["--", &port.to_string()]);
    let mut running = Running::start(&mut command, folder);

    let connection = running.accept(&listener);
    connection.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    let mut lines = BufReader::new(connection);
    let mut server = String::new();
    if let Err(error) = lines.read_line(&mut server) {
        panic!("no port of a server: {error}\n{}", running.printed());
    }
    let server = server.trim_end().parse().unwrap_or_else(|_| panic!("'{server}' is no port\n{}", running.printed()));

    assert_eq!(echo(server), "hello\n", "the line comes back, then the end\n{}", running.printed());
    let mut report = String::new();
    if let Err(error) = lines.read_to_string(&mut report) {
        panic!("no report: {error}\n{}", running.printed());
    }
    let status = running.wait(DEADLINE);
    assert!(status.success(), "{status}, after the report {report}\n{}", running.printed());
    report
}

/// What a server answers to a line.
fn echo(port: u16) -> String {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), DEADLINE).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream.write_all(b"hello\n").expect("the kernel takes it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer and the end");
    answer
}

/// A command that runs, ended when this is dropped; what it prints goes to a file.
struct Running {
    child: Child,
    output: PathBuf,
}

impl Running {
    fn start(command: &mut Command, folder: &Path) -> Self {
        let output = folder.join("output.txt");
        let stdout = File::create(&output).expect("a temporary folder");
        let stderr = stdout.try_clone().expect("an open file");
        let child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")), output }
    }

    fn printed(&self) -> String {
        fs::read(&self.output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours")
    }

    fn wait(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < end, "still running after {limit:?}\n{}", self.printed());
            thread::park_timeout(POLL);
        }
    }

    /// Waits until the program connects.
    fn accept(&mut self, listener: &TcpListener) -> TcpStream {
        listener.set_nonblocking(true).expect("a socket");
        let end = Instant::now() + START;
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).expect("a socket");
                    return stream;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("cannot accept: {error}"),
            }
            if let Some(status) = self.ended() {
                panic!("it ended before it connected: {status}\n{}", self.printed());
            }
            assert!(Instant::now() < end, "it did not connect within {START:?}\n{}", self.printed());
            thread::park_timeout(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
