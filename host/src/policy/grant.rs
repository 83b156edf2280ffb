//! Grants as an operator writes them: `HOST:PORT`.
//!
//! Both kinds share the written form. They differ in what port 0 means: for listening it is "any free port, as the
//! operating system picks it", for connecting it is an error.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::policy::endpoint::{Endpoint, GrantError, Host, Port};

/// Permission to listen on local addresses.
///
/// Written `HOST:PORT`: HOST is an IP address (IPv6 in brackets), a network such as `10.0.0.0/8` or `[fd00::]/8`, a
/// host name, or `*` for any address; PORT is a number, 0 for a port that the operating system picks, a range such as
/// `8000-8100`, or `*` for any. An address grants just itself: `0.0.0.0:80` is not `127.0.0.1:80`.
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
/// Written `HOST:PORT`: HOST is an IP address (IPv6 in brackets), a network such as `10.0.0.0/8` or `[fd00::]/8`, a
/// host name, `*.DOMAIN` for all names below a domain, or `*` for any; PORT is a number, a range such as `8000-8100`,
/// or `*` for any. A name grants looking it up, and the addresses that the program was then given for it; of these only
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
        let endpoint: Endpoint = text.parse()?;
        match endpoint.host {
            Host::Below(_) => Err(GrantError::ListenWildcard(endpoint.host.to_string())),
            _ => Ok(Self(endpoint)),
        }
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
            "127.0.0.1:8000-8100",
            "10.0.0.0/8:443",
            "[fd00::]/8:443",
        ] {
            assert_eq!(text.parse::<ListenGrant>().unwrap().to_string(), text);
            assert_eq!(text.parse::<ConnectGrant>().unwrap().to_string(), text);
        }
        assert_eq!("*.example.com:443".parse::<ConnectGrant>().unwrap().to_string(), "*.example.com:443");
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
        let cases: [(&str, Kind, &str); 15] = [
            ("", NoPort, ""),
            ("localhost", NoPort, "localhost"),
            ("127.0.0.1:", NoPort, "127.0.0.1:"),
            ("[::1]", NoPort, "[::1]"),
            ("127.0.0.1:http", Port, "http"),
            ("127.0.0.1:65536", Port, "65536"),
            ("127.0.0.1:+80", Port, "+80"),
            ("::1:8888", Brackets, "::1:8888"),
            ("::1:x:80", Brackets, "::1:x"),
            ("*.example.com:80", ListenWildcard, "*.example.com"),
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
