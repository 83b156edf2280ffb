//! Where sockets are: an address of IP, or the path or name of a Unix socket.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::UnixAddress;

/// Where an end of a connection is.
///
/// Displays as a grant for it is written, and as nothing if it has no name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionAddress {
    /// Of TCP.
    Ip(SocketAddr),
    /// Of a Unix socket that somebody listens on: without links.
    Unix(UnixAddress),
    /// Of a Unix socket that was made to connect: it has no name that means anything to others.
    Unnamed,
}

impl fmt::Display for ConnectionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(address) => address.fmt(f),
            Self::Unnamed => Ok(()),
        }
    }
}

/// Where a socket listens, or one connects to. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    Ip(SocketAddr),
    Unix(Arc<UnixAddress>),
}

impl Place {
    /// The address of one of TCP.
    pub(crate) fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(address) => address.fmt(f),
        }
    }
}

impl From<&Place> for ConnectionAddress {
    fn from(place: &Place) -> Self {
        match place {
            Place::Ip(address) => Self::Ip(*address),
            Place::Unix(address) => Self::Unix(UnixAddress::clone(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_as_they_are_granted() {
        let unix = |address| ConnectionAddress::Unix(address).to_string();
        assert_eq!(unix(UnixAddress::Path("/run/x.sock".into())), "/run/x.sock");
        assert_eq!(unix(UnixAddress::Abstract(b"bus\n".to_vec())), "@bus\\n");
        assert_eq!(ConnectionAddress::Ip("[::1]:80".parse().unwrap()).to_string(), "[::1]:80");
        assert_eq!(ConnectionAddress::Unnamed.to_string(), "");
    }
}
