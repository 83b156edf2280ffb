//! What a program does with Unix sockets: the same as `tests/oracle/unix.py`, function by function. Compiled three times, on
//! `wasyncio-client`, on the crate `wasyncio`, and on the plain methods, each under the name `asyncio`. `tests/unix.rs` plays the peer and
//! compares the transcripts.

mod clients;
mod hostile;
mod servers;
#[path = "../told.rs"]
mod told;

use std::fmt::Debug;

use asyncio::{Error, ExtraInfo, StreamWriter};

use crate::told::{say, told};

case_runner::cases! {
    clients: connect_errors, names_of_a_client, half_close, echo_client, reset;
    servers: server_errors, names_of_a_server, serve_one, keep_the_file, start_serving_later, taken_over, echo_server;
    hostile: connect_to, listen_on, bind_often, swap, ask_twice;
}

/// The argument at `index` after the case's name.
fn argument(index: usize) -> String {
    console::arguments().into_iter().nth(index + 1).unwrap_or_default()
}

/// A path in bytes: `@` at the beginning stands for a NUL, which no argument can have.
fn path(index: usize) -> Vec<u8> {
    bytes(&argument(index))
}

fn bytes(path: &str) -> Vec<u8> {
    match path.strip_prefix('@') {
        Some(name) => [b"\0", name.as_bytes()].concat(),
        None => path.as_bytes().to_vec(),
    }
}

/// Prints what a call came to.
fn attempt<T>(name: &str, result: &Result<T, Error>) {
    match result {
        Ok(_) => say(format!("{name} ok")),
        Err(error) => say(format!("{name} {}", told(error))),
    }
}

/// Prints a value as it is.
fn show(name: &str, value: impl Debug) {
    say(format!("{name} {value:?}"));
}

/// An address of a connection.
fn name_of(writer: &StreamWriter, which: &str) -> String {
    match writer.get_extra_info(which) {
        Some(ExtraInfo::Address(address)) => address.to_string(),
        other => format!("{other:?}"),
    }
}

/// Whether the connection's socket tells who the peer is, and who that is.
fn credentials(writer: &StreamWriter) -> String {
    match writer.get_extra_info("socket") {
        Some(ExtraInfo::Socket(socket)) => match socket.peer_credentials {
            Some(peer) => format!("pid {} uid {} gid {}", peer.pid.is_some_and(|pid| pid > 0), peer.uid, peer.gid),
            None => "none".into(),
        },
        other => format!("{other:?}"),
    }
}
