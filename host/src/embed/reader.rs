//! asyncio's `StreamReader`.

use std::fmt;
use std::future::poll_fn;

use futures_util::FutureExt;

use super::link::{Call, Held};
use super::reads::Read;
use super::receiving::Receiving;
use super::{AsyncioError, StreamResult, Transport, flat};

/// asyncio's default limit, in bytes.
pub(super) const DEFAULT_LIMIT: u64 = 1 << 16;

/// Reads from a connection, as asyncio's `StreamReader`. One future at a time may wait in it.
///
/// It is also tokio's [`AsyncRead`](tokio::io::AsyncRead) and [`AsyncBufRead`](tokio::io::AsyncBufRead); both ways may be mixed. Through a `&mut StreamReader`, with tokio's
/// `AsyncReadExt` in scope, `read` is tokio's.
///
/// # Cancel safety
/// Every read is cancel safe: a future that is dropped loses nothing, and what it had collected is there for the next read, of
/// whatever kind. Dropping the reader loses what was not read; the writer of the same connection goes on.
///
/// # asyncio
/// `asyncio.StreamReader` of CPython 3.14. What has arrived before a connection broke is read before the error is told.
pub struct StreamReader {
    pub(super) held: Held,
    pub(super) receiving: Receiving,
}

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        let resource = $self.held.resource();
        $self.held.call(move |component| {
            Box::pin(async move {
                let streams = component.guest.wasyncio_streams_streams();
                streams.stream_reader().$method(component.accessor, resource $(, $argument)*).await
            })
        })
    }};
}

impl StreamReader {
    /// The reader of `held`, whose limit is `limit` bytes.
    pub(super) fn new(held: Held, limit: u64) -> Self {
        let max_memory = held.link.instance().max_memory;
        Self { held, receiving: Receiving::new(usize::try_from(limit).unwrap_or(usize::MAX), max_memory) }
    }

