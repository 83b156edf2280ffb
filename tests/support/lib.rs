//! What the tests share: the built artifacts, programs running in the sandbox, and peers.
//!
//! Every test here loads a built component into wasmtime, with the command that users run, and talks to it over loopback
//! sockets. Every wait has a deadline.

mod artifacts;
mod crowded;
pub mod documents;
mod interpreter;
mod javascript;
mod own_data;
mod process;
mod program;
mod python;
pub mod records;
mod rest;
mod scrape;
mod service;

pub use artifacts::{app, command, dist, example, stock_wasmtime};
pub use crowded::serve_everybody;
pub use interpreter::{interpreter, programs};
pub use javascript::{javascript, javascript_cases};
pub use own_data::each_gets_its_own_data;
pub use process::{cpu_time, resident};
pub use program::{Finished, Running, finish, finish_within, spawn};
pub use python::{python, python_is_at_least, run_python};
pub use rest::await_rest;
pub use scrape::metrics;
pub use service::{ask, echo_server, misbehaving_server, serve, serve_with, signal, stop};

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long anything in a test may take before the test fails.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A connection whose every operation fails after [`DEADLINE`].
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("the server accepts");
    stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream.set_write_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    // A test decides itself what leaves together.
    stream.set_nodelay(true).expect("the socket is connected");
    stream
}
