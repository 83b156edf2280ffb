//! From the operating system's errors to those of the interface.

use std::io;

use rustix::io::Errno;

use super::super::bindings::unix::PathError;
use crate::sockets::error::{is_exhausted, words};
use crate::wasi::tcp::bindings::types::ErrorCode;

/// What an error of a system call about a path means.
pub(super) fn path_error(error: &io::Error) -> PathError {
    if is_exhausted(error) {
        return PathError::OutOfMemory;
    }
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ACCESS | Errno::PERM) => PathError::AccessDenied,
        Some(Errno::ADDRINUSE | Errno::EXIST) => PathError::AddressInUse,
        Some(Errno::CONNREFUSED) => PathError::ConnectionRefused,
        Some(Errno::NOENT) => PathError::FileNotFound,
        Some(Errno::INVAL | Errno::PROTOTYPE) => PathError::InvalidArgument,
        Some(Errno::NOTDIR) => PathError::NotADirectory,
        Some(Errno::AFNOSUPPORT | Errno::OPNOTSUPP) => PathError::NotSupported,
        Some(Errno::NAMETOOLONG) => PathError::PathTooLong,
        Some(Errno::NOBUFS | Errno::NOMEM) => PathError::OutOfMemory,
        _ => PathError::Other(Some(words(error))),
    }
}

impl From<io::Error> for PathError {
    fn from(error: io::Error) -> Self {
        path_error(&error)
    }
}

impl From<ErrorCode> for PathError {
    /// What stands in the way before a socket is made.
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::OutOfMemory => Self::OutOfMemory,
            ErrorCode::Other(text) => Self::Other(text),
            code => Self::Other(Some(crate::sockets::error::name(&code).to_owned())),
        }
    }
}
