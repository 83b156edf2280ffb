//! Whether connections are by TLS. Built without the feature `tls`, they are not.

#[cfg(feature = "tls")]
pub(crate) use crate::host::tls::{Settings, Side};
#[cfg(not(feature = "tls"))]
pub(crate) use without::{Settings, Side};

use wasyncio_core::Result;
use wasyncio_core::options::SslOptions;
use wasyncio_core::transport::{Halves, Listener};

/// TLS as a client, if it is asked for. `host` is what is connected to, if it is a host; `without` is what CPython says where there is
/// no name at all.
///
/// # Errors
/// [`Error::Value`](crate::Error::Value) for what makes no sense; [`Error::Os`](crate::Error::Os) for what the policy does not grant;
/// [`Error::NotImplemented`](crate::Error::NotImplemented) without the feature `tls`.
pub(crate) fn client(ssl: Option<&SslOptions>, host: Option<&str>, without: &'static str) -> Result<Option<Settings>> {
    let Some(ssl) = ssl else { return Ok(None) };
    let name = ssl.server_hostname.clone().or_else(|| host.filter(|host| !host.is_empty()).map(str::to_owned));
    let name = name.ok_or(crate::Error::Value(without.into()))?;
    Settings::new(ssl, Side::Client(Some(name))).map(Some)
}

/// TLS as a server, if it is asked for.
///
/// # Errors
/// As [`client`].
pub(crate) fn server(ssl: Option<&SslOptions>) -> Result<Option<Settings>> {
    ssl.map(|ssl| Settings::new(ssl, Side::Server)).transpose()
}

/// The halves of a connection, by TLS if that is asked for.
///
/// # Errors
/// As [`Settings::secure`].
pub(crate) async fn secured(halves: Halves, settings: Option<Settings>) -> Result<Halves> {
    match settings {
        Some(settings) => settings.secure(halves, Vec::new()).await,
        None => Ok(halves),
    }
}

/// What accepts connections, by TLS if that is asked for.
pub(crate) fn listening(listener: Box<dyn Listener>, settings: Option<&Settings>) -> Box<dyn Listener> {
    match settings {
        #[cfg(feature = "tls")]
        Some(settings) => Box::new(crate::host::tls_listener::TlsListener::new(listener, settings.clone())),
        #[cfg(not(feature = "tls"))]
        Some(settings) => match *settings {},
        None => listener,
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use wasyncio_core::options::SslOptions;
    use wasyncio_core::transport::Halves;
    use wasyncio_core::{Error, Result};

    /// There are none.
    pub(crate) enum Settings {}

    pub(crate) enum Side {
        Client(#[expect(dead_code, reason = "TLS needs it")] Option<String>),
        Server,
    }

    impl Settings {
        pub(crate) fn new(_ssl: &SslOptions, _side: Side) -> Result<Self> {
            Err(Error::NotImplemented("ssl: this program was built without the feature tls of wasyncio".into()))
        }

        pub(crate) async fn secure(&self, _halves: Halves, _read_ahead: Vec<u8>) -> Result<Halves> {
            match *self {}
        }
    }
}
