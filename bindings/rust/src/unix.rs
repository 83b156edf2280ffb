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
    let path = path.as_ref().to_vec();
    let (reader, writer) = match options.ssl.clone() {
        None => unix::open_unix_connection(path, Some(options.into())).await?,
        #[cfg(feature = "tls")]
        Some(ssl) => crate::generated::tls::open_unix_connection(path, ssl.into(), Some(options.into())).await?,
        #[cfg(not(feature = "tls"))]
        Some(_) => return Err(crate::connection::without_tls()),
    };
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
    let path = path.as_ref().to_vec();
    let server = match options.ssl.clone() {
        None => unix::start_unix_server(path, Some(options.into())).await?,
        #[cfg(feature = "tls")]
        Some(ssl) => crate::generated::tls::start_unix_server(path, ssl.into(), Some(options.into())).await?,
        #[cfg(not(feature = "tls"))]
        Some(_) => return Err(crate::connection::without_tls()),
    };
    serving(server, listens, limit).await
}
