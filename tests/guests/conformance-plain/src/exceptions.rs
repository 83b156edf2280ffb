//! Exceptions of steps and reports, from and to those of the WIT.

use conformance_programs::{Exception, Kind, number};

use crate::generated::wasyncio::streams::types::{
    Error, IncompleteReadError, LimitOverrunError, OsError, OsErrorKind, SslCertVerificationError, SslError,
};

/// The kinds of `os-error` that have a class in Python.
const OS_ERRORS: [(&str, OsErrorKind); 8] = [
    ("access-denied", OsErrorKind::AccessDenied),
    ("broken-pipe", OsErrorKind::BrokenPipe),
    ("connection-aborted", OsErrorKind::ConnectionAborted),
    ("connection-refused", OsErrorKind::ConnectionRefused),
    ("connection-reset", OsErrorKind::ConnectionReset),
    ("name-not-resolved", OsErrorKind::NameNotResolved),
    ("timed-out", OsErrorKind::TimedOut),
    ("other", OsErrorKind::Other),
];

/// The exception to be stored.
pub(crate) fn made(exception: Exception) -> Result<Error, String> {
    let Exception { kind, message } = exception;
    Ok(match kind {
        Kind::Value => Error::ValueError(message),
        Kind::Runtime => Error::RuntimeError(message),
        Kind::Assertion => Error::AssertionError(message),
        Kind::NotImplemented => Error::NotImplementedError(message),
        Kind::Other => Error::Other(message),
        Kind::Incomplete { partial, expected } => {
            Error::IncompleteReadError(IncompleteReadError { partial, expected: expected.map(number) })
        }
        Kind::Overrun { consumed } => {
            Error::LimitOverrunError(LimitOverrunError { message, consumed: number(consumed) })
        }
        Kind::Os(name) => {
            let kind = OS_ERRORS.into_iter().find_map(|(known, kind)| (known == name).then_some(kind));
            Error::OsError(os_error(kind.ok_or_else(|| format!("unknown kind {name}"))?, message))
        }
        Kind::Group(messages) => {
            let errors = messages.into_iter().map(|message| os_error(OsErrorKind::Other, message));
            Error::ExceptionGroup(errors.collect())
        }
    })
}

fn os_error(kind: OsErrorKind, message: String) -> OsError {
    OsError { kind, message, address: None }
}

/// The exception that is told.
pub(crate) fn told(error: Error) -> Exception {
    let (kind, message) = match error {
        Error::ValueError(message) => (Kind::Value, message),
        Error::RuntimeError(message) => (Kind::Runtime, message),
        Error::AssertionError(message) => (Kind::Assertion, message),
        Error::NotImplementedError(message) => (Kind::NotImplemented, message),
        Error::Other(message) => (Kind::Other, message),
        Error::IncompleteReadError(IncompleteReadError { partial, expected }) => {
            // The text is the binding's part: Python's, from the fields.
            let expected: Option<i64> = expected.map(number);
            let total = expected.map_or("undefined".to_owned(), |expected| expected.to_string());
            let message = format!("{} bytes read on a total of {total} expected bytes", partial.len());
            (Kind::Incomplete { partial, expected }, message)
        }
        Error::LimitOverrunError(LimitOverrunError { message, consumed }) => {
            (Kind::Overrun { consumed: number(consumed) }, message)
        }
        Error::OsError(OsError { kind, message, .. }) => {
            let name = OS_ERRORS.into_iter().find_map(|(name, known)| (known == kind).then_some(name));
            (Kind::Os(name.unwrap_or("unknown").to_owned()), message)
        }
        // Not among the exceptions of the programs.
        Error::SslError(SslError { message, .. })
        | Error::SslCertVerificationError(SslCertVerificationError { message, .. }) => {
            (Kind::Os("unknown".to_owned()), message)
        }
        Error::ExceptionGroup(errors) => {
            (Kind::Group(errors.into_iter().map(|error| error.message).collect()), String::new())
        }
    };
    Exception { kind, message }
}
