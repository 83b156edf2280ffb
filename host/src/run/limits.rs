//! How much a program may use.

use std::fmt;
use std::time::Duration;

/// Limits of one run of a program. By default those that a program would notice are not there, and those of what the host
/// keeps for it have the values that are told below.
///
/// At a limit accepting pauses, a connection is closed, a call fails or traps, or the program is ended and
/// [`Runner::run`](crate::Runner::run) returns [`Error::Limit`](crate::Error::Limit).
///
/// Those of connections, as the [table](Self::TABLE) marks them, hold for the sockets of WASI 0.3. Those of WASI 0.2 they do
/// not reach, so a program that is granted these cannot be started with one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of memory, all memories and tables of all parts of the program together. A program that needs more is
    /// ended.
    pub max_memory: Option<u64>,
    /// Connections open at once, accepted and made. At this number accepting pauses, so that further peers wait in the
    /// listening socket's queue, and connecting fails. By default one for each sixteen [handles](Self::max_handles), more than
    /// one needs: peers alone cannot bring a program to that limit, at which it would end.
    pub max_connections: Option<usize>,
    /// How long a connection may be open with no byte in either direction. Then it is closed, and what the program
    /// reads or writes on it next fails with a timeout.
    pub idle_timeout: Option<Duration>,
    /// Connections open at once that were accepted from one peer: an IPv4 address, or a /64 network of IPv6, of which
    /// whoever has one address has all. A further one is closed before the program learns of it. All runs that share
    /// [`SharedListeners`](crate::SharedListeners) count together, so with workers this is for all of them.
    pub max_peer_connections: Option<usize>,
    /// How long a connection may be open, whether bytes move or not. Then it is closed, and what the program reads or writes
    /// on it next fails with a timeout.
    pub max_lifetime: Option<Duration>,
    /// Bytes a second that a peer has to send or take at least while the program waits for it, on average over
    /// [`min_rate_time`](Self::min_rate_time). Then its connection is closed, and what the program reads or writes on it next
    /// fails with a timeout.
    ///
    /// Each direction is judged by itself, and only time counts in which the program waits. A peer takes what its system
    /// acknowledges; where this system does not tell that (it does on Linux), what it takes from the program, so that
    /// [`max_buffer`](Self::max_buffer) should be small. A peer is to send from the first byte on that comes after the program
    /// last sent something, until the program sends something again, which is taken for the answer. So a connection that has
    /// sent nothing yet, or was answered, is not judged: that is for [`idle_timeout`](Self::idle_timeout). A peer that is not
    /// answered, or not while the program reads on, and sends little now and then, is too slow.
    pub min_rate: Option<u64>,
    /// How long a program has to have waited for its peer before that is judged by [`min_rate`](Self::min_rate). By default
    /// [`DEFAULT_MIN_RATE_TIME`]. A peer that was fast and stops is found after twice this time at most.
    pub min_rate_time: Option<Duration>,
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
    /// [`DEFAULT_MAX_HANDLES`], or, if that is more, sixteen for each of [`max_connections`](Self::max_connections), or of the
    /// [descriptors](Self::max_descriptors) that it can have up to 62500. With [`max_memory`](Self::max_memory), no more than one
    /// for each 256 bytes of that, but at least 16384: the host keeps from a hundred bytes to a kibibyte for one.
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
    /// Handshakes of TLS at work at once; others wait, within the time that they have. By default [`DEFAULT_MAX_HANDSHAKES`].
    pub max_handshakes: Option<usize>,
}

/// The least that [`Limits::max_handles`] is without [`Limits::max_memory`], unless it is set.
pub const DEFAULT_MAX_HANDLES: usize = 100_000;

/// [`Limits::max_call`], unless it is set: 2 MiB, more than any write of a standard library.
pub const DEFAULT_MAX_CALL: u64 = 2 << 20;

/// [`Limits::max_random`], unless it is set: 1 MiB.
pub const DEFAULT_MAX_RANDOM: u64 = 1 << 20;

/// [`Limits::max_lookups`], unless it is set.
pub const DEFAULT_MAX_LOOKUPS: usize = 16;

/// [`Limits::max_handshakes`], unless it is set. One that does not come to an end keeps up to 200 KiB.
pub const DEFAULT_MAX_HANDSHAKES: usize = 1024;

/// [`Limits::min_rate_time`], unless it is set.
pub const DEFAULT_MIN_RATE_TIME: Duration = Duration::from_secs(10);

/// The least that [`Limits::max_memory`] makes of [`Limits::max_handles`].
const MIN_HANDLES: usize = 16384;

/// How many handles a program has for each call that has not answered.
const HANDLES_PER_PENDING: usize = 4;

/// No more calls than that are counted at once: each needs a handle, and those have 30 bits.
const MAX_PENDING: usize = 1 << 28;

/// How much memory a program has for each handle, in bytes.
const MEMORY_PER_HANDLE: u64 = 256;

/// How many handles a connection may need, with those that a program's own tasks for it have. On plain methods one that a read
/// waits for has eleven.
const HANDLES_PER_CONNECTION: usize = 16;

