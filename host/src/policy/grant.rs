//! Grants as an operator writes them: `HOST:PORT`.
//!
//! Both kinds share the written form. They differ in what port 0 means: for listening it is "any free port, as the
//! operating system picks it", for connecting it is an error.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::policy::endpoint::{Endpoint, Port};
use crate::policy::grant_error::GrantError;

/// Permission to listen on local addresses.
///
/// Written `HOST:PORT`: HOST is an IP address (IPv6 in brackets), a network such as `10.0.0.0/8` or `[fd00::]/8`, a
/// host name, or `*` for any address; PORT is a number, 0 for a port that the operating system picks, a range such as
/// `8000-8100`, or `*` for any. An address grants just itself: `0.0.0.0:80` is not `127.0.0.1:80`, and an address of a
/// link has the number of its interface, `[fe80::1%2]:80`.
///
/// A name stands for what it resolves to when the program is loaded, once; see
/// [`Policy::resolve_names`](crate::Policy::resolve_names). It lets the program look up this name, which is answered
/// from there: no grant to listen has the host ask anybody while the program runs.
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
/// host name, `*.DOMAIN` for all names below a domain, a class, or `*` for any; PORT is a number, a range such as
/// `8000-8100`, or `*` for any. The classes are `public`, the internet without this machine; `private`, this machine's
/// networks and its own addresses; and `loopback`. (A machine of such a name is written with a dot: `public.`) A class
/// grants no look-up. A name grants looking it up, and the addresses that the program was then given for it, for
/// [a while](crate::Limits::max_answer_age); of these only
/// addresses of the public internet that are not this machine's, because others must not be what the owner of a domain
/// decides. Names of this
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
        let Endpoint { host, port } = text.parse()?;
        Ok(Self(Endpoint { host: host.local()?, port }))
    }
}

impl FromStr for ConnectGrant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let Endpoint { host, port } = text.parse()?;
        if port == Port::Number(0) {
            return Err(GrantError::ConnectPortZero);
        }
        Ok(Self(Endpoint { host: host.on_one_link()?, port }))
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
        for text in ["*.example.com:443", "public:443", "private:*", "loopback:1-100", "public.:80", "[fe80::1%2]:80"] {
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
        let cases: [(&str, Kind, &str); 17] = [
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
            ("private:80", LocalClass, "private"),
            ("[fe80::1]:80", Link, "[fe80::1]"),
        ];
        for (text, error, part) in cases {
            assert_eq!(text.parse::<ListenGrant>(), Err(error(part.into())), "{text}");
        }
        assert_eq!("*:0".parse::<ConnectGrant>(), Err(ConnectPortZero));
        assert_eq!("[fe80::1]:80".parse::<ConnectGrant>(), Err(Link("[fe80::1]".into())));
    }
}
