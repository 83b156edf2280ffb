//! The hosts and ports that a grant is about: `HOST:PORT`, as an operator writes it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv6Net};

/// Why a grant could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// There is no port.
    #[error("`{0}` has no port: write HOST:PORT, such as 127.0.0.1:8888, or HOST:* for any port")]
    NoPort(String),
    /// The port is no number from 0 to 65535, nor a range of such.
    #[error("`{0}` is not a port: write a number from 0 to 65535, a range such as 8000-8100, or * for any port")]
    Port(String),
    /// The second number of a range of ports is below the first, or the first is 0.
    #[error("`{0}` is an empty range of ports or begins with 0: write one such as 8000-8100")]
    PortRange(String),
    /// An IPv6 address is not in brackets.
    #[error("`{0}` is ambiguous: write an IPv6 address in brackets, such as [::1]:8888")]
    Brackets(String),
    /// The host is neither an address, a network nor a name.
    #[error("`{0}` is not a host: write an IP address, a network such as 10.0.0.0/8, a host name, or * for any host")]
    Host(String),
    /// The address of a network has bits set that its prefix does not cover.
    #[error("`{0}` is an address inside a network: write {1} for the network")]
    HostBits(String, String),
    /// A wildcard name in a grant to listen.
    #[error("`{0}` is no address of this machine: a wildcard name is for connecting")]
    ListenWildcard(String),
    /// Port 0 in a grant to connect.
    #[error("port 0 cannot be connected to: write a number from 1 to 65535, or * for any port")]
    ConnectPortZero,
}

/// The hosts and ports of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: Host,
    pub(crate) port: Port,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Any,
    Address(IpAddr),
    Net(IpNet),
    /// As [`normalized`].
    Name(String),
    /// All names below this one, as [`normalized`], at any depth, but not itself.
    Below(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    Any,
    Number(u16),
    /// From the first to the last, and neither is 0.
    Range(u16, u16),
}

impl Host {
    /// Whether `address` is granted without knowing a name for it.
    pub(crate) fn covers_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::Any => true,
            Self::Address(granted) => *granted == address,
            Self::Net(net) => net.contains(&address),
            Self::Name(_) | Self::Below(_) => false,
        }
    }

    /// Whether `name`, normalised, is one that this host names.
    pub(crate) fn covers_name(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Below(domain) => name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')),
            Self::Any | Self::Address(_) | Self::Net(_) => false,
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
        Self { host: Host::Address(address.ip().to_canonical()), port: Port::Number(address.port()) }
    }
}

impl FromStr for Endpoint {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
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
            let inner = format!("{inside}{after}");
            return match inner.parse::<Ipv6Addr>() {
                Ok(address) => Ok(Self::Address(IpAddr::V6(address).to_canonical())),
                Err(_) => network(text, IpNet::V6(inner.parse::<Ipv6Net>().map_err(|_| wrong())?)),
            };
        }
        if text.contains(':') {
            return Err(GrantError::Brackets(text.to_owned()));
        }
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
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

/// The form in which host names are compared: lower case, without a final dot.
pub(crate) fn normalized(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_lowercase()
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Net(IpNet::V4(net)) => net.fmt(f),
            Self::Net(IpNet::V6(net)) => write!(f, "[{}]/{}", net.addr(), net.prefix_len()),
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

    #[test]
    fn a_network_covers_its_addresses() {
        let net = host("10.0.0.0/8");
        assert!(net.covers_address("10.255.0.1".parse().unwrap()));
        assert!(net.covers_address("::ffff:10.0.0.1".parse().unwrap()));
        assert!(!net.covers_address("11.0.0.1".parse().unwrap()));
        assert!(!net.covers_address("fd00::1".parse().unwrap()));
        assert!(host("[fd00::]/8").covers_address("fd12::1".parse().unwrap()));
        assert_eq!(host("[fd00::/8]"), host("[fd00::]/8"));
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
        for text in
            ["10.0.0.0/33", "10.0.0.0/", "[fd00::]/129", "[10.0.0.0]/8", "*.", "*.*.com", "*example.com", "[::1"]
        {
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
