//! What a host name stands for, as the operator says: `NAME=IP[,IP…]`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::GrantError;
use crate::policy::endpoint::host_name;

/// Addresses of a host name, given by the operator instead of the system's resolver.
///
/// Written `NAME=IP[,IP…]`, as one line of a hosts file. It grants nothing: a program may use the name if a grant has
/// it.
///
/// # Examples
///
/// ```
/// use wasyncio_host::HostEntry;
///
/// let entry: HostEntry = "db.example=10.0.0.5,fd00::5".parse()?;
/// assert_eq!(entry.name(), "db.example");
/// assert_eq!(entry.addresses().len(), 2);
/// assert!("db.example".parse::<HostEntry>().is_err());
/// # Ok::<(), wasyncio_host::HostEntryError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// As [`normalized`](crate::policy::endpoint::normalized).
    name: String,
    addresses: Vec<IpAddr>,
}

/// Why a [`HostEntry`] could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostEntryError {
    /// There is no `=`, or nothing on one side of it.
    #[error("`{0}` names no addresses: write NAME=IP[,IP...], such as db.example=10.0.0.5,fd00::5")]
    NoAddresses(String),
    /// The name is no host name.
    #[error("{0}")]
    Name(#[source] GrantError),
    /// What should be an address is none.
    #[error("`{0}` is not an IP address: write one such as 10.0.0.5 or fd00::5")]
    Address(String),
}

impl HostEntry {
    /// The name, in lower case and without a final dot.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The addresses in the order in which a program gets them; there is at least one.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }
}

impl FromStr for HostEntry {
    type Err = HostEntryError;

    fn from_str(text: &str) -> Result<Self, HostEntryError> {
        let (name, addresses) = text
            .split_once('=')
            .filter(|(_, addresses)| !addresses.is_empty())
            .ok_or_else(|| HostEntryError::NoAddresses(text.to_owned()))?;
        let address = |text: &str| {
            let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
            match bare.parse::<IpAddr>() {
                Ok(address) => Ok(address.to_canonical()),
                Err(_) => Err(HostEntryError::Address(text.to_owned())),
            }
        };
        Ok(Self {
            name: host_name(name).map_err(HostEntryError::Name)?,
            addresses: addresses.split(',').map(str::trim).map(address).collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for HostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (index, address) in self.addresses.iter().enumerate() {
            write!(f, "{}{address}", if index == 0 { '=' } else { ',' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_the_order_and_prints_as_it_is_written() {
        let entry: HostEntry = "DB.example.=[fd00::5], 10.0.0.5".parse().unwrap();
        assert_eq!(entry.to_string(), "db.example=fd00::5,10.0.0.5");
    }

    #[test]
    fn mistakes_are_named() {
        use HostEntryError::*;
        for text in ["", "db.example", "db.example="] {
            assert_eq!(text.parse::<HostEntry>(), Err(NoAddresses(text.into())), "{text}");
        }
        assert_eq!("db=10.0.0".parse::<HostEntry>(), Err(Address("10.0.0".into())));
        assert_eq!("db=10.0.0.1,".parse::<HostEntry>(), Err(Address(String::new())));
        for name in ["10.0.0.1", "*.example", "a b", ""] {
            let entry = format!("{name}=10.0.0.1");
            assert_eq!(entry.parse::<HostEntry>(), Err(Name(GrantError::Host(name.into()))), "{name}");
        }
    }
}
