//! asyncio's `StreamReader`.

use std::fmt;

use super::options::narrow_count;
use super::pending::{Call, Pending, Taken};
use super::{AsyncioError, Held, StreamError, StreamResult, Transport, failed, flat};

/// Reads from a connection, as asyncio's `StreamReader`. One future at a time may wait in it.
pub struct StreamReader<'a> {
    held: Held<'a>,
    reading: Pending<'a, Reading, Vec<u8>>,
}

/// A call that may wait for bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reading {
    Some(i64),
    Line,
    Exactly(i64),
    Until(Vec<Vec<u8>>),
}

/// Calls a method of the component's resource that answers at once.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        let Held { asyncio, resource } = &$self.held;
        let streams = asyncio.guest.wasyncio_streams_streams();
        streams.stream_reader().$method(asyncio.accessor, *resource $(, $argument)*).await
    }};
}

impl<'a> StreamReader<'a> {
    pub(super) fn new(held: Held<'a>) -> Self {
        Self { held, reading: Pending::new() }
    }

    /// Reads up to `count` bytes, at least one unless the stream has ended; with a negative `count`, all until it ends. More than
    /// `i32::MAX` bytes are not held in one piece.
    ///
    /// # Errors
    /// That of the connection; a runtime-error if another future waits in this reader.
    ///
    /// # Cancel safety
    /// Yes: if the future is dropped, what it would have given goes to the next call that is the same. Until then calls
    /// of other reading methods fail with a runtime-error.
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
        self.ask("read", Reading::Some(count)).await
    }

    /// Reads a line with its `\n`; at the end of the stream what is left, perhaps nothing.
    ///
    /// # Errors
    /// A value-error if the line is longer than the limit; and as [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Yes: if the future is dropped, what it would have given goes to the next call that is the same. Until then calls
    /// of other reading methods fail with a runtime-error.
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
        self.ask("readline", Reading::Line).await
    }

    /// Reads exactly `count` bytes, or `i32::MAX` if that is less.
    ///
    /// # Errors
    /// An incomplete-read-error, with what was read, if the stream ends before; a value-error if `count` is negative; and
    /// as [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Yes: if the future is dropped, what it would have given goes to the next call that is the same. Until then calls
    /// of other reading methods fail with a runtime-error.
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
        self.ask("readexactly", Reading::Exactly(count)).await
    }

    /// Reads until the first of `separators`, and with it.
    ///
    /// # Errors
    /// An incomplete-read-error if the stream ends before; a limit-overrun-error if the separator is not within the
    /// limit; a value-error for separators that make no sense; and as [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Yes: if the future is dropped, what it would have given goes to the next call that is the same. Until then calls
    /// of other reading methods fail with a runtime-error.
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
    pub async fn readuntil(&self, separators: &[&[u8]]) -> StreamResult<Vec<u8>> {
        let separators = separators.iter().map(|separator| separator.to_vec()).collect();
        self.ask("readuntil", Reading::Until(separators)).await
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
        Ok(call!(self, call_at_eof).map_err(failed)?)
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
        Ok(call!(self, call_exception).map_err(failed)?)
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
        Ok(call!(self, call_set_exception, exception).map_err(failed)?)
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
        flat(call!(self, call_feed_data, data.to_vec()))
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
        Ok(call!(self, call_feed_eof).map_err(failed)?)
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
    /// let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
    /// let reader = asyncio.stream_reader(Some(1)).await?;
    /// reader.set_transport(&writer.transport().await?).await?;
    /// reader.feed_data(b"more than twice the limit").await?;
    /// assert!(!writer.transport().await?.is_reading().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn set_transport(&self, transport: &Transport<'_>) -> StreamResult<()> {
        flat(call!(self, call_set_transport, transport.0.resource))
    }

    /// The answer to a call that may wait, be it one that was made before and that nobody waits for any more.
    async fn ask(&self, name: &str, reading: Reading) -> StreamResult<Vec<u8>> {
        match self.reading.ask(reading.clone(), || self.call(reading)).await {
            Ok(answer) => flat(answer),
            Err(Taken::Awaited | Taken::Abandoned) => {
                let text = "called while another coroutine is already waiting for incoming data";
                Err(StreamError::Asyncio(AsyncioError::RuntimeError(format!("{name}() {text}"))))
            }
        }
    }

    fn call(&self, reading: Reading) -> Call<'a, Vec<u8>> {
        let Held { asyncio, resource } = self.held;
        Box::pin(async move {
            let readers = asyncio.guest.wasyncio_streams_streams().stream_reader();
            match reading {
                Reading::Some(count) => readers.call_read(asyncio.accessor, resource, narrow_count(count)).await,
                Reading::Line => readers.call_readline(asyncio.accessor, resource).await,
                Reading::Exactly(count) => {
                    readers.call_readexactly(asyncio.accessor, resource, narrow_count(count)).await
                }
                Reading::Until(separators) => readers.call_readuntil(asyncio.accessor, resource, separators).await,
            }
        })
    }
}

impl fmt::Debug for StreamReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader").finish_non_exhaustive()
    }
}
