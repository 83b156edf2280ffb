//! The hosts and ports that a grant is about: `HOST:PORT`, as an operator writes it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv6Net};

use crate::policy::address_class::AddressClass;
use crate::policy::grant_error::GrantError;
use crate::policy::url::written_for;

/// The hosts and ports of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    pub(crate) host: Host,
    pub(crate) port: Port,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    Any,
    /// With the number of an interface, if it is an address of a link.
    Address(IpAddr, Option<u32>),
    Net(IpNet),
    /// All but [`AddressClass::Special`].
    Class(AddressClass),
    /// As [`normalized`].
    Name(String),
    /// All names below this one, as [`normalized`], at any depth, but not itself.
    Below(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Port {
    Any,
    Number(u16),
    /// From the first to the last, and neither is 0.
    Range(u16, u16),
}

/// An address as the system takes it, in one of the forms in which it can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Canonical: an IPv4 address is one.
    pub(crate) ip: IpAddr,
    /// The number of the interface, of an address of a link; else 0.
    pub(crate) scope: u32,
    pub(crate) port: u16,
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        let scope = match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(v6) => v6.scope_id(),
        };
        Self { ip: address.ip().to_canonical(), scope, port: address.port() }
    }
}

impl Endpoint {
    /// Whether `place` is granted without knowing a name for it.
    pub(crate) fn covers(&self, place: Place) -> bool {
        self.port.covers(place.port) && self.host.covers(place)
    }
}

impl Host {
    /// Whether the address of `place` is granted without knowing a name for it.
    ///
    /// One address is exactly itself, on the interface that is written with it. What stands for many has no interfaces.
    pub(crate) fn covers(&self, place: Place) -> bool {
        match self {
            Self::Any => true,
            Self::Address(granted, scope) => *granted == place.ip && scope.unwrap_or(0) == place.scope,
            Self::Net(net) => net.contains(&place.ip),
            Self::Class(class) => *class == AddressClass::of(place.ip),
            Self::Name(_) | Self::Below(_) => false,
        }
    }

    /// Checks that an address of a link, in a grant, says which link.
    pub(crate) fn on_one_link(self) -> Result<Self, GrantError> {
        match self {
            Self::Address(IpAddr::V6(v6), None) if v6.is_unicast_link_local() => {
                Err(GrantError::Link(self.to_string()))
            }
            host => Ok(host),
        }
    }

    /// Checks that it can stand for addresses of this machine.
    pub(crate) fn local(self) -> Result<Self, GrantError> {
        match self {
            Self::Below(_) => Err(GrantError::ListenWildcard(self.to_string())),
            Self::Class(_) => Err(GrantError::LocalClass(self.to_string())),
            host => host.on_one_link(),
        }
    }

    /// The name, if it is one.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// Whether `name`, normalised, is one that this host names.
    pub(crate) fn covers_name(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Below(domain) => name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')),
            Self::Any | Self::Address(..) | Self::Net(_) | Self::Class(_) => false,
        }
    }
}

impl Port {
    pub(crate) fn covers(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Number(granted) => granted == port,
            Self::Range(first, last) => (first..=last).contains(&port),
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        let place = Place::from(address);
        let scope = Some(place.scope).filter(|scope| *scope != 0);
        Self { host: Host::Address(place.ip, scope), port: Port::Number(place.port) }
    }
}

impl FromStr for Endpoint {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        if let Some(hint) = written_for(text) {
            return Err(GrantError::Url(text.to_owned(), hint));
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(GrantError::Brackets(text.to_owned()));
        }
        let (host, port) = text
            .rsplit_once(':')
            .filter(|(_, port)| !port.contains(']') && !port.is_empty())
            .ok_or_else(|| GrantError::NoPort(text.to_owned()))?;
        Ok(Self { port: port.parse()?, host: host.parse()? })
    }
}

impl FromStr for Port {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        // Stricter than u16's own parser, which takes a plus sign.
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<u16>().ok(),
            false => None,
        };
        let wrong = || GrantError::Port(text.to_owned());
        if text == "*" {
            return Ok(Self::Any);
        }
        let Some((first, last)) = text.split_once('-') else {
            return number(text).map(Self::Number).ok_or_else(wrong);
        };
        let (first, last) = number(first).zip(number(last)).ok_or_else(wrong)?;
        match first {
            1.. if first <= last => Ok(Self::Range(first, last)),
            _ => Err(GrantError::PortRange(text.to_owned())),
        }
    }
}

