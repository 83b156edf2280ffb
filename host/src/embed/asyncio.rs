//! asyncio's functions.

use std::fmt;

use super::link::{Held, Link, ResourceKind};
use super::options::narrow;
use super::reader::DEFAULT_LIMIT;
use super::{
    Connection, ConnectionOptions, Server, ServerOptions, StreamError, StreamReader, StreamResult, StreamWriter, flat,
};

/// asyncio's functions, of one instance of the streams component. Cheap to clone; clones share the instance.
#[derive(Clone)]
pub struct Asyncio {
    link: Link,
}

impl Asyncio {
    pub(super) fn new(link: Link) -> Self {
        Self { link }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Connects to `host`, a name or an address.
    ///
    /// # Errors
    /// An [`OsError`](super::OsError), or a group of them, if that fails; access-denied if the policy does not grant it.
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
    /// let (reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// writer.write(b"hello\n").await?;
    /// writer.drain().await?;
    /// assert_eq!(reader.readline().await?, b"hello\n");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn open_connection(
        &self,
        host: &str,
        port: u16,
        options: ConnectionOptions,
    ) -> StreamResult<(StreamReader, StreamWriter)> {
        let (host, limit) = (host.to_owned(), options.limit.unwrap_or(DEFAULT_LIMIT));
        let (options, link) = (options.into(), self.link.downgrade());
        let opened = self.link.call(move |component| {
            Box::pin(async move {
                let connect = component.guest.wasyncio_streams_connect();
                match connect.call_open_connection(component.accessor, Some(host), Some(port), Some(options)).await? {
                    Ok((reader, writer)) => Ok(Ok(Connection::new(link.upgrade()?, reader, writer))),
                    Err(error) => Ok(Err(error)),
                }
            })
        });
        Ok(flat(opened).await?.split(limit))
    }

    /// Listens on `hosts`, names or addresses, and `port`.
    ///
    /// # Errors
    /// An [`OsError`](super::OsError) if that fails; access-denied if the policy does not grant it.
    ///
    /// # Cancel safety
    /// Yes, in that nothing is left behind: what comes of it is closed.
    ///
    /// # asyncio
    /// `await asyncio.start_server(callback, hosts, port, **options)`, with [`Server::serve_forever`] or [`Server::accept`] in the
    /// place of the callback.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let server = asyncio.start_server(&["127.0.0.1"], 0, Default::default()).await?;
    /// let port = server.sockets().await?[0].port();
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let (reader, _writer) = server.accept().await?;
    /// writer.write(b"hello").await?;
    /// writer.close().await?;
    /// assert_eq!(reader.read(-1).await?, b"hello");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn start_server(
        &self,
        hosts: &[impl AsRef<str>],
        port: u16,
        options: ServerOptions,
    ) -> StreamResult<Server> {
        let limit = options.limit.unwrap_or(DEFAULT_LIMIT);
        let hosts = hosts.iter().map(|host| host.as_ref().to_owned()).collect();
        let (options, link) = (options.into(), self.link.downgrade());
        let started = self.link.call(move |component| {
            Box::pin(async move {
                let servers = component.guest.wasyncio_streams_server();
                match servers.call_start_server(component.accessor, hosts, port, Some(options)).await? {
                    Ok(server) => Ok(Ok(Held::new(link.upgrade()?, server, ResourceKind::Server))),
                    Err(error) => Ok(Err(error)),
                }
            })
        });
        Ok(Server::new(flat(started).await?, limit))
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
    pub async fn stream_reader(&self, limit: Option<u64>) -> StreamResult<StreamReader> {
        let link = self.link.downgrade();
        let made = self.link.call(move |component| {
            Box::pin(async move {
                let readers = component.guest.wasyncio_streams_streams().stream_reader();
                match readers.call_create(component.accessor, limit.map(narrow)).await? {
                    Ok(reader) => Ok(Ok(Held::new(link.upgrade()?, reader, ResourceKind::Reader))),
                    Err(error) => Ok(Err(error)),
                }
            })
        });
        Ok(StreamReader::new(flat(made).await?, limit.unwrap_or(DEFAULT_LIMIT)))
    }

    /// Waits until the instance has ended, and tells why. It does not end before all handles are dropped, this one too, unless the
    /// component traps or reaches a limit, or is [aborted](Self::abort).
    ///
    /// # Cancel safety
    /// Yes: it only waits.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// use wasyncio_host::embed::StreamError;
    ///
    /// asyncio.abort();
    /// assert!(matches!(asyncio.ended().await, StreamError::Ended));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn ended(&self) -> StreamError {
        self.link.instance().wait_ended().await
    }

    /// Ends the instance at once: its sockets are closed, and all who wait get [`StreamError::Ended`]. What was not sent yet is lost.
    pub fn abort(&self) {
        self.link.instance().abort.notify_one();
    }
}

impl fmt::Debug for Asyncio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asyncio").finish_non_exhaustive()
    }
}
