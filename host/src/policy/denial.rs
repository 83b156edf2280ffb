//! What a program was refused.

use std::fmt;
use std::net::SocketAddr;

use crate::{DenyRule, UnixAddress};

/// Something that a program asked for and that no grant covers, or a rule denies.
///
/// Displays as what was refused, for instance `listening on 127.0.0.1:8888`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Denial {
    /// Listening on a local address, or binding it for that. Port 0 stands for any free port.
    Listen(SocketAddr),
    /// Binding a local address, perhaps to connect from it: the program may connect. Port 0 stands for any free port.
    Bind(SocketAddr),
    /// Connecting from a local address that the program has bound.
    Source(SocketAddr),
    /// Connecting to a remote address.
    Connect(SocketAddr),
    /// Connecting to an address that a granted name resolves to, but that is not of the public internet, or is this
    /// machine's own.
    Private {
        /// The granted name.
        name: String,
        /// The address, with the port that was asked for.
        address: SocketAddr,
    },
    /// Connecting to an address that a granted name had, too long ago: the program has to look it up again.
    Expired {
        /// The granted name.
        name: String,
        /// The address, with the port that was asked for.
        address: SocketAddr,
    },
    /// Something that a rule denies, whatever grants say.
    Rule {
        /// What was refused.
        refused: Box<Self>,
        /// The rule.
        rule: DenyRule,
    },
    /// Looking up the addresses of a host name.
    Lookup(String),
    /// Connecting to a Unix socket.
    UnixConnect(UnixAddress),
    /// Listening on a Unix socket, or binding it for that.
    UnixListen(UnixAddress),
    /// A TCP socket of WASI 0.2.
    Wasi02Tcp,
    /// A UDP socket, which no grant is for.
    Udp,
    /// An identity of TLS, by its name.
    TlsIdentity(String),
    /// Authorities of TLS, by their name.
    TlsTrust(String),
    /// TLS without verifying the certificate, or the name, of this server; none if the program gives no name.
    TlsUnverified(Option<String>),
}

impl Denial {
    /// Which kind it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Listen(_) => "listen",
            Self::Connect(_) => "connect",
            Self::Private { .. } => "private",
            Self::Lookup(_) => "lookup",
            Self::UnixConnect(_) => "unix",
            Self::UnixListen(_) => "unix-listen",
            Self::Wasi02Tcp => "wasi02",
            Self::Bind(_) => "bind",
            Self::Source(_) => "source",
            Self::Expired { .. } => "expired",
            Self::Rule { .. } => "rule",
            Self::Udp => "udp",
            Self::TlsIdentity(_) => "tls-identity",
            Self::TlsTrust(_) => "tls-trust",
            Self::TlsUnverified(_) => "tls-unverified",
        }
    }
}

impl Denial {
    /// What was asked for, whatever refused it.
    pub(crate) fn asked(&self) -> &'static str {
        match self {
            Self::Rule { refused, .. } => refused.asked(),
            Self::Private { .. } | Self::Expired { .. } => "connect",
            Self::UnixConnect(_) => "connect-unix",
            Self::UnixListen(_) => "listen-unix",
            other => other.kind(),
        }
    }

    /// The address or the name that was asked for; a name as the program wrote it.
    pub(crate) fn target(&self) -> String {
        match self {
            Self::Listen(address) | Self::Bind(address) | Self::Source(address) | Self::Connect(address) => {
                address.to_string()
            }
            Self::Private { address, .. } | Self::Expired { address, .. } => address.to_string(),
            Self::Rule { refused, .. } => refused.target(),
            Self::Lookup(name) => name.clone(),
            Self::UnixConnect(address) | Self::UnixListen(address) => address.to_string(),
            Self::TlsIdentity(name) | Self::TlsTrust(name) => name.clone(),
            Self::TlsUnverified(name) => name.clone().unwrap_or_default(),
            Self::Wasi02Tcp | Self::Udp => String::new(),
        }
    }

    /// What refused it.
    pub(crate) fn by(&self) -> String {
        match self {
            Self::Rule { rule, .. } => format!("deny {rule}"),
            Self::Private { name, .. } => format!("no grant: {name} resolves to it, and it is not public"),
            Self::Expired { name, .. } => format!("no grant: {name} resolved to it too long ago"),
            _ => "no grant".to_owned(),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address) => write!(f, "listening on {address}"),
            Self::Bind(address) => write!(f, "binding {address}"),
            Self::Source(address) => write!(f, "connecting from {address}"),
            Self::Connect(address) => write!(f, "connecting to {address}"),
            Self::Private { name, address } => write!(
                f,
                "connecting to {address}, an address of this machine or of its private networks that {} resolves to",
                name.escape_debug()
            ),
            Self::Expired { name, address } => {
                write!(f, "connecting to {address}, which {} resolved to too long ago", name.escape_debug())
            }
            Self::Rule { refused, rule } => write!(f, "{refused}, which the rule {rule} denies"),
            // The name comes from the program: escape what could forge a line of its own.
            Self::Lookup(name) => write!(f, "looking up {}", name.escape_debug()),
            Self::UnixConnect(address) => write!(f, "connecting to the Unix socket {address}"),
            Self::UnixListen(address) => write!(f, "listening on the Unix socket {address}"),
            Self::Wasi02Tcp => f.write_str("a TCP socket of WASI 0.2"),
            Self::Udp => f.write_str("a UDP socket"),
            Self::TlsIdentity(name) => write!(f, "the TLS identity {}", name.escape_debug()),
            Self::TlsTrust(name) => write!(f, "the TLS trust {}", name.escape_debug()),
            Self::TlsUnverified(Some(name)) => write!(f, "TLS without verification to {}", name.escape_debug()),
            Self::TlsUnverified(None) => f.write_str("TLS without verification to any server"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_a_line() {
        let denial = Denial::Lookup("a\nb".into());
        assert_eq!(denial.to_string(), "looking up a\\nb");
    }
}
