//! From the operating system's errors to WASI's, in which every kind of socket tells how its directions ended.

use std::io;

use wasmtime_wasi::TrappableError;
use wasmtime_wasi::sockets::ErrorCode as Code;

use crate::wasi::tcp::bindings::types::ErrorCode;

/// An error code for the program, or a trap.
pub(crate) type SocketError = TrappableError<ErrorCode>;

pub(crate) type SocketResult<T> = Result<T, SocketError>;

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
        if out_of_descriptors(&error) {
            // What wasmtime-wasi gives where Windows says so.
            return Self::OutOfMemory;
        }
        // wasmtime-wasi's table of the systems' error numbers.
        match Code::from(&error) {
            // WASI has no word for it, but the system has.
            Code::Other => Self::Other(Some(words(&error))),
            code => code.into(),
        }
    }
}

/// What the system says, without its number, which differs between systems.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// Whether the process or the system has run out of descriptors or memory: another try may succeed once something was
/// closed.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    out_of_descriptors(error) || matches!(Code::from(error), Code::OutOfMemory)
}

fn out_of_descriptors(error: &io::Error) -> bool {
    #[cfg(unix)]
    // ENFILE and EMFILE, the same on every Unix.
    return matches!(error.raw_os_error(), Some(23 | 24));
    #[cfg(windows)]
    // WSAEMFILE.
    return error.raw_os_error() == Some(10024);
}

/// Linux reports an error of a connection that broke before it was accepted as one of accepting.
pub(crate) fn accept_error(error: io::Error) -> ErrorCode {
    match ErrorCode::from(error) {
        ErrorCode::ConnectionReset | ErrorCode::RemoteUnreachable | ErrorCode::NotSupported
            if cfg!(target_os = "linux") =>
        {
            ErrorCode::ConnectionAborted
        }
        code => code,
    }
}

/// What an error is called in the metrics: WASI's own words.
pub(crate) fn name(code: &ErrorCode) -> &'static str {
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
        assert!(matches!(unknown, ErrorCode::Other(Some(_))));
    }

    #[test]
    #[cfg(unix)]
    fn descriptors_run_out_as_memory_does() {
        let error = io::Error::from_raw_os_error(24);
        assert!(is_exhausted(&error) && !is_exhausted(&io::Error::from(io::ErrorKind::ConnectionReset)));
        assert!(matches!(ErrorCode::from(error), ErrorCode::OutOfMemory));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_wasi_has_no_code_for_is_told_in_the_systems_words() {
        let ErrorCode::Other(Some(text)) = ErrorCode::from(io::Error::from_raw_os_error(17)) else {
            panic!("WASI has no code for EEXIST");
        };
        assert_eq!(text, "file exists");
    }
}
