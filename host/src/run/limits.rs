//! How much a program may use.

use std::fmt;
use std::time::Duration;

/// Limits of one run of a program. By default those that a program would notice are not there, and those of what the host
/// keeps for it have the values that are told below.
///
/// At a limit accepting pauses, a connection is closed, a call fails or traps, or the program is ended and
/// [`Runner::run`](crate::Runner::run) returns [`Error::Limit`](crate::Error::Limit).
///
/// `max_connections`, `idle_timeout` and `max_buffer` hold for the sockets of WASI 0.3. Those of WASI 0.2 they do not
/// reach, so a program that is granted these cannot be started with one of them.
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
    /// every 10 milliseconds to whatever else runs on its thread. What others do on its thread, and the functions that it
    /// calls in the host, do not count; time is taken to about 10 milliseconds.
    pub max_compute: Option<Duration>,
    /// How long the program may connect to an address that it was given for a name. Then it has to look the name up
    /// again. Without this it is ten minutes.
    pub max_answer_age: Option<Duration>,
    /// How long the program may run, all in all. Then it is ended.
    pub timeout: Option<Duration>,
    /// Descriptors, for sockets of WASI 0.3 and 0.2 and for files together. At this number accepting pauses, and making a
    /// socket, connecting and opening a file fail. By default what the system lets the process have, less a reserve for the
    /// host; never more than that, for all programs of the process together.
    pub max_descriptors: Option<usize>,
    /// Handles that the program has at once: of resources, streams, futures and tasks. It traps at one more. By default
    /// [`DEFAULT_MAX_HANDLES`], or sixteen for each of [`max_connections`](Self::max_connections) if that is more. With
    /// [`max_memory`](Self::max_memory), no more than one for each 256 bytes of that, but at least 16384: the host keeps from
    /// a hundred bytes to a kibibyte for one.
    pub max_handles: Option<usize>,
    /// Calls of the host's functions of WASI 0.3 that have not answered: looking up a name, waiting for a time, and those about
    /// files. It traps at one more. One that was handed a path counts once more for each KiB of that. By default a quarter of
    /// [`max_handles`](Self::max_handles): the host keeps about a kibibyte for one. Reading and writing of streams, accepting and
    /// connecting do not count.
    pub max_pending: Option<usize>,
    /// Bytes that one call may hand over from the program to the host, such as a list that is written to a file. It traps with
    /// more. By default [`DEFAULT_MAX_CALL`].
    pub max_call: Option<u64>,
    /// Random bytes that the program may ask for in one call. It traps with more. By default [`DEFAULT_MAX_RANDOM`].
    pub max_random: Option<u64>,
    /// Look-ups of names at work at once; others wait. By default [`DEFAULT_MAX_LOOKUPS`]. All programs of a process together
    /// have four times as many.
    pub max_lookups: Option<usize>,
}

/// [`Limits::max_handles`], unless it is set: ten for each of ten thousand connections.
pub const DEFAULT_MAX_HANDLES: usize = 100_000;

/// [`Limits::max_call`], unless it is set: 2 MiB, more than any write of a standard library.
pub const DEFAULT_MAX_CALL: u64 = 2 << 20;

/// [`Limits::max_random`], unless it is set: 1 MiB.
pub const DEFAULT_MAX_RANDOM: u64 = 1 << 20;

/// [`Limits::max_lookups`], unless it is set.
pub const DEFAULT_MAX_LOOKUPS: usize = 16;

/// The least that [`Limits::max_memory`] makes of [`Limits::max_handles`].
const MIN_HANDLES: usize = 16384;

/// How many handles a program has for each call that has not answered.
const HANDLES_PER_PENDING: usize = 4;

/// No more calls than that are counted at once: each needs a handle, and those have 30 bits.
const MAX_PENDING: usize = 1 << 28;

/// How much memory a program has for each handle, in bytes.
const MEMORY_PER_HANDLE: u64 = 256;

