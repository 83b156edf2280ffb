//! asyncio streams for Rust components that import `wasyncio:streams`: the API of the crate `wasyncio`, which has the same over
//! `wasi:sockets`. Going from one to the other is a change of dependency.
//!
//! ```no_run
//! use wasyncio_client::{Error, StreamReader, StreamWriter, start_server};
//!
//! async fn handle_echo(reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
//!     loop {
//!         let line = reader.readline().await?;
//!         if line.is_empty() {
//!             break;
//!         }
//!         writer.write(line)?;
//!         writer.drain().await?;
//!     }
//!     writer.close();
//!     writer.wait_closed().await
//! }
//!
//! async fn run() -> Result<(), Error> {
//!     let server = start_server("127.0.0.1", 8888).await?;
//!     server
//!         .serve_forever(|reader, writer| async {
//!             if let Err(error) = handle_echo(reader, writer).await {
//!                 eprintln!("{error}");
//!             }
//!         })
//!         .await
//! }
//! ```
//!
//! The component that this is linked into must be composed with `wasyncio.wasm`; `wasyncio run` and `wasyncio compose` do
//! that. asyncio's rules run in the program, on the connection's own streams, which it takes by the interface `raw`: no call
//! crosses the boundary for a message. A mended rule reaches the program when it is built again.

mod connect;
mod connection;
mod convert;
mod generated;
mod listener;
mod serve;
#[cfg(feature = "sockets")]
pub mod sockets;
#[cfg(feature = "unix")]
mod unix;

pub use connect::{from_streams, open_connection, open_connection_with};
pub use serve::{start_server, start_server_with};
#[cfg(feature = "sockets")]
pub use sockets::{TcpSocket, open_connection_sock, start_server_sock};
#[cfg(feature = "unix")]
pub use unix::{open_unix_connection, open_unix_connection_with, start_unix_server, start_unix_server_with};
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

/// Runs a future beside the others of this component's task.
///
/// # asyncio
/// `asyncio.create_task(future)`.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    wasyncio_transport::runtime::spawn(Box::pin(future));
}
