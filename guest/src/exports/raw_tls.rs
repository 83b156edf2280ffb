//! The interface `raw-tls`: TLS for programs that have the streams of a connection themselves.

use std::cell::RefCell;
use std::rc::Rc;

use wasyncio_core::extra_info::Addresses;
use wasyncio_core::options::SslOptions;
use wasyncio_transport::{ByteStream, runtime};

use super::Component;
use super::bindings::{raw, raw_tls, tls as boundary, types};
use super::raw::Connection;
use crate::host::tls::{Settings, Side};
use crate::host::tls_bindings::tls;

impl raw_tls::Guest for Component {
    type Securing = Securing;
}

/// A session to be.
pub(crate) struct Securing {
    settings: Settings,
    /// Made by `receive`, as it needs what was read ahead; or by whoever asks first.
    connector: RefCell<Option<Rc<tls::Connector>>>,
}

impl Securing {
    fn connector(&self, read_ahead: Vec<u8>) -> Rc<tls::Connector> {
        let mut connector = self.connector.borrow_mut();
        connector.get_or_insert_with(|| Rc::new(self.settings.connector(read_ahead))).clone()
    }
}

impl raw_tls::GuestSecuring for Securing {
    fn begin(ssl: boundary::SslOptions, server_side: bool) -> Result<raw_tls::Securing, types::Error> {
        runtime::make_resident();
        let mut ssl: SslOptions = ssl.try_into()?;
        let side = if server_side { Side::Server } else { Side::Client(ssl.server_hostname.take()) };
        let settings = Settings::new(&ssl, side)?;
        Ok(raw_tls::Securing::new(Self { settings, connector: RefCell::default() }))
    }

    fn receive(&self, incoming: ByteStream, read_ahead: Vec<u8>) {
        self.connector(read_ahead).receive(incoming);
    }

    fn outgoing(&self) -> ByteStream {
        self.connector(Vec::new()).send()
    }

    async fn finish(this: raw_tls::Securing) -> Result<raw::Connection, types::Error> {
        let Self { settings, connector } = this.into_inner();
        let connector = connector.take().and_then(|connector| Rc::try_unwrap(connector).ok());
        let connector = connector.unwrap_or_else(|| settings.connector(Vec::new()));
        let session = tls::Connector::connect(connector).await;
        // The addresses are known to who has the connection.
        let halves = settings.established(session, Rc::new(Addresses::default()), None)?;
        Ok(raw::Connection::new(Connection::new(halves, Vec::new())?))
    }
}
