//! TLS of `wasyncio:host` over the halves of a connection.

use std::rc::Rc;
use std::time::Duration;

use wasyncio_core::address::SocketAddress;
use wasyncio_core::extra_info::{ExtraInfo, SslInfo};
use wasyncio_core::options::{SslOptions, TlsVersion, VerifyMode};
use wasyncio_core::transport::{Capabilities, Halves, Info};
use wasyncio_core::{Error, OsError, OsErrorKind, Result};
use wasyncio_transport::outcome::OutcomeSource;
use wasyncio_transport::{Begin, ByteStream, Inbound, Outbound, forward};

use super::tls_bindings::tls;
use crate::wasi::bindings::BYTES;
use crate::wasi::tcp::{self, outcome};

/// asyncio's `SSL_HANDSHAKE_TIMEOUT`.
const HANDSHAKE: Duration = Duration::from_secs(60);

/// asyncio's `SSL_SHUTDOWN_TIMEOUT`.
const SHUTDOWN: Duration = Duration::from_secs(30);

/// Which end this is.
#[derive(Clone, Debug)]
pub(crate) enum Side {
    /// Of the server of this name; none or empty: it has none.
    Client(Option<String>),
    /// Who is connected to.
    Server,
}

/// What a session is to be: checked once, before there is any connection.
#[derive(Clone)]
pub(crate) struct Settings {
    settings: Rc<tls::Settings>,
    side: Side,
}

impl Settings {
    /// # Errors
    /// [`Error::Value`] for what makes no sense; [`Error::Os`] for what the policy does not grant.
    pub(crate) fn new(options: &SslOptions, side: Side) -> Result<Self> {
        let positive = |name: &str, time: Option<Duration>, default| match time {
            Some(Duration::ZERO) => Err(Error::Value(format!("{name} should be a positive number").into())),
            time => Ok(time.unwrap_or(default).as_secs_f64()),
        };
        let handshake_timeout = positive("ssl_handshake_timeout", options.ssl_handshake_timeout, HANDSHAKE)?;
        let shutdown_timeout = positive("ssl_shutdown_timeout", options.ssl_shutdown_timeout, SHUTDOWN)?;
        let is_server = matches!(side, Side::Server);
        if is_server && options.identity.is_none() {
            return Err(Error::Value("a server needs an identity".into()));
        }
        let verify_mode =
            options.verify_mode.unwrap_or(if is_server { VerifyMode::None } else { VerifyMode::Required });
        let check_hostname = options.check_hostname.unwrap_or(!is_server && verify_mode != VerifyMode::None);
        if !is_server && check_hostname && verify_mode == VerifyMode::None {
            let text = "Cannot set verify_mode to CERT_NONE when check_hostname is enabled.";
            return Err(Error::Value(text.into()));
        }
        let settings = tls::Settings {
            side: match &side {
                Side::Client(name) => {
                    let named = name.as_ref().is_some_and(|name| !name.is_empty());
                    if check_hostname && !named {
                        return Err(Error::Value("check_hostname requires server_hostname".into()));
                    }
                    let verification = match verify_mode {
                        VerifyMode::None => tls::Verification::Nothing,
                        _ if check_hostname => tls::Verification::Name,
                        _ => tls::Verification::Authority,
                    };
                    tls::Side::Client(tls::Client { server_name: name.clone(), verification })
                }
                Side::Server => tls::Side::Server(tls::Server {
                    clients: match verify_mode {
                        VerifyMode::None => tls::ClientCertificates::None,
                        VerifyMode::Optional => tls::ClientCertificates::Optional,
                        VerifyMode::Required => tls::ClientCertificates::Required,
                    },
                }),
            },
            identity: options.identity.clone(),
            trust: options.trust.clone(),
            alpn: options.alpn_protocols.clone(),
            tls13_only: options.minimum_version == Some(TlsVersion::Tls13),
            handshake_timeout,
            shutdown_timeout,
            read_ahead: Vec::new(),
        };
        tls::check(&settings).map_err(|error| failure(error, None))?;
        Ok(Self { settings: Rc::new(settings), side })
    }

    /// A session over `halves`, of which nothing is in flight. `read_ahead` was received of the peer before.
    ///
    /// # Errors
    /// [`Error::Ssl`], [`Error::SslCertVerification`], [`Error::Os`]: why there is none. The connection is closed then.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection.
    pub(crate) async fn secure(&self, halves: Halves, read_ahead: Vec<u8>) -> Result<Halves> {
        let Halves { receive, send, info, .. } = halves;
        let peer = info.get("peername");
        let receive = downcast::<Inbound>(receive).and_then(|inbound| inbound.into_parts());
        let (incoming, _) = receive.ok_or_else(not_to_be_taken)?;
        let send = downcast::<Outbound>(send).ok_or_else(not_to_be_taken)?;

        let connector = self.connector(read_ahead);
        connector.receive(incoming);
        let ciphertext = connector.send();
        match send.into_begin_or_self() {
            // The host knows its own ciphertext: it sends by itself. How that ends, the session tells.
            Ok(begin) => drop(begin.begin(ciphertext)),
            // One that was begun with plain text the host cannot take back.
            Err(outbound) => forward(ciphertext, *outbound, BYTES),
        }
        let session = tls::Connector::connect(connector).await;
        self.established(session, info, peer.as_ref().and_then(ExtraInfo::as_address))
    }

