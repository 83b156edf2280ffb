//! What no grant permits: `HOST:PORT`, as an operator writes it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::policy::address_class::{behind_gateway, is_localhost};
use crate::policy::endpoint::{Endpoint, Host, Place, Port};
use crate::policy::grant_error::GrantError;
use crate::policy::own_addresses::own_addresses;

/// A rule that denies, whatever grants say.
///
/// Written `HOST:PORT` as a [`ConnectGrant`](crate::ConnectGrant) is. A program cannot connect to what it covers, and
/// cannot bind, listen on or connect from it, nor on every interface if one of them has such an address. Classes are of
/// remote addresses: they are about connecting alone. Who connects to the program is not asked.
///
/// A name has the port `*`, because it is denied as a whole: it cannot be looked up, and what it resolves to when the
/// program is loaded cannot be connected to; see [`Policy::resolve_names`](crate::Policy::resolve_names). An address is
/// denied in all its forms, also inside one of IPv6 that a gateway takes there, and on every interface.
///
/// # Examples
///
/// ```
/// use wasyncio_host::{DenyRule, Policy};
///
/// let policy = Policy::new().allow_connect("*:443".parse()?).deny("private:*".parse()?);
/// assert!(policy.permits_connect("1.1.1.1:443".parse().unwrap()));
/// assert!(!policy.permits_connect("169.254.169.254:443".parse().unwrap()));
/// assert!("evil.example:443".parse::<DenyRule>().is_err());
/// # Ok::<(), wasyncio_host::GrantError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DenyRule(Endpoint);

impl DenyRule {
    /// The name that it denies, if it is one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.host.name()
    }

    /// Whether it covers looking up `name`, normalised.
    pub(crate) fn covers_name(&self, name: &str) -> bool {
        // Whoever denies everything on all ports denies all names too.
        self.0.host.covers_name(name) || (self.0.host == Host::Any && self.0.port == Port::Any)
    }

    /// Whether it covers connecting to `place`. `resolved` tells whether its name was resolved to an address.
    pub(crate) fn covers_remote(&self, place: Place, resolved: impl Fn(&str, IpAddr) -> bool) -> bool {
        let loopback = |name: &str| is_localhost(name) && place.ip.is_loopback();
        self.0.port.covers(place.port)
            && forms(place).any(|form| {
                self.0.host.covers(form) || self.name().is_some_and(|name| loopback(name) || resolved(name, form.ip))
            })
    }

    /// Whether it covers `place`, of this machine.
    pub(crate) fn covers_local(&self, place: Place, resolved: impl Fn(&str, IpAddr) -> bool) -> bool {
        if matches!(self.0.host, Host::Class(_)) || !self.0.port.covers(place.port) {
            return false;
        }
        let covers = |ip: IpAddr| {
            self.0.host.covers(Place { ip, scope: 0, ..place })
                || self.name().is_some_and(|name| resolved(name, ip) || is_localhost(name) && ip.is_loopback())
        };
        // On every interface it would be on those of the rule, too.
        let interfaces = || own_addresses().iter().any(|own| own.is_ipv4() == place.ip.is_ipv4() && covers(*own));
        self.0.host.covers(place) || covers(place.ip) || (place.ip.is_unspecified() && interfaces())
    }
}

/// `place`, and what else the system may take for it.
fn forms(place: Place) -> impl Iterator<Item = Place> {
    let compatible = match place.ip {
        IpAddr::V6(v6) if v6 != Ipv6Addr::LOCALHOST => v6.to_ipv4(),
        _ => None,
    };
    let inside = compatible.or_else(|| behind_gateway(place.ip));
    let elsewhere = inside.map(|v4| Place { ip: v4.into(), scope: 0, ..place });
    [Some(place), Some(Place { scope: 0, ..place }), elsewhere].into_iter().flatten()
}

impl FromStr for DenyRule {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let endpoint: Endpoint = text.parse()?;
        match &endpoint.host {
            Host::Name(_) | Host::Below(_) if endpoint.port != Port::Any => {
                Err(GrantError::DenyNamePort(endpoint.host.to_string()))
            }
            _ => Ok(Self(endpoint)),
        }
    }
}

impl fmt::Display for DenyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn rule(text: &str) -> DenyRule {
        text.parse().unwrap()
    }

    fn remote(text: &str, address: &str) -> bool {
        let address: SocketAddr = address.parse().unwrap();
        rule(text).covers_remote(address.into(), |name, ip| name == "evil.example" && ip == IpAddr::from([1, 2, 3, 4]))
    }

    fn local(text: &str, address: &str) -> bool {
        let address: SocketAddr = address.parse().unwrap();
        rule(text).covers_local(address.into(), |_, _| false)
    }

    #[test]
    fn an_address_is_denied_in_all_its_forms() {
        for address in [
            "169.254.169.254:80",
            "[::ffff:169.254.169.254]:80",
            "[64:ff9b::a9fe:a9fe]:80",
            "[2002:a9fe:a9fe::1]:80",
            "[::169.254.169.254]:80",
        ] {
            assert!(remote("169.254.169.254:*", address), "{address}");
            assert!(remote("169.254.0.0/16:80", address), "{address}");
        }
        assert!(remote("[fe80::1]:*", "[fe80::1%2]:80"), "on every link");
        assert!(remote("[2606::1]:*", "[2606::1%2]:80"), "the system does not look at the number");
        assert!(!remote("[fe80::1%3]:*", "[fe80::1%2]:80"));
        assert!(!remote("169.254.169.254:81", "169.254.169.254:80"));
        assert!(!remote("0.0.0.1:*", "[::1]:80"), "it is not an address of IPv4");
    }

    #[test]
    fn a_name_is_denied_with_what_it_resolves_to() {
        assert!(remote("evil.example:*", "1.2.3.4:80") && !remote("evil.example:*", "1.2.3.5:80"));
        assert!(remote("localhost:*", "127.0.0.2:80") && remote("localhost:*", "[::1]:80"));
        assert!(rule("*.evil.example:*").covers_name("a.evil.example"));
        assert!(rule("*:*").covers_name("a.example") && !rule("*:80").covers_name("a.example"));
        let told = "evil.example:443".parse::<DenyRule>();
        assert_eq!(told, Err(GrantError::DenyNamePort("evil.example".into())));
    }

    #[test]
    fn what_is_denied_is_not_opened_on_every_interface_either() {
        assert!(local("127.0.0.1:80", "127.0.0.1:80") && !local("127.0.0.1:80", "127.0.0.1:81"));
        assert!(local("127.0.0.0/8:80", "0.0.0.0:80"), "one of the interfaces has such an address");
        assert!(!local("127.0.0.0/8:80", "[::]:80"), "sockets are of one family");
        assert!(!local("192.0.2.1:80", "0.0.0.0:80"), "no interface has it");
        assert!(!local("loopback:*", "127.0.0.1:80"), "classes are for connecting");
        assert!(local("*:1-1023", "0.0.0.0:80"));
        assert!(local("localhost:*", "127.0.0.1:80"));
    }
}
