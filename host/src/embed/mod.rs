//! asyncio's streams for a Rust program: `open_connection` and `start_server`, inside the sandbox.
//!
//! [`Host::streams`](crate::Host::streams) makes an instance of the streams component of its own, with a policy and
//! limits as a program has. What it gives has asyncio's names and asyncio's meaning; the interface in `wit/` documents
//! each function.
//!
//! # Examples
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use wasyncio_host::{Host, Policy};
//!
//! let host = Host::builder().build()?;
//! # if wasyncio_host::embedded().is_none() { return Ok(()); }
//! let policy = Policy::new().allow_listen("127.0.0.1:0".parse()?).allow_connect("127.0.0.1:*".parse()?);
//! let mut streams = host.streams()?.policy(policy).start().await?;
//! let line = streams
//!     .run(async |asyncio| {
//!         let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
//!         let port = server.sockets().await?[0].port;
//!         let serve = async {
//!             let (reader, writer) = server.accept().await?;
//!             writer.write(&reader.readline().await?).await?;
//!             writer.drain().await
//!         };
//!         let ask = async {
//!             let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
//!             writer.write(b"hello\n").await?;
//!             writer.drain().await?;
//!             let line = reader.readline().await?;
//!             writer.close().await?;
//!             Ok(line)
//!         };
//!         tokio::try_join!(ask, serve).map(|(line, ())| line)
//!     })
//!     .await??;
//! assert_eq!(line, b"hello\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

#[expect(missing_docs, reason = "the text comes from the WIT, where some fields say all by their name")]
mod bindings;
mod builder;
mod dropped;
mod options;
mod pending;
mod reader;
mod server;
mod transport;
mod writer;

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use wasmtime::Store;
use wasmtime::component::{Accessor, ResourceAny};

pub use bindings::{
    AddressFamily, AsyncioError, Cipher, ExtraInfo, IncompleteReadError, LimitOverrunError, OsError, OsErrorKind,
    PeerCredentials, SocketAddress, SocketInfo, SslCertVerificationError, SslError, SslInfo,
};
pub use builder::StreamsBuilder;
pub use options::{ConnectionOptions, ServerOptions};
pub use reader::StreamReader;
pub use server::Server;
pub use transport::Transport;
pub use writer::StreamWriter;

use dropped::Dropped;
use options::narrow;

use crate::Result;
use crate::run::meter::Computing;
use crate::run::runner::ended;
use crate::run::state::State;
use crate::run::ticker::Ticker;

/// What [`Streams`] are called in messages.
const NAME: &str = "the streams component";