/// How many handles a connection may need, with those that a program's own tasks for it have.
const HANDLES_PER_CONNECTION: usize = 16;

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
             for sockets of WASI 0.3; a program that may use those of WASI 0.2 cannot have them."
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
        entry!(
            max_answer_age,
            "max-answer-age",
            time,
            "TIME",
            "Let the program connect to an address that a name resolved to for this long [default: 10min]",
            "Then it has to look the name up again. Addresses that are granted themselves do not grow old."
        ),
        entry!(timeout, "timeout", time, "TIME", "End the program after this time, such as 1h", ""),
        entry!(
            max_descriptors,
            "max-descriptors",
            count,
            "N",
            "Let the program have this many descriptors, for sockets and files together [default: what the system allows]",
            "At that number accepting pauses, and making a socket, connecting and opening a file fail. All programs of a \
             process together never have more than its system limit (ulimit -n) less a reserve."
        ),
        entry!(
            max_handles,
            "max-handles",
            count,
            "N",
            "Let the program have this many handles of resources, streams, futures and tasks [default: 100000]",
            "The host keeps something for each. The default is more for more than 6250 max-connections, and one for each 256 \
             bytes of a small max-memory. A program that needs more traps."
        ),
        entry!(
            max_pending,
            "max-pending",
            count,
            "N",
            "Let the program have this many calls that have not answered [default: a quarter of max-handles]",
            "Such as waiting for a time, looking up a name, or asking for a file. A program that needs more traps. What is read and \
             written on streams does not count."
        ),
        entry!(
            max_call,
            "max-call",
            size,
            "SIZE",
            "Let one call hand this many bytes over to the host [default: 2MiB]",
            "A program that hands over more at once traps. What is sent and received on connections does not count."
        ),
        entry!(
            max_random,
            "max-random",
            size,
            "SIZE",
            "Let the program ask for this many random bytes in one call [default: 1MiB]",
            ""
        ),
        entry!(
            max_lookups,
            "max-lookups",
            count,
            "N",
            "Let this many look-ups of names be at work at once; others wait [default: 16]",
            ""
        ),
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

    /// [`max_handles`](Self::max_handles), or what stands for it.
    pub(crate) fn handles(&self) -> usize {
        let for_connections = self.max_connections.unwrap_or(0).saturating_mul(HANDLES_PER_CONNECTION);
        let most = for_connections.max(DEFAULT_MAX_HANDLES);
        let for_memory = self.max_memory.map(|memory| memory / MEMORY_PER_HANDLE);
        let for_memory = for_memory.map_or(usize::MAX, |handles| usize::try_from(handles).unwrap_or(usize::MAX));
        self.max_handles.unwrap_or_else(|| most.min(for_memory.max(MIN_HANDLES)))
    }

    /// [`max_pending`](Self::max_pending), or what stands for it, as far as it can be counted.
    pub(crate) fn pending(&self) -> usize {
        self.max_pending.unwrap_or(self.handles() / HANDLES_PER_PENDING).clamp(1, MAX_PENDING)
    }

    /// [`max_call`](Self::max_call), or what stands for it.
    pub(crate) fn call(&self) -> usize {
        usize::try_from(self.max_call.unwrap_or(DEFAULT_MAX_CALL)).unwrap_or(usize::MAX)
    }

    /// [`max_random`](Self::max_random), or what stands for it.
    pub(crate) fn random(&self) -> u64 {
        self.max_random.unwrap_or(DEFAULT_MAX_RANDOM)
    }

    /// [`max_lookups`](Self::max_lookups), or what stands for it.
    pub(crate) fn lookups(&self) -> usize {
        self.max_lookups.unwrap_or(DEFAULT_MAX_LOOKUPS)
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
    fn the_host_keeps_the_less_the_less_memory_a_program_has() {
        let handles = |max_memory| Limits { max_memory, ..Limits::default() }.handles();
        assert_eq!(handles(None), DEFAULT_MAX_HANDLES);
        assert_eq!(handles(Some(1)), MIN_HANDLES);
        assert_eq!(handles(Some(8 << 20)), 32768);
        assert_eq!(handles(Some(u64::MAX)), DEFAULT_MAX_HANDLES);
        assert_eq!(Limits { max_handles: Some(7), max_memory: Some(1), ..Limits::default() }.handles(), 7);
        let many = Limits { max_connections: Some(20_000), ..Limits::default() };
        assert_eq!(many.handles(), 320_000);
        assert_eq!(Limits { max_memory: Some(8 << 20), ..Limits::default() }.pending(), 8192);
        assert_eq!(Limits { max_handles: Some(1), ..Limits::default() }.pending(), 1);
        assert_eq!(Limits { max_pending: Some(usize::MAX), ..Limits::default() }.pending(), MAX_PENDING);
    }

    #[test]
    fn only_limits_that_are_given_override() {
        let file = Limits { max_memory: Some(1), max_connections: Some(2), ..Limits::default() };
        let flags = Limits { max_connections: Some(3), ..Limits::default() };
        let both = file.overridden_by(flags);
        assert_eq!((both.max_memory, both.max_connections, both.timeout), (Some(1), Some(3), None));
    }
}
