//! The functions that a program imports: to the session and back, nothing else.

use std::future::poll_fn;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use wasmtime::component::{Access, Accessor, FutureReader, HasData, Linker, Resource, StreamReader};

use super::bindings::tls::{self, HostConnector, HostConnectorWithStore, HostSession, HostSessionWithStore};
use super::bindings::tls_buffers::{self, HostBuffered, HostBufferedWithStore};
use super::buffers::Buffers;
use super::config::{Clients, Configs, Side, VerifyServer, Wanted};
use super::describe::Described;
use super::engine::{Incoming, Outgoing};
use super::failure::Failure;
use super::session::Session;
use super::streams::{Ciphertext, Deciphered, ToDecipher, ToEncipher};
use crate::policy::check::Check;
use crate::run::state::State;
use crate::sockets::connection::Taken;
use crate::sockets::streams::Receiving;
use crate::wasi::tcp::bindings::types::ErrorCode;

/// Adds `wasyncio:host/tls` and `wasyncio:host/tls-buffers`.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    tls::add_to_linker::<State, Tls>(linker, |state| TlsView(state))?;
    tls_buffers::add_to_linker::<State, Tls>(linker, |state| TlsView(state))
}

struct Tls;

impl HasData for Tls {
    type Data<'a> = TlsView<'a>;
}

struct TlsView<'a>(&'a mut State);

/// The longest that a session may take to begin or to end: what is longer is this.
const LONGEST: f64 = 365.0 * 24.0 * 3600.0;

/// A session to be.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connector {
    session: Arc<Session>,
    settings: Result<Settings, Failure>,
    sends: bool,
    receives: bool,
}

/// What the program has said of it, understood.
struct Settings {
    wanted: Wanted,
    name: Option<String>,
    handshake: f64,
    shutdown: Duration,
    ahead: Vec<u8>,
}

impl Settings {
    fn new(settings: tls::Settings, check: &Check) -> Result<Self, Failure> {
        let tls::Settings { side, identity, trust, alpn, tls13_only, handshake_timeout, shutdown_timeout, read_ahead } =
            settings;
        let (side, name) = match side {
            tls::Side::Client(client) => {
                let verify = match client.verification {
                    tls::Verification::Name => VerifyServer::Name,
                    tls::Verification::Authority => VerifyServer::Authority,
                    tls::Verification::Nothing => VerifyServer::Nothing,
                };
                (Side::Client { verify }, client.server_name)
            }
            tls::Side::Server(server) => {
                let clients = match server.clients {
                    tls::ClientCertificates::None => Clients::Anonymous,
                    tls::ClientCertificates::Optional => Clients::Optional,
                    tls::ClientCertificates::Required => Clients::Required,
                };
                (Side::Server { clients }, None)
            }
        };
        let alpn = alpn.into_iter().map(String::into_bytes).collect();
        let wanted = Wanted { side, identity, trust, alpn, tls13_only };
        let wanted = wanted.permitted(name.as_deref(), check.policy().tls_grants()).inspect_err(|failure| {
            if let Failure::Denied(denial) = failure {
                check.refused_tls(denial);
            }
        })?;
        let time = |what: &str, seconds: f64| {
            let time = Duration::try_from_secs_f64(seconds.min(LONGEST)).ok().filter(|time| !time.is_zero());
            time.ok_or_else(|| Failure::Invalid(format!("{what} should be a positive number, got {seconds:?}")))
        };
        time("ssl_handshake_timeout", handshake_timeout)?;
        let shutdown = time("ssl_shutdown_timeout", shutdown_timeout)?;
        Ok(Self { wanted, name, handshake: handshake_timeout, shutdown, ahead: read_ahead })
    }
}

impl tls::Host for TlsView<'_> {
    fn check(&mut self, settings: tls::Settings) -> wasmtime::Result<Result<(), tls::Error>> {
        Ok(Settings::new(settings, &self.0.check).map(drop).map_err(Into::into))
    }
}

impl HostConnector for TlsView<'_> {
    fn new(&mut self, settings: tls::Settings) -> wasmtime::Result<Resource<Connector>> {
        let server = matches!(settings.side, tls::Side::Server(_));
        let settings = Settings::new(settings, &self.0.check);
        let (name, shutdown) = match &settings {
            Ok(settings) => (settings.name.clone(), settings.shutdown),
            Err(_) => (None, Duration::ZERO),
        };
        let session = Session::new(server, name, shutdown);
        Ok(self.0.table.push(Connector { session, settings, sends: false, receives: false })?)
    }

    fn drop(&mut self, connector: Resource<Connector>) -> wasmtime::Result<()> {
        let connector = self.0.table.delete(connector)?;
        connector.session.give_up(Failure::Wire(ErrorCode::ConnectionAborted));
        Ok(())
    }
}

/// A session, and which directions the program has taken.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Established {
    session: Arc<Session>,
    info: tls::SessionInfo,
    receiving: Taken,
    sending: Taken,
}

type Outcome = FutureReader<Result<(), ErrorCode>>;

