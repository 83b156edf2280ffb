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
    /// `socket.AF_UNIX`, which the full variant of the component will have.
    Unix,
}

/// What is known of a socket: `getsockname()` and `getpeername()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketInfo {
    /// Our end.
    pub sockname: Option<SocketAddr>,
    /// The peer's end.
    pub peername: Option<SocketAddr>,
}

/// An address as Python prints it: `('127.0.0.1', 80)`, `('::1', 80, 0, 0)`.
pub(crate) struct PythonAddress<'a>(pub(crate) &'a SocketAddr);

impl fmt::Display for PythonAddress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SocketAddr::V4(address) => write!(f, "('{}', {})", address.ip(), address.port()),
            SocketAddr::V6(address) => {
                write!(f, "('{}', {}, {}, {})", address.ip(), address.port(), address.flowinfo(), address.scope_id())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_python_prints_them() {
        let print = |text: &str| PythonAddress(&text.parse().expect("a socket address")).to_string();
        assert_eq!(print("127.0.0.1:80"), "('127.0.0.1', 80)");
        assert_eq!(print("[::1]:80"), "('::1', 80, 0, 0)");
    }
}
