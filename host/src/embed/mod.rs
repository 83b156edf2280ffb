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
mod reader;
mod server;
mod writer;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Store;
use wasmtime::component::{Accessor, ResourceAny};

pub use bindings::{
    AddressFamily, AsyncioError, Cipher, ConnectionOptions, ExtraInfo, IncompleteReadError, LimitOverrunError, OsError,
    OsErrorKind, ServerOptions, SocketAddress, SocketInfo,
};
pub use builder::StreamsBuilder;
pub use reader::StreamReader;
pub use server::Server;
pub use writer::StreamWriter;

use crate::Result;
use crate::meter::Computing;
use crate::runner::ended;
use crate::state::State;
use crate::ticker::Ticker;

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
    /// Calls `f` with asyncio's functions, and drives the streams until it is done. Readers, writers and servers live
    /// as long as `f` does.
    ///
    /// wasmtime can free what the component holds for a reader, writer or server only when none of its functions is at
    /// work, so that is done when `f` has returned; close writers and servers in good time. Must be called within a
    /// tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// [`Error::Trap`](crate::Error::Trap) or [`Error::Limit`](crate::Error::Limit) if the component ended. What `f`
    /// makes of its own errors is its result.
    ///
    /// # Cancel safety
    /// No: what `f` was about to do is lost, and this is best dropped too.
    pub async fn run<R>(&mut self, f: impl AsyncFnOnce(Asyncio<'_>) -> R) -> Result<R> {
        let (guest, dropped) = (&self.guest, &self.dropped);
        let work = self.store.run_concurrent(async |accessor| f(Asyncio { accessor, guest, dropped }).await);
        let result = self.ticker.while_polled(work, || self.computing.resumed()).await.map_err(failed)?;
        let unused = std::mem::take(&mut *self.dropped.lock());
        for resource in unused {
            resource.resource_drop_async(&mut self.store).await.map_err(failed)?;
        }
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
    /// # asyncio
    /// `await asyncio.open_connection(host, port, **options)`.
    pub async fn open_connection(
        self,
        host: &str,
        port: u16,
        options: Option<ConnectionOptions>,
    ) -> StreamResult<(StreamReader<'a>, StreamWriter<'a>)> {
        let connect = self.guest.wasyncio_streams_connect();
        let opened = connect.call_open_connection(self.accessor, Some(host.to_owned()), Some(port), options).await;
        let (reader, writer) = flat(opened)?;
        Ok((StreamReader(self.held(reader)), StreamWriter(self.held(writer))))
    }

    /// Listens on `hosts`, names or addresses, and `port`.
    ///
    /// # Errors
    /// An [`OsError`] if that fails; access-denied if the policy does not grant it.
    ///
    /// # asyncio
    /// `await asyncio.start_server(callback, hosts, port, **options)`, with [`Server::accept`] in the place of the
    /// callback.
    pub async fn start_server(
        self,
        hosts: &[&str],
        port: u16,
        options: Option<ServerOptions>,
    ) -> StreamResult<Server<'a>> {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let server = self.guest.wasyncio_streams_server();
        let started = server.call_start_server(self.accessor, hosts, port, options).await;
        Ok(Server(self.held(flat(started)?)))
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

/// Resources that are not used any more, to be freed at the end of [`Streams::run`].
#[derive(Default)]
struct Dropped(Mutex<Vec<ResourceAny>>);

impl Dropped {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ResourceAny>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A resource of the component.
struct Held<'a> {
    asyncio: Asyncio<'a>,
    resource: ResourceAny,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.asyncio.dropped.lock().push(self.resource);
    }
}

fn failed(error: wasmtime::Error) -> crate::Error {
    ended(NAME, error)
}

/// One result of a call and what it returned.
fn flat<T>(result: wasmtime::Result<std::result::Result<T, AsyncioError>>) -> StreamResult<T> {
    Ok(result.map_err(failed)??)
}
