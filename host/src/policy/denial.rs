//! What a program was refused.

use std::fmt;
use std::net::SocketAddr;

/// Something that a program asked for and that no grant covers.
///
/// Displays as what was refused, for instance `listening on 127.0.0.1:8888`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Denial {
    /// Binding or listening on a local address. Port 0 stands for any free port.
    Listen(SocketAddr),
    /// Connecting to a remote address.
    Connect(SocketAddr),
    /// Connecting to an address that a granted name resolves to, but that is not of the public internet.
    Private {
        /// The granted name.
        name: String,
        /// The address, with the port that was asked for.
        address: SocketAddr,
    },
    /// Looking up the addresses of a host name.
    Lookup(String),
    /// A TCP socket of WASI 0.2, whose connections the given [`Limits`](crate::Limits) do not reach.
    Unlimited,
    /// A UDP socket, which no grant is for.
    Udp,
}

impl Denial {
    /// Which kind it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Listen(_) => "listen",
            Self::Connect(_) => "connect",
            Self::Private { .. } => "private",
            Self::Lookup(_) => "lookup",
            Self::Unlimited => "wasi02",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address) => write!(f, "listening on {address}"),
            Self::Connect(address) => write!(f, "connecting to {address}"),
            Self::Private { name, address } => {
                write!(f, "connecting to {address}, a private address that {} resolves to", name.escape_debug())
            }
            // The name comes from the program: escape what could forge a line of its own.
            Self::Lookup(name) => write!(f, "looking up {}", name.escape_debug()),
            Self::Unlimited => f.write_str("a TCP socket of WASI 0.2, which limits of connections do not reach"),
            Self::Udp => f.write_str("a UDP socket"),
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
