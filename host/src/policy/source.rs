//! Grants for the local address of connections: `ADDRESS`, as an operator writes it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::policy::endpoint::{Endpoint, Host};
use crate::policy::grant_error::GrantError;

/// Permission to choose the local address that connections are made from, as asyncio's `local_addr` does. The port is
/// always one that the operating system picks.
///
/// Written as an IP address, a network such as `10.0.0.0/8`, a host name, or `*` for any address. Without such a grant
/// the system chooses the address, and a program cannot bind before it connects. A name stands for what it resolves to
/// when the program is loaded, as in a [`ListenGrant`](crate::ListenGrant).
///
/// # Examples
///
/// ```
/// use wasyncio_host::SourceGrant;
///
/// let grant: SourceGrant = "10.0.0.5".parse()?;
/// assert_eq!(grant.to_string(), "10.0.0.5");
/// assert!("10.0.0.5:4000".parse::<SourceGrant>().is_err());
/// # Ok::<(), wasyncio_host::GrantError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceGrant(Host);

impl SourceGrant {
    pub(crate) fn host(&self) -> &Host {
        &self.0
    }
}

impl FromStr for SourceGrant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        if let Ok(v6) = text.parse::<Ipv6Addr>() {
            return Host::Address(IpAddr::V6(v6).to_canonical(), None).local().map(Self);
        }
        let host = match text.parse::<Host>() {
            Ok(host) => host,
            Err(error) => {
                let written: Result<Endpoint, _> = text.parse();
                return Err(match written {
                    Ok(Endpoint { host, .. }) => GrantError::SourcePort(text.to_owned(), host.to_string()),
                    Err(url @ GrantError::Url(..)) => url,
                    Err(_) => error,
                });
            }
        };
        host.local().map(Self)
    }
}

impl fmt::Display for SourceGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_parses() {
        for (text, printed) in [
            ("10.0.0.5", "10.0.0.5"),
            ("::1", "[::1]"),
            ("[::1]", "[::1]"),
            ("[fe80::1%2]", "[fe80::1%2]"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("localhost", "localhost"),
            ("*", "*"),
        ] {
            assert_eq!(text.parse::<SourceGrant>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn mistakes_are_named() {
        use GrantError::*;
        let parse = |text: &str| text.parse::<SourceGrant>();
        assert_eq!(parse("10.0.0.5:80"), Err(SourcePort("10.0.0.5:80".into(), "10.0.0.5".into())));
        assert_eq!(parse("[::1]:80"), Err(SourcePort("[::1]:80".into(), "[::1]".into())));
        assert_eq!(parse("private"), Err(LocalClass("private".into())));
        assert_eq!(parse("*.example"), Err(ListenWildcard("*.example".into())));
        assert_eq!(parse("fe80::1"), Err(Link("[fe80::1]".into())));
        assert_eq!(parse(""), Err(Host("".into())));
        assert_eq!(parse("http://x"), Err(Url("http://x".into(), "x:80".into())));
    }
}
