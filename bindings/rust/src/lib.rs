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
//!         writer.write(line)?;
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
//! that. Names, meanings and errors are those of `wit/`.
//!
//! An asynchronous call between components suspends the caller each time, so the methods here ask by synchronous ones first, and
//! wait for one stream of tokens that says which reader is worth asking again: the interface `fast`. Bytes that were written
//! cross with the next read, and lines that have arrived together cross together. [`plain`] has the generated types without
//! that.

mod dispatcher;
mod errors;
mod generated;
mod lines;
mod link;
mod long;
mod lookout;
mod places;
mod question;
mod reader;
mod server;
#[cfg(feature = "sockets")]
pub mod sockets;
mod streamed;
mod writer;

use std::future::Future;

pub use generated::wasyncio::streams::connect::ConnectionOptions;
pub use generated::wasyncio::streams::server::ServerOptions;
pub use generated::wasyncio::streams::streams::Transport;
pub use generated::wasyncio::streams::types::{
    AddressFamily, Cipher, Error, ExtraInfo, IncompleteReadError, LimitOverrunError, OsError, OsErrorKind,
    SocketAddress, SocketInfo,
};
pub use reader::StreamReader;
pub use server::{Server, serve_forever, start_server, start_server_with};
#[cfg(feature = "command")]
pub use wasyncio_executor::command;
pub use writer::StreamWriter;

use generated::wasyncio::streams::{connect, streams};
use link::Link;

/// The generated types and functions: asyncio's asynchronous methods as they cross the boundary, one call for each.
pub mod plain {
    pub use crate::generated::wasyncio::streams::connect::open_connection;
    pub use crate::generated::wasyncio::streams::server::{Server, start_server};
    pub use crate::generated::wasyncio::streams::streams::{
        StreamReader, StreamReaderProtocol, StreamWriter, Transport, from_streams,
    };
}

/// A component-model `stream<u8>`, to read from.
pub type ByteStream = wit_bindgen::rt::async_support::StreamReader<u8>;

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
    Ok(pair(connect::open_connection(Some(host.to_owned()), Some(port), None).await?))
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
    Ok(pair(connect::open_connection(host.map(str::to_owned), port, Some(options)).await?))
}

/// A reader and a writer over any two streams, and the stream that the written bytes come out of. `limit` is in bytes; none is
/// 65,536.
///
/// # Errors
/// [`Error::ValueError`] if the limit is 0.
pub async fn from_streams(
    incoming: ByteStream,
    limit: Option<u64>,
) -> Result<(StreamReader, StreamWriter, ByteStream), Error> {
    let (reader, writer, outgoing) = streams::from_streams(incoming, limit).await?;
    let (reader, writer) = pair((reader, writer));
    Ok((reader, writer, outgoing))
}

fn pair((reader, writer): (streams::StreamReader, streams::StreamWriter)) -> (StreamReader, StreamWriter) {
    let link = Link::new(writer);
    (StreamReader::of(reader, Some(link.clone())), StreamWriter::of(link))
}

/// Runs a future beside the others of this component's task.
///
/// # asyncio
/// `asyncio.create_task(future)`.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    wit_bindgen::spawn_local(future);
}