/// Why an operation on a stream failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// asyncio's exception.
    #[error(transparent)]
    Asyncio(#[from] AsyncioError),
    /// The streams component trapped or reached a limit. Nothing more can be done with it.
    #[error(transparent)]
    Host(#[from] crate::Error),
}

/// The result of an operation on a stream.
pub type StreamResult<T> = std::result::Result<T, StreamError>;

/// An instance of the streams component. Dropping it closes everything.
pub struct Streams {
    store: Store<State>,
    guest: bindings::Embedding,
    dropped: Dropped,
    ticker: Arc<Ticker>,
    computing: Arc<Computing>,
}

impl Streams {
    /// Calls `f` with asyncio's functions, and drives the streams until it is done. What the component holds for a
    /// reader, writer or server is freed soon after that is dropped. Must be called within a tokio runtime with I/O and
    /// time enabled.
    ///
    /// # Errors
    /// [`Error::Trap`](crate::Error::Trap) or [`Error::Limit`](crate::Error::Limit) if the component ended. What `f`
    /// makes of its own errors is its result.
    ///
    /// # Cancel safety
    /// No: what `f` was about to do is lost, and this is best dropped too.
    ///
    /// # Examples
    /// The one of [this module](self).
    pub async fn run<R>(&mut self, f: impl AsyncFnOnce(Asyncio<'_>) -> R) -> Result<R> {
        let (guest, dropped) = (&self.guest, &self.dropped);
        let work = self.store.run_concurrent(async |accessor| {
            let mut work = pin!(f(Asyncio { accessor, guest, dropped }));
            poll_fn(|context| {
                let polled = work.as_mut().poll(context);
                // Whatever was dropped, it was in this turn: nothing else runs the caller's code.
                match dropped.free(accessor) {
                    Ok(()) => polled.map(Ok),
                    Err(error) => Poll::Ready(Err(error)),
                }
            })
            .await
        });
        let result = self.ticker.while_polled(work, || self.computing.resumed()).await.flatten().map_err(failed)?;
        self.dropped.free_in(&mut self.store).map_err(failed)?;
        Ok(result)
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

/// asyncio's functions. See [`Streams::run`].
#[derive(Clone, Copy)]
pub struct Asyncio<'a> {
    accessor: &'a Accessor<State>,
    guest: &'a bindings::Embedding,
    dropped: &'a Dropped,
}

impl<'a> Asyncio<'a> {
    /// Connects to `host`, a name or an address.
    ///
    /// # Errors
    /// An [`OsError`], or a group of them, if that fails; access-denied if the policy does not grant it.
    ///
    /// # Cancel safety
    /// Yes, in that nothing is left behind: what comes of it is closed.
    ///
    /// # asyncio
    /// `await asyncio.open_connection(host, port, **options)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// // `port` is that of a peer that sends back what it gets.
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// writer.write(b"hello\n").await?;
    /// writer.drain().await?;
    /// assert_eq!(reader.readline().await?, b"hello\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn open_connection(
        self,
        host: &str,
        port: u16,
        options: Option<ConnectionOptions>,
    ) -> StreamResult<(StreamReader<'a>, StreamWriter<'a>)> {
        let connect = self.guest.wasyncio_streams_connect();
        let options = options.map(Into::into);
        let opened = connect.call_open_connection(self.accessor, Some(host.to_owned()), Some(port), options).await;
        let (reader, writer) = flat(opened)?;
        Ok(self.connection(reader, writer))
    }

    /// Listens on `hosts`, names or addresses, and `port`.
    ///
    /// # Errors
    /// An [`OsError`] if that fails; access-denied if the policy does not grant it.
    ///
    /// # asyncio
    /// `await asyncio.start_server(callback, hosts, port, **options)`, with [`Server::accept`] in the place of the
    /// callback.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, None).await?;
    /// let port = server.sockets().await?[0].port;
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let (reader, _writer) = server.accept().await?;
    /// writer.write(b"hello").await?;
    /// writer.close().await?;
    /// assert_eq!(reader.read(-1).await?, b"hello");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn start_server(
        self,
        hosts: &[&str],
        port: u16,
        options: Option<ServerOptions>,
    ) -> StreamResult<Server<'a>> {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let server = self.guest.wasyncio_streams_server();
        let started = server.call_start_server(self.accessor, hosts, port, options.map(Into::into)).await;
        Ok(Server::new(self.held(flat(started)?)))
    }

    /// Makes a reader without a connection, to be fed by hand. `limit` is in bytes; none is 65,536.
    ///
    /// # Errors
    /// A value-error if the limit is 0.
    ///
    /// # asyncio
    /// `asyncio.StreamReader(limit)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let reader = asyncio.stream_reader(None).await?;
    /// reader.feed_data(b"one\ntwo").await?;
    /// reader.feed_eof().await?;
    /// assert_eq!(reader.readline().await?, b"one\n");
    /// assert_eq!(reader.readline().await?, b"two");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn stream_reader(self, limit: Option<u64>) -> StreamResult<StreamReader<'a>> {
        let readers = self.guest.wasyncio_streams_streams().stream_reader();
        Ok(StreamReader::new(self.held(flat(readers.call_create(self.accessor, limit.map(narrow)).await)?)))
    }

    fn connection(self, reader: ResourceAny, writer: ResourceAny) -> (StreamReader<'a>, StreamWriter<'a>) {
        (StreamReader::new(self.held(reader)), StreamWriter(self.held(writer)))
    }

    fn held(self, resource: ResourceAny) -> Held<'a> {
        Held { asyncio: self, resource }
    }
}

impl fmt::Debug for Asyncio<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asyncio").finish_non_exhaustive()
    }
}

/// A resource of the component.
struct Held<'a> {
    asyncio: Asyncio<'a>,
    resource: ResourceAny,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.asyncio.dropped.push(self.resource);
    }
}

fn failed(error: wasmtime::Error) -> crate::Error {
    ended(NAME, error)
}

/// One result of a call and what it returned.
fn flat<T>(result: wasmtime::Result<std::result::Result<T, AsyncioError>>) -> StreamResult<T> {
    Ok(result.map_err(failed)??)
}
