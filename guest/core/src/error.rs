//! The errors of this crate, sorted as Python sorts them.
//!
//! One type serves every call, because asyncio stores an exception in a reader and raises it again from any later
//! call. Texts are Python's where Python has one.

use std::borrow::Cow;
use std::fmt;
use std::io;

use crate::address::SocketAddress;
use crate::failure::Failure;

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Each case is named for the Python exception that it stands for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `ValueError`: an argument makes no sense, or `readline` met a line over the limit.
    #[error("{0}")]
    Value(Cow<'static, str>),
    /// `RuntimeError`: the call does not fit the state.
    #[error("{0}")]
    Runtime(Cow<'static, str>),
    /// `AssertionError`: data was fed after the end of the stream.
    #[error("{0}")]
    Assertion(Cow<'static, str>),
    /// `asyncio.IncompleteReadError`: the stream ended early. The bytes are no longer in the buffer.
    #[error("{} bytes read on a total of {} expected bytes", .partial.len(), total(*.expected))]
    IncompleteRead {
        /// What arrived before the end.
        partial: Vec<u8>,
        /// How many bytes were asked for; none when a separator was waited for.
        expected: Option<u64>,
    },
    /// `asyncio.LimitOverrunError`: no separator within the limit. The bytes stay in the buffer.
    #[error("{message}")]
    LimitOverrun {
        /// Python's text.
        message: Cow<'static, str>,
        /// How many bytes can be read off before the separator, or the place where it may begin.
        consumed: u64,
    },
    /// `OSError` and its subclasses: the network, the host's policy or the system refused.
    #[error(transparent)]
    Os(#[from] OsError),
    /// `ssl.SSLError`: TLS failed.
    #[error("{message}")]
    Ssl {
        /// As Python's `str` has it, without the place in its sources: `[SSL: WRONG_VERSION_NUMBER] wrong version number`.
        message: String,
        /// OpenSSL's name of the failure, where it has one; with `UNEXPECTED_EOF_WHILE_READING` this is `ssl.SSLEOFError`.
        reason: Option<String>,
    },
    /// `ssl.SSLCertVerificationError`: the peer's certificate is not trusted.
    #[error("{message}")]
    SslCertVerification {
        /// As Python's `str` has it, without the place in its sources:
        /// `[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired`.
        message: String,
        /// OpenSSL's number of the reason, `X509_V_ERR_…`.
        verify_code: u32,
        /// The reason in words: `certificate has expired`.
        verify_message: String,
    },
    /// `ExceptionGroup`: every attempt to connect failed, and all errors were asked for.
    #[error("create_connection failed ({} sub-exception{})", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Group(Vec<OsError>),
    /// `NotImplementedError`: an option or operation that does not exist here; the text names it.
    #[error("{0}")]
    NotImplemented(Cow<'static, str>),
    /// Any other exception that a caller stored with `set_exception`.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// The error that a failed transport breaks a connection with; with the peer's address, if it is known.
    ///
    /// The error codes of sockets have no words for TLS: its failures are texts of a form.
    pub fn of_connection(failure: Failure, peer: Option<&SocketAddress>) -> Self {
        match failure.message.as_deref().filter(|_| cfg!(feature = "tls")) {
            Some(message) if message.starts_with("[SSL") => {
                let reason = message.strip_prefix("[SSL: ").and_then(|rest| rest.split_once(']'));
                let reason = reason.map(|(reason, _)| reason.to_owned());
                return Self::Ssl { message: message.to_owned(), reason };
            }
            Some("SSL shutdown timed out") => {
                return OsError::new(OsErrorKind::TimedOut, "SSL shutdown timed out").into();
            }
            _ => {}
        }
        let error = OsError::from(failure);
        match peer {
            Some(peer) => error.at(peer.to_endpoint()).into(),
            None => error.into(),
        }
    }

    /// `ConnectionResetError('Connection lost')`: what `drain` raises on a connection that is gone.
    pub fn connection_lost() -> Self {
        OsError::new(OsErrorKind::ConnectionReset, "Connection lost").into()
    }
}

/// A failure of the network or the system: `OSError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OsError {
    /// Which failure.
    pub kind: OsErrorKind,
    /// What happened, with the address that it happened to where there is one.
    pub message: String,
    /// The address or name concerned: `host:port`, `[host]:port`, or the path of a Unix socket, where `@` stands for the NUL of an
    /// abstract name.
    pub address: Option<String>,
}

impl OsError {
    /// A failure of this kind.
    pub fn new(kind: OsErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), address: None }
    }

    /// The same, with the address or name concerned.
    pub fn at(mut self, address: impl fmt::Display) -> Self {
        self.address = Some(address.to_string());
        self
    }
}

impl From<Failure> for OsError {
    fn from(failure: Failure) -> Self {
        let kind = OsErrorKind::from(failure.kind);
        Self::new(kind, failure.message.unwrap_or_else(|| kind.describe().into()))
    }
}

/// Which failure an [`OsError`] is; each names Python's exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OsErrorKind {
    /// `PermissionError`: the host's policy, or the system, does not allow it.
    AccessDenied,
    /// `EADDRINUSE`.
    AddressInUse,
    /// `EADDRNOTAVAIL`.
    AddressNotAvailable,
    /// `BrokenPipeError`.
    BrokenPipe,
    /// `ConnectionAbortedError`.
    ConnectionAborted,
    /// `ConnectionRefusedError`.
    ConnectionRefused,
    /// `ConnectionResetError`.
    ConnectionReset,
    /// `FileNotFoundError`: nothing is at the path of a Unix socket.
    FileNotFound,
    /// `EINVAL`: an address of the wrong family or form.
    InvalidArgument,
    /// `socket.gaierror`, `EAI_NONAME` or `EAI_FAIL`.
    NameNotResolved,
    /// `NotADirectoryError`: a part of a path is no folder.
    NotADirectory,
    /// `ENOTCONN`.
    NotConnected,
    /// `EAFNOSUPPORT`, `EOPNOTSUPP`: the system lacks the family or the operation.
    NotSupported,
    /// `EMFILE`, `ENOBUFS`, `ENOMEM`.
    OutOfResources,
    /// `socket.gaierror`, `EAI_AGAIN`: the name cannot be looked up now.
    TemporaryResolverFailure,
    /// `TimeoutError`.
    TimedOut,
    /// `EHOSTUNREACH`, `ENETUNREACH`.
    Unreachable,
    /// Anything else.
    Other,
}