    /// Reads up to `count` bytes, at least one unless the stream has ended; with a negative `count`, all until it ends.
    ///
    /// # Errors
    /// That of the connection; a runtime-error if another future waits in this reader; an [`OsError`](super::OsError) of the kind
    /// out-of-resources if it collects more than [`Limits::max_memory`](crate::Limits::max_memory).
    ///
    /// # Cancel safety
    /// Yes, see [`StreamReader`].
    ///
    /// # asyncio
    /// `await reader.read(count)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let reader = asyncio.stream_reader(None).await?;
    /// reader.feed_data(b"hello world").await?;
    /// reader.feed_eof().await?;
    /// assert_eq!(reader.read(5).await?, b"hello");
    /// assert_eq!(reader.read(-1).await?, b" world");
    /// assert_eq!(reader.read(5).await?, b"");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn read(&self, count: i64) -> StreamResult<Vec<u8>> {
        let read = match usize::try_from(count) {
            Ok(count) => Read::AtMost(count),
            Err(_) => Read::All,
        };
        self.run(read).await
    }

    /// Reads a line with its `\n`; at the end of the stream what is left, perhaps nothing.
    ///
    /// # Errors
    /// A value-error if the line is longer than the limit; and as [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Yes, see [`StreamReader`].
    ///
    /// # asyncio
    /// `await reader.readline()`.
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
    /// assert_eq!(reader.readline().await?, b"");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn readline(&self) -> StreamResult<Vec<u8>> {
        self.run(Read::line()).await
    }

    /// Reads exactly `count` bytes.
    ///
    /// # Errors
    /// An incomplete-read-error, with what was read, if the stream ends before; a value-error if `count` is negative; and
    /// as [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Yes, see [`StreamReader`].
    ///
    /// # asyncio
    /// `await reader.readexactly(count)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// use wasyncio_host::embed::{AsyncioError, StreamError};
    ///
    /// let reader = asyncio.stream_reader(None).await?;
    /// reader.feed_data(b"12345").await?;
    /// reader.feed_eof().await?;
    /// assert_eq!(reader.readexactly(2).await?, b"12");
    /// let error = reader.readexactly(4).await.expect_err("there are only three");
    /// let StreamError::Asyncio(AsyncioError::IncompleteReadError(error)) = error else { panic!("{error}") };
    /// assert_eq!((error.partial.as_slice(), error.expected), (&b"345"[..], Some(4)));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn readexactly(&self, count: i64) -> StreamResult<Vec<u8>> {
        self.run(Read::exactly(count)?).await
    }

    /// Reads until the first of `separators`, and with it.
    ///
    /// # Errors
    /// An incomplete-read-error if the stream ends before; a limit-overrun-error if the separator is not within the
    /// limit; a value-error for separators that make no sense; and as [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Yes, see [`StreamReader`].
    ///
    /// # asyncio
    /// `await reader.readuntil(separators)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let reader = asyncio.stream_reader(None).await?;
    /// reader.feed_data(b"one;two.rest").await?;
    /// assert_eq!(reader.readuntil(&[b";", b"."]).await?, b"one;");
    /// assert_eq!(reader.readuntil(&[b";", b"."]).await?, b"two.");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn readuntil(&self, separators: &[impl AsRef<[u8]>]) -> StreamResult<Vec<u8>> {
        let read = Read::until(separators)?;
        self.run(read).await
    }

    /// Reads into `buffer`, at least one byte unless the stream has ended or the buffer is empty. Returns how many.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Yes, see [`StreamReader`].
    ///
    /// # asyncio
    /// `data = await reader.read(len(buffer))`. The name is that of Python's `io`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let reader = asyncio.stream_reader(None).await?;
    /// reader.feed_data(b"hello").await?;
    /// let mut buffer = [0; 16];
    /// let count = reader.readinto(&mut buffer).await?;
    /// assert_eq!(buffer[..count], *b"hello");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn readinto(&self, buffer: &mut [u8]) -> StreamResult<usize> {
        let bytes = self.run(Read::AtMost(buffer.len())).await?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    /// Whether the stream has ended and everything was read. The end is noticed while a read waits.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `reader.at_eof()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let reader = asyncio.stream_reader(None).await?;
    /// reader.feed_data(b"all").await?;
    /// reader.feed_eof().await?;
    /// assert!(!reader.at_eof().await?);
    /// reader.read(-1).await?;
    /// assert!(reader.at_eof().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn at_eof(&self) -> StreamResult<bool> {
        match self.receiving.at_eof() {
            Some(at_eof) => Ok(at_eof),
            None => call!(self, call_at_eof).await,
        }
    }

    /// The exception that every read fails with, if there is one.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `reader.exception()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let reader = asyncio.stream_reader(None).await?;
    /// assert!(reader.exception().await?.is_none());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn exception(&self) -> StreamResult<Option<AsyncioError>> {
        call!(self, call_exception).await
    }

    /// Stores an exception: every later read fails with it, whatever is in the buffer, and a waiting one wakes with it.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `reader.set_exception(exception)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// use wasyncio_host::embed::AsyncioError;
    ///
    /// let reader = asyncio.stream_reader(None).await?;
    /// reader.feed_data(b"lost").await?;
    /// reader.set_exception(AsyncioError::Other("gone".into())).await?;
    /// let error = reader.read(1).await.expect_err("it has an exception");
    /// assert!(error.to_string().contains("gone"), "{error}");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn set_exception(&self, exception: AsyncioError) -> StreamResult<()> {
        self.receiving.set_exception(exception.clone());
        call!(self, call_set_exception, exception).await
    }

    /// Appends bytes as if they had been received.
    ///
    /// # Errors
    /// An assertion-error after [`feed_eof`](Self::feed_eof).
    ///
    /// # asyncio
    /// `reader.feed_data(data)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let reader = asyncio.stream_reader(None).await?;
    /// reader.feed_data(b"by hand").await?;
    /// assert_eq!(reader.read(100).await?, b"by hand");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn feed_data(&self, data: &[u8]) -> StreamResult<()> {
        let data = data.to_vec();
        flat(call!(self, call_feed_data, data)).await
    }

    /// Marks the end of the stream.
    ///
    /// # Errors
    /// Only that of the host.
    ///
    /// # asyncio
    /// `reader.feed_eof()`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, _| {
    /// let reader = asyncio.stream_reader(None).await?;
    /// reader.feed_eof().await?;
    /// assert_eq!(reader.read(-1).await?, b"");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn feed_eof(&self) -> StreamResult<()> {
        call!(self, call_feed_eof).await
    }

    /// Tells the reader which transport to pause when its buffer is full. That of a connection has one already.
    ///
    /// # Errors
    /// An assertion-error if it has one.
    ///
    /// # asyncio
    /// `reader.set_transport(transport)`.
    ///
    /// # Examples
    /// ```
    /// # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/example.rs")); }
    /// # support::example(async |asyncio, port| {
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, Default::default()).await?;
    /// let reader = asyncio.stream_reader(Some(1)).await?;
    /// reader.set_transport(&writer.transport().await?).await?;
    /// reader.feed_data(b"more than twice the limit").await?;
    /// assert!(!writer.transport().await?.is_reading().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn set_transport(&self, transport: &Transport) -> StreamResult<()> {
        let (resource, using) = (self.held.resource(), transport.0.using());
        let transport = transport.0.resource();
        let call = self.held.call(move |component| {
            Box::pin(async move {
                let _using = using;
                let readers = component.guest.wasyncio_streams_streams().stream_reader();
                readers.call_set_transport(component.accessor, resource, transport).await
            })
        });
        flat(call).await
    }

    /// The answer to a call that may wait, be it one that was made before and that nobody waits for any more.
    async fn run(&self, mut read: Read) -> StreamResult<Vec<u8>> {
        let mut reading = self.receiving.read();
        poll_fn(|context| reading.poll(context, &mut read, |most| self.held.fetch(most))).await
    }
}

impl Held {
    /// Asks a reader for up to `most` bytes.
    pub(super) fn fetch(&self, most: usize) -> Call<Vec<u8>> {
        let (resource, most) = (self.resource(), i32::try_from(most).unwrap_or(i32::MAX));
        let call = self.call(move |component| {
            Box::pin(async move {
                let streams = component.guest.wasyncio_streams_streams();
                streams.stream_reader().call_read(component.accessor, resource, most).await
            })
        });
        flat(call).boxed()
    }
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader").finish_non_exhaustive()
    }
}
