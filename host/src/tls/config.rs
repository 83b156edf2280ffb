//! What a program asks for, made into rustls' configurations: each is made once, and sessions are resumed within it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion, version,
};

use super::failure::Failure;
use super::grants::TlsGrants;
use super::identity::Identity;
use super::trust::system_roots;
use super::verify;
use crate::Denial;

/// What a program asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) side: Side,
    /// The name of an identity; a server has one.
    pub(super) identity: Option<String>,
    /// The name of a trust; none: the system's authorities.
    pub(super) trust: Option<String>,
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) tls13_only: bool,
}

/// Which end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Client { verify: VerifyServer },
    Server { clients: Clients },
}

/// What of a server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum VerifyServer {
    /// That it is of the server that was asked for.
    Name,
    /// That an authority has signed it: `check_hostname` is false.
    Authority,
    /// Nothing: `CERT_NONE`.
    Nothing,
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Clients {
    /// `CERT_NONE`.
    Anonymous,
    /// `CERT_OPTIONAL`.
    Optional,
    /// `CERT_REQUIRED`.
    Required,
}

/// The configurations of one running program.
#[derive(Default)]
pub(crate) struct Configs(Mutex<HashMap<Wanted, Kept>>);

/// A configuration, and what the names in it stood for: a policy that changes while the program runs may make them others.
struct Kept {
    config: Config,
    granted: Granted,
}

/// What the names that a program asks for stand for.
struct Granted {
    identity: Option<Arc<Identity>>,
    trust: Option<Arc<RootCertStore>>,
}

impl Granted {
    fn of(wanted: &Wanted, grants: &TlsGrants) -> Self {
        Self {
            identity: wanted.identity.as_ref().and_then(|name| grants.identity(name)?.current()),
            trust: wanted.trust.as_ref().and_then(|name| grants.trust(name)?.roots()),
        }
    }

    /// Whether both stand for the very same.
    fn is(&self, other: &Self) -> bool {
        fn same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
        }
        same(self.identity.as_ref(), other.identity.as_ref()) && same(self.trust.as_ref(), other.trust.as_ref())
    }
}

#[derive(Clone)]
enum Config {
    Client(Arc<ClientConfig>),
    Server(Arc<ServerConfig>),
}

/// How many different configurations are kept for a program. Each has up to 256 sessions to resume.
const MAX_KEPT: usize = 64;

/// Names of protocols in one offer: TLS has room for no more bytes.
const MAX_ALPN: usize = 65_535;

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));

const TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const TLS12: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

impl Wanted {
    /// Whether the certificate that the peer shows is verified.
    pub(super) fn verifies(&self) -> bool {
        match &self.side {
            Side::Client { verify } => *verify != VerifyServer::Nothing,
            Side::Server { clients } => *clients != Clients::Anonymous,
        }
    }

    /// What the policy makes of it: what is not granted is refused, and what the operator requires is there.
    ///
    /// # Errors
    /// What is not granted, or makes no sense.
    pub(super) fn permitted(mut self, name: Option<&str>, grants: &TlsGrants) -> Result<Self, Failure> {
        // The program's text is kept and printed, and no name is longer.
        let shown = |name: &str| name.chars().take(253).collect::<String>();
        if let Some(required) = &grants.required_client
            && let Side::Server { clients } = &mut self.side
        {
            *clients = Clients::Required;
            self.trust = Some(required.clone());
        }
        if let Some(identity) = &self.identity
            && grants.identity(identity).is_none()
        {
            return Err(Failure::Denied(Denial::TlsIdentity(shown(identity))));
        }
        if let Some(trust) = &self.trust
            && grants.trust(trust).is_none()
        {
            return Err(Failure::Denied(Denial::TlsTrust(shown(trust))));
        }
        match &self.side {
            Side::Server { .. } if self.identity.is_none() => {
                return Err(Failure::Invalid("a server needs an identity".to_owned()));
            }
            Side::Client { verify } if *verify != VerifyServer::Name && !grants.permits_unverified(name) => {
                return Err(Failure::Denied(Denial::TlsUnverified(name.filter(|name| !name.is_empty()).map(shown))));
            }
            Side::Client { verify: VerifyServer::Name } if name.is_none_or(str::is_empty) => {
                return Err(Failure::Invalid("check_hostname requires server_hostname".to_owned()));
            }
            _ => {}
        }
        let wrong = |name: &Vec<u8>| name.is_empty() || name.len() > 255;
        if self.alpn.iter().any(wrong) || self.alpn.iter().map(|name| name.len() + 1).sum::<usize>() > MAX_ALPN {
            return Err(Failure::Invalid("ALPN protocols must be 1 to 255 in length".to_owned()));
        }
        Ok(self)
    }
}

