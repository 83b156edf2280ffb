//! `asyncio.open_unix_connection` and `asyncio.start_unix_server`.

use wasyncio_core::options::{UnixConnectionOptions, UnixServerOptions};
use wasyncio_core::{Result, Server, StreamReader, StreamWriter, limit_or_default};

use crate::connection::streams;
use crate::generated::{raw, unix};
use crate::serve::serving;

/// Connects to the Unix socket at `path`: the bytes of the file system, or a NUL and an abstract name.
///
/// # Errors
/// [`Error::Os`](crate::Error::Os), with the path: there is nothing at it, nobody listens, the policy or the system denies it, it is
/// too long.
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
/// As [`open_unix_connection`]; [`Error::Value`](crate::Error::Value) for a limit of 0.
///
/// # Cancel safety
/// As [`open_unix_connection`].
pub async fn open_unix_connection_with(
    path: impl AsRef<[u8]>,
    options: UnixConnectionOptions,
) -> Result<(StreamReader, StreamWriter)> {
    let limit = limit_or_default(options.limit)?;
    let (reader, writer) = unix::open_unix_connection(path.as_ref().to_vec(), Some(options.into())).await?;
    streams(raw::take(reader, writer).await?, limit)
}

/// Listens on a Unix socket at `path`. A socket that is there already is removed first, any other file is left alone. The file is
/// removed when the server is closed.
///
/// # Errors
/// [`Error::Os`](crate::Error::Os), with the path: there is a file that is no socket, the folder is missing, the policy or the system
/// denies it, it is too long. [`Error::Value`](crate::Error::Value) for a path with a NUL inside.
///
/// # asyncio
/// `server = await asyncio.start_unix_server(callback, path)`.
pub async fn start_unix_server(path: impl AsRef<[u8]>) -> Result<Server> {
    start_unix_server_with(path, UnixServerOptions::default()).await
}

/// Listens on a Unix socket at `path`, with asyncio's keyword arguments.
///
/// # Errors
/// As [`start_unix_server`]; [`Error::Value`](crate::Error::Value) for a limit of 0.
pub async fn start_unix_server_with(path: impl AsRef<[u8]>, options: UnixServerOptions) -> Result<Server> {
    let limit = limit_or_default(options.limit)?;
    let listens = options.start_serving != Some(false);
    let server = unix::start_unix_server(path.as_ref().to_vec(), Some(options.into())).await?;
    serving(server, listens, limit).await
}
