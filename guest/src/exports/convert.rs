//! The types of the boundary from ours and back, by exhaustive matches: a new case breaks the build, not a user.

use std::net::SocketAddr;

use super::bindings::{connect, server, types};
use crate::address::{AddressFamily, SocketInfo};
use crate::connect::ConnectionOptions;
use crate::error::{Error, OsError, OsErrorKind};
use crate::listen::ServerOptions;

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Value(text) => Self::ValueError(text.into_owned()),
            Error::Runtime(text) => Self::RuntimeError(text.into_owned()),
            Error::Assertion(text) => Self::AssertionError(text.into_owned()),
            Error::IncompleteRead { partial, expected } => {
                Self::IncompleteReadError(types::IncompleteReadError { partial, expected })
            }
            Error::LimitOverrun { message, consumed } => {
                Self::LimitOverrunError(types::LimitOverrunError { message: message.into_owned(), consumed })
            }
            Error::Os(error) => Self::OsError(error.into()),
            Error::Group(errors) => Self::ExceptionGroup(errors.into_iter().map(Into::into).collect()),
            Error::NotImplemented(text) => Self::NotImplementedError(text.into_owned()),
            Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::ValueError(text) => Self::Value(text.into()),
            types::Error::RuntimeError(text) => Self::Runtime(text.into()),
            types::Error::AssertionError(text) => Self::Assertion(text.into()),
            types::Error::IncompleteReadError(types::IncompleteReadError { partial, expected }) => {
                Self::IncompleteRead { partial, expected }
            }
            types::Error::LimitOverrunError(types::LimitOverrunError { message, consumed }) => {
                Self::LimitOverrun { message: message.into(), consumed }
            }
            types::Error::OsError(error) => Self::Os(error.into()),
            types::Error::ExceptionGroup(errors) => Self::Group(errors.into_iter().map(Into::into).collect()),
            types::Error::NotImplementedError(text) => Self::NotImplemented(text.into()),
            types::Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<types::OsError> for OsError {
    fn from(error: types::OsError) -> Self {
        Self { kind: error.kind.into(), message: error.message, address: error.address }
    }
}

impl From<OsError> for types::OsError {
    fn from(error: OsError) -> Self {
        Self { kind: error.kind.into(), message: error.message, address: error.address }
    }
}

/// Both directions of a match between two enums of the same cases.
macro_rules! same_cases {
    ($ours:ty, $theirs:ty, $($case:ident),+ $(,)?) => {
        impl From<$ours> for $theirs {
            fn from(value: $ours) -> Self {
                match value {
                    $(<$ours>::$case => Self::$case,)+
                }
            }
        }

        impl From<$theirs> for $ours {
            fn from(value: $theirs) -> Self {
                match value {
                    $(<$theirs>::$case => Self::$case,)+
                }
            }
        }
    };
}

same_cases!(
    OsErrorKind,
    types::OsErrorKind,
    AccessDenied,
    AddressInUse,
    AddressNotAvailable,
    BrokenPipe,
    ConnectionAborted,
    ConnectionRefused,
    ConnectionReset,
    InvalidArgument,
    NameNotResolved,
    OutOfResources,
    TimedOut,
    Unreachable,
    Other,
);

same_cases!(AddressFamily, types::AddressFamily, Inet, Inet6, Unix);

impl From<SocketAddr> for types::SocketAddress {
    fn from(address: SocketAddr) -> Self {
        let (family, flowinfo, scope_id) = match address {
            SocketAddr::V4(_) => (types::AddressFamily::Inet, 0, 0),
            SocketAddr::V6(address) => (types::AddressFamily::Inet6, address.flowinfo(), address.scope_id()),
        };
        Self { family, host: address.ip().to_string(), port: address.port(), flowinfo, scope_id }
    }
}

/// `get_extra_info` of a TCP connection.
pub(super) fn extra_info(info: &SocketInfo, name: &str) -> Option<types::ExtraInfo> {
    match name {
        "peername" => info.peername.map(|address| types::ExtraInfo::Address(address.into())),
        "sockname" => info.sockname.map(|address| types::ExtraInfo::Address(address.into())),
        "socket" => {
            let known = info.sockname.or(info.peername)?;
            Some(types::ExtraInfo::Socket(types::SocketInfo {
                family: types::SocketAddress::from(known).family,
                sockname: info.sockname.map(Into::into),
                peername: info.peername.map(Into::into),
            }))
        }
        _ => None,
    }
}

impl From<connect::ConnectionOptions> for ConnectionOptions {
    fn from(options: connect::ConnectionOptions) -> Self {
        Self {
            limit: options.limit,
            family: options.family.map(Into::into),
            proto: options.proto,
            flags: options.flags,
            local_addr: options.local_addr,
            happy_eyeballs_delay: options.happy_eyeballs_delay,
            interleave: options.interleave,
            all_errors: options.all_errors.unwrap_or(false),
        }
    }
}

impl From<server::ServerOptions> for ServerOptions {
    fn from(options: server::ServerOptions) -> Self {
        Self {
            limit: options.limit,
            family: options.family.map(Into::into),
            flags: options.flags,
            backlog: options.backlog,
            reuse_address: options.reuse_address,
            reuse_port: options.reuse_port,
            keep_alive: options.keep_alive,
            start_serving: options.start_serving,
        }
    }
}
