//! `wasi:sockets/types` of WASI 0.3 on tokio, in the place of wasmtime-wasi's.
//!
//! The host owns the sockets, so that it can do what WASI has no words for: send small segments at once
//! (`TCP_NODELAY`), count, limit, close what is idle, and let several instances accept from one listening socket.
//! Errors and their kinds, checks and their order, readiness and end of streams are those of wasmtime-wasi 48, whose
//! implementation this follows file by file (`sockets/tcp.rs`, `p3/sockets/host/types/tcp.rs`). Connections and listening sockets
//! are those of `crate::sockets`, which Unix sockets have too.
//!
//! Of UDP there is nothing: no grant is for it, so no such socket is ever made.

pub(crate) mod bindings;
mod host;
mod options;
mod socket;
mod udp;

pub(crate) use host::add_to_linker;
