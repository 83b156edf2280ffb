//! Addresses, as asyncio shows them.

use std::fmt;
use std::net::SocketAddr;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// `socket.AF_INET`.
    Inet,
    /// `socket.AF_INET6`.
    Inet6,
    /// `socket.AF_UNIX`.
    Unix,
}

/// One end of a connection.
///
/// It prints as Python's address does: `('127.0.0.1', 80)`, `('::1', 80, 0, 0)`, a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SocketAddress {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// The path of a Unix socket: bytes, as in the system. Empty for a client that has no name.
    Unix(Vec<u8>),
}

impl SocketAddress {
    /// Its family.
    pub fn family(&self) -> AddressFamily {
        match self {
            Self::Ip(SocketAddr::V4(_)) => AddressFamily::Inet,
            Self::Ip(SocketAddr::V6(_)) => AddressFamily::Inet6,
            Self::Unix(_) => AddressFamily::Unix,
        }
    }

    /// The IP address and port, if it has them.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The port; 0 for a Unix socket.
    pub fn port(&self) -> u16 {
        self.ip().map_or(0, |address| address.port())
    }

    /// The numeric IP address without brackets, or the path.
    pub fn host(&self) -> String {
        match self {
            Self::Ip(address) => address.ip().to_string(),
            Self::Unix(path) => String::from_utf8_lossy(path).into_owned(),
        }
    }

    /// As in `OsError::address`: `host:port`, `[host]:port` or the path, where `@` stands for the NUL of an abstract name.
    pub fn to_endpoint(&self) -> String {
        match self {
            Self::Ip(address) => address.to_string(),
            Self::Unix(_) => self.host().replace('\0', "@"),
        }
    }
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(SocketAddr::V4(address)) => write!(f, "('{}', {})", address.ip(), address.port()),
            Self::Ip(SocketAddr::V6(address)) => {
                write!(f, "('{}', {}, {}, {})", address.ip(), address.port(), address.flowinfo(), address.scope_id())
            }
            Self::Unix(path) => f.write_str(&String::from_utf8_lossy(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_python_prints_them() {
        let print = |text: &str| SocketAddress::Ip(text.parse().expect("a socket address")).to_string();
        assert_eq!(print("127.0.0.1:80"), "('127.0.0.1', 80)");
        assert_eq!(print("[::1]:80"), "('::1', 80, 0, 0)");
        assert_eq!(SocketAddress::Unix(b"/run/x.sock".to_vec()).to_string(), "/run/x.sock");
    }
}
