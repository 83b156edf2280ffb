//! Which addresses are reached over the public internet, and which only from here.
//!
//! Whoever serves a domain decides what its names resolve to. A grant for such a name is meant for a machine out there;
//! were every address taken, the domain's owner could point it at this machine or at its private network ("DNS
//! rebinding").

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

use crate::policy::own_addresses::own_addresses;

/// Where an address is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum AddressClass {
    /// Over the public internet, and it is not this machine.
    Public,
    /// Only from this machine's networks; and this machine's own addresses, public ones too.
    Private,
    /// On this machine alone: 127.0.0.0/8 and `::1`.
    Loopback,
    /// One address for many or for none: multicast, reserved and unspecified ones, and those that lead through a
    /// gateway to its own loopback.
    Special,
}

/// The blocks that IANA's special-purpose registries (RFC 6890 and its updates) list as not globally reachable, and
/// multicast.
const NOT_PUBLIC: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    // Azure's machines get their configuration from here; nobody else has it.
    "168.63.129.16/32",
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

impl AddressClass {
    /// The class of `address` as this machine is now.
    pub(crate) fn of(address: IpAddr) -> Self {
        match Self::elsewhere(address) {
            // Only then it matters whose it is.
            Self::Public => Self::among(address, &own_addresses()),
            class => class,
        }
    }

    /// The class of a public address on a machine that has the addresses `own`.
    fn among(address: IpAddr, own: &[IpAddr]) -> Self {
        let address = address.to_canonical();
        let reached = behind_gateway(address).map_or(address, IpAddr::V4);
        if own.contains(&address) || own.contains(&reached) { Self::Private } else { Self::Public }
    }

    /// The class of `address` on a machine that does not have it itself.
    fn elsewhere(address: IpAddr) -> Self {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Self::Loopback;
        }
        let reached = behind_gateway(address).map_or(address, IpAddr::V4);
        let special = match reached {
            IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.octets()[0] >= 224 || v4.is_loopback(),
            IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast(),
        };
        if special {
            Self::Special
        } else if NETS.iter().any(|net| net.contains(&reached)) {
            Self::Private
        } else {
            Self::Public
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::Special => "special",
        })
    }
}

/// The IPv4 address that a gateway would take `address` to: NAT64 (RFC 6052) and 6to4 (RFC 3056) carry it inside.
pub(crate) fn behind_gateway(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else {
        return None;
    };
    match v6.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] | [0x20, 0x02, a, b, c, d, ..] => {
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

/// Whether `name`, normalised, stands for this machine itself: `localhost` and what ends in it (RFC 6761).
pub(crate) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use AddressClass::*;

    use super::*;

    fn class(address: &str) -> AddressClass {
        AddressClass::of(address.parse().unwrap())
    }

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
            "168.63.129.16",
            "100.64.0.1",
            "255.255.255.255",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "::1.1.1.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "2002:7f00:1::",
        ] {
            assert_ne!(class(address), Public, "{address}");
        }
    }

    #[test]
    fn the_internet_is_public() {
        for address in ["1.1.1.1", "172.32.0.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"] {
            assert_eq!(class(address), Public, "{address}");
        }
    }

    #[test]
    fn loopback_is_what_no_gateway_takes_elsewhere() {
        for address in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(class(address), Loopback, "{address}");
        }
        for address in ["64:ff9b::7f00:1", "2002:7f00:1::"] {
            assert_eq!(class(address), Special, "{address}");
        }
    }

    #[test]
    fn private_has_neither_multicast_nor_reserved_addresses() {
        for address in ["10.0.0.1", "169.254.169.254", "100.64.0.1", "fd00::1", "fe80::1", "64:ff9b::a00:1"] {
            assert_eq!(class(address), Private, "{address}");
        }
        for address in ["224.0.0.1", "255.255.255.255", "240.0.0.1", "0.0.0.0", "0.1.2.3", "::", "ff02::1"] {
            assert_eq!(class(address), Special, "{address}");
        }
    }

    #[test]
    fn the_machines_own_public_addresses_are_private() {
        let own = ["1.2.3.4", "2606:4700::1"].map(|address| address.parse().unwrap());
        for address in ["1.2.3.4", "::ffff:1.2.3.4", "2606:4700::1", "64:ff9b::102:304", "2002:102:304::1"] {
            assert_eq!(AddressClass::among(address.parse().unwrap(), &own), Private, "{address}");
        }
        assert_eq!(AddressClass::among("1.2.3.5".parse().unwrap(), &own), Public);
    }

    #[test]
    fn only_localhost_is_localhost() {
        assert!(is_localhost("localhost"));
        assert!(is_localhost("a.localhost"));
        assert!(!is_localhost("notlocalhost"));
        assert!(!is_localhost("localhost.example.com"));
    }
}
