//! asyncio's `Server`.

use std::fmt;

use super::{Held, SocketAddress, StreamReader, StreamResult, StreamWriter, failed, flat};

/// Listens, as asyncio's `Server`.
pub struct Server<'a>(pub(super) Held<'a>);

/// Calls a method of the component's resource.
macro_rules! call {
    ($self:ident, $method:ident) => {{
        let Held { asyncio, resource } = &$self.0;
        let server = asyncio.guest.wasyncio_streams_server();
        server.server().$method(asyncio.accessor, *resource).await
    }};
}

impl<'a> Server<'a> {
    /// Waits for a connection.
    ///
    /// # Errors
    /// That of the listening socket, or that the server is closed.
    pub async fn accept(&self) -> StreamResult<(StreamReader<'a>, StreamWriter<'a>)> {
        let (reader, writer) = flat(call!(self, call_accept))?;
        let asyncio = self.0.asyncio;
        Ok((StreamReader(asyncio.held(reader)), StreamWriter(asyncio.held(writer))))
    }

    /// The addresses that it listens on.
    ///
    /// # Errors
    /// Only that of the host.
    pub async fn sockets(&self) -> StreamResult<Vec<SocketAddress>> {
        Ok(call!(self, call_sockets).map_err(failed)?)
    }

    /// Stops listening. Connections stay.
    ///
    /// # Errors
    /// Only that of the host.
    pub async fn close(&self) -> StreamResult<()> {
        Ok(call!(self, call_close).map_err(failed)?)
    }
}

impl fmt::Debug for Server<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
