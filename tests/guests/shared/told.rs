//! Errors in Python's words, for programs that a transcript of CPython's is compared with. A module of each, as each has another
//! crate under the name `asyncio`.

use std::fmt::Display;

use asyncio::{Error, OsErrorKind};

/// Prints an event.
pub(crate) fn say(words: impl Display) {
    console::println(words.to_string());
}

/// The class and the words of an exception.
pub(crate) fn told(error: &Error) -> String {
    format!("{}: {error}", class(error))
}

/// The name of Python's class for an error.
pub(crate) fn class(error: &Error) -> &'static str {
    match error {
        Error::Value(_) => "ValueError",
        Error::Runtime(_) => "RuntimeError",
        Error::Assertion(_) => "AssertionError",
        Error::IncompleteRead { .. } => "IncompleteReadError",
        Error::LimitOverrun { .. } => "LimitOverrunError",
        Error::Group(_) => "ExceptionGroup",
        Error::NotImplemented(_) => "NotImplementedError",
        Error::Ssl { .. } => "SSLError",
        Error::SslCertVerification { .. } => "SSLCertVerificationError",
        Error::Other(_) => "Exception",
        Error::Os(error) => match error.kind {
            OsErrorKind::AccessDenied => "PermissionError",
            OsErrorKind::BrokenPipe => "BrokenPipeError",
            OsErrorKind::ConnectionAborted => "ConnectionAbortedError",
            OsErrorKind::ConnectionRefused => "ConnectionRefusedError",
            OsErrorKind::ConnectionReset => "ConnectionResetError",
            OsErrorKind::FileNotFound => "FileNotFoundError",
            OsErrorKind::NameNotResolved => "gaierror",
            OsErrorKind::NotADirectory => "NotADirectoryError",
            OsErrorKind::TimedOut => "TimeoutError",
            _ => "OSError",
        },
    }
}