    /// A session to be. `read_ahead` was received of the peer before.
    pub(crate) fn connector(&self, read_ahead: Vec<u8>) -> tls::Connector {
        if read_ahead.is_empty() {
            tls::Connector::new(&self.settings)
        } else {
            tls::Connector::new(&tls::Settings { read_ahead, ..tls::Settings::clone(&self.settings) })
        }
    }

    /// The halves of a session, or Python's error for why there is none.
    ///
    /// # Errors
    /// As [`secure`](Self::secure).
    pub(crate) fn established(
        &self,
        session: Result<tls::Session, tls::Error>,
        info: Rc<dyn Info>,
        peer: Option<&SocketAddress>,
    ) -> Result<Halves> {
        let session = session.map_err(|error| failure(error, peer))?;
        let info = Rc::new(Known::new(info, session.info(), &self.side));
        let (incoming, received) = session.receive();
        Ok(Halves {
            receive: Box::new(Inbound::new(incoming, BYTES, Some(outcome(received)))),
            send: Box::new(Outbound::unbegun(Box::new(Sending(session)), BYTES)),
            info,
            capabilities: Capabilities::TLS,
        })
    }
}

/// What is behind a half, if it is this.
fn downcast<T: 'static>(half: Box<dyn std::any::Any>) -> Option<Box<T>> {
    half.downcast().ok()
}

fn not_to_be_taken() -> Error {
    Error::Runtime("the transport is not supported by start_tls()".into())
}

/// A session that sends nothing yet.
struct Sending(tls::Session);

impl Begin for Sending {
    fn begin(self: Box<Self>, outgoing: ByteStream) -> Box<dyn OutcomeSource> {
        outcome(self.0.send(outgoing))
    }
}

/// What is known of a connection, and of the session on it.
struct Known {
    connection: Rc<dyn Info>,
    session: tls::SessionInfo,
    server_hostname: Option<String>,
    server_side: bool,
}

impl Known {
    fn new(connection: Rc<dyn Info>, session: tls::SessionInfo, side: &Side) -> Self {
        let (server_hostname, server_side) = match side {
            Side::Client(name) => (name.clone().filter(|name| !name.is_empty()), false),
            Side::Server => (None, true),
        };
        Self { connection, session, server_hostname, server_side }
    }
}

impl Info for Known {
    fn get(&self, name: &str) -> Option<ExtraInfo> {
        let session = &self.session;
        match name {
            "cipher" => Some(ExtraInfo::Cipher(session.cipher.clone())),
            "peercert" if session.peer_verified => session.peer_certificate.clone().map(ExtraInfo::Bytes),
            // TLS 1.3 has none, and 1.2 is spoken without.
            "peercert" | "compression" | "sslcontext" => None,
            "ssl_object" => Some(ExtraInfo::Ssl(SslInfo {
                version: Some(session.version.clone()),
                alpn_protocol: session.alpn.clone(),
                server_hostname: self.server_hostname.clone(),
                server_side: self.server_side,
                session_reused: session.reused,
                peercert: session.peer_certificate.clone(),
            })),
            name => self.connection.get(name),
        }
    }

    fn connection_lost(&self) {
        self.connection.connection_lost();
    }
}

/// Python's error for what the host tells.
fn failure(error: tls::Error, peer: Option<&SocketAddress>) -> Error {
    let os = |kind, message| {
        let error = OsError::new(kind, message);
        match peer {
            Some(peer) => error.at(peer.to_endpoint()).into(),
            None => error.into(),
        }
    };
    match error {
        tls::Error::Ssl(tls::SslError { message, reason }) => Error::Ssl { message, reason },
        tls::Error::Certificate(error) => {
            let tls::CertificateError { message, verify_code, verify_message } = error;
            Error::SslCertVerification { message, verify_code, verify_message }
        }
        tls::Error::Aborted(message) => os(OsErrorKind::ConnectionAborted, message),
        tls::Error::Connection(code) => {
            let (kind, message) = tcp::describe(&code);
            os(kind, message)
        }
        tls::Error::Denied(message) => os(OsErrorKind::AccessDenied, message),
        tls::Error::Invalid(message) => Error::Value(message.into()),
    }
}
