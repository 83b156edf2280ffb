//! asyncio's streams for a Rust program: `open_connection` and `start_server`, inside the sandbox.
//!
//! [`Host::streams`](crate::Host::streams) makes an instance of the streams component of its own, with a policy and limits as a
//! program has. [`StreamsBuilder::start`] spawns a tokio task that owns it, and gives [`Asyncio`]. That and the readers, writers and
//! servers that come from it are owned and [`Send`]: they may be moved to any task or thread. The names and their meaning are
//! asyncio's; the interface in `wit/` documents each function.
//!
//! What the component holds for a handle is freed soon after that is dropped. When the component traps or reaches a limit, all who
//! wait get that error. When the last handle is dropped, what was written is still sent, for
//! [`a while`](StreamsBuilder::linger), and the instance ends.
//!
//! # Cancel safety
//! Each method says what becomes of its call when its future is dropped. No byte and no connection is lost. wasmtime 48 cannot
//! cancel a call that the host has made, so it goes on in the component, at most one for each waiting method of a handle, until it
//! answers or the handle is dropped.
//!
//! # Examples
//!
//! A server of many connections is `host/examples/echo.rs`.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use wasyncio_host::{Host, Policy};
//!
//! let host = Host::builder().build()?;
//! # if wasyncio_host::embedded().is_none() { return Ok(()); }
//! let policy = Policy::new().allow_listen("127.0.0.1:0".parse()?).allow_connect("127.0.0.1:*".parse()?);
//! let asyncio = host.streams()?.policy(policy).start().await?;
//!
//! let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
//! let port = server.sockets().await?[0].port();
//! tokio::spawn(async move {
//!     server
//!         .serve_forever(async |reader, writer| {
//!             writer.write(&reader.readline().await?).await?;
//!             writer.drain().await
//!         })
//!         .await
//! });
//!
//! let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
//! writer.write(b"hello\n").await?;
//! writer.drain().await?;
//! assert_eq!(reader.readline().await?, b"hello\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod address;
mod asyncio;
#[expect(missing_docs, reason = "the text comes from the WIT, where some fields say all by their name")]
mod bindings;
mod builder;
mod driver;
mod error;
mod garbage;
mod link;
mod options;
mod reader;
mod reads;
mod receiving;
mod server;
mod tokio_io;
mod transport;
mod unix;
mod wait;
mod writer;

pub use asyncio::Asyncio;
pub use bindings::{
    AddressFamily, AsyncioError, Cipher, ExtraInfo, IncompleteReadError, LimitOverrunError, OsError, OsErrorKind,
    PeerCredentials, SocketAddress, SocketInfo, SslCertVerificationError, SslError, SslInfo,
};
pub use builder::StreamsBuilder;
pub use error::{StreamError, StreamResult};
pub use options::{ConnectionOptions, ServerOptions};
pub use reader::StreamReader;
pub use server::Server;
pub use transport::Transport;
pub use unix::{UnixConnectionOptions, UnixServerOptions};
pub use writer::StreamWriter;

use wasmtime::component::ResourceAny;

use link::{Held, Link, ResourceKind};

/// What an instance of the streams component is called in messages.
const NAME: &str = "the streams component";

/// A connection that nobody reads or writes yet.
struct Connection {
    reader: Held,
    writer: Held,
}

impl Connection {
    fn new(link: Link, reader: ResourceAny, writer: ResourceAny) -> Self {
        Self {
            reader: Held::new(link.clone(), reader, ResourceKind::Reader),
            writer: Held::new(link, writer, ResourceKind::Writer),
        }
    }

    /// Its halves; `limit` is the reader's, in bytes.
    fn split(self, limit: u64) -> (StreamReader, StreamWriter) {
        (StreamReader::new(self.reader, limit), StreamWriter::new(self.writer))
    }
}

/// The answer to a call and what it returned.
async fn flat<T, F>(call: F) -> StreamResult<T>
where
    F: Future<Output = StreamResult<Result<T, AsyncioError>>> + Send,
{
    Ok(call.await??)
}