impl FromStr for Host {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let wrong = || GrantError::Host(text.to_owned());
        if let Some(rest) = text.strip_prefix('[') {
            // [ADDRESS], [ADDRESS]/PREFIX or [ADDRESS/PREFIX].
            let (inside, after) = rest.split_once(']').ok_or_else(wrong)?;
            if !after.is_empty() && !after.starts_with('/') {
                return Err(wrong());
            }
            let inner = format!("{inside}{after}");
            if let Ok(address) = inner.parse::<Ipv6Addr>() {
                return Ok(Self::Address(IpAddr::V6(address).to_canonical(), None));
            }
            if let Some((address, scope)) = inner.split_once('%') {
                // 0 is the system's word for none.
                let scope = scope.parse().ok().filter(|scope| *scope != 0);
                return match (address.parse::<Ipv6Addr>(), scope) {
                    (Ok(v6), Some(_)) if v6.is_unicast_link_local() => Ok(Self::Address(v6.into(), scope)),
                    (Ok(_), Some(_)) => Err(GrantError::Scope(text.to_owned())),
                    _ => Err(wrong()),
                };
            }
            return network(text, IpNet::V6(inner.parse::<Ipv6Net>().map_err(|_| wrong())?));
        }
        if text.contains(':') {
            return Err(GrantError::Brackets(text.to_owned()));
        }
        match text.to_ascii_lowercase().as_str() {
            "*" => return Ok(Self::Any),
            "public" => return Ok(Self::Class(AddressClass::Public)),
            "private" => return Ok(Self::Class(AddressClass::Private)),
            "loopback" => return Ok(Self::Class(AddressClass::Loopback)),
            _ => {}
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address, None));
        }
        if text.contains('/') {
            return network(text, text.parse().map_err(|_| wrong())?);
        }
        match text.strip_prefix("*.") {
            Some(domain) => host_name(domain).map(Self::Below).map_err(|_| wrong()),
            None => host_name(text).map(Self::Name),
        }
    }
}

/// Checks that `net`, written as `text`, is written as a network.
fn network(text: &str, net: IpNet) -> Result<Host, GrantError> {
    if net.trunc() == net {
        return Ok(Host::Net(net));
    }
    Err(GrantError::HostBits(text.to_owned(), Host::Net(net.trunc()).to_string()))
}

/// Checks and normalises a host name.
pub(crate) fn host_name(text: &str) -> Result<String, GrantError> {
    let name = normalized(text);
    let label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    // A last label of digits is a mistyped IPv4 address: no name ends so.
    let last_is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if name.split('.').all(label) && !last_is_number { Ok(name) } else { Err(GrantError::Host(text.to_owned())) }
}

/// The form in which host names are compared: as the resolver will be asked for them, lower case and ASCII, without a
/// final dot. What is no name stays as it is, and is asked for by nobody.
pub(crate) fn normalized(name: &str) -> String {
    match ::url::Host::parse(name) {
        Ok(::url::Host::Domain(domain)) => domain.trim_end_matches('.').to_lowercase(),
        _ => name.strip_suffix('.').unwrap_or(name).to_lowercase(),
    }
}

