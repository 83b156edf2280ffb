//! The types of the WIT package `wasyncio:streams` from those of `wasyncio-core` and back, for any bindings of it.

/// Conversions between the core's types and the generated ones, by exhaustive matches: a new case breaks the build, not a user.
///
/// Its arguments are the generated modules of the interfaces `types`, `connect` and `server`. The records `cipher`,
/// `peer-credentials` and `ssl-info` are the core's types in them, by wit-bindgen's option `with`.
///
/// Numbers are narrower on the boundary, so that every language can hold them: what is larger here becomes the largest there.
#[macro_export]
macro_rules! conversions {
    ($types:path, $connect:path, $server:path) => {
        use std::net::{IpAddr, SocketAddr, SocketAddrV6};
        use std::time::Duration;

        use wasyncio_core::address::{AddressFamily, SocketAddress};
        use wasyncio_core::extra_info::{ExtraInfo, SocketInfo};
        use wasyncio_core::options::{ConnectionOptions, ServerOptions};
        use wasyncio_core::{Error, OsError, OsErrorKind};
        use $connect as connect;
        use $server as server;
        use $types as types;

        /// A size or a limit as the boundary has it.
        pub(crate) fn narrow(size: u64) -> u32 {
            u32::try_from(size).unwrap_or(u32::MAX)
        }

        impl From<Error> for types::Error {
            // Every export has one: inlined, they are a good part of the component.
            #[inline(never)]
            fn from(error: Error) -> Self {
                match error {
                    Error::Value(text) => Self::ValueError(text.into_owned()),
                    Error::Runtime(text) => Self::RuntimeError(text.into_owned()),
                    Error::Assertion(text) => Self::AssertionError(text.into_owned()),
                    Error::IncompleteRead { partial, expected } => {
                        let expected = expected.map(narrow);
                        Self::IncompleteReadError(types::IncompleteReadError { partial, expected })
                    }
                    Error::LimitOverrun { message, consumed } => {
                        let (message, consumed) = (message.into_owned(), narrow(consumed));
                        Self::LimitOverrunError(types::LimitOverrunError { message, consumed })
                    }
                    Error::Os(error) => Self::OsError(error.into()),
                    Error::Ssl { message, reason } => Self::SslError(types::SslError { message, reason }),
                    Error::SslCertVerification { message, verify_code, verify_message } => {
                        let error = types::SslCertVerificationError { message, verify_code, verify_message };
                        Self::SslCertVerificationError(error)
                    }
                    Error::Group(errors) => Self::ExceptionGroup(errors.into_iter().map(Into::into).collect()),
                    Error::NotImplemented(text) => Self::NotImplementedError(text.into_owned()),
                    Error::Other(text) => Self::Other(text),
                }
            }
        }

        impl From<types::Error> for Error {
            #[inline(never)]
            fn from(error: types::Error) -> Self {
                match error {
                    types::Error::ValueError(text) => Self::Value(text.into()),
                    types::Error::RuntimeError(text) => Self::Runtime(text.into()),
                    types::Error::AssertionError(text) => Self::Assertion(text.into()),
                    types::Error::IncompleteReadError(types::IncompleteReadError { partial, expected }) => {
                        Self::IncompleteRead { partial, expected: expected.map(Into::into) }
                    }
                    types::Error::LimitOverrunError(types::LimitOverrunError { message, consumed }) => {
                        Self::LimitOverrun { message: message.into(), consumed: consumed.into() }
                    }
                    types::Error::OsError(error) => Self::Os(error.into()),
                    types::Error::SslError(types::SslError { message, reason }) => Self::Ssl { message, reason },
                    types::Error::SslCertVerificationError(error) => {
                        let types::SslCertVerificationError { message, verify_code, verify_message } = error;
                        Self::SslCertVerification { message, verify_code, verify_message }
                    }
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

        $crate::same_cases!(
            OsErrorKind,
            types::OsErrorKind,
            AccessDenied,
            AddressInUse,
            AddressNotAvailable,
            BrokenPipe,
            ConnectionAborted,
            ConnectionRefused,
            ConnectionReset,
            FileNotFound,
            InvalidArgument,
            NameNotResolved,
            NotADirectory,
            NotConnected,
            NotSupported,
            OutOfResources,
            TemporaryResolverFailure,
            TimedOut,
            Unreachable,
            Other,
        );

        $crate::same_cases!(AddressFamily, types::AddressFamily, Inet, Inet6, Unix);

        impl From<SocketAddress> for types::SocketAddress {
            fn from(address: SocketAddress) -> Self {
                let family = address.family().into();
                let nowhere = Self { family, host: String::new(), port: 0, flowinfo: 0, scope_id: 0, path: None };
                match address {
                    SocketAddress::Ip(ip) => {
                        let (flowinfo, scope_id) = match ip {
                            SocketAddr::V4(_) => (0, 0),
                            SocketAddr::V6(ip) => (ip.flowinfo(), ip.scope_id()),
                        };
                        Self { host: ip.ip().to_string(), port: ip.port(), flowinfo, scope_id, ..nowhere }
                    }
                    SocketAddress::Unix(path) => Self { path: Some(path), ..nowhere },
                }
            }
        }

        /// The address; none if its numbers are not.
        pub(crate) fn address(address: types::SocketAddress) -> Option<SocketAddress> {
            if let types::AddressFamily::Unix = address.family {
                return Some(SocketAddress::Unix(address.path.unwrap_or_default()));
            }
            Some(SocketAddress::Ip(match address.host.parse().ok()? {
                ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port),
                IpAddr::V6(ip) => SocketAddrV6::new(ip, address.port, address.flowinfo, address.scope_id).into(),
            }))
        }

        impl From<ExtraInfo> for types::ExtraInfo {
            #[inline(never)]
            fn from(info: ExtraInfo) -> Self {
                match info {
                    ExtraInfo::Address(address) => Self::Address(address.into()),
                    ExtraInfo::Socket(SocketInfo { family, sockname, peername, peer_credentials }) => {
                        Self::Socket(types::SocketInfo {
                            family: family.into(),
                            sockname: sockname.map(Into::into),
                            peername: peername.map(Into::into),
                            peer_credentials,
                        })
                    }
                    ExtraInfo::Text(text) => Self::Text(text),
                    ExtraInfo::Bytes(bytes) => Self::Bytes(bytes),
                    ExtraInfo::Cipher(cipher) => Self::Cipher(cipher),
                    ExtraInfo::Ssl(ssl) => Self::Ssl(ssl),
                }
            }
        }

        impl From<types::ExtraInfo> for ExtraInfo {
            fn from(info: types::ExtraInfo) -> Self {
                match info {
                    // The component makes Internet addresses of numbers only.
                    types::ExtraInfo::Address(one) => {
                        Self::Address(address(one).unwrap_or(SocketAddress::Unix(Vec::new())))
                    }
                    types::ExtraInfo::Socket(socket) => Self::Socket(SocketInfo {
                        family: socket.family.into(),
                        sockname: socket.sockname.and_then(address),
                        peername: socket.peername.and_then(address),
                        peer_credentials: socket.peer_credentials,
                    }),
                    types::ExtraInfo::Text(text) => Self::Text(text),
                    types::ExtraInfo::Bytes(bytes) => Self::Bytes(bytes),
                    types::ExtraInfo::Cipher(cipher) => Self::Cipher(cipher),
                    types::ExtraInfo::Ssl(ssl) => Self::Ssl(ssl),
                }
            }
        }

        impl TryFrom<connect::ConnectionOptions> for ConnectionOptions {
            type Error = Error;

            fn try_from(options: connect::ConnectionOptions) -> Result<Self, Error> {
                Ok(Self {
                    limit: options.limit.map(Into::into),
                    family: options.family.map(Into::into),
                    proto: options.proto,
                    flags: options.flags,
                    local_addr: options.local_addr,
                    happy_eyeballs_delay: options.happy_eyeballs_delay.map($crate::conversions::delay).transpose()?,
                    interleave: options.interleave,
                    all_errors: options.all_errors.unwrap_or(false),
                })
            }
        }

        impl From<ConnectionOptions> for connect::ConnectionOptions {
            fn from(options: ConnectionOptions) -> Self {
                Self {
                    limit: options.limit.map(narrow),
                    family: options.family.map(Into::into),
                    proto: options.proto,
                    flags: options.flags,
                    local_addr: options.local_addr,
                    happy_eyeballs_delay: options.happy_eyeballs_delay.as_ref().map(Duration::as_secs_f64),
                    interleave: options.interleave,
                    all_errors: Some(options.all_errors),
                }
            }
        }

        impl From<server::ServerOptions> for ServerOptions {
            fn from(options: server::ServerOptions) -> Self {
                Self {
                    limit: options.limit.map(Into::into),
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

        impl From<ServerOptions> for server::ServerOptions {
            fn from(options: ServerOptions) -> Self {
                Self {
                    limit: options.limit.map(narrow),
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
    };
}

/// Conversions of the options for Unix sockets, beside those of [`conversions`]. Its argument is the generated module of the interface
/// `unix`.
#[macro_export]
macro_rules! unix_conversions {
    ($unix:path) => {
        use wasyncio_core::options::{UnixConnectionOptions, UnixServerOptions};
        use $unix as unix;

        impl From<unix::UnixConnectionOptions> for UnixConnectionOptions {
            fn from(options: unix::UnixConnectionOptions) -> Self {
                Self { limit: options.limit.map(Into::into) }
            }
        }

        impl From<UnixConnectionOptions> for unix::UnixConnectionOptions {
            fn from(options: UnixConnectionOptions) -> Self {
                Self { limit: options.limit.map(narrow) }
            }
        }

        impl From<unix::UnixServerOptions> for UnixServerOptions {
            fn from(options: unix::UnixServerOptions) -> Self {
                Self {
                    limit: options.limit.map(Into::into),
                    backlog: options.backlog,
                    start_serving: options.start_serving,
                    cleanup_socket: options.cleanup_socket,
                }
            }
        }

        impl From<UnixServerOptions> for unix::UnixServerOptions {
            fn from(options: UnixServerOptions) -> Self {
                Self {
                    limit: options.limit.map(narrow),
                    backlog: options.backlog,
                    start_serving: options.start_serving,
                    cleanup_socket: options.cleanup_socket,
                }
            }
        }
    };
}

/// Both directions of a match between two enums of the same cases.
#[doc(hidden)]
#[macro_export]
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

/// A time in seconds; infinity, and whatever is above the 584 years that the clock knows, is those.
///
/// # Errors
/// A value error if it is negative or not a number.
#[doc(hidden)]
pub fn delay(seconds: f64) -> wasyncio_core::Result<std::time::Duration> {
    if seconds.is_nan() || seconds < 0.0 {
        // Without the number, as CPython's texts about times have it: printing floats takes a tenth of the component.
        return Err(wasyncio_core::Error::Value("happy_eyeballs_delay should be a non-negative number".into()));
    }
    // The cast saturates.
    Ok(std::time::Duration::from_nanos((seconds * 1e9) as u64))
}

/// `fn failure(&ErrorCode) -> Failure`: what an error code of `wasi:sockets` means, for any bindings of that.
#[macro_export]
macro_rules! failure_of_error_code {
    ($code:ident) => {
        /// What an error code means.
        pub(crate) fn failure(code: &$code) -> wasyncio_core::transport::Failure {
            use std::io::ErrorKind;
            use wasyncio_core::transport::Failure;

            let kind = match code {
                $code::AccessDenied => ErrorKind::PermissionDenied,
                $code::InvalidArgument | $code::DatagramTooLarge => ErrorKind::InvalidInput,
                $code::NotSupported => ErrorKind::Unsupported,
                $code::InvalidState => {
                    let message = Some("Operation not possible in the socket's state".into());
                    return Failure { kind: ErrorKind::InvalidInput, message };
                }
                $code::OutOfMemory => ErrorKind::OutOfMemory,
                $code::Timeout => ErrorKind::TimedOut,
                $code::AddressNotBindable => ErrorKind::AddrNotAvailable,
                $code::AddressInUse => ErrorKind::AddrInUse,
                $code::RemoteUnreachable => ErrorKind::HostUnreachable,
                $code::ConnectionRefused => ErrorKind::ConnectionRefused,
                $code::ConnectionBroken => ErrorKind::BrokenPipe,
                $code::ConnectionReset => ErrorKind::ConnectionReset,
                $code::ConnectionAborted => ErrorKind::ConnectionAborted,
                $code::Other(message) => return Failure { kind: ErrorKind::Other, message: message.clone() },
            };
            kind.into()
        }
    };
}
