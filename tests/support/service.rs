//! A server as its operator and its peers have it: started with flags, asked line by line, sent signals.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::{Running, artifacts, finish, spawn};

/// Starts `program` with flags of the command, with the right to listen on 127.0.0.1. Its last argument is the address.
pub fn serve(program: &Path, flags: &[&str], arguments: &[&str]) -> Running {
    serve_with(&mut Command::new(artifacts::command()), program, flags, arguments)
}

/// As [`serve`], by a command that has an environment already.
pub fn serve_with(command: &mut Command, program: &Path, flags: &[&str], arguments: &[&str]) -> Running {
    command.arg("run").args(flags).args(["--allow-listen", "127.0.0.1:0"]).arg(program);
    spawn(command.arg("--").args(arguments).arg("127.0.0.1:0"))
}

/// The example's echo server.
pub fn echo_server(flags: &[&str]) -> Running {
    serve(&artifacts::example("echo-server"), flags, &[])
}

/// The tests' server that does as it is told by each line of a peer.
pub fn misbehaving_server(flags: &[&str]) -> Running {
    serve(&artifacts::dist("tests/misbehaving.wasm"), flags, &["serve"])
}

/// Sends a line, and waits for one.
pub fn ask(client: &mut TcpStream, line: impl AsRef<[u8]>) -> String {
    client.write_all(line.as_ref()).expect("connected");
    let mut answer = String::new();
    BufReader::new(client).read_line(&mut answer).expect("an answer");
    answer
}

/// Sends a process a signal, such as `-TERM`.
pub fn signal(process: u32, name: &str) {
    let sent = finish(Command::new("kill").args([name, &process.to_string()]));
    assert!(sent.status.success(), "{}", sent.stderr);
}

/// Stops a server that has nothing left to do.
pub fn stop(mut server: Running) {
    signal(server.id(), "-TERM");
    assert_eq!(server.wait().code(), Some(0));
}
