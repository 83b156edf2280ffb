//! Servers of lines that run out of descriptors.

use std::io::{Read, Write};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::{connect, cpu_time, spawn};

/// How many descriptors the process may have, and how many clients come.
const DESCRIPTORS: usize = 60;
const CLIENTS: usize = 80;

/// How long it is watched while it has none left, and how much it may compute meanwhile.
const WATCHED: Duration = Duration::from_secs(2);
const LITTLE: Duration = Duration::from_millis(500);

/// Starts a server that echoes lines, with fewer descriptors than clients come, and sees that it rests while it has none left, prints
/// nothing of what it cannot accept, and serves everybody once the first have gone.
///
/// # Panics
/// If it does not.
pub fn serve_everybody(server: &Command) {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$@\""), "sh"]);
    shell.arg(server.get_program()).args(server.get_args());
    let mut running = spawn(&mut shell);
    let address = running.address();
    // The system takes them all into the queue of the listening socket.
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(address)).collect();
    let before = cpu_time(running.id());
    thread::sleep(WATCHED);
    let computed = cpu_time(running.id()) - before;
    let lines = running.lines();
    assert!(lines <= CLIENTS + 5, "{lines} lines for {CLIENTS} clients, {computed:?} of {WATCHED:?} computed");
    assert!(computed < LITTLE, "{computed:?} of {WATCHED:?} computed");

    clients.iter_mut().for_each(|client| client.write_all(b"hello\n").expect("connected"));
    for (at, mut client) in clients.into_iter().enumerate() {
        let mut answer = [0; 6];
        client.read_exact(&mut answer).unwrap_or_else(|error| panic!("client {at} of {CLIENTS}: {error}"));
        assert_eq!(&answer, b"hello\n", "client {at}");
    }
    let lines = running.lines();
    assert!(lines <= 2 * CLIENTS + 10, "{lines} lines for {CLIENTS} clients");
}
