//! Exceptions of steps and reports, from and to those of `wasyncio-client`.

use conformance_programs::{Exception, Kind};
use wasyncio_client::{Error, IncompleteReadError, LimitOverrunError, OsError, OsErrorKind};

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
        Kind::Incomplete { partial, expected } => Error::IncompleteReadError(IncompleteReadError { partial, expected }),
        Kind::Overrun { consumed } => Error::LimitOverrunError(LimitOverrunError { message, consumed }),
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
    let message = error.message();
    let kind = match error {
        Error::ValueError(_) => Kind::Value,
        Error::RuntimeError(_) => Kind::Runtime,
        Error::AssertionError(_) => Kind::Assertion,
        Error::NotImplementedError(_) => Kind::NotImplemented,
        Error::Other(_) => Kind::Other,
        Error::IncompleteReadError(IncompleteReadError { partial, expected }) => Kind::Incomplete { partial, expected },
        Error::LimitOverrunError(error) => Kind::Overrun { consumed: error.consumed },
        Error::OsError(error) => {
            let name = OS_ERRORS.into_iter().find_map(|(name, kind)| (kind == error.kind).then_some(name));
            Kind::Os(name.unwrap_or("unknown").to_owned())
        }
        Error::ExceptionGroup(errors) => Kind::Group(errors.into_iter().map(|error| error.message).collect()),
    };
    Exception { kind, message }
}
