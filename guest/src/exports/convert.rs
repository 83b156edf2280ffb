//! The types of the boundary from ours and back, by exhaustive matches: a new case breaks the build, not a user.

use std::net::SocketAddr;

use super::bindings::{connect, server, types};
use crate::address::{AddressFamily, SocketInfo};
use crate::connect::ConnectionOptions;
use crate::error::{Error, OsError, OsErrorKind};
use crate::server::ServerOptions;

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

impl From<OsError> for types::OsError {
    fn from(error: OsError) -> Self {
        Self { kind: error.kind.into(), message: error.message, address: error.address }
    }
}

impl From<OsErrorKind> for types::OsErrorKind {
    fn from(kind: OsErrorKind) -> Self {
        match kind {
            OsErrorKind::AccessDenied => Self::AccessDenied,
            OsErrorKind::AddressInUse => Self::AddressInUse,
            OsErrorKind::AddressNotAvailable => Self::AddressNotAvailable,
            OsErrorKind::BrokenPipe => Self::BrokenPipe,
            OsErrorKind::ConnectionAborted => Self::ConnectionAborted,
            OsErrorKind::ConnectionRefused => Self::ConnectionRefused,
            OsErrorKind::ConnectionReset => Self::ConnectionReset,
            OsErrorKind::InvalidArgument => Self::InvalidArgument,
            OsErrorKind::NameNotResolved => Self::NameNotResolved,
            OsErrorKind::OutOfResources => Self::OutOfResources,
            OsErrorKind::TimedOut => Self::TimedOut,
            OsErrorKind::Unreachable => Self::Unreachable,
            OsErrorKind::Other => Self::Other,
        }
    }
}

impl From<types::AddressFamily> for AddressFamily {
    fn from(family: types::AddressFamily) -> Self {
        match family {
            types::AddressFamily::Inet => Self::Inet,
            types::AddressFamily::Inet6 => Self::Inet6,
            types::AddressFamily::Unix => Self::Unix,
        }
    }
}

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
