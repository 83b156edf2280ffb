//! `StreamWriter.start_tls`.

use std::any::Any;
use std::rc::Rc;

use wasyncio_core::extra_info::ExtraInfo;
use wasyncio_core::options::SslOptions;
use wasyncio_core::transport::{Halves, Info};
use wasyncio_core::{Error, Result, StreamWriter, upgrade};
use wasyncio_transport::{Inbound, Outbound, forward};

use crate::connection::halves;
use crate::generated::BYTES;
use crate::generated::raw_tls::Securing;

/// Going on by TLS, for a [`StreamWriter`].
pub trait StartTls {
    /// Sends what was written, and shakes hands, as the server if a server has accepted the connection. Reader and writer stay. What the
    /// peer has sent ahead belongs to the handshake, and is never read as if it had been enciphered.
    ///
    /// Nobody may wait in the reader, and nothing be written meanwhile.
    ///
    /// # Errors
    /// [`Error::Value`] for what makes no sense, [`Error::Runtime`] if somebody waits in the reader or it is TLS already, [`Error::Os`]
    /// for what the policy does not grant: nothing has happened then. Else the connection is closed: [`Error::Ssl`],
    /// [`Error::SslCertVerification`], [`Error::Os`].
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
        let securing = Securing::begin(&ssl.into(), self.is_accepted())?;
        upgrade(self, async |halves, read_ahead| secure(securing, halves, read_ahead).await).await
    }
}

/// A session over the halves of a connection, of which nothing is in flight.
async fn secure(securing: Securing, plain: Halves, read_ahead: Vec<u8>) -> Result<Halves> {
    let Halves { receive, send, info, .. } = plain;
    let incoming = downcast::<Inbound>(receive).and_then(|inbound| inbound.into_parts());
    let (incoming, _) = incoming.ok_or_else(not_to_be_taken)?;
    let outbound = downcast::<Outbound>(send).ok_or_else(not_to_be_taken)?;
    securing.receive(incoming, &read_ahead);
    // The direction was begun as the connection was, and cannot be given back.
    forward(securing.outgoing(), *outbound, BYTES);
    let (secured, _) = halves(Securing::finish(securing).await?)?;
    Ok(Halves { info: Rc::new(Both { session: secured.info, connection: info }), ..secured })
}

fn downcast<T: 'static>(half: Box<dyn Any>) -> Option<Box<T>> {
    half.downcast().ok()
}

fn not_to_be_taken() -> Error {
    Error::Runtime("the transport is not supported by start_tls()".into())
}

/// What is known of a session, and of the connection under it.
struct Both {
    session: Rc<dyn Info>,
    connection: Rc<dyn Info>,
}

impl Info for Both {
    fn get(&self, name: &str) -> Option<ExtraInfo> {
        self.session.get(name).or_else(|| self.connection.get(name))
    }

    fn connection_lost(&self) {
        self.session.connection_lost();
        self.connection.connection_lost();
    }
}
