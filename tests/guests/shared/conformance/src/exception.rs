//! Exceptions as steps and reports have them, whatever they are in the reader's own crate.

use crate::fields::{Fields, hex};

/// An exception: what it is, and what Python's `str` gives.
#[derive(Clone, Debug)]
pub struct Exception {
    /// What it is.
    pub kind: Kind,
    /// Python's `str(exception)`; of no meaning where [`Kind::Incomplete`] or [`Kind::Group`] is to be stored.
    pub message: String,
}

/// What an exception is, with its fields.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `ValueError`
    Value,
    /// `RuntimeError`
    Runtime,
    /// `AssertionError`
    Assertion,
    /// `NotImplementedError`
    NotImplemented,
    /// `Exception`
    Other,
    /// `IncompleteReadError`
    Incomplete {
        /// As Python has it.
        partial: Vec<u8>,
        /// As Python has it.
        expected: Option<i64>,
    },
    /// `LimitOverrunError`
    Overrun {
        /// As Python has it.
        consumed: i64,
    },
    /// `OSError` or a class below it; the name is one from WIT's `os-error-kind`.
    Os(String),
    /// `ExceptionGroup` of some `OSError`s with these messages.
    Group(Vec<String>),
}

impl Exception {
    /// The exception that `set-exception` is called with.
    pub(crate) fn parse(mut fields: Fields<'_>) -> Result<Self, String> {
        let kind = match fields.word()? {
            "value" => Kind::Value,
            "runtime" => Kind::Runtime,
            "assertion" => Kind::Assertion,
            "not-implemented" => Kind::NotImplemented,
            "exception" => Kind::Other,
            "incomplete" => {
                let kind = Kind::Incomplete { partial: fields.bytes()?, expected: fields.optional()? };
                return Ok(Self { kind, message: String::new() });
            }
            "overrun" => {
                let message = fields.text()?;
                return Ok(Self { kind: Kind::Overrun { consumed: fields.number()? }, message });
            }
            "os" => Kind::Os(fields.word()?.to_owned()),
            "group" => return Ok(Self { kind: Kind::Group(fields.texts()?), message: String::new() }),
            unknown => return Err(format!("unknown exception {unknown}")),
        };
        Ok(Self { kind, message: fields.text()? })
    }

    /// As the oracle shows it.
    pub(crate) fn show(&self) -> String {
        let message = &self.message;
        match &self.kind {
            Kind::Value => format!("value({message})"),
            Kind::Runtime => format!("runtime({message})"),
            Kind::Assertion => format!("assertion({message})"),
            Kind::NotImplemented => format!("not-implemented({message})"),
            Kind::Other => format!("exception({message})"),
            Kind::Incomplete { partial, expected } => {
                let expected = expected.map_or("-".to_owned(), |expected| expected.to_string());
                format!("incomplete({message}, partial {}, expected {expected})", hex(partial))
            }
            Kind::Overrun { consumed } => format!("overrun({message}, consumed {consumed})"),
            Kind::Os(name) => format!("os({name}, {message})"),
            Kind::Group(messages) => format!("group({})", messages.join(", ")),
        }
    }
}
