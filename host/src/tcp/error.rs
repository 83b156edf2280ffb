//! From the operating system's errors to WASI's.

use std::io;

use wasmtime_wasi::TrappableError;
use wasmtime_wasi::sockets::ErrorCode as Code;

use super::bindings::types::ErrorCode;

/// An error code for the program, or a trap.
pub(crate) type SocketError = TrappableError<ErrorCode>;

pub(super) type SocketResult<T> = Result<T, SocketError>;

impl From<Code> for ErrorCode {
    fn from(code: Code) -> Self {
        match code {
            Code::AccessDenied => Self::AccessDenied,
            Code::NotSupported => Self::NotSupported,
            Code::InvalidArgument => Self::InvalidArgument,
            Code::OutOfMemory => Self::OutOfMemory,
            Code::Timeout => Self::Timeout,
            Code::InvalidState => Self::InvalidState,
            Code::AddressNotBindable => Self::AddressNotBindable,
            Code::AddressInUse => Self::AddressInUse,
            Code::RemoteUnreachable => Self::RemoteUnreachable,
            Code::ConnectionRefused => Self::ConnectionRefused,
            Code::ConnectionBroken => Self::ConnectionBroken,
            Code::ConnectionReset => Self::ConnectionReset,
            Code::ConnectionAborted => Self::ConnectionAborted,
            Code::DatagramTooLarge => Self::DatagramTooLarge,
            Code::Other => Self::Other(None),
        }
    }
}

impl From<io::Error> for ErrorCode {
    fn from(error: io::Error) -> Self {
        // wasmtime-wasi's table of the systems' error numbers.
        Code::from(error).into()
    }
}

/// What an error is called in the metrics: WASI's own words.
pub(super) fn name(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::AccessDenied => "access-denied",
        ErrorCode::NotSupported => "not-supported",
        ErrorCode::InvalidArgument => "invalid-argument",
        ErrorCode::OutOfMemory => "out-of-memory",
        ErrorCode::Timeout => "timeout",
        ErrorCode::InvalidState => "invalid-state",
        ErrorCode::AddressNotBindable => "address-not-bindable",
        ErrorCode::AddressInUse => "address-in-use",
        ErrorCode::RemoteUnreachable => "remote-unreachable",
        ErrorCode::ConnectionRefused => "connection-refused",
        ErrorCode::ConnectionBroken => "connection-broken",
        ErrorCode::ConnectionReset => "connection-reset",
        ErrorCode::ConnectionAborted => "connection-aborted",
        ErrorCode::DatagramTooLarge => "datagram-too-large",
        ErrorCode::Other(_) => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_errors_are_told_apart() {
        let reset = ErrorCode::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(matches!(reset, ErrorCode::ConnectionReset));
        assert_eq!(name(&reset), "connection-reset");
        let unknown = ErrorCode::from(io::Error::from(io::ErrorKind::AlreadyExists));
        assert!(matches!(unknown, ErrorCode::Other(None)));
    }
}
