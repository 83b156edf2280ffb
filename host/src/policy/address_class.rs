//! Which addresses are reached over the public internet, and which only from here.
//!
//! Whoever serves a domain decides what its names resolve to. A grant for such a name is meant for a machine out there;
//! were every address taken, the domain's owner could point it at this machine or at its private network ("DNS
//! rebinding").

use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;

/// The blocks that IANA's special-purpose registries (RFC 6890 and its updates) list as not globally reachable, and
/// multicast.
const NOT_PUBLIC: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/8",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/9",
    "ff00::/8",
];

static NETS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| NOT_PUBLIC.iter().map(|net| net.parse().expect("the table is tested")).collect());

/// Whether `address` is reached over the public internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    let address = embedded_v4(address.to_canonical());
    !NETS.iter().any(|net| net.contains(&address))
}

/// The IPv4 address that a gateway would take `address` to: NAT64 (RFC 6052) and 6to4 (RFC 3056) carry it inside.
fn embedded_v4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    match v6.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] | [0x20, 0x02, a, b, c, d, ..] => {
            IpAddr::from([a, b, c, d])
        }
        _ => address,
    }
}

/// Whether `name`, normalised, stands for this machine itself: `localhost` and what ends in it (RFC 6761).
pub(crate) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_this_machine_or_network_reaches_is_not_public() {
        for address in [
            "127.0.0.1",
            "127.1.2.3",
            "::1",
            "::",
            "0.0.0.0",
            "10.0.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "255.255.255.255",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn the_internet_is_public() {
        for address in ["1.1.1.1", "172.32.0.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn only_localhost_is_localhost() {
        assert!(is_localhost("localhost"));
        assert!(is_localhost("a.localhost"));
        assert!(!is_localhost("notlocalhost"));
        assert!(!is_localhost("localhost.example.com"));
    }
}
