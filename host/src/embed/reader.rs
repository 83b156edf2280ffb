//! asyncio's `StreamReader`.

use std::fmt;

use super::{Held, StreamResult, failed, flat};

/// Reads from a connection, as asyncio's `StreamReader`.
pub struct StreamReader<'a>(pub(super) Held<'a>);

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        let Held { asyncio, resource } = &$self.0;
        let streams = asyncio.guest.wasyncio_streams_streams();
        streams.stream_reader().$method(asyncio.accessor, *resource $(, $argument)*).await
    }};
}

impl StreamReader<'_> {
    /// Reads up to `count` bytes, at least one unless the stream has ended; with -1, all until it ends.
    ///
    /// # Errors
    /// That of the connection.
    pub async fn read(&self, count: i64) -> StreamResult<Vec<u8>> {
        flat(call!(self, call_read, count))
    }

    /// Reads a line with its `\n`; at the end of the stream what is left, perhaps nothing.
    ///
    /// # Errors
    /// A value-error if the line is longer than the limit; that of the connection.
    pub async fn readline(&self) -> StreamResult<Vec<u8>> {
        flat(call!(self, call_readline))
    }

    /// Reads exactly `count` bytes.
    ///
    /// # Errors
    /// An incomplete-read-error, with what was read, if the stream ends before; that of the connection.
    pub async fn readexactly(&self, count: i64) -> StreamResult<Vec<u8>> {
        flat(call!(self, call_readexactly, count))
    }

    /// Reads until the first of `separators`, and with it.
    ///
    /// # Errors
    /// An incomplete-read-error if the stream ends before; a limit-overrun-error if the separator is not within the
    /// limit; that of the connection.
    pub async fn readuntil(&self, separators: &[&[u8]]) -> StreamResult<Vec<u8>> {
        let separators: Vec<_> = separators.iter().map(|separator| separator.to_vec()).collect();
        flat(call!(self, call_readuntil, separators))
    }

    /// Whether the stream has ended and everything was read.
    ///
    /// # Errors
    /// Only that of the host.
    pub async fn at_eof(&self) -> StreamResult<bool> {
        Ok(call!(self, call_at_eof).map_err(failed)?)
    }
}

impl fmt::Debug for StreamReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader").finish_non_exhaustive()
    }
}
