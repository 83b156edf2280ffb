//! The workloads, and how long each is measured.

use std::time::Duration;

use bench_protocol::Mode;

use crate::Result;
use crate::subjects::Transport;

/// How much is measured.
pub(crate) struct Plan {
    /// What a load runs before it is measured.
    pub(crate) warm_up: Duration,
    /// How long one round of one subject is measured.
    pub(crate) window: Duration,
    rounds: usize,
    limit: Duration,
    stream: u64,
    connects: usize,
    crowd: usize,
    /// Rounds of what is slow to set up.
    few_rounds: usize,
    /// Long enough for every connection to have its turn with servers that take all that one has sent at once.
    pub(crate) flood_window: Duration,
}

impl Plan {
    /// Less than 15 minutes.
    pub(crate) const FULL: Self = Self {
        warm_up: Duration::from_millis(100),
        window: Duration::from_secs(1),
        rounds: 7,
        limit: Duration::from_secs(20),
        stream: 1 << 30,
        connects: 2_000,
        crowd: 5_000,
        few_rounds: 3,
        flood_window: Duration::from_secs(4),
    };

    /// Less than 90 seconds.
    pub(crate) const QUICK: Self = Self {
        warm_up: Duration::from_millis(30),
        window: Duration::from_millis(150),
        rounds: 3,
        limit: Duration::from_secs(3),
        stream: 1 << 27,
        connects: 500,
        crowd: 1_000,
        few_rounds: 1,
        flood_window: Duration::from_millis(1500),
    };
}

/// What the load generator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Every connection sends so many lines of so many bytes at once and waits until they are back.
    Exchange {
        /// How many connections do so.
        connections: usize,
        /// Lines before the wait.
        lines: usize,
        /// Bytes of a line with its end.
        length: usize,
        /// Over which sockets.
        transport: Transport,
    },
    /// One connection sends so many bytes and is told that they arrived.
    Stream {
        /// How many.
        bytes: u64,
        /// Over which sockets.
        transport: Transport,
    },
    /// So many at a time connect, have a line echoed, and close, so many times in all.
    Connect {
        /// Over which sockets.
        transport: Transport,
        /// At a time.
        connections: usize,
        /// In all.
        count: usize,
    },
    /// From the start of the process to the first line echoed.
    Startup,
    /// So many connections that do nothing, beside ten busy ones; then all are used.
    Crowd {
        /// How many.
        connections: usize,
    },
    /// So many connections that have a burst of long lines one after another, then short ones, and rest.
    Burst {
        /// How many.
        connections: usize,
    },
    /// Every connection sends as fast as it is let.
    Flood {
        /// How many.
        connections: usize,
    },
}

/// What one result of a cell is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    pub(crate) workload: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) lower_is_better: bool,
}

/// A workload at one number of connections.
pub(crate) struct Cell {
    /// One for each result that the load gives, in its order.
    pub(crate) headings: &'static [Heading],
    pub(crate) connections: usize,
    pub(crate) load: Load,
    pub(crate) rounds: usize,
}

impl Cell {
    /// What it can be chosen by.
    fn names(&self) -> Vec<String> {
        let workloads = self.headings.iter().map(|heading| heading.workload);
        workloads.flat_map(|name| [name.to_owned(), format!("{name}:{}", self.connections)]).collect()
    }

    /// How many connections there are at a time.
    pub(crate) fn most_connections(&self) -> usize {
        match self.load {
            // Before the crowd that is measured comes one that takes what the process has to spare.
            Load::Burst { connections } => 2 * connections,
            _ => self.connections,
        }
    }

    /// By what the server is reached.
    pub(crate) fn transport(&self) -> Transport {
        match self.load {
            Load::Exchange { transport, .. } | Load::Stream { transport, .. } | Load::Connect { transport, .. } => {
                transport
            }
            _ => Transport::Tcp,
        }
    }

    /// What the server has to do.
    pub(crate) fn mode(&self) -> Mode {
        if matches!(self.load, Load::Stream { .. }) { Mode::Sink } else { Mode::Echo }
    }

    /// How long a measurement may take in all before the subject is given up.
    pub(crate) fn limit(&self, plan: &Plan) -> Duration {
        match self.load {
            // Whoever comes in last may wait long: that is what is measured.
            Load::Flood { .. } => plan.limit * 3,
            // One connection after another: the time of all bursts adds up, and is not what is measured.
            Load::Burst { .. } => plan.limit * 3,
            _ => plan.limit,
        }
    }

    /// Whether every round begins with a new process.
    pub(crate) fn begins_anew(&self) -> bool {
        matches!(self.load, Load::Startup | Load::Crowd { .. } | Load::Burst { .. })
    }
}

const fn more(workload: &'static str, unit: &'static str) -> Heading {
    Heading { workload, unit, lower_is_better: false }
}

