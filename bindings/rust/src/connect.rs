//! `asyncio.open_connection`.

use wasyncio_core::options::ConnectionOptions;
use wasyncio_core::{Result, StreamReader, StreamWriter, limit_or_default, open};
use wasyncio_transport::runtime::runtime;
use wasyncio_transport::{ByteStream, pipe};

use crate::connection::streams;
use crate::generated::{BYTES, connect, raw};

/// Connects to `host`, a name or an address, by TCP.
///
/// # Errors
/// [`Error::Os`](crate::Error::Os) if the name does not resolve or the connection is refused, denied, reset or timed out, with
/// the address.
///
/// # Cancel safety
/// Yes: dropping the future closes what was begun.
///
/// # asyncio
/// `reader, writer = await asyncio.open_connection(host, port)`.
pub async fn open_connection(host: &str, port: u16) -> Result<(StreamReader, StreamWriter)> {
    open_connection_with(Some(host), Some(port), ConnectionOptions::default()).await
}

/// Connects by TCP, with asyncio's keyword arguments. Without a `host` it is this machine.
///
/// # Errors
/// As [`open_connection`]; [`Error::Value`](crate::Error::Value) with neither host nor port, or a limit of 0;
/// [`Error::NotImplemented`](crate::Error::NotImplemented) naming the option that WASI cannot do;
/// [`Error::Group`](crate::Error::Group) of all failures with `all_errors`. With `ssl` [`Error::Ssl`](crate::Error::Ssl),
/// [`Error::SslCertVerification`](crate::Error::SslCertVerification), and [`Error::Os`](crate::Error::Os) for what the policy does
/// not grant.
///
/// # Cancel safety
/// As [`open_connection`].
pub async fn open_connection_with(
    host: Option<&str>,
    port: Option<u16>,
    options: ConnectionOptions,
) -> Result<(StreamReader, StreamWriter)> {
    let limit = limit_or_default(options.limit)?;
    let host = host.map(str::to_owned);
    let (reader, writer) = match options.ssl.clone() {
        None => connect::open_connection(host, port, Some(options.into())).await?,
        #[cfg(feature = "tls")]
        Some(ssl) => crate::generated::tls::open_connection(host, port, ssl.into(), Some(options.into())).await?,
        #[cfg(not(feature = "tls"))]
        Some(_) => return Err(crate::connection::without_tls()),
    };
    streams(raw::take(reader, writer).await?, limit)
}

/// A reader and a writer over any two streams, and the stream that the written bytes come out of. `limit` is in bytes; none is
/// [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
///
/// # Errors
/// [`Error::Value`](crate::Error::Value) if the limit is 0.
pub fn from_streams(incoming: ByteStream, limit: Option<u64>) -> Result<(StreamReader, StreamWriter, ByteStream)> {
    let limit = limit_or_default(limit)?;
    let (halves, outgoing) = pipe(incoming, BYTES);
    let (reader, writer) = open(runtime(), halves, limit);
    Ok((reader, writer, outgoing))
}
