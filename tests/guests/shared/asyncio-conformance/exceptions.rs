//! Exceptions of steps and reports, from and to those of the crate.

use asyncio::{Error, OsError, OsErrorKind};
use conformance_programs::{Exception, Kind, number};

/// The kinds of errors that have a class in Python.
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
        Kind::Value => Error::Value(message.into()),
        Kind::Runtime => Error::Runtime(message.into()),
        Kind::Assertion => Error::Assertion(message.into()),
        Kind::NotImplemented => Error::NotImplemented(message.into()),
        Kind::Other => Error::Other(message),
        Kind::Incomplete { partial, expected } => Error::IncompleteRead { partial, expected: expected.map(number) },
        Kind::Overrun { consumed } => Error::LimitOverrun { message: message.into(), consumed: number(consumed) },
        Kind::Os(name) => {
            let kind = OS_ERRORS.into_iter().find_map(|(known, kind)| (known == name).then_some(kind));
            Error::Os(os_error(kind.ok_or_else(|| format!("unknown kind {name}"))?, message))
        }
        Kind::Group(messages) => {
            let errors = messages.into_iter().map(|message| os_error(OsErrorKind::Other, message));
            Error::Group(errors.collect())
        }
    })
}

fn os_error(kind: OsErrorKind, message: String) -> OsError {
    OsError { kind, message, address: None }
}

/// The exception that is told.
pub(crate) fn told(error: Error) -> Exception {
    let message = error.to_string();
    let kind = match error {
        Error::Value(_) => Kind::Value,
        Error::Runtime(_) => Kind::Runtime,
        Error::Assertion(_) => Kind::Assertion,
        Error::NotImplemented(_) => Kind::NotImplemented,
        Error::Other(_) => Kind::Other,
        Error::IncompleteRead { partial, expected } => Kind::Incomplete { partial, expected: expected.map(number) },
        Error::LimitOverrun { consumed, .. } => Kind::Overrun { consumed: number(consumed) },
        Error::Os(error) => {
            let name = OS_ERRORS.into_iter().find_map(|(name, kind)| (kind == error.kind).then_some(name));
            Kind::Os(name.unwrap_or("unknown").to_owned())
        }
        // Not among the exceptions of the programs.
        Error::Ssl { .. } | Error::SslCertVerification { .. } => Kind::Os("unknown".to_owned()),
        Error::Group(errors) => Kind::Group(errors.into_iter().map(|error| error.message).collect()),
    };
    Exception { kind, message }
}
