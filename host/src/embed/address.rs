//! Addresses as the standard library has them.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::bindings::{ExtraInfo, SocketAddress};

impl SocketAddress {
    /// The address, unless it is that of a Unix socket.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self.host.parse().ok()? {
            IpAddr::V4(ip) => Some((ip, self.port).into()),
            IpAddr::V6(ip) => Some(SocketAddrV6::new(ip, self.port, self.flowinfo, self.scope_id).into()),
        }
    }
}

impl ExtraInfo {
    /// The address, if this is one of an Internet socket: of `peername` and `sockname`.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => address.socket_addr(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::AddressFamily;

    #[test]
    fn addresses_keep_all_they_have() {
        let address = |family, host: &str| SocketAddress {
            family,
            host: host.to_owned(),
            port: 80,
            flowinfo: 0,
            scope_id: 2,
            path: None,
        };
        let v6 = address(AddressFamily::Inet6, "fe80::1").socket_addr();
        assert_eq!(v6.unwrap().to_string(), "[fe80::1%2]:80");
        let v4 = address(AddressFamily::Inet, "127.0.0.1").socket_addr();
        assert_eq!(v4.unwrap().to_string(), "127.0.0.1:80");
        assert_eq!(address(AddressFamily::Unix, "").socket_addr(), None);
    }
}
