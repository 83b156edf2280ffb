//! How much a program may use.

use std::fmt;
use std::time::Duration;

/// Limits of one run of a program. The default has none.
///
/// Reaching one never harms the process: accepting pauses, a connection is closed, or the program is ended and
/// [`Runner::run`](crate::Runner::run) returns [`Error::Limit`](crate::Error::Limit).
///
/// `max_connections`, `idle_timeout` and `max_buffer` hold for the sockets of WASI 0.3. Those of WASI 0.2 they do not
/// reach, so with one of them a program is refused TCP sockets of WASI 0.2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of memory, all memories and tables of all parts of the program together. A program that needs more is
    /// ended.
    pub max_memory: Option<u64>,
    /// Connections open at once, accepted and made. At this number accepting pauses, so that further peers wait in the
    /// listening socket's queue, and connecting fails.
    pub max_connections: Option<usize>,
    /// How long a connection may be open with no byte in either direction. Then it is closed, and what the program
    /// reads or writes on it next fails with a timeout.
    pub idle_timeout: Option<Duration>,
    /// Bytes that the system keeps for one connection, in each of its directions, beside its bookkeeping: what arrived
    /// and the program has not read, and what it wrote and the peer has not acknowledged. When they are full, the peer
    /// or the program waits. Systems have bounds of their own, upper and lower, which this does not lift.
    ///
    /// What the program buffers itself is part of [`max_memory`](Self::max_memory).
    pub max_buffer: Option<u64>,
    /// How long the program may compute without ever waiting. Then it is ended. In any case such a program gives way
    /// every 10 milliseconds to whatever else runs on its thread.
    pub max_compute: Option<Duration>,
    /// How long the program may run, all in all. Then it is ended.
    pub timeout: Option<Duration>,
}

/// A limit that ended a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::max_memory`], in bytes.
    Memory(u64),
    /// [`Limits::max_compute`].
    Compute(Duration),
    /// [`Limits::timeout`].
    Timeout(Duration),
}

/// One of the [`Limits`], as an operator writes it: in a policy file, or as a flag of the command.
#[derive(Clone, Copy)]
pub struct LimitEntry {
    /// Its name: `max-memory`.
    pub name: &'static str,
    /// What its value is: `SIZE`, `TIME` or `N`.
    pub value: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// What there is to know besides; empty if nothing.
    pub details: &'static str,
    set: fn(&mut Limits, &str) -> Result<(), String>,
    override_by: fn(&mut Limits, &Limits),
    shown: fn(&Limits) -> Option<String>,
}

/// An entry of the table: a field of [`Limits`], and by which function its value is understood.
macro_rules! entry {
    ($field:ident, $name:literal, $parse:ident, $value:literal, $about:literal, $details:literal) => {
        LimitEntry {
            name: $name,
            value: $value,
            about: $about,
            details: $details,
            set: |limits, text| {
                limits.$field = Some($parse(text)?);
                Ok(())
            },
            override_by: |limits, other| limits.$field = other.$field.or(limits.$field),
            shown: |limits| limits.$field.as_ref().map(Shown::shown),
        }
    };
}

impl Limits {
    /// All limits: what a policy file may name, and what the command makes flags of.
    pub const TABLE: &'static [LimitEntry] = &[
        entry!(
            max_memory,
            "max-memory",
            size,
            "SIZE",
            "End the program if it needs more memory than this, such as 256MiB",
            ""
        ),
        entry!(
            max_connections,
            "max-connections",
            count,
            "N",
            "Let the program have this many connections open; at that number, accepting pauses and connecting fails",
            "Nothing is dropped: further peers wait in the listening socket's queue. This, idle-timeout and max-buffer hold \
             for sockets of WASI 0.3; with one of them, the program gets no TCP sockets of WASI 0.2."
        ),
        entry!(
            idle_timeout,
            "idle-timeout",
            time,
            "TIME",
            "Close a connection on which no byte moves for this long, such as 10min",
            ""
        ),
        entry!(
            max_buffer,
            "max-buffer",
            size,
            "SIZE",
            "Let the system keep this many bytes for a connection in each direction, such as 64KiB",
            "When they are full, the peer or the program waits. What the program keeps itself is part of max-memory."
        ),
        entry!(
            max_compute,
            "max-compute",
            time,
            "TIME",
            "End the program if it computes for this long without waiting for anything, such as 2s",
            ""
        ),
        entry!(timeout, "timeout", time, "TIME", "End the program after this time, such as 1h", ""),
    ];

    /// These limits, each replaced by that of `other` where it has one.
    #[must_use]
    pub fn overridden_by(mut self, other: Self) -> Self {
        for entry in Self::TABLE {
            (entry.override_by)(&mut self, &other);
        }
        self
    }

    /// Sets the limit called `name`, as in the [table](Self::TABLE), from its text.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        match Self::TABLE.iter().find(|entry| entry.name == name) {
            Some(entry) => (entry.set)(self, text),
            None => Err(format!("there is no limit `{name}`")),
        }
    }

    /// Those that there are, as an operator writes them: name and value.
    pub fn shown(&self) -> impl Iterator<Item = (&'static str, String)> + use<'_> {
        Self::TABLE.iter().filter_map(|entry| Some((entry.name, (entry.shown)(self)?)))
    }

    /// Whether there is one for connections, which only sockets of WASI 0.3 obey.
    pub(crate) fn for_connections(&self) -> bool {
        self.max_connections.is_some() || self.idle_timeout.is_some() || self.max_buffer.is_some()
    }
}

/// A value as an operator writes it.
trait Shown {
    fn shown(&self) -> String;
}

/// A size, in bytes.
impl Shown for u64 {
    fn shown(&self) -> String {
        bytesize::ByteSize(*self).display().iec().to_string()
    }
}

impl Shown for usize {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Duration {
    fn shown(&self) -> String {
        humantime::format_duration(*self).to_string()
    }
}

impl fmt::Debug for LimitEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitEntry").field("name", &self.name).finish_non_exhaustive()
    }
}

fn size(text: &str) -> Result<u64, String> {
    text.parse().map(|size: bytesize::ByteSize| size.as_u64())
}

fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a number from 1 on".to_owned()),
        Ok(number) => Ok(number),
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bytes) => {
                write!(f, "it needs more memory than {} (max-memory)", bytesize::ByteSize(*bytes).display().iec())
            }
            Self::Compute(time) => {
                write!(f, "it computed for {} without a pause (max-compute)", humantime::format_duration(*time))
            }
            Self::Timeout(time) => write!(f, "it ran for {} (timeout)", humantime::format_duration(*time)),
        }
    }
}

impl Limit {
    /// Its name in the [table](Limits::TABLE).
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "max-memory",
            Self::Compute(_) => "max-compute",
            Self::Timeout(_) => "timeout",
        }
    }
}

// Travels inside the error with which wasmtime unwinds the program.
impl std::error::Error for Limit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_tells_its_name_and_its_value() {
        let text = Limit::Memory(64 << 20).to_string();
        assert_eq!(text, "it needs more memory than 64.0 MiB (max-memory)");
        let text = Limit::Compute(Duration::from_millis(1500)).to_string();
        assert_eq!(text, "it computed for 1s 500ms without a pause (max-compute)");
    }

    #[test]
    fn only_limits_that_are_given_override() {
        let file = Limits { max_memory: Some(1), max_connections: Some(2), ..Limits::default() };
        let flags = Limits { max_connections: Some(3), ..Limits::default() };
        let both = file.overridden_by(flags);
        assert_eq!((both.max_memory, both.max_connections, both.timeout), (Some(1), Some(3), None));
    }
}
