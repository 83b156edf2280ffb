//! The errors of this crate, sorted as Python sorts them.
//!
//! One type serves every call, because asyncio stores an exception in a reader and raises it again from any later
//! call. Texts are Python's where Python has one.

use std::borrow::Cow;
use std::fmt;

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
    #[error("{} bytes read on a total of {} expected bytes", .partial.len(), Expected(*.expected))]
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
    /// `ExceptionGroup`: every attempt to connect failed, and all errors were asked for.
    #[error("create_connection failed ({} sub-exceptions)", .0.len())]
    Group(Vec<OsError>),
    /// `NotImplementedError`: an option or operation that does not exist here; the text names it.
    #[error("{0}")]
    NotImplemented(Cow<'static, str>),
    /// Any other exception that a caller stored with `set_exception`.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// `ConnectionResetError('Connection lost')`, what `drain` raises on a connection that is gone.
    pub(crate) fn connection_lost() -> Self {
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
    /// The address or name concerned, as `host:port` or `[host]:port`.
    pub address: Option<String>,
}

impl OsError {
    pub(crate) fn new(kind: OsErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), address: None }
    }

    pub(crate) fn at(mut self, address: impl fmt::Display) -> Self {
        self.address = Some(address.to_string());
        self
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
    /// `EINVAL`: an address of the wrong family or form.
    InvalidArgument,
    /// `socket.gaierror`.
    NameNotResolved,
    /// `EMFILE`, `ENOBUFS`, `ENOMEM`.
    OutOfResources,
    /// `TimeoutError`.
    TimedOut,
    /// `EHOSTUNREACH`, `ENETUNREACH`.
    Unreachable,
    /// Anything else.
    Other,
}

impl OsErrorKind {
    /// The system's words for this failure, as `os.strerror` has them.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::AccessDenied => "Permission denied",
            Self::AddressInUse => "Address already in use",
            Self::AddressNotAvailable => "Cannot assign requested address",
            Self::BrokenPipe => "Broken pipe",
            Self::ConnectionAborted => "Software caused connection abort",
            Self::ConnectionRefused => "Connection refused",
            Self::ConnectionReset => "Connection reset by peer",
            Self::InvalidArgument => "Invalid argument",
            Self::NameNotResolved => "Name or service not known",
            Self::OutOfResources => "Out of memory, buffers or descriptors",
            Self::TimedOut => "Connection timed out",
            Self::Unreachable => "Host or network is unreachable",
            Self::Other => "Input/output error",
        }
    }
}

/// `IncompleteReadError` prints an unknown total as `undefined`.
struct Expected(Option<u64>);

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(total) => write!(f, "{total}"),
            None => f.write_str("undefined"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incomplete_read_prints_as_python_prints_it() {
        let of = |expected| Error::IncompleteRead { partial: vec![1, 2], expected }.to_string();
        assert_eq!(of(Some(5)), "2 bytes read on a total of 5 expected bytes");
        assert_eq!(of(None), "2 bytes read on a total of undefined expected bytes");
    }
}