/// The address that `name` is in one of its forms, for which no resolver is asked.
pub(crate) fn literal(name: &str) -> Option<IpAddr> {
    match ::url::Host::parse(name) {
        Ok(::url::Host::Ipv4(v4)) => Some(v4.into()),
        Ok(::url::Host::Ipv6(v6)) => Some(v6.into()),
        Ok(::url::Host::Domain(_)) => None,
        Err(_) => name.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Address(IpAddr::V4(address), _) => address.fmt(f),
            Self::Address(IpAddr::V6(address), None) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V6(address), Some(scope)) => write!(f, "[{address}%{scope}]"),
            Self::Net(IpNet::V4(net)) => net.fmt(f),
            Self::Net(IpNet::V6(net)) => write!(f, "[{}]/{}", net.addr(), net.prefix_len()),
            Self::Class(class) => class.fmt(f),
            // With the dot it is no class.
            Self::Name(name) if matches!(name.as_str(), "public" | "private" | "loopback") => write!(f, "{name}."),
            Self::Name(name) => f.write_str(name),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Number(port) => port.fmt(f),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap()
    }

    /// An address without a port, perhaps with the number of an interface.
    fn covers(host: &Host, address: &str) -> bool {
        let (ip, scope) = address.split_once('%').unwrap_or((address, "0"));
        let ip = ip.parse::<IpAddr>().unwrap().to_canonical();
        host.covers(Place { ip, scope: scope.parse().unwrap(), port: 80 })
    }

    #[test]
    fn a_network_covers_its_addresses() {
        let net = host("10.0.0.0/8");
        assert!(covers(&net, "10.255.0.1"));
        assert!(covers(&net, "::ffff:10.0.0.1"));
        assert!(!covers(&net, "11.0.0.1"));
        assert!(!covers(&net, "fd00::1"));
        assert!(covers(&host("[fd00::]/8"), "fd12::1"));
        assert_eq!(host("[fd00::/8]"), host("[fd00::]/8"));
    }

    #[test]
    fn an_address_of_a_link_is_on_one_link() {
        let there = host("[fe80::1%2]");
        assert_eq!(there.to_string(), "[fe80::1%2]");
        assert!(covers(&there, "fe80::1%2"));
        assert!(!covers(&there, "fe80::1%3") && !covers(&there, "fe80::1"));
        assert!(covers(&host("[fe80::]/10"), "fe80::1%3"), "a network is that of every link");
        assert!(!covers(&host("[::1]"), "::1%1"));
        assert_eq!(host("[fe80::1]").on_one_link(), Err(GrantError::Link("[fe80::1]".into())));
        assert_eq!("[::1%2]".parse::<Host>(), Err(GrantError::Scope("[::1%2]".into())));
        for text in ["[fe80::1%]", "[fe80::1%0]", "[fe80::1%eth0]", "[fe80::1%-1]"] {
            assert_eq!(text.parse::<Host>(), Err(GrantError::Host(text.into())), "{text}");
        }
    }

    #[test]
    fn a_class_covers_its_addresses() {
        assert!(covers(&host("public"), "1.1.1.1") && !covers(&host("public"), "10.0.0.1"));
        assert!(covers(&host("Private"), "10.0.0.1") && !covers(&host("private"), "127.0.0.1"));
        assert!(covers(&host("loopback"), "::1") && !covers(&host("loopback"), "224.0.0.1"));
        assert_eq!(host("private.").to_string(), "private.");
        assert!(host("private.").covers_name("private"));
    }

    #[test]
    fn a_name_is_compared_as_the_resolver_is_asked_for_it() {
        for name in ["Evil.Example", "evil.example.", "evil%2Eexample", "ｅvil.example", "evil。example"] {
            assert_eq!(normalized(name), "evil.example", "{name}");
        }
        assert_eq!(normalized("b\u{fc}cher.example"), "xn--bcher-kva.example");
        assert_eq!(host("b\u{fc}cher.example"), host("xn--bcher-kva.example"));
        for (name, address) in [("127.1", "127.0.0.1"), ("0x7f000001", "127.0.0.1"), ("[::1]", "::1"), ("::1", "::1")] {
            assert_eq!(literal(name), Some(address.parse().unwrap()), "{name}");
        }
        assert_eq!(literal("one.example"), None);
    }

    #[test]
    fn a_wildcard_covers_what_is_below_a_name() {
        let below = host("*.Example.com");
        assert!(below.covers_name("www.example.com"));
        assert!(below.covers_name("a.b.example.com"));
        assert!(!below.covers_name("example.com"));
        assert!(!below.covers_name("badexample.com"));
        assert!(!below.covers_name("example.com.evil"));
    }

    #[test]
    fn a_range_covers_its_ends_and_not_port_zero() {
        let range: Port = "8000-8100".parse().unwrap();
        assert!(range.covers(8000) && range.covers(8100));
        assert!(!range.covers(7999) && !range.covers(8101) && !range.covers(0));
    }

    #[test]
    fn mistakes_in_networks_ranges_and_wildcards_are_named() {
        use GrantError::*;
        assert_eq!("10.0.0.1/8".parse::<super::Host>(), Err(HostBits("10.0.0.1/8".into(), "10.0.0.0/8".into())));
        assert_eq!("[fd00::1]/8".parse::<super::Host>(), Err(HostBits("[fd00::1]/8".into(), "[fd00::]/8".into())));
        for text in [
            "10.0.0.0/33",
            "10.0.0.0/",
            "[fd00::]/129",
            "[10.0.0.0]/8",
            "*.",
            "*.*.com",
            "*example.com",
            "[::1",
            "[::1]2",
            "[::1]:80",
        ] {
            assert_eq!(text.parse::<super::Host>(), Err(Host(text.into())), "{text}");
        }
        for text in ["8100-8000", "0-80"] {
            assert_eq!(text.parse::<super::Port>(), Err(PortRange(text.into())), "{text}");
        }
        for text in ["80-", "-80", "80-90-100", "80-65536"] {
            assert_eq!(text.parse::<super::Port>(), Err(Port(text.into())), "{text}");
        }
    }
}
