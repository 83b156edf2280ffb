//! `asyncio.open_unix_connection` and `asyncio.start_unix_server`.

use wasyncio_core::address::SocketAddress;
use wasyncio_core::options::{UnixConnectionOptions, UnixServerOptions};
use wasyncio_core::transport::Listener;
use wasyncio_core::{Error, OsErrorKind, Result, Server, StreamReader, StreamWriter, limit_or_default, open};
use wasyncio_transport::runtime::runtime;

use crate::host::bindings::unix;
use crate::host::listener::UnixListener;
use crate::host::unix::{failure, halves};
use crate::listen::{DEFAULT_BACKLOG, serve};
use crate::secure;

/// Connects to the Unix socket at `path`: the bytes of the file system, or a NUL and an abstract name.
///
/// # Errors
/// [`Error::Os`], with the path: there is nothing at it, nobody listens, the policy or the system denies it, it is too long.
///
/// # Cancel safety
/// Yes: dropping the future closes what was begun.
///
/// # asyncio
/// `reader, writer = await asyncio.open_unix_connection(path)`.
pub async fn open_unix_connection(path: impl AsRef<[u8]>) -> Result<(StreamReader, StreamWriter)> {
    open_unix_connection_with(path, UnixConnectionOptions::default()).await
}

/// Connects to the Unix socket at `path`, with asyncio's keyword arguments.
///
/// # Errors
/// As [`open_unix_connection`]; [`Error::Value`] for a limit of 0.
///
/// # Cancel safety
/// As [`open_unix_connection`].
pub async fn open_unix_connection_with(
    path: impl AsRef<[u8]>,
    options: UnixConnectionOptions,
) -> Result<(StreamReader, StreamWriter)> {
    let limit = limit_or_default(options.limit)?;
    let ssl = secure::client(options.ssl.as_ref(), None, "you have to pass server_hostname when using ssl")?;
    let path = path.as_ref().to_vec();
    let connected = unix::connect(path.clone()).await;
    let socket = connected.map_err(|error| failure(&SocketAddress::Unix(path), error))?;
    let halves = secure::secured(halves(socket), ssl).await?;
    Ok(open(runtime(), halves, limit))
}

/// Listens on a Unix socket at `path`. A socket that is there already is removed first, any other file is left alone. The file is
/// removed when the server is closed.
///
/// # Errors
/// [`Error::Os`], with the path: there is a file that is no socket, the folder is missing, the policy or the system denies it, it is
/// too long. [`Error::Value`] for a path with a NUL inside.
///
/// # asyncio
/// `server = await asyncio.start_unix_server(callback, path)`.
pub async fn start_unix_server(path: impl AsRef<[u8]>) -> Result<Server> {
    start_unix_server_with(path, UnixServerOptions::default()).await
}

/// Listens on a Unix socket at `path`, with asyncio's keyword arguments.
///
/// # Errors
/// As [`start_unix_server`]; [`Error::Value`] for a limit of 0.
pub async fn start_unix_server_with(path: impl AsRef<[u8]>, options: UnixServerOptions) -> Result<Server> {
    let limit = limit_or_default(options.limit)?;
    let ssl = secure::server(options.ssl.as_ref())?;
    let path = path.as_ref().to_vec();
    if path.first() != Some(&0) && path.contains(&0) {
        return Err(Error::Value("stat: embedded null character in path".into()));
    }
    let settings = unix::ListenOptions {
        backlog: options.backlog.unwrap_or(DEFAULT_BACKLOG),
        cleanup: options.cleanup_socket.unwrap_or(true),
    };
    let bound = unix::bind(path.clone(), settings).await;
    let path = SocketAddress::Unix(path);
    let socket = bound.map_err(|error| {
        let mut error = failure(&path, error);
        if error.kind == OsErrorKind::AddressInUse {
            error.message = format!("Address '{}' is already in use", shown(&path));
        }
        error
    })?;
    let listeners: Vec<Box<dyn Listener>> =
        vec![secure::listening(Box::new(UnixListener::new(socket, path)), ssl.as_ref())];
    serve(listeners, limit, options.start_serving).await
}

/// A path as Python's `repr` shows it, without the quotes.
fn shown(path: &SocketAddress) -> String {
    path.host().replace('\0', "\\x00")
}
