//! Python's asyncio streams without any I/O: the rules, and the life of a connection over a transport.
//!
//! The crates `wasyncio` (over `wasi:sockets`) and `wasyncio-client` (over an imported component) are this crate with their
//! transports. Programs use one of them; this one is for whoever writes a transport, and for tests, since it is
//! built and tested natively.
//!
//! Modules, each naming only those above it (`tests/dependencies.rs` has the whole order, and sees to it):
//! 1. [`address`], [`extra_info`], [`options`], [`error`]: what everybody speaks of;
//! 2. `semantics`: asyncio's rules for a buffer, the reads, the water marks;
//! 3. [`runtime`], [`transport`]: the traits of what is beside a connection and below it; `waiters`; `clients`, whom a server
//!    counts;
//! 4. `reader_state`: a reader's rules and where its data comes from;
//! 5. `connection`: one connection's life;
//! 6. [`StreamWriter`], [`Transport`], [`StreamReader`], [`StreamReaderProtocol`], [`Server`]: what a program holds.

pub mod address;
mod clients;
mod connection;
pub mod error;
pub mod extra_info;
mod failure;
pub mod options;
mod parts;
mod protocol;
mod reader;
mod reader_state;
pub mod runtime;
#[cfg(any(test, feature = "scripted"))]
pub mod scripted;
mod semantics;
mod server;
pub mod transport;
mod transport_handle;
mod waiters;
mod writer;

pub use clients::{Client, Membership};
pub use connection::Taken;
pub use error::{Error, OsError, OsErrorKind, Result};
pub use parts::{open, take, upgrade};
pub use protocol::StreamReaderProtocol;
pub use reader::StreamReader;
pub use semantics::limits::{DEFAULT_LIMIT, limit_or_default};
pub use server::Server;
pub use transport_handle::Transport;
pub use waiters::{Waiters, one_turn};
pub use writer::StreamWriter;