impl HostSession for TlsView<'_> {
    fn info(&mut self, session: Resource<Established>) -> wasmtime::Result<tls::SessionInfo> {
        Ok(self.0.table.get(&session)?.info.clone())
    }

    fn drop(&mut self, session: Resource<Established>) -> wasmtime::Result<()> {
        let mut session = self.0.table.delete(session)?;
        if session.receiving.take().is_ok() {
            session.session.reader_gone();
        }
        if session.sending.take().is_ok() {
            session.session.writer_gone(None);
        }
        Ok(())
    }
}

impl HostSessionWithStore<State> for Tls {
    fn send(
        mut store: Access<'_, State, Self>,
        session: Resource<Established>,
        mut data: StreamReader<u8>,
    ) -> wasmtime::Result<Outcome> {
        let session = store.get().0.table.get_mut(&session)?;
        let taken = session.sending.take();
        let session = Arc::clone(&session.session);
        match taken {
            Ok(()) => {
                let (sender, outcome) = oneshot::channel();
                data.pipe(&mut store, ToEncipher::new(session, sender))?;
                FutureReader::new(&mut store, outcome)
            }
            Err(code) => {
                data.close(&mut store)?;
                FutureReader::new(&mut store, async move { wasmtime::error::Ok(Err(code)) })
            }
        }
    }

    fn receive(
        mut store: Access<'_, State, Self>,
        session: Resource<Established>,
    ) -> wasmtime::Result<(StreamReader<u8>, Outcome)> {
        let session = store.get().0.table.get_mut(&session)?;
        let taken = session.receiving.take();
        let session = Arc::clone(&session.session);
        Ok(match taken {
            Ok(()) => {
                let (sender, outcome) = oneshot::channel();
                let stream = StreamReader::new(&mut store, Deciphered::new(session, sender))?;
                (stream, FutureReader::new(&mut store, outcome)?)
            }
            Err(code) => {
                let stream = StreamReader::new(&mut store, iter::empty())?;
                (stream, FutureReader::new(&mut store, async move { wasmtime::error::Ok(Err(code)) })?)
            }
        })
    }
}

impl HostConnectorWithStore<State> for Tls {
    fn send(mut store: Access<'_, State, Self>, connector: Resource<Connector>) -> wasmtime::Result<StreamReader<u8>> {
        let connector = store.get().0.table.get_mut(&connector)?;
        if std::mem::replace(&mut connector.sends, true) {
            return StreamReader::new(&mut store, iter::empty());
        }
        let session = Arc::clone(&connector.session);
        // Until a socket of the host's gets it.
        session.send_to(Outgoing::Taken);
        StreamReader::new(&mut store, Ciphertext::new(session))
    }

    fn receive(
        mut store: Access<'_, State, Self>,
        connector: Resource<Connector>,
        mut ciphertext: StreamReader<u8>,
    ) -> wasmtime::Result<()> {
        let connector = store.get().0.table.get_mut(&connector)?;
        if std::mem::replace(&mut connector.receives, true) {
            return ciphertext.close(&mut store);
        }
        let session = Arc::clone(&connector.session);
        match ciphertext.try_into::<Receiving>(&mut store) {
            Ok(receiving) => session.receive_from(Incoming::Socket(receiving)),
            Err(ciphertext) => {
                session.receive_from(Incoming::Fed);
                ciphertext.pipe(&mut store, ToDecipher::new(session))?;
            }
        }
        Ok(())
    }

    async fn connect(
        store: &Accessor<State, Self>,
        connector: Resource<Connector>,
    ) -> wasmtime::Result<Result<Resource<Established>, tls::Error>> {
        let (connector, check, configs, handshakes) = store.with(|mut access| {
            let state = access.get().0;
            let connector = state.table.delete(connector)?;
            let handshakes = Arc::clone(&state.network.handshakes);
            wasmtime::error::Ok((connector, Arc::clone(&state.check), Arc::clone(&state.tls), handshakes))
        })?;
        // Also where the program cancels the call.
        let session = GivesUp(connector.session);
        let settings = match connector.settings {
            Ok(settings) if connector.sends && connector.receives => settings,
            Ok(_) => {
                let words = "send and receive are to be called before connect";
                return Ok(Err(Failure::Invalid(words.to_owned()).into()));
            }
            Err(failure) => return Ok(Err(failure.into())),
        };
        let Settings { wanted, name, handshake: seconds, ahead, .. } = settings;
        let verifies = wanted.verifies();
        let end = Instant::now() + Duration::from_secs_f64(seconds.min(LONGEST));
        let shaken = timeout_at(end, async {
            let permit = handshakes.acquire_owned().await.expect("the semaphore is never closed");
            session.0.begin(connection(configs, wanted, name, check).await?, ahead);
            let shaken = poll_fn(|context| session.0.poll_handshake(context)).await;
            drop(permit);
            shaken
        });
        let shaken = shaken.await.unwrap_or_else(|_| Err(Failure::slow(seconds)));
        Ok(match shaken {
            Ok(described) => {
                let info = info(described, verifies);
                let session = Arc::clone(&session.0);
                let (receiving, sending) = (Taken::No, Taken::No);
                let established = Established { session, info, receiving, sending };
                Ok(store.with(|mut access| access.get().0.table.push(established))?)
            }
            Err(failure) => {
                session.0.give_up(failure.clone());
                Err(failure.into())
            }
        })
    }
}

