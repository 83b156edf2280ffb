//! The component's interface `unix`, if it has it: `wasyncio.wasm` has not, which an embedder may use instead of the full one.

use std::path::Path;
#[cfg(unix)]
use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

use wasmtime::Store;
use wasmtime::component::{ComponentType, Instance, Lift, Lower, ResourceAny, TypedFunc};

use super::asyncio::Asyncio;
use super::link::{Component, Held, ResourceKind};
use super::options::narrow;
use super::reader::DEFAULT_LIMIT;
use super::{AsyncioError, Connection, Server, SocketAddress, StreamReader, StreamResult, StreamWriter, flat};
use crate::run::state::State;

/// The name of the interface.
const INTERFACE: &str = "wasyncio:streams/unix@0.1.0";

type Opened = (Result<(ResourceAny, ResourceAny), AsyncioError>,);
type Started = (Result<ResourceAny, AsyncioError>,);

/// The functions of the interface.
pub(super) struct UnixFunctions {
    open: TypedFunc<(Vec<u8>, Option<OpenOptions>), Opened>,
    start: TypedFunc<(Vec<u8>, Option<StartOptions>), Started>,
}

#[derive(ComponentType, Lower, Lift)]
#[component(record)]
struct OpenOptions {
    limit: Option<u32>,
}

#[derive(ComponentType, Lower, Lift)]
#[component(record)]
struct StartOptions {
    limit: Option<u32>,
    backlog: Option<u32>,
    #[component(name = "start-serving")]
    start_serving: Option<bool>,
    #[component(name = "cleanup-socket")]
    cleanup_socket: Option<bool>,
}

impl UnixFunctions {
    /// Those of an instance; none if it has no such interface.
    ///
    /// # Errors
    /// If it has one of another form.
    pub(super) fn of(store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Option<Self>> {
        let Some(interface) = instance.get_export_index(&mut *store, None, INTERFACE) else { return Ok(None) };
        let mut index = |name: &str| {
            let index = instance.get_export_index(&mut *store, Some(&interface), name);
            index.ok_or_else(|| wasmtime::format_err!("{INTERFACE} has no function `{name}`"))
        };
        let (open, start) = (index("open-unix-connection")?, index("start-unix-server")?);
        Ok(Some(Self {
            open: instance.get_typed_func(&mut *store, open)?,
            start: instance.get_typed_func(&mut *store, start)?,
        }))
    }
}

/// The keyword arguments of asyncio's `open_unix_connection`. The default is Python's.
#[derive(Clone, Debug, Default)]
pub struct UnixConnectionOptions {
    /// The reader's limit in bytes; none: 65,536.
    pub limit: Option<u64>,
}

/// The keyword arguments of asyncio's `start_unix_server`. The default is Python's.
#[derive(Clone, Debug, Default)]
pub struct UnixServerOptions {
    /// The limit of every accepted reader in bytes; none: 65,536.
    pub limit: Option<u64>,
    /// How many connections may wait to be accepted; none: 100.
    pub backlog: Option<u32>,
    /// Whether to listen at once; none: yes.
    pub start_serving: Option<bool>,
    /// Whether to remove the file when the server is closed, if it is still the one that was made; none: yes.
    pub cleanup_socket: Option<bool>,
}

/// What is missing where there is no such interface.
fn missing() -> AsyncioError {
    AsyncioError::NotImplementedError("Unix sockets need wasyncio-full.wasm as the streams component".to_owned())
}

impl Asyncio {
    /// Connects to the Unix socket at `path`, or to an abstract name behind a NUL.
    ///
    /// # Errors
    /// An [`OsError`](super::OsError) if that fails; access-denied if the policy does not grant it. A not-implemented-error with a
    /// [streams component](crate::HostBuilder::streams) that has no Unix sockets.
    ///
    /// # Cancel safety
    /// Yes, in that nothing is left behind: what comes of it is closed.
    ///
    /// # asyncio
    /// `await asyncio.open_unix_connection(path, **options)`.
    pub async fn open_unix_connection(
        &self,
        path: impl AsRef<Path>,
        options: UnixConnectionOptions,
    ) -> StreamResult<(StreamReader, StreamWriter)> {
        let (path, limit) = (bytes(path.as_ref()), options.limit.unwrap_or(DEFAULT_LIMIT));
        let options = OpenOptions { limit: options.limit.map(narrow) };
        let link = self.link().downgrade();
        let opened = self.link().call(move |component: Component<'_>| {
            Box::pin(async move {
                let Some(unix) = component.unix else { return Ok(Err(missing())) };
                match unix.open.call_concurrent(component.accessor, (path, Some(options))).await?.0 {
                    Ok((reader, writer)) => Ok(Ok(Connection::new(link.upgrade()?, reader, writer))),
                    Err(error) => Ok(Err(error)),
                }
            })
        });
        Ok(flat(opened).await?.split(limit))
    }

    /// Listens on a Unix socket at `path`, or on an abstract name behind a NUL. A socket that is there already is removed first, any
    /// other file is left alone.
    ///
    /// # Errors
    /// As [`open_unix_connection`](Self::open_unix_connection).
    ///
    /// # Cancel safety
    /// Yes, in that nothing is left behind: what comes of it is closed.
    ///
    /// # asyncio
    /// `await asyncio.start_unix_server(callback, path, **options)`, with [`Server::serve_forever`] or [`Server::accept`] in the place
    /// of the callback.
    pub async fn start_unix_server(&self, path: impl AsRef<Path>, options: UnixServerOptions) -> StreamResult<Server> {
        let (path, limit) = (bytes(path.as_ref()), options.limit.unwrap_or(DEFAULT_LIMIT));
        let options = StartOptions {
            limit: options.limit.map(narrow),
            backlog: options.backlog,
            start_serving: options.start_serving,
            cleanup_socket: options.cleanup_socket,
        };
        let link = self.link().downgrade();
        let started = self.link().call(move |component: Component<'_>| {
            Box::pin(async move {
                let Some(unix) = component.unix else { return Ok(Err(missing())) };
                match unix.start.call_concurrent(component.accessor, (path, Some(options))).await?.0 {
                    Ok(server) => Ok(Ok(Held::new(link.upgrade()?, server, ResourceKind::Server))),
                    Err(error) => Ok(Err(error)),
                }
            })
        });
        Ok(Server::new(flat(started).await?, limit))
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

impl SocketAddress {
    /// The path, if it is that of a Unix socket: empty for a client's, behind a NUL for an abstract name.
    #[cfg(unix)]
    pub fn unix_path(&self) -> Option<PathBuf> {
        self.path.clone().map(|path| OsString::from_vec(path).into())
    }
}