impl Configs {
    /// A connection that is about to begin its handshake. `wanted` is [`permitted`](Wanted::permitted), and `name` is the server's,
    /// as a client has it. May read files: not for the thread of the program.
    ///
    /// # Errors
    /// What cannot be had.
    pub(super) fn connection(
        &self,
        wanted: &Wanted,
        name: Option<&str>,
        grants: &TlsGrants,
    ) -> Result<Connection, Failure> {
        let internal = |error: rustls::Error| Failure::of(&error, None, false, b"");
        Ok(match self.config(wanted, grants)? {
            Config::Client(config) => {
                let name = name.filter(|name| !name.is_empty());
                let name = match name.map(|name| ServerName::try_from(name.to_owned())) {
                    Some(Ok(name)) => name,
                    // Never sent, and never compared: `permitted` sees to it.
                    None => ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into()),
                    Some(Err(_)) => {
                        return Err(Failure::Invalid("server_hostname is no name and no address".to_owned()));
                    }
                };
                Connection::Client(ClientConnection::new(config, name).map_err(internal)?)
            }
            Config::Server(config) => Connection::Server(ServerConnection::new(config).map_err(internal)?),
        })
    }

    /// Whether a configuration is there, and so needs no files.
    pub(super) fn has(&self, wanted: &Wanted, grants: &TlsGrants) -> bool {
        self.kept(wanted, &Granted::of(wanted, grants)).is_some()
    }

    fn kept(&self, wanted: &Wanted, granted: &Granted) -> Option<Config> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(wanted).filter(|kept| kept.granted.is(granted)).map(|kept| kept.config.clone())
    }

    fn config(&self, wanted: &Wanted, grants: &TlsGrants) -> Result<Config, Failure> {
        let granted = Granted::of(wanted, grants);
        if let Some(config) = self.kept(wanted, &granted) {
            return Ok(config);
        }
        // Not under the lock: it may read files.
        let config = make(wanted, grants)?;
        // Another may have made it meanwhile: sessions are resumed within that.
        if let Some(config) = self.kept(wanted, &granted) {
            return Ok(config);
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(wanted.clone(), Kept { config: config.clone(), granted });
        Ok(config)
    }
}

fn make(wanted: &Wanted, grants: &TlsGrants) -> Result<Config, Failure> {
    let internal = |error: &dyn std::fmt::Display| Failure::Ssl { reason: None, message: format!("[SSL] {error}") };
    let versions = if wanted.tls13_only { TLS13 } else { TLS12 };
    let identity = wanted.identity.as_ref().map(|name| identity(name, grants)).transpose()?;
    Ok(match &wanted.side {
        Side::Client { verify } => {
            let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
                .with_protocol_versions(versions)
                .map_err(|error| internal(&error))?
                .dangerous();
            let builder = match verify {
                VerifyServer::Nothing => {
                    builder.with_custom_certificate_verifier(Arc::new(verify::Unverified(Arc::clone(&PROVIDER))))
                }
                checked => {
                    let roots = roots(wanted.trust.as_deref(), grants)?;
                    let authorities = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&PROVIDER)).build();
                    let authorities = authorities.map_err(|error| internal(&error))?;
                    let name = *checked == VerifyServer::Name;
                    builder.with_custom_certificate_verifier(Arc::new(verify::Server { authorities, name }))
                }
            };
            let mut config = match identity {
                Some(identity) => builder.with_client_cert_resolver(identity),
                None => builder.with_no_client_auth(),
            };
            config.alpn_protocols.clone_from(&wanted.alpn);
            // Said, though it is rustls' default: nothing that can be replayed.
            config.enable_early_data = false;
            Config::Client(Arc::new(config))
        }
        Side::Server { clients } => {
            let builder = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
                .with_protocol_versions(versions)
                .map_err(|error| internal(&error))?;
            let builder = match clients {
                Clients::Anonymous => builder.with_no_client_auth(),
                shown => {
                    let roots = roots(wanted.trust.as_deref(), grants)?;
                    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&PROVIDER));
                    let verifier = match shown {
                        Clients::Optional => verifier.allow_unauthenticated(),
                        _ => verifier,
                    };
                    let verifier = verifier.build().map_err(|error| internal(&error))?;
                    builder.with_client_cert_verifier(Arc::new(verify::Client(verifier)))
                }
            };
            let identity = identity.ok_or_else(|| Failure::Invalid("a server needs an identity".to_owned()))?;
            let mut config = builder.with_cert_resolver(identity);
            config.alpn_protocols.clone_from(&wanted.alpn);
            config.max_early_data_size = 0;
            config.ticketer = ring::Ticketer::new().map_err(|error| internal(&error))?;
            Config::Server(Arc::new(config))
        }
    })
}

fn identity(name: &str, grants: &TlsGrants) -> Result<Arc<Identity>, Failure> {
    let identity = grants.identity(name).and_then(|identity| identity.current());
    identity.ok_or_else(|| Failure::Denied(Denial::TlsIdentity(name.to_owned())))
}

fn roots(trust: Option<&str>, grants: &TlsGrants) -> Result<Arc<RootCertStore>, Failure> {
    match trust {
        None => system_roots().map_err(|reason| Failure::Ssl { reason: None, message: format!("[SSL] {reason}") }),
        Some(name) => grants
            .trust(name)
            .and_then(|trust| trust.roots())
            .ok_or_else(|| Failure::Denied(Denial::TlsTrust(name.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trust of this name, made anew.
    fn trusting(name: &str) -> TlsGrants {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&file, made.cert.pem()).unwrap();
        let trust = format!("{name}={}", file.display()).parse().unwrap();
        let mut grants = TlsGrants { trusts: vec![trust], ..TlsGrants::default() };
        grants.load().unwrap();
        grants
    }

    #[test]
    fn a_name_that_stands_for_something_else_has_a_configuration_of_its_own() {
        let wanted = Wanted {
            side: Side::Client { verify: VerifyServer::Name },
            identity: None,
            trust: Some("us".to_owned()),
            alpn: Vec::new(),
            tls13_only: false,
        };
        let configs = Configs::default();
        let made = |grants: &TlsGrants| match configs.config(&wanted, grants) {
            Ok(Config::Client(config)) => config,
            _ => panic!("it is a client's"),
        };
        let (before, after) = (trusting("us"), trusting("us"));
        let first = made(&before);
        assert!(configs.has(&wanted, &before) && Arc::ptr_eq(&first, &made(&before)));
        assert!(!configs.has(&wanted, &after), "the policy's change in place is without effect");
        let second = made(&after);
        assert!(!Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&second, &made(&after)));
        assert!(!configs.has(&wanted, &TlsGrants::default()));
    }
}
