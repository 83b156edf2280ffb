//! A program over one reader, and the line that it is sent to every side as.
//!
//! The line: the limit (`-` for the default), then the steps, separated by spaces. A step is a name with fields behind
//! colons; bytes and texts are in hexadecimal digits. `!` at its end: the next step follows before anything settles.
//!
//! ```text
//! 5 feed:6162:1 read:-1 feed:0a:1! cancel:0 readuntil:0d0a:0a at_eof
//! ```

use std::fmt;
use std::mem;

/// How many bytes are received at once by a connection that has not received much yet.
const ONE_RECEPTION: usize = 256;

/// A limit and what is done with a reader that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The reader's limit; none: the default.
    pub limit: Option<u32>,
    /// In their order.
    pub steps: Vec<Step>,
}

/// An operation, and whether everything that can go on does so before the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub operation: Operation,
    /// Whether the next step waits until everything has come to rest; only then the report tells which reads have ended.
    pub settles: bool,
}

/// What can be done with a reader. Where a connection brings the bytes, the first three are the peer's: it sends, it ends its side,
/// it resets the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `feed_data(bytes * times)`.
    Feed(Vec<u8>, u32),
    /// `feed_eof()`.
    FeedEof,
    /// `set_exception(exception)`.
    SetException(Exception),
    /// Starts `read(n)`.
    Read(i32),
    /// Starts `readline()`.
    ReadLine,
    /// Starts `readexactly(n)`.
    ReadExactly(i32),
    /// Starts `readuntil(separators)`.
    ReadUntil(Vec<Vec<u8>>),
    /// Cancels a read that waits: the one at this place, counted around among those that do.
    Cancel(u8),
    /// `at_eof()`.
    AtEof,
    /// `exception()`.
    Exception,
}

/// An exception to store in a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exception {
    /// One that is a message alone.
    Text(TextError, String),
    /// `IncompleteReadError(partial, expected)`.
    Incomplete(Vec<u8>, Option<u32>),
    /// `LimitOverrunError(message, consumed)`.
    Overrun(String, u32),
    /// An `OSError` of a kind, which is a name from WIT's `os-error-kind`.
    Os(&'static str, String),
    /// `ExceptionGroup` of some `OSError`s with these messages.
    Group(Vec<String>),
}

/// The exceptions that are a message alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// `ValueError`
    Value,
    /// `RuntimeError`
    Runtime,
    /// `AssertionError`
    Assertion,
    /// `NotImplementedError`
    NotImplemented,
    /// `Exception`
    Exception,
}

/// The kinds of `os-error` that have a class in Python, and the class.
pub const OS_ERRORS: [(&str, &str); 8] = [
    ("access-denied", "PermissionError"),
    ("broken-pipe", "BrokenPipeError"),
    ("connection-aborted", "ConnectionAbortedError"),
    ("connection-refused", "ConnectionRefusedError"),
    ("connection-reset", "ConnectionResetError"),
    ("name-not-resolved", "socket.gaierror"),
    ("timed-out", "TimeoutError"),
    ("other", "OSError"),
];

impl Program {
    /// A program of these steps. A start of a read that does not settle is left so only before another start: a
    /// coroutine starts when its task first runs, a component's call when it is made, so whatever else is done in between
    /// comes before the one and after the other.
    pub fn new(limit: Option<u32>, mut steps: Vec<Step>) -> Self {
        for place in 0..steps.len() {
            let starts_follow = steps.get(place + 1).is_some_and(|next| next.operation.starts_read());
            let step = &mut steps[place];
            step.settles |= step.operation.starts_read() && !starts_follow;
        }
        Self { limit, steps }
    }

    /// The same for the reader of a connection. What the peer does arrives before the next step, because nobody can tell what is
    /// seen of it otherwise; and a read gets what has arrived before the next one begins, because it may have to fetch it. As
    /// long as something is searched for, all that is unread fits into one reception: what a search over the limit leaves depends on
    /// how much of it was received.
    pub fn for_a_connection(mut self) -> Self {
        let searches =
            self.steps.iter().any(|step| matches!(step.operation, Operation::ReadLine | Operation::ReadUntil(_)));
        let mut room = ONE_RECEPTION;
        for step in &mut self.steps {
            if !matches!(step.operation, Operation::Cancel(_) | Operation::AtEof | Operation::Exception) {
                step.settles = true;
            }
            if let Operation::Feed(bytes, times) = &mut step.operation
                && searches
            {
                bytes.truncate(room);
                *times = u32::try_from(room / bytes.len().max(1)).map_or(*times, |most| most.min(*times));
                room -= bytes.len() * *times as usize;
            }
        }
        self
    }

