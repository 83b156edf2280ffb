//! `StreamWriter.start_tls`.

use wasyncio_core::options::SslOptions;
use wasyncio_core::{Result, StreamWriter, upgrade};

use crate::host::tls::{Settings, Side};

/// Going on by TLS, for a [`StreamWriter`].
pub trait StartTls {
    /// Sends what was written, and shakes hands, as the server if a server has accepted the connection. Reader and writer stay. What the
    /// peer has sent ahead belongs to the handshake, and is never read as if it had been enciphered.
    ///
    /// Nobody may wait in the reader, and nothing be written meanwhile.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) for what makes no sense, [`Error::Runtime`](crate::Error::Runtime) if somebody waits in the
    /// reader or it is TLS already, [`Error::Os`](crate::Error::Os) for what the policy does not grant: nothing has happened then. Else
    /// the connection is closed: [`Error::Ssl`](crate::Error::Ssl), [`Error::SslCertVerification`](crate::Error::SslCertVerification),
    /// [`Error::Os`](crate::Error::Os).
    ///
    /// # Cancel safety
    /// Dropped before it has answered, it closes the connection.
    ///
    /// # asyncio
    /// `await writer.start_tls(context)`.
    fn start_tls(&self, ssl: SslOptions) -> impl Future<Output = Result<()>>;
}

impl StartTls for StreamWriter {
    async fn start_tls(&self, ssl: SslOptions) -> Result<()> {
        let side = match self.is_accepted() {
            true => Side::Server,
            false => Side::Client(ssl.server_hostname.clone()),
        };
        let settings = Settings::new(&ssl, side)?;
        upgrade(self, async |halves, read_ahead| settings.secure(halves, read_ahead).await).await
    }
}