/// For how many connections there are handles by default, at most: the host may keep up to a gigabyte for these.
const MOST_CONNECTIONS: usize = 62_500;

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
    /// [`max_connections`](Self::max_connections), or what stands for it, of a program that can have so many descriptors.
    pub(crate) fn connections(&self, descriptors: usize) -> usize {
        self.max_connections.unwrap_or_else(|| (self.handles(descriptors) / HANDLES_PER_CONNECTION).max(1))
    }

    /// [`max_handles`](Self::max_handles), or what stands for it, of a program that can have so many descriptors.
    pub(crate) fn handles(&self, descriptors: usize) -> usize {
        let connections = self.max_connections.unwrap_or(descriptors.min(MOST_CONNECTIONS));
        let most = connections.saturating_mul(HANDLES_PER_CONNECTION).max(DEFAULT_MAX_HANDLES);
        let for_memory = self.max_memory.map(|memory| memory / MEMORY_PER_HANDLE);
        let for_memory = for_memory.map_or(usize::MAX, |handles| usize::try_from(handles).unwrap_or(usize::MAX));
        self.max_handles.unwrap_or_else(|| most.min(for_memory.max(MIN_HANDLES)))
    }

    /// [`max_pending`](Self::max_pending), or what stands for it, as far as it can be counted.
    pub(crate) fn pending(&self, descriptors: usize) -> usize {
        self.max_pending.unwrap_or(self.handles(descriptors) / HANDLES_PER_PENDING).clamp(1, MAX_PENDING)
    }

    /// [`max_call`](Self::max_call), or what stands for it.
    pub(crate) fn call(&self) -> usize {
        usize::try_from(self.max_call.unwrap_or(DEFAULT_MAX_CALL)).unwrap_or(usize::MAX)
    }

    /// [`max_random`](Self::max_random), or what stands for it.
    pub(crate) fn random(&self) -> u64 {
        self.max_random.unwrap_or(DEFAULT_MAX_RANDOM)
    }

    /// [`min_rate`](Self::min_rate), and the time that it is judged over.
    pub(crate) fn rate(&self) -> Option<(u64, Duration)> {
        // No time at all would be no time to send anything in.
        let time = self.min_rate_time.unwrap_or(DEFAULT_MIN_RATE_TIME).max(Duration::from_millis(1));
        self.min_rate.map(|rate| (rate, time))
    }

    /// [`max_lookups`](Self::max_lookups), or what stands for it.
    pub(crate) fn lookups(&self) -> usize {
        self.max_lookups.unwrap_or(DEFAULT_MAX_LOOKUPS)
    }

    /// [`max_handshakes`](Self::max_handshakes), or what stands for it.
    pub(crate) fn handshakes(&self) -> usize {
        self.max_handshakes.unwrap_or(DEFAULT_MAX_HANDSHAKES).min(tokio::sync::Semaphore::MAX_PERMITS)
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
        let handles = |max_memory| Limits { max_memory, ..Limits::default() }.handles(1000);
        assert_eq!(handles(None), DEFAULT_MAX_HANDLES);
        assert_eq!(handles(Some(1)), MIN_HANDLES);
        assert_eq!(handles(Some(8 << 20)), 32768);
        assert_eq!(handles(Some(u64::MAX)), DEFAULT_MAX_HANDLES);
        assert_eq!(Limits { max_handles: Some(7), max_memory: Some(1), ..Limits::default() }.handles(1000), 7);
        let many = Limits { max_connections: Some(20_000), ..Limits::default() };
        assert_eq!(many.handles(1000), 320_000);
        assert_eq!(Limits { max_memory: Some(8 << 20), ..Limits::default() }.pending(1000), 8192);
        assert_eq!(Limits { max_handles: Some(1), ..Limits::default() }.pending(1000), 1);
        assert_eq!(Limits { max_pending: Some(usize::MAX), ..Limits::default() }.pending(1000), MAX_PENDING);
    }

    #[test]
    fn there_are_handles_for_all_connections_that_there_can_be() {
        let limits = Limits::default();
        assert_eq!((limits.handles(20_000), limits.connections(20_000)), (320_000, 20_000));
        assert_eq!((limits.handles(usize::MAX), limits.connections(usize::MAX)), (1_000_000, 62_500));
        let small = Limits { max_memory: Some(1 << 20), ..Limits::default() };
        assert_eq!((small.handles(20_000), small.connections(20_000)), (MIN_HANDLES, 1024));
        let given = Limits { max_handles: Some(10), ..Limits::default() };
        assert_eq!(given.connections(20_000), 1);
        assert_eq!(Limits { max_connections: Some(5), ..given }.connections(20_000), 5);
    }

    #[test]
    fn only_limits_that_are_given_override() {
        let file = Limits { max_memory: Some(1), max_connections: Some(2), ..Limits::default() };
        let flags = Limits { max_connections: Some(3), ..Limits::default() };
        let both = file.overridden_by(flags);
        assert_eq!((both.max_memory, both.max_connections, both.timeout), (Some(1), Some(3), None));
    }
}
