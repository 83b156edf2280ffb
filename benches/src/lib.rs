//! Measures wasyncio beside its peers, on loopback; `cargo xtask bench` builds what it needs and runs it.
//!
//! The servers are processes on one core ([`Server`]), started and driven from another ([`load`]). In each cell of a
//! workload the subjects take turns in short rounds (`rounds`), so that what else the machine does hits all alike, and
//! they are compared within a round (`statistics`).
//!
//! A library, so that tests can load servers in the same way (`tests/load`).

mod cells;
mod cli;
mod cores;
mod descriptors;
pub mod load;
mod plot;
mod report;
mod rounds;
mod server;
mod statistics;
mod subjects;
mod tokio_server;

use std::error::Error;

pub use cli::main;
pub use descriptors::allow;
pub use server::{Places, Server};
pub use statistics::Sample;
pub use subjects::Subject;

/// What every step returns; the message says what failed.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;
