//! Errors as the crate `wasyncio` names them.

use std::net::{IpAddr, SocketAddr};

use crate::generated::wasyncio::streams::types;

pub use types::{OsError, OsErrorKind};

/// What went wrong.
#[derive(Clone, Debug)]
pub enum Error {
    /// `ValueError`.
    Value(String),
    /// `RuntimeError`.
    Runtime(String),
    /// `AssertionError`.
    Assertion(String),
    /// `asyncio.IncompleteReadError`.
    IncompleteRead {
        /// What arrived before the end.
        partial: Vec<u8>,
        /// How many bytes were asked for.
        expected: Option<u64>,
    },
    /// `asyncio.LimitOverrunError`.
    LimitOverrun {
        /// Python's text.
        message: String,
        /// How many bytes can be read off.
        consumed: u64,
    },
    /// `OSError` and its subclasses.
    Os(OsError),
    /// `ExceptionGroup`.
    Group(Vec<OsError>),
    /// `NotImplementedError`.
    NotImplemented(String),
    /// Any other.
    Other(String),
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::ValueError(text) => Self::Value(text),
            types::Error::RuntimeError(text) => Self::Runtime(text),
            types::Error::AssertionError(text) => Self::Assertion(text),
            types::Error::IncompleteReadError(error) => {
                Self::IncompleteRead { partial: error.partial, expected: error.expected }
            }
            types::Error::LimitOverrunError(error) => {
                Self::LimitOverrun { message: error.message, consumed: error.consumed }
            }
            types::Error::OsError(error) => Self::Os(error),
            types::Error::ExceptionGroup(errors) => Self::Group(errors),
            types::Error::NotImplementedError(text) => Self::NotImplemented(text),
            types::Error::Other(text) => Self::Other(text),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(text)
            | Self::Runtime(text)
            | Self::Assertion(text)
            | Self::NotImplemented(text)
            | Self::Other(text) => f.write_str(text),
            Self::IncompleteRead { partial, expected } => write!(f, "{} of {expected:?} bytes", partial.len()),
            Self::LimitOverrun { message, .. } => f.write_str(message),
            Self::Os(error) => f.write_str(&error.message),
            Self::Group(errors) => write!(f, "{errors:?}"),
        }
    }
}

/// An address of the boundary, if it is one of IP.
pub(crate) fn addressed(address: &types::SocketAddress) -> Option<SocketAddr> {
    let ip: IpAddr = address.host.parse().ok()?;
    Some(SocketAddr::new(ip, address.port))
}
