//! Python's asyncio streams for WebAssembly components, over WASI 0.3 sockets.
//!
//! Used in two ways, with the same semantics:
//! - linked: a Rust component names this crate and calls [`open_connection`] and [`start_server`] itself;
//! - composed: built with the feature `component`, the crate is `wasyncio.wasm`, which exports the package
//!   `wasyncio:streams` (`wit/`) to components in any language.
//!
//! Everything runs in the component-model task that calls it: there are no threads, and the types are not `Send`.
//!
//! Layers, each using only those below it: `exports` (the component's face), [`StreamReader`], [`StreamWriter`],
//! [`Server`] and the connecting functions, `connection` (one connection's life), `semantics` (asyncio's rules, no I/O),
//! `transport` (WASI streams and sockets).

mod address;
mod attempts;
mod connect;
mod connection;
mod error;
#[cfg(feature = "component")]
mod exports;
mod listen;
mod names;
mod protocol;
mod reader;
#[cfg(feature = "component")]
mod reader_tries;
mod semantics;
mod server;
mod transport;
mod transport_handle;
mod writer;

pub use address::{AddressFamily, SocketInfo};
pub use connect::{
    ByteStream, ConnectionOptions, from_streams, open_connection, open_connection_sock, open_connection_with,
};
pub use error::{Error, OsError, OsErrorKind, Result};
pub use listen::{ServerOptions, start_server, start_server_sock, start_server_with};
pub use protocol::StreamReaderProtocol;
pub use reader::StreamReader;
pub use semantics::limits::DEFAULT_LIMIT;
pub use server::Server;
pub use transport::tcp::TcpSocket;
pub use transport_handle::Transport;
#[cfg(feature = "command")]
pub use wasyncio_executor::command;
pub use writer::StreamWriter;
