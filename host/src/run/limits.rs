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

impl Limits {
    /// These limits, each replaced by that of `other` where it has one.
    #[must_use]
    pub fn overridden_by(self, other: Self) -> Self {
        Self {
            max_memory: other.max_memory.or(self.max_memory),
            max_connections: other.max_connections.or(self.max_connections),
            idle_timeout: other.idle_timeout.or(self.idle_timeout),
            max_buffer: other.max_buffer.or(self.max_buffer),
            max_compute: other.max_compute.or(self.max_compute),
            timeout: other.timeout.or(self.timeout),
        }
    }

    /// Whether there is one for connections, which only sockets of WASI 0.3 obey.
    pub(crate) fn for_connections(&self) -> bool {
        self.max_connections.is_some() || self.idle_timeout.is_some() || self.max_buffer.is_some()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bytes) => {
                write!(f, "it needs more memory than {} (--max-memory)", bytesize::ByteSize(*bytes).display().iec())
            }
            Self::Compute(time) => {
                write!(f, "it computed for {} without a pause (--max-compute)", humantime::format_duration(*time))
            }
            Self::Timeout(time) => write!(f, "it ran for {} (--timeout)", humantime::format_duration(*time)),
        }
    }
}

// Travels inside the error with which wasmtime unwinds the program.
impl std::error::Error for Limit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_names_its_flag_and_its_value() {
        let text = Limit::Memory(64 << 20).to_string();
        assert_eq!(text, "it needs more memory than 64.0 MiB (--max-memory)");
        let text = Limit::Compute(Duration::from_millis(1500)).to_string();
        assert_eq!(text, "it computed for 1s 500ms without a pause (--max-compute)");
    }

    #[test]
    fn only_limits_that_are_given_override() {
        let file = Limits { max_memory: Some(1), max_connections: Some(2), ..Limits::default() };
        let flags = Limits { max_connections: Some(3), ..Limits::default() };
        let both = file.overridden_by(flags);
        assert_eq!((both.max_memory, both.max_connections, both.timeout), (Some(1), Some(3), None));
    }
}
