//! What can go wrong with a stream, and how `std::io` calls it.

use std::io;
use std::sync::Arc;

use super::bindings::{AsyncioError, OsErrorKind};

/// Why an operation on a stream failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// asyncio's exception.
    #[error(transparent)]
    Asyncio(#[from] AsyncioError),
    /// The streams component trapped or reached a limit. Nothing more can be done with any of its streams.
    #[error(transparent)]
    Host(Arc<crate::Error>),
    /// The instance was ended from here: by [`Asyncio::abort`](super::Asyncio::abort), or because its tokio runtime is gone.
    #[error("the streams were ended")]
    Ended,
}

/// The result of an operation on a stream.
pub type StreamResult<T> = std::result::Result<T, StreamError>;

impl From<StreamError> for io::Error {
    /// An error of the kind that tokio's sockets would have; the [`StreamError`] is inside.
    fn from(error: StreamError) -> Self {
        let kind = match &error {
            StreamError::Asyncio(error) => io_kind(error),
            StreamError::Host(_) | StreamError::Ended => io::ErrorKind::ConnectionAborted,
        };
        Self::new(kind, error)
    }
}

impl From<AsyncioError> for io::Error {
    fn from(error: AsyncioError) -> Self {
        StreamError::Asyncio(error).into()
    }
}

fn io_kind(error: &AsyncioError) -> io::ErrorKind {
    match error {
        AsyncioError::ValueError(_) => io::ErrorKind::InvalidInput,
        AsyncioError::IncompleteReadError(_) => io::ErrorKind::UnexpectedEof,
        AsyncioError::LimitOverrunError(_) | AsyncioError::SslError(_) | AsyncioError::SslCertVerificationError(_) => {
            io::ErrorKind::InvalidData
        }
        AsyncioError::OsError(error) => os_kind(error.kind),
        AsyncioError::ExceptionGroup(errors) => {
            errors.first().map_or(io::ErrorKind::Other, |error| os_kind(error.kind))
        }
        AsyncioError::NotImplementedError(_) => io::ErrorKind::Unsupported,
        AsyncioError::RuntimeError(_) | AsyncioError::AssertionError(_) | AsyncioError::Other(_) => {
            io::ErrorKind::Other
        }
    }
}

fn os_kind(kind: OsErrorKind) -> io::ErrorKind {
    match kind {
        OsErrorKind::AccessDenied => io::ErrorKind::PermissionDenied,
        OsErrorKind::AddressInUse => io::ErrorKind::AddrInUse,
        OsErrorKind::AddressNotAvailable => io::ErrorKind::AddrNotAvailable,
        OsErrorKind::BrokenPipe => io::ErrorKind::BrokenPipe,
        OsErrorKind::ConnectionAborted => io::ErrorKind::ConnectionAborted,
        OsErrorKind::ConnectionRefused => io::ErrorKind::ConnectionRefused,
        OsErrorKind::ConnectionReset => io::ErrorKind::ConnectionReset,
        OsErrorKind::FileNotFound => io::ErrorKind::NotFound,
        OsErrorKind::InvalidArgument => io::ErrorKind::InvalidInput,
        OsErrorKind::NotADirectory => io::ErrorKind::NotADirectory,
        OsErrorKind::NotConnected => io::ErrorKind::NotConnected,
        OsErrorKind::NotSupported => io::ErrorKind::Unsupported,
        OsErrorKind::TimedOut => io::ErrorKind::TimedOut,
        OsErrorKind::Unreachable => io::ErrorKind::HostUnreachable,
        OsErrorKind::NameNotResolved
        | OsErrorKind::OutOfResources
        | OsErrorKind::TemporaryResolverFailure
        | OsErrorKind::Other => io::ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::{IncompleteReadError, OsError};

    #[test]
    fn an_io_error_has_the_kind_and_keeps_the_error() {
        let refused = OsError { kind: OsErrorKind::ConnectionRefused, message: "refused".to_owned(), address: None };
        let error = io::Error::from(StreamError::from(AsyncioError::OsError(refused)));
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<StreamError>());
        assert!(matches!(inner, Some(StreamError::Asyncio(AsyncioError::OsError(_)))));
        let early = IncompleteReadError { partial: b"ab".to_vec(), expected: Some(3) };
        assert_eq!(io::Error::from(AsyncioError::IncompleteReadError(early)).kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(io::Error::from(StreamError::Ended).kind(), io::ErrorKind::ConnectionAborted);
    }
}
