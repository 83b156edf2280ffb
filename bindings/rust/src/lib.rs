//! asyncio streams for Rust components that import `wasyncio:streams`.
//!
//! ```no_run
//! use wasyncio_client::{Error, StreamReader, StreamWriter, serve_forever, start_server};
//!
//! async fn handle_echo(reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
//!     loop {
//!         let line = reader.readline().await?;
//!         if line.is_empty() {
//!             break;
//!         }
//!         writer.write(&line)?;
//!         writer.drain().await?;
//!     }
//!     writer.close();
//!     writer.wait_closed().await
//! }
//!
//! async fn run() -> Result<(), Error> {
//!     let server = start_server("127.0.0.1", 8888).await?;
//!     serve_forever(&server, |reader, writer| async {
//!         if let Err(error) = handle_echo(reader, writer).await {
//!             eprintln!("{}", error.message());
//!         }
//!     })
//!     .await
//! }
//! ```
//!
//! The component that this is linked into must be composed with `wasyncio.wasm`; `wasyncio run` and `wasyncio compose` do
//! that. Names, meanings and errors are those of `wit/`, which the documentation of [`StreamReader`], [`StreamWriter`] and
//! [`Server`] repeats.

mod errors;
mod generated;
#[cfg(feature = "sockets")]
pub mod sockets;

use std::future::Future;

pub use generated::wasyncio::streams::connect::ConnectionOptions;
pub use generated::wasyncio::streams::server::{Server, ServerOptions};
pub use generated::wasyncio::streams::streams::{
    StreamReader, StreamReaderProtocol, StreamWriter, Transport, from_streams,
};
pub use generated::wasyncio::streams::types::{
    AddressFamily, Cipher, Error, ExtraInfo, IncompleteReadError, LimitOverrunError, OsError, OsErrorKind,
    SocketAddress, SocketInfo,
};

use generated::wasyncio::streams::{connect, server};

/// Connects to `host`, a name or an address, by TCP.
///
/// # Errors
/// [`Error::OsError`] if the name does not resolve or the connection is refused, denied, reset or timed out, with the address.
///
/// # Cancel safety
/// Yes: dropping the future closes what was begun.
///
/// # asyncio
/// `reader, writer = await asyncio.open_connection(host, port)`.
pub async fn open_connection(host: &str, port: u16) -> Result<(StreamReader, StreamWriter), Error> {
    connect::open_connection(Some(host.to_owned()), Some(port), None).await
}

/// Connects with asyncio's keyword arguments. Without a `host` it is this machine.
///
/// # Errors
/// As [`open_connection`]; [`Error::ValueError`] and [`Error::NotImplementedError`] name the option at fault.
pub async fn open_connection_with(
    host: Option<&str>,
    port: Option<u16>,
    options: ConnectionOptions,
) -> Result<(StreamReader, StreamWriter), Error> {
    connect::open_connection(host.map(str::to_owned), port, Some(options)).await
}

/// Listens on every address of `host`; an empty one means every interface. Port 0 picks a free port: ask
/// [`Server::sockets`] which.
///
/// # Errors
/// [`Error::OsError`] if the host does not resolve or an address cannot be bound or is denied, naming it.
///
/// # asyncio
/// `server = await asyncio.start_server(callback, host, port)`.
pub async fn start_server(host: &str, port: u16) -> Result<Server, Error> {
    server::start_server(vec![host.to_owned()], port, None).await
}

/// Listens on every address of the hosts, with asyncio's keyword arguments. No host means every interface.
///
/// # Errors
/// As [`start_server`]; [`Error::ValueError`] and [`Error::NotImplementedError`] name the option at fault.
pub async fn start_server_with(hosts: &[&str], port: u16, options: ServerOptions) -> Result<Server, Error> {
    server::start_server(hosts.iter().map(|&host| host.to_owned()).collect(), port, Some(options)).await
}

/// Accepts until the server is closed, and runs `serve` for every connection, each beside the others.
///
/// # Errors
/// [`Error::RuntimeError`] once the server is closed.
///
/// # asyncio
/// `await server.serve_forever()`, with the callback that Python gives to `start_server`.
pub async fn serve_forever<F>(
    server: &Server,
    mut serve: impl FnMut(StreamReader, StreamWriter) -> F,
) -> Result<(), Error>
where
    F: Future<Output = ()> + 'static,
{
    loop {
        let (reader, writer) = server.accept().await?;
        spawn(serve(reader, writer));
    }
}

/// Runs a future beside the others of this component's task.
///
/// # asyncio
/// `asyncio.create_task(future)`.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    wit_bindgen::spawn_local(future);
}
