//! `StreamWriter.start_tls`.

use wasyncio_core::options::SslOptions;
use wasyncio_core::{Error, Result, StreamWriter};

/// Going on by TLS, for a [`StreamWriter`]. Not in this form yet: the streams of a connection cannot be given back to the component.
/// The crate `wasyncio`, linked, has it, and so has the interface `tls` for connections on plain methods.
pub trait StartTls {
    /// # Errors
    /// [`Error::NotImplemented`].
    ///
    /// # asyncio
    /// `await writer.start_tls(context)`.
    fn start_tls(&self, ssl: SslOptions) -> impl Future<Output = Result<()>>;
}

impl StartTls for StreamWriter {
    async fn start_tls(&self, _ssl: SslOptions) -> Result<()> {
        let text = "start_tls: not for the connections of a composed program; link the crate wasyncio, or use the plain methods";
        Err(Error::NotImplemented(text.into()))
    }
}
