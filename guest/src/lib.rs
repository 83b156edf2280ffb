//! Python's asyncio streams for WebAssembly components, over WASI 0.3 sockets.
//!
//! Used in two ways, with the same semantics:
//! - linked: a Rust component names this crate and calls [`open_connection`] and [`start_server`] itself;
//! - composed: built with the feature `component`, the crate is `wasyncio.wasm`, which exports the package
//!   `wasyncio:streams` (`wit/`) to components in any language. A Rust program on it uses the crate `wasyncio-client`, whose
//!   API is this one's.
//!
//! Everything runs in the component-model task that calls it: there are no threads, and the types are not `Send`.
//!
//! With the feature `unix` there are also [`open_unix_connection`] and [`start_unix_server`], which need a host that provides
//! `wasyncio:host/unix`; with the features `component` and `full` the crate is `wasyncio-full.wasm`.
//!
//! asyncio's rules are in `wasyncio-core`, connections over streams in `wasyncio-transport`. Here are sockets: names, addresses,
//! connecting, listening; and `exports`, the component's face.

mod accepts;
mod attempts;
mod connect;
#[cfg(feature = "component")]
mod exports;
#[cfg(feature = "unix")]
mod host;
mod listen;
mod names;
#[cfg(feature = "unix")]
mod unix;
mod wasi;

pub use connect::{from_streams, open_connection, open_connection_sock, open_connection_with};
pub use listen::{start_server, start_server_sock, start_server_with};
#[cfg(feature = "unix")]
pub use unix::{open_unix_connection, open_unix_connection_with, start_unix_server, start_unix_server_with};
pub use wasi::tcp::TcpSocket;
pub use wasyncio_core::address::{AddressFamily, SocketAddress};
pub use wasyncio_core::extra_info::{Cipher, ExtraInfo, PeerCredentials, SocketInfo, SslInfo};
pub use wasyncio_core::options::{ConnectionOptions, ServerOptions, UnixConnectionOptions, UnixServerOptions};
pub use wasyncio_core::{
    DEFAULT_LIMIT, Error, OsError, OsErrorKind, Result, Server, StreamReader, StreamReaderProtocol, StreamWriter,
    Transport,
};
#[cfg(feature = "command")]
pub use wasyncio_executor::command;
pub use wasyncio_transport::ByteStream;

/// What a program needs to make sockets itself, for [`open_connection_sock`] and [`start_server_sock`].
pub mod sockets {
    pub use crate::wasi::bindings::sockets::types::{
        ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
    };
}

/// Runs a future beside the others of this component's task.
///
/// # asyncio
/// `asyncio.create_task(future)`.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    wasyncio_transport::runtime::spawn(Box::pin(future));
}
