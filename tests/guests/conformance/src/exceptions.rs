//! Exceptions: from the fields of a step, and in a report.

use wasyncio_client::{Error, IncompleteReadError, LimitOverrunError, OsError, OsErrorKind};

use crate::fields::{Fields, hex};

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

/// The exception that `set-exception` is called with.
pub(crate) fn parse(mut fields: Fields<'_>) -> Result<Error, String> {
    Ok(match fields.word()? {
        "value" => Error::ValueError(fields.text()?),
        "runtime" => Error::RuntimeError(fields.text()?),
        "assertion" => Error::AssertionError(fields.text()?),
        "not-implemented" => Error::NotImplementedError(fields.text()?),
        "exception" => Error::Other(fields.text()?),
        "incomplete" => {
            Error::IncompleteReadError(IncompleteReadError { partial: fields.bytes()?, expected: fields.optional()? })
        }
        "overrun" => {
            Error::LimitOverrunError(LimitOverrunError { message: fields.text()?, consumed: fields.number()? })
        }
        "os" => {
            let name = fields.word()?;
            let kind = OS_ERRORS.into_iter().find_map(|(known, kind)| (known == name).then_some(kind));
            Error::OsError(os_error(kind.ok_or_else(|| format!("unknown kind {name}"))?, fields.text()?))
        }
        "group" => {
            let texts = fields.texts()?.into_iter();
            Error::ExceptionGroup(texts.map(|text| os_error(OsErrorKind::Other, text)).collect())
        }
        unknown => return Err(format!("unknown exception {unknown}")),
    })
}

fn os_error(kind: OsErrorKind, message: String) -> OsError {
    OsError { kind, message, address: None }
}

/// An exception as the oracle shows it.
pub(crate) fn show(error: &Error) -> String {
    let message = error.message();
    match error {
        Error::ValueError(_) => format!("value({message})"),
        Error::RuntimeError(_) => format!("runtime({message})"),
        Error::AssertionError(_) => format!("assertion({message})"),
        Error::NotImplementedError(_) => format!("not-implemented({message})"),
        Error::Other(_) => format!("exception({message})"),
        Error::IncompleteReadError(IncompleteReadError { partial, expected }) => {
            let expected = expected.map_or("-".to_owned(), |expected| expected.to_string());
            format!("incomplete({message}, partial {}, expected {expected})", hex(partial))
        }
        Error::LimitOverrunError(error) => format!("overrun({message}, consumed {})", error.consumed),
        Error::OsError(error) => {
            let name = OS_ERRORS.into_iter().find_map(|(name, kind)| (kind == error.kind).then_some(name));
            format!("os({}, {message})", name.unwrap_or("unknown"))
        }
        Error::ExceptionGroup(errors) => {
            let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
            format!("group({})", messages.join(", "))
        }
    }
}
