//! Grants as an operator writes them: `HOST:PORT`.
//!
//! Both kinds share the written form. They differ in what port 0 means: for listening it is "any free port, as the
//! operating system picks it", for connecting it is an error.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Permission to listen on local addresses.
///
/// Written `HOST:PORT`: HOST is an IP address (IPv6 in brackets), a host name, or `*` for any address; PORT is a
/// number, 0 for a port that the operating system picks, or `*` for any. An address grants just itself: `0.0.0.0:80`
/// is not `127.0.0.1:80`.
///
/// # Examples
///
/// ```
/// use wasyncio_host::ListenGrant;
///
/// let grant: ListenGrant = "[::1]:8888".parse()?;
/// assert_eq!(grant.to_string(), "[::1]:8888");
/// assert!("::1:8888".parse::<ListenGrant>().is_err());
/// # Ok::<(), wasyncio_host::GrantError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenGrant(Endpoint);

/// Permission to connect to remote addresses.
///
/// Written `HOST:PORT`: HOST is an IP address (IPv6 in brackets), a host name, or `*` for any; PORT is a number or
/// `*` for any. A name grants looking it up, and the addresses that the program was then given for it; of these only
/// addresses of the public internet, because others must not be what the owner of a domain decides. Names of this
/// machine, `localhost` and what ends in `.localhost`, grant its loopback addresses, and a
/// [`HostEntry`](crate::HostEntry) what it says.
///
/// # Examples
///
/// ```
/// use wasyncio_host::ConnectGrant;
///
/// let grant: ConnectGrant = "example.com:443".parse()?;
/// assert_eq!(grant.to_string(), "example.com:443");
/// assert!("example.com".parse::<ConnectGrant>().is_err());
/// # Ok::<(), wasyncio_host::GrantError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectGrant(Endpoint);

/// Why a grant could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// There is no port.
    #[error("`{0}` has no port: write HOST:PORT, such as 127.0.0.1:8888, or HOST:* for any port")]
    NoPort(String),
    /// The port is no number from 0 to 65535.
    #[error("`{0}` is not a port: write a number from 0 to 65535, or * for any port")]
    Port(String),
    /// An IPv6 address is not in brackets.
    #[error("`{0}` is ambiguous: write an IPv6 address in brackets, such as [::1]:8888")]
    Brackets(String),
    /// The host is neither an address nor a name.
    #[error("`{0}` is not a host: write an IP address, a host name, or * for any host")]
    Host(String),
    /// Port 0 in a grant to connect.
    #[error("port 0 cannot be connected to: write a number from 1 to 65535, or * for any port")]
    ConnectPortZero,
}

impl ListenGrant {
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

impl ConnectGrant {
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

impl FromStr for ListenGrant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        text.parse().map(Self)
    }
}

impl FromStr for ConnectGrant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let endpoint: Endpoint = text.parse()?;
        if endpoint.port == Port::Number(0) {
            return Err(GrantError::ConnectPortZero);
        }
        Ok(Self(endpoint))
    }
}

impl From<SocketAddr> for ListenGrant {
    fn from(address: SocketAddr) -> Self {
        Self(address.into())
    }
}

impl fmt::Display for ListenGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ConnectGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
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
    /// Lower case, without a final dot.
    Name(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    Any,
    Number(u16),
}

impl Port {
    pub(crate) fn covers(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Number(granted) => granted == port,
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
            .filter(|(_, port)| !port.contains(']'))
            .ok_or_else(|| GrantError::NoPort(text.to_owned()))?;
        let port = match port {
            "" => return Err(GrantError::NoPort(text.to_owned())),
            "*" => Port::Any,
            // Stricter than u16's own parser, which takes a plus sign.
            _ if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Port::Number(port.parse().map_err(|_| GrantError::Port(port.to_owned()))?)
            }
            _ => return Err(GrantError::Port(port.to_owned())),
        };
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = match bracketed {
            Some(address) => Host::Address(
                address
                    .parse::<Ipv6Addr>()
                    .map(|address| IpAddr::V6(address).to_canonical())
                    .map_err(|_| GrantError::Host(host.to_owned()))?,
            ),
            None if host == "*" => Host::Any,
            None if host.contains(':') => return Err(GrantError::Brackets(text.to_owned())),
            None => match host.parse() {
                Ok(address) => Host::Address(address),
                Err(_) => Host::Name(host_name(host)?),
            },
        };
        Ok(Self { host, port })
    }
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

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Address(IpAddr::V4(address)) => address.fmt(f)?,
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            Host::Name(name) => f.write_str(name)?,
        }
        match self.port {
            Port::Any => f.write_str(":*"),
            Port::Number(port) => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_parses_and_prints_the_same() {
        for text in [
            "127.0.0.1:8888",
            "[::1]:8888",
            "0.0.0.0:80",
            "*:8888",
            "127.0.0.1:*",
            "*:*",
            "localhost:8888",
            "sub.example-1.com:443",
        ] {
            assert_eq!(text.parse::<ListenGrant>().unwrap().to_string(), text);
            assert_eq!(text.parse::<ConnectGrant>().unwrap().to_string(), text);
        }
        assert_eq!("127.0.0.1:0".parse::<ListenGrant>().unwrap().to_string(), "127.0.0.1:0");
    }

    #[test]
    fn names_are_lower_case_and_mapped_addresses_are_ipv4() {
        let name: ConnectGrant = "Example.COM.:443".parse().unwrap();
        assert_eq!(name.to_string(), "example.com:443");
        let mapped: ConnectGrant = "[::ffff:10.0.0.1]:80".parse().unwrap();
        assert_eq!(mapped.to_string(), "10.0.0.1:80");
    }

    #[test]
    fn mistakes_are_named() {
        use GrantError::*;
        type Kind = fn(String) -> GrantError;
        let cases: [(&str, Kind, &str); 13] = [
            ("", NoPort, ""),
            ("localhost", NoPort, "localhost"),
            ("127.0.0.1:", NoPort, "127.0.0.1:"),
            ("[::1]", NoPort, "[::1]"),
            ("127.0.0.1:http", Port, "http"),
            ("127.0.0.1:65536", Port, "65536"),
            ("127.0.0.1:+80", Port, "+80"),
            ("::1:8888", Brackets, "::1:8888"),
            ("::1", Brackets, "::1"),
            (":8888", Host, ""),
            ("300.0.0.1:80", Host, "300.0.0.1"),
            ("a b:80", Host, "a b"),
            ("[::x]:80", Host, "[::x]"),
        ];
        for (text, error, part) in cases {
            assert_eq!(text.parse::<ListenGrant>(), Err(error(part.into())), "{text}");
        }
        assert_eq!("*:0".parse::<ConnectGrant>(), Err(ConnectPortZero));
    }
}
