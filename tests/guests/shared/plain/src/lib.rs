//! `wasyncio:streams` as any other language has it: a call across the boundary for each method, without `bindings/rust`. The
//! names and types are those of the crate `wasyncio`, as far as the tests' programs need them, so that one source serves all.

mod convert;
mod generated;

use std::borrow::Cow;

pub use wasyncio_core::address::SocketAddress;
pub use wasyncio_core::extra_info::{ExtraInfo, PeerCredentials};
pub use wasyncio_core::options::{ConnectionOptions, ServerOptions, UnixConnectionOptions, UnixServerOptions};
pub use wasyncio_core::{Error, OsError, OsErrorKind};

#[cfg(feature = "unix")]
use generated::unix;
use generated::{connect, server, streams};

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// `asyncio.StreamReader`.
#[derive(Debug)]
pub struct StreamReader(streams::StreamReader);

/// `asyncio.StreamWriter`.
#[derive(Debug)]
pub struct StreamWriter(streams::StreamWriter);

/// `asyncio.Transport`.
#[derive(Debug)]
pub struct Transport(streams::Transport);

/// `asyncio.Server`.
#[derive(Debug)]
pub struct Server(server::Server);

/// `asyncio.open_connection`.
///
/// # Errors
/// As the WIT says.
pub async fn open_connection(host: &str, port: u16) -> Result<(StreamReader, StreamWriter)> {
    open_connection_with(Some(host), Some(port), ConnectionOptions::default()).await
}

/// `asyncio.open_connection`.
///
/// # Errors
/// As the WIT says.
pub async fn open_connection_with(
    host: Option<&str>,
    port: Option<u16>,
    options: ConnectionOptions,
) -> Result<(StreamReader, StreamWriter)> {
    let (reader, writer) = connect::open_connection(host.map(str::to_owned), port, Some(options.into())).await?;
    Ok((StreamReader(reader), StreamWriter(writer)))
}

/// `asyncio.start_server`.
///
/// # Errors
/// As the WIT says.
pub async fn start_server(host: &str, port: u16) -> Result<Server> {
    Ok(Server(server::start_server(vec![host.to_owned()], port, None).await?))
}

/// `asyncio.start_server`.
///
/// # Errors
/// As the WIT says.
pub async fn start_server_with(hosts: &[&str], port: u16, options: ServerOptions) -> Result<Server> {
    let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
    Ok(Server(server::start_server(hosts, port, Some(options.into())).await?))
}

/// `asyncio.open_unix_connection`.
///
/// # Errors
/// As the WIT says.
#[cfg(feature = "unix")]
pub async fn open_unix_connection(path: impl AsRef<[u8]>) -> Result<(StreamReader, StreamWriter)> {
    open_unix_connection_with(path, UnixConnectionOptions::default()).await
}

/// `asyncio.open_unix_connection`.
///
/// # Errors
/// As the WIT says.
#[cfg(feature = "unix")]
pub async fn open_unix_connection_with(
    path: impl AsRef<[u8]>,
    options: UnixConnectionOptions,
) -> Result<(StreamReader, StreamWriter)> {
    let (reader, writer) = unix::open_unix_connection(path.as_ref().to_vec(), Some(options.into())).await?;
    Ok((StreamReader(reader), StreamWriter(writer)))
}

/// `asyncio.start_unix_server`.
///
/// # Errors
/// As the WIT says.
#[cfg(feature = "unix")]
pub async fn start_unix_server(path: impl AsRef<[u8]>) -> Result<Server> {
    start_unix_server_with(path, UnixServerOptions::default()).await
}

/// `asyncio.start_unix_server`.
///
/// # Errors
/// As the WIT says.
#[cfg(feature = "unix")]
pub async fn start_unix_server_with(path: impl AsRef<[u8]>, options: UnixServerOptions) -> Result<Server> {
    Ok(Server(unix::start_unix_server(path.as_ref().to_vec(), Some(options.into())).await?))
}

impl StreamReader {
    /// `asyncio.StreamReader(limit)`.
    ///
    /// # Errors
    /// As the WIT says.
    pub fn new(limit: Option<u64>) -> Result<Self> {
        Ok(Self(streams::StreamReader::create(limit.map(convert::narrow))?))
    }