    /// Whether it needs CPython 3.13: `readuntil` with none or several separators.
    pub fn needs_several_separators(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(&step.operation, Operation::ReadUntil(separators) if separators.len() != 1))
    }

    /// Whether the same kinds of operations happen in the same order.
    pub fn is_like(&self, other: &Self) -> bool {
        let kinds = |program: &Self| -> Vec<_> {
            program.steps.iter().map(|step| (mem::discriminant(&step.operation), step.settles)).collect()
        };
        kinds(self) == kinds(other)
    }
}

impl Operation {
    /// Whether a read begins.
    pub fn starts_read(&self) -> bool {
        matches!(self, Self::Read(_) | Self::ReadLine | Self::ReadExactly(_) | Self::ReadUntil(_))
    }
}

impl TextError {
    /// The name in a step.
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Runtime => "runtime",
            Self::Assertion => "assertion",
            Self::NotImplemented => "not-implemented",
            Self::Exception => "exception",
        }
    }

    /// Python's class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Value => "ValueError",
            Self::Runtime => "RuntimeError",
            Self::Assertion => "AssertionError",
            Self::NotImplemented => "NotImplementedError",
            Self::Exception => "Exception",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Some(limit) => write!(f, "{limit}")?,
            None => f.write_str("-")?,
        }
        for Step { operation, settles } in &self.steps {
            let rushes = if *settles { "" } else { "!" };
            write!(f, " {operation}{rushes}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feed(bytes, times) => write!(f, "feed:{}:{times}", hex(bytes)),
            Self::FeedEof => f.write_str("eof"),
            Self::SetException(exception) => write!(f, "raise:{exception}"),
            Self::Read(n) => write!(f, "read:{n}"),
            Self::ReadLine => f.write_str("readline"),
            Self::ReadExactly(n) => write!(f, "readexactly:{n}"),
            Self::ReadUntil(separators) => {
                f.write_str("readuntil")?;
                separators.iter().try_for_each(|separator| write!(f, ":{}", hex(separator)))
            }
            Self::Cancel(place) => write!(f, "cancel:{place}"),
            Self::AtEof => f.write_str("at_eof"),
            Self::Exception => f.write_str("exception"),
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(kind, text) => write!(f, "{}:{}", kind.name(), hex(text.as_bytes())),
            Self::Incomplete(partial, expected) => {
                let expected = expected.map_or("-".to_owned(), |expected| expected.to_string());
                write!(f, "incomplete:{}:{expected}", hex(partial))
            }
            Self::Overrun(message, consumed) => write!(f, "overrun:{}:{consumed}", hex(message.as_bytes())),
            Self::Os(kind, text) => write!(f, "os:{kind}:{}", hex(text.as_bytes())),
            Self::Group(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| hex(text.as_bytes())).collect();
                write!(f, "group:{}", texts.join(","))
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_one_line() {
        let step = |operation| Step { operation, settles: true };
        let steps = vec![
            step(Operation::Feed(b"ab".to_vec(), 1)),
            step(Operation::Read(-1)),
            Step { operation: Operation::Cancel(0), settles: false },
            step(Operation::ReadUntil(vec![b"\r\n".to_vec(), Vec::new()])),
            step(Operation::ReadUntil(Vec::new())),
            step(Operation::SetException(Exception::Os("broken-pipe", "no".into()))),
        ];
        let program = Program::new(Some(5), steps);
        let expected = "5 feed:6162:1 read:-1 cancel:0! readuntil:0d0a: readuntil raise:os:broken-pipe:6e6f";
        assert_eq!(program.to_string(), expected);
        assert!(program.needs_several_separators());
    }

    #[test]
    fn over_a_connection_chunks_arrive_one_by_one_and_what_is_searched_fits_into_one_reception() {
        let rushes = |operation| Step { operation, settles: false };
        let steps = [
            Operation::Feed(b"abc".to_vec(), 80),
            Operation::FeedEof,
            Operation::Feed(b"defg".to_vec(), 9),
            Operation::Feed(b"hi".to_vec(), 1),
            Operation::ReadLine,
        ];
        let program = Program::new(None, steps.map(rushes).to_vec()).for_a_connection();
        assert_eq!(program.to_string(), "- feed:616263:80 eof feed:64656667:4 feed::0 readline");
        let without_search = Program::new(None, vec![rushes(Operation::Feed(b"abc".to_vec(), 1000))]);
        assert_eq!(without_search.for_a_connection().to_string(), "- feed:616263:1000");
    }

    #[test]
    fn nothing_but_starts_comes_between_the_start_of_a_read_and_its_first_step() {
        let rushes = |operation| Step { operation, settles: false };
        let steps =
            [Operation::ReadLine, Operation::ReadLine, Operation::Cancel(0), Operation::ReadLine, Operation::FeedEof];
        let program = Program::new(None, steps.map(rushes).to_vec());
        assert_eq!(program.to_string(), "- readline! readline cancel:0! readline eof!");
    }
}