/// A session between two buffers of the program's.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Buffered {
    buffers: Buffers,
    verifies: bool,
}

impl tls_buffers::Host for TlsView<'_> {}

impl HostBuffered for TlsView<'_> {
    fn feed(&mut self, buffered: Resource<Buffered>, ciphertext: Vec<u8>) -> wasmtime::Result<Result<u32, tls::Error>> {
        let count = self.0.table.get_mut(&buffered)?.buffers.feed(&ciphertext);
        Ok(count.map(below_4g).map_err(Into::into))
    }

    fn take(&mut self, buffered: Resource<Buffered>, most: u32) -> wasmtime::Result<Vec<u8>> {
        Ok(self.0.table.get_mut(&buffered)?.buffers.take(most as usize))
    }

    fn info(&mut self, buffered: Resource<Buffered>) -> wasmtime::Result<Option<tls::SessionInfo>> {
        let buffered = self.0.table.get(&buffered)?;
        Ok(buffered.buffers.described().map(|described| info(described, buffered.verifies)))
    }

    fn read(
        &mut self,
        buffered: Resource<Buffered>,
        most: u32,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, tls::Error>> {
        Ok(self.0.table.get_mut(&buffered)?.buffers.read(most as usize).map_err(Into::into))
    }

    fn write(&mut self, buffered: Resource<Buffered>, data: Vec<u8>) -> wasmtime::Result<Result<u32, tls::Error>> {
        let count = self.0.table.get_mut(&buffered)?.buffers.write(&data);
        Ok(count.map(below_4g).map_err(Into::into))
    }

    fn close(&mut self, buffered: Resource<Buffered>) -> wasmtime::Result<()> {
        self.0.table.get_mut(&buffered)?.buffers.close();
        Ok(())
    }

    fn drop(&mut self, buffered: Resource<Buffered>) -> wasmtime::Result<()> {
        self.0.table.delete(buffered)?;
        Ok(())
    }
}

impl HostBufferedWithStore<State> for Tls {
    async fn begin(
        store: &Accessor<State, Self>,
        settings: tls::Settings,
    ) -> wasmtime::Result<Result<Resource<Buffered>, tls::Error>> {
        let (settings, check, configs) = store.with(|mut access| {
            let state = access.get().0;
            (Settings::new(settings, &state.check), Arc::clone(&state.check), Arc::clone(&state.tls))
        });
        let Settings { wanted, name, .. } = match settings {
            Ok(settings) => settings,
            Err(failure) => return Ok(Err(failure.into())),
        };
        let (verifies, server) = (wanted.verifies(), matches!(wanted.side, Side::Server { .. }));
        let tls = match connection(configs, wanted, name.clone(), check).await {
            Ok(tls) => tls,
            Err(failure) => return Ok(Err(failure.into())),
        };
        let buffered = Buffered { buffers: Buffers::new(tls, name, server), verifies };
        Ok(Ok(store.with(|mut access| access.get().0.table.push(buffered))?))
    }
}

/// A connection that is about to begin its handshake. Files are read on another thread.
async fn connection(
    configs: Arc<Configs>,
    wanted: Wanted,
    name: Option<String>,
    check: Arc<Check>,
) -> Result<rustls::Connection, Failure> {
    if configs.has(&wanted, check.policy().tls_grants()) {
        return configs.connection(&wanted, name.as_deref(), check.policy().tls_grants());
    }
    let made =
        tokio::task::spawn_blocking(move || configs.connection(&wanted, name.as_deref(), check.policy().tls_grants()));
    made.await.unwrap_or_else(|error| Err(Failure::Ssl { reason: None, message: format!("[SSL] {error}") }))
}

/// A count of bytes that a program has in its memory, or room for.
fn below_4g(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Ends a session that has not begun when it is dropped.
struct GivesUp(Arc<Session>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.give_up(Failure::Wire(ErrorCode::ConnectionAborted));
    }
}

fn info(described: Described, peer_verified: bool) -> tls::SessionInfo {
    let Described { version, cipher, bits, alpn, peer_certificate, reused } = described;
    let cipher = tls::Cipher { name: cipher.to_owned(), protocol: version.to_owned(), bits };
    let peer_verified = peer_verified && peer_certificate.is_some();
    tls::SessionInfo { version: version.to_owned(), cipher, alpn, peer_certificate, peer_verified, reused }
}

impl From<Failure> for tls::Error {
    fn from(failure: Failure) -> Self {
        let message = failure.message();
        match failure {
            Failure::Ssl { reason, .. } => Self::Ssl(tls::SslError { message, reason: reason.map(str::to_owned) }),
            Failure::Certificate { code, words } => {
                Self::Certificate(tls::CertificateError { message, verify_code: code, verify_message: words })
            }
            Failure::Aborted(_) => Self::Aborted(message),
            Failure::Wire(code) => Self::Connection(code),
            Failure::Denied(_) => Self::Denied(message),
            Failure::Invalid(_) => Self::Invalid(message),
        }
    }
}