    /// `await reader.read(n)`.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn read(&self, n: i64) -> Result<Vec<u8>> {
        Ok(self.0.read(i32::try_from(n).unwrap_or(i32::MAX)).await?)
    }

    /// `await reader.readline()`.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn readline(&self) -> Result<Vec<u8>> {
        Ok(self.0.readline().await?)
    }

    /// `await reader.readexactly(n)`.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn readexactly(&self, n: i64) -> Result<Vec<u8>> {
        Ok(self.0.readexactly(i32::try_from(n).unwrap_or(i32::MAX)).await?)
    }

    /// `await reader.readuntil(separators)`.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn readuntil(&self, separators: &[Vec<u8>]) -> Result<Vec<u8>> {
        Ok(self.0.readuntil(separators.to_vec()).await?)
    }

    /// `reader.at_eof()`.
    pub fn at_eof(&self) -> bool {
        self.0.at_eof()
    }

    /// `reader.exception()`.
    pub fn exception(&self) -> Option<Error> {
        self.0.exception().map(Into::into)
    }

    /// `reader.set_exception(exc)`.
    pub fn set_exception(&self, exception: Error) {
        self.0.set_exception(&exception.into());
    }

    /// `reader.feed_data(data)`.
    ///
    /// # Errors
    /// As the WIT says.
    pub fn feed_data(&self, data: &[u8]) -> Result<()> {
        Ok(self.0.feed_data(data)?)
    }

    /// `reader.feed_eof()`.
    pub fn feed_eof(&self) {
        self.0.feed_eof();
    }
}

impl StreamWriter {
    /// `writer.write(data)`.
    ///
    /// # Errors
    /// As the WIT says.
    pub fn write<'a>(&self, data: impl Into<Cow<'a, [u8]>>) -> Result<()> {
        Ok(self.0.write(&data.into())?)
    }

    /// `await writer.drain()`.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn drain(&self) -> Result<()> {
        Ok(self.0.drain().await?)
    }

    /// `writer.can_write_eof()`.
    pub fn can_write_eof(&self) -> bool {
        self.0.can_write_eof()
    }

    /// `writer.write_eof()`.
    ///
    /// # Errors
    /// As the WIT says.
    pub fn write_eof(&self) -> Result<()> {
        Ok(self.0.write_eof()?)
    }

    /// `writer.close()`.
    pub fn close(&self) {
        self.0.close();
    }

    /// `writer.is_closing()`.
    pub fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    /// `await writer.wait_closed()`.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn wait_closed(&self) -> Result<()> {
        Ok(self.0.wait_closed().await?)
    }

    /// `writer.transport`.
    pub fn transport(&self) -> Transport {
        Transport(self.0.transport())
    }

    /// `writer.get_extra_info(name)`.
    pub fn get_extra_info(&self, name: &str) -> Option<ExtraInfo> {
        self.0.get_extra_info(name).map(Into::into)
    }
}

impl Transport {
    /// `transport.abort()`.
    pub fn abort(&self) {
        self.0.abort();
    }
}

impl Server {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn accept(&self) -> Result<(StreamReader, StreamWriter)> {
        let (reader, writer) = self.0.accept().await?;
        Ok((StreamReader(reader), StreamWriter(writer)))
    }

    /// The addresses that are listened on.
    pub fn sockets(&self) -> Vec<SocketAddress> {
        self.0.sockets().into_iter().filter_map(convert::address).collect()
    }

    /// `server.is_serving()`.
    pub fn is_serving(&self) -> bool {
        self.0.is_serving()
    }

    /// `await server.start_serving()`.
    ///
    /// # Errors
    /// As the WIT says.
    pub async fn start_serving(&self) -> Result<()> {
        Ok(self.0.start_serving().await?)
    }

    /// `server.close()`.
    pub fn close(&self) {
        self.0.close();
    }

    /// `await server.wait_closed()`.
    pub async fn wait_closed(&self) {
        // There is no error that it could have.
        let _ = self.0.wait_closed().await;
    }
}