const fn less(workload: &'static str, unit: &'static str) -> Heading {
    Heading { workload, unit, lower_is_better: true }
}

const PINGPONG: &[Heading] = &[more("pingpong", "messages/s")];
const UNIX_PINGPONG: &[Heading] = &[more("unix-pingpong", "messages/s")];
const TLS_PINGPONG: &[Heading] = &[more("tls-pingpong", "messages/s")];
const PIPELINED: &[Heading] = &[more("pipelined", "lines/s")];
const LONGLINE: &[Heading] = &[more("longline", "messages/s")];
const STREAM: &[Heading] = &[more("stream", "MiB/s")];
const CONNECT: &[Heading] = &[more("connect", "connections/s")];
const TLS_STREAM: &[Heading] = &[more("tls-stream", "MiB/s")];
const TLS_CONNECT: &[Heading] = &[more("tls-connect", "handshakes/s")];
const STARTUP: &[Heading] = &[less("startup", "ms")];
const CROWD: &[Heading] = &[
    less("memory-idle", "bytes/connection"),
    less("memory-active", "bytes/connection"),
    more("idle-cost", "of the rate without"),
];
const BURST: &[Heading] = &[less("memory-after-burst", "bytes/connection")];
const FLOOD: &[Heading] =
    &[more("fairness", "slowest/mean"), less("accept-under-load", "ms"), more("flood", "lines/s")];

/// All cells of `plan` that are wanted, or all: `pingpong`, or `pingpong:100` for that at one number of connections.
pub(crate) fn chosen(plan: &Plan, wanted: &[String]) -> Result<Vec<Cell>> {
    let mut cells = all(plan);
    let known = cells.iter().map(Cell::names).collect::<Vec<_>>();
    if let Some(name) = wanted.iter().find(|name| !known.iter().flatten().any(|known| known == *name)) {
        return Err(format!("there is no workload {name}; there are {}", known.concat().join(", ")).into());
    }
    cells.retain(|cell| wanted.is_empty() || cell.names().iter().any(|name| wanted.contains(name)));
    Ok(cells)
}

fn all(plan: &Plan) -> Vec<Cell> {
    let cell = |headings, connections, load, rounds| Cell { headings, connections, load, rounds };
    let exchange = |headings, connections, lines, length| {
        let load = Load::Exchange { connections, lines, length, transport: Transport::Tcp };
        cell(headings, connections, load, plan.rounds)
    };
    let pingpong_over = |transport, headings, connections| {
        let load = Load::Exchange { connections, lines: 1, length: 64, transport };
        cell(headings, connections, load, plan.rounds)
    };
    let stream = |headings, transport| cell(headings, 1, Load::Stream { bytes: plan.stream, transport }, plan.rounds);
    let connect = |headings, transport| {
        let load = Load::Connect { connections: 10, count: plan.connects, transport };
        cell(headings, 10, load, plan.rounds)
    };
    vec![
        exchange(PINGPONG, 1, 1, 64),
        exchange(PINGPONG, 10, 1, 64),
        exchange(PINGPONG, 100, 1, 64),
        exchange(PINGPONG, 1_000, 1, 64),
        pingpong_over(Transport::Unix, UNIX_PINGPONG, 1),
        pingpong_over(Transport::Unix, UNIX_PINGPONG, 100),
        pingpong_over(Transport::Tls, TLS_PINGPONG, 1),
        pingpong_over(Transport::Tls, TLS_PINGPONG, 100),
        exchange(PIPELINED, 10, 32, 64),
        exchange(LONGLINE, 10, 1, 60_000),
        stream(STREAM, Transport::Tcp),
        stream(TLS_STREAM, Transport::Tls),
        connect(CONNECT, Transport::Tcp),
        connect(TLS_CONNECT, Transport::Tls),
        cell(STARTUP, 1, Load::Startup, plan.rounds),
        cell(CROWD, plan.crowd, Load::Crowd { connections: plan.crowd }, plan.few_rounds),
        cell(BURST, plan.crowd, Load::Burst { connections: plan.crowd }, plan.few_rounds),
        cell(FLOOD, 100, Load::Flood { connections: 100 }, plan.few_rounds),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_chosen_by_workload() {
        let names = |wanted: &[&str]| {
            let wanted = wanted.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
            chosen(&Plan::QUICK, &wanted)
                .map(|cells| cells.iter().map(|cell| cell.headings[0].workload).collect::<Vec<_>>())
        };
        assert_eq!(names(&["stream", "memory-active"]).unwrap(), ["stream", "memory-idle"]);
        assert_eq!(names(&["pingpong"]).unwrap().len(), 4);
        assert_eq!(names(&["pingpong:100"]).unwrap(), ["pingpong"]);
        assert_eq!(names(&[]).unwrap().len(), all(&Plan::QUICK).len());
        assert!(names(&["streams"]).unwrap_err().to_string().starts_with("there is no workload streams"));
    }
}