impl OsErrorKind {
    /// The system's words for this failure, as `os.strerror` has them.
    pub fn describe(self) -> &'static str {
        match self {
            Self::AccessDenied => "Permission denied",
            Self::AddressInUse => "Address already in use",
            Self::AddressNotAvailable => "Cannot assign requested address",
            Self::BrokenPipe => "Broken pipe",
            Self::ConnectionAborted => "Software caused connection abort",
            Self::ConnectionRefused => "Connection refused",
            Self::ConnectionReset => "Connection reset by peer",
            Self::FileNotFound => "No such file or directory",
            Self::InvalidArgument => "Invalid argument",
            Self::NameNotResolved => "Name or service not known",
            Self::NotADirectory => "Not a directory",
            Self::NotConnected => "Transport endpoint is not connected",
            Self::NotSupported => "Operation not supported",
            Self::OutOfResources => "Out of memory, buffers or descriptors",
            Self::TemporaryResolverFailure => "Temporary failure in name resolution",
            Self::TimedOut => "Connection timed out",
            Self::Unreachable => "Host or network is unreachable",
            Self::Other => "Input/output error",
        }
    }
}

impl From<io::ErrorKind> for OsErrorKind {
    fn from(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::PermissionDenied => Self::AccessDenied,
            io::ErrorKind::AddrInUse => Self::AddressInUse,
            io::ErrorKind::AddrNotAvailable => Self::AddressNotAvailable,
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            io::ErrorKind::ConnectionAborted => Self::ConnectionAborted,
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::ConnectionReset => Self::ConnectionReset,
            io::ErrorKind::InvalidInput => Self::InvalidArgument,
            io::ErrorKind::NotADirectory => Self::NotADirectory,
            io::ErrorKind::NotConnected => Self::NotConnected,
            io::ErrorKind::NotFound => Self::FileNotFound,
            io::ErrorKind::Unsupported => Self::NotSupported,
            io::ErrorKind::OutOfMemory => Self::OutOfResources,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
                Self::Unreachable
            }
            // An open set; what has no Python class of its own is an `OSError` with its words.
            _ => Self::Other,
        }
    }
}

/// `IncompleteReadError` prints an unknown total as `undefined`.
fn total(expected: Option<u64>) -> Cow<'static, str> {
    expected.map_or("undefined".into(), |total| total.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "tls")]
    #[test]
    fn failures_of_tls_are_told_from_the_sockets_own() {
        let of = |message: &str| {
            let failure = Failure { kind: io::ErrorKind::Other, message: Some(message.into()) };
            Error::of_connection(failure, None)
        };
        let message = "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol";
        let reason = Some("UNEXPECTED_EOF_WHILE_READING".to_owned());
        assert_eq!(of(message), Error::Ssl { message: message.into(), reason });
        assert_eq!(of("[SSL] odd"), Error::Ssl { message: "[SSL] odd".into(), reason: None });
        let timed_out = OsError::new(OsErrorKind::TimedOut, "SSL shutdown timed out");
        assert_eq!(of("SSL shutdown timed out"), Error::Os(timed_out));
        assert_eq!(of("file exists"), Error::Os(OsError::new(OsErrorKind::Other, "file exists")));
    }

    #[test]
    fn incomplete_read_prints_as_python_prints_it() {
        let of = |expected| Error::IncompleteRead { partial: vec![1, 2], expected }.to_string();
        assert_eq!(of(Some(5)), "2 bytes read on a total of 5 expected bytes");
        assert_eq!(of(None), "2 bytes read on a total of undefined expected bytes");
    }
}
