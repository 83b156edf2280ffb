//! Measures wasyncio beside its peers, on loopback; `cargo xtask bench` builds what it needs and runs it.
//!
//! The servers are processes on one core ([`Server`]), started and driven from another ([`load`]). In each cell of a
//! workload the subjects take turns in short rounds (`rounds`), so that what else the machine does hits all alike, and
//! they are compared within a round (`statistics`).
//!
//! Modules use only those that come later here, each line and within it from left to right:
//!
//! - `cli`: the command
//! - `plot`, `report`: the chart and the tables, made of what was measured
//! - `rounds`: the turns of the subjects in a cell
//! - [`load`]: what is done to a server
//! - `server`, `places`: a server as a process, and where its program is
//! - `subjects`, `cells`: what is compared, and in which workloads
//! - `tokio_server`, which uses `tls`
//! - `tls`, `statistics`, `cores`, `descriptors`: know nothing of the others
//!
//! A library, so that tests can load servers in the same way (`tests/load`).

mod cells;
mod cli;
mod cores;
mod descriptors;
pub mod load;
mod places;
mod plot;
mod report;
mod rounds;
mod server;
mod statistics;
mod subjects;
mod tls;
mod tokio_server;

use std::error::Error;

pub use cli::main;
pub use descriptors::allow;
pub use places::Places;
pub use server::Server;
pub use statistics::Sample;
pub use subjects::{Subject, Transport};

/// What every step returns; the message says what failed.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;
