//! asyncio's `StreamWriter`.

use std::fmt;

use super::{ExtraInfo, Held, StreamResult, failed, flat};

/// Writes to a connection, as asyncio's `StreamWriter`.
pub struct StreamWriter<'a>(pub(super) Held<'a>);

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        let Held { asyncio, resource } = &$self.0;
        let streams = asyncio.guest.wasyncio_streams_streams();
        streams.stream_writer().$method(asyncio.accessor, *resource $(, $argument)*).await
    }};
}

impl StreamWriter<'_> {
    /// Takes bytes to be sent, without waiting for that.
    ///
    /// # Errors
    /// A runtime-error after [`write_eof`](Self::write_eof).
    pub async fn write(&self, data: &[u8]) -> StreamResult<()> {
        flat(call!(self, call_write, data.to_vec()))
    }

    /// Waits until there is room for more.
    ///
    /// # Errors
    /// That of the connection.
    pub async fn drain(&self) -> StreamResult<()> {
        flat(call!(self, call_drain))
    }

    /// Ends what is sent, after what was written before.
    ///
    /// # Errors
    /// That of the connection.
    pub async fn write_eof(&self) -> StreamResult<()> {
        flat(call!(self, call_write_eof))
    }

    /// Closes the connection, after what was written before was sent.
    ///
    /// # Errors
    /// Only that of the host.
    pub async fn close(&self) -> StreamResult<()> {
        Ok(call!(self, call_close).map_err(failed)?)
    }

    /// Whether the connection is closed or about to be.
    ///
    /// # Errors
    /// Only that of the host.
    pub async fn is_closing(&self) -> StreamResult<bool> {
        Ok(call!(self, call_is_closing).map_err(failed)?)
    }

    /// Waits until the connection is closed.
    ///
    /// # Errors
    /// That with which the connection ended.
    pub async fn wait_closed(&self) -> StreamResult<()> {
        flat(call!(self, call_wait_closed))
    }

    /// What is known about the connection under `name`, such as `peername`.
    ///
    /// # Errors
    /// Only that of the host.
    pub async fn get_extra_info(&self, name: &str) -> StreamResult<Option<ExtraInfo>> {
        Ok(call!(self, call_get_extra_info, name.to_owned()).map_err(failed)?)
    }
}

impl fmt::Debug for StreamWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter").finish_non_exhaustive()
    }
}
