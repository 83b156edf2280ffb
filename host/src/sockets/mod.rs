//! What sockets of every kind stand on: connections and their two directions as wasmtime polls them, listening sockets, those that
//! workers share, the limits of time and rate, and what all sockets of one running program share.
//!
//! The kinds are in `wasi/tcp` and in `unix`.

pub(crate) mod accept;
pub(crate) mod address;
pub(crate) mod connection;
pub(crate) mod error;
pub(crate) mod listener;
pub(crate) mod network;
mod pace;
mod peers;
mod revoke;
pub(crate) mod shared;
pub(crate) mod stream;
pub(crate) mod streams;
mod unsent;
mod watch;

pub(crate) use network::Network;
