//! How addresses and errors print: as Python prints them.

use std::fmt;

use crate::{AddressFamily, Error, ExtraInfo, IncompleteReadError, SocketAddress};

/// Like Python's socket addresses: `('127.0.0.1', 8888)`, `('::1', 8888, 0, 0)`, a path.
impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, host, port, flowinfo, scope_id } = self;
        match family {
            AddressFamily::Inet => write!(f, "('{host}', {port})"),
            AddressFamily::Inet6 => write!(f, "('{host}', {port}, {flowinfo}, {scope_id})"),
            AddressFamily::Unix => f.write_str(host),
        }
    }
}

impl ExtraInfo {
    /// The address, if this is one: the answer to `peername` and `sockname`.
    pub fn as_address(&self) -> Option<&SocketAddress> {
        match self {
            Self::Address(address) => Some(address),
            Self::Socket(_) | Self::Text(_) | Self::Bytes(_) | Self::Cipher(_) => None,
        }
    }
}

impl Error {
    /// What Python's `str(error)` gives: the message alone.
    pub fn message(&self) -> String {
        match self {
            Self::ValueError(text)
            | Self::RuntimeError(text)
            | Self::AssertionError(text)
            | Self::NotImplementedError(text)
            | Self::Other(text) => text.clone(),
            Self::IncompleteReadError(IncompleteReadError { partial, expected }) => {
                let expected = expected.map_or("undefined".into(), |expected| expected.to_string());
                format!("{} bytes read on a total of {expected} expected bytes", partial.len())
            }
            Self::LimitOverrunError(error) => error.message.clone(),
            Self::OsError(error) => error.message.clone(),
            Self::ExceptionGroup(errors) => {
                let texts: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
                format!("create_connection failed ({} sub-exceptions): {}", errors.len(), texts.join(", "))
            }
        }
    }
}
