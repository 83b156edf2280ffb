//! The limits as an operator writes them: in a policy file, or as flags of the command.

use std::fmt;
use std::time::Duration;

use crate::Limits;

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
    /// Whether it is of connections. Sockets of WASI 0.2 do not obey such a limit.
    pub of_connections: bool,
    set: fn(&mut Limits, &str) -> Result<(), String>,
    override_by: fn(&mut Limits, &Limits),
    shown: fn(&Limits) -> Option<String>,
}

/// An entry of the table: a field of [`Limits`], and by which function its value is understood.
macro_rules! entry {
    ($field:ident, $name:literal, $parse:ident, $value:literal, $about:literal, $details:literal) => {
        entry!($field, $name, $parse, $value, $about, $details, of_connections: false)
    };
    ($field:ident, $name:literal, $parse:ident, $value:literal, $about:literal, $details:literal, of_connections: $of:literal) => {
        LimitEntry {
            name: $name,
            value: $value,
            about: $about,
            details: $details,
            of_connections: $of,
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
            "Nothing is dropped: further peers wait in the listening socket's queue. The limits of connections hold for sockets \
             of WASI 0.3; a program that may use those of WASI 0.2 cannot have them.",
            of_connections: true
        ),
        entry!(
            max_peer_connections,
            "max-peer-connections",
            count,
            "N",
            "Let one peer, an IPv4 address or a /64 of IPv6, have this many connections; further ones are closed at once",
            "All workers count together, and connections that the program makes do not count, nor do those of Unix sockets, whose \
             peers have no address. Peers behind one gateway are one peer.",
            of_connections: true
        ),
        entry!(
            idle_timeout,
            "idle-timeout",
            time,
            "TIME",
            "Close a connection on which no byte moves for this long, such as 10min",
            "",
            of_connections: true
        ),
        entry!(
            max_lifetime,
            "max-lifetime",
            time,
            "TIME",
            "Close a connection that has been open for this long, such as 1h, also if bytes move",
            "What the program reads or writes on it next fails with a timeout.",
            of_connections: true
        ),
        entry!(
            min_rate,
            "min-rate",
            size,
            "SIZE",
            "Close a connection whose peer sends or takes fewer bytes a second than this, such as 100B, while the program waits",
            "Each direction is judged by itself, over min-rate-time in which the program waited. A peer is to send from its \
             first byte on until the program sends something, which is taken for an answer: one that has sent nothing, or was \
             answered, is for idle-timeout. Not for protocols in which peers send now and then without an answer. Of the peer of a \
             Unix socket the system tells what it takes only roughly: up to 37 KB at a time.",
            of_connections: true
        ),
        entry!(
            min_rate_time,
            "min-rate-time",
            time,
            "TIME",
            "Judge a peer by min-rate once the program has waited for it this long [default: 10s]",
            "",
            of_connections: true
        ),
        entry!(
            max_buffer,
            "max-buffer",
            size,
            "SIZE",
            "Let the system keep this many bytes for a connection in each direction, such as 64KiB",
            "When they are full, the peer or the program waits. What the program keeps itself is part of max-memory.",
            of_connections: true
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
            "Let the program have this many handles of resources, streams, futures and tasks [default: 100000, or more]",
            "The host keeps something for each. The default is sixteen for each of more than 6250 max-connections, or of as many \
             descriptors up to 62500, and one for each 256 bytes of a small max-memory. A program that needs more traps."
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
        entry!(
            max_handshakes,
            "max-handshakes",
            count,
            "N",
            "Let this many handshakes of TLS be at work at once; others wait [default: 1024]",
            "Connections that are in their handshake count as such for max-connections, too."
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

    /// Those that there are, as an operator writes them: name and value.
    pub fn shown(&self) -> impl Iterator<Item = (&'static str, String)> + use<'_> {
        Self::TABLE.iter().filter_map(|entry| Some((entry.name, (entry.shown)(self)?)))
    }

    /// Whether there is one for connections, which only sockets of WASI 0.3 obey.
    pub(crate) fn for_connections(&self) -> bool {
        self.first_of_connections().is_some()
    }

    /// The first of these limits that is of connections: see [`LimitEntry::of_connections`].
    pub fn first_of_connections(&self) -> Option<&'static LimitEntry> {
        Self::TABLE.iter().find(|entry| entry.of_connections && (entry.shown)(self).is_some())
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
