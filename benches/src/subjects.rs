//! What is compared.

use std::fmt;

use crate::Result;
use crate::cells::Load;
use crate::server::Places;

/// A server that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// As in the tables and in the rows.
    pub name: &'static str,
    pub(crate) program: Program,
    /// Part of this project, so that its failure is one of the benchmark.
    pub(crate) ours: bool,
}

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    /// `dist/bench/NAME.wasm`, run by this project's command.
    Component(&'static str),
    /// The same, told to take the raw stream out of its reader; that is for nothing but streams.
    Detached(&'static str),
    /// `benches/peers/asyncio_server.py` on the event loop of that name.
    Python(&'static str),
    /// This program's own server on tokio.
    Tokio {
        /// Sends once for all lines that one read brought.
        buffered: bool,
    },
}

/// All there is, in the order of the tables. A subject more is a line here and its server.
const ALL: [Subject; 9] = [
    Subject { name: "linked", program: Program::Component("linked-echo"), ours: true },
    Subject { name: "composed", program: Program::Component("composed-echo"), ours: true },
    Subject { name: "composed-plain", program: Program::Component("composed-plain-echo"), ours: true },
    Subject { name: "composed-detached", program: Program::Detached("composed-echo"), ours: true },
    Subject { name: CPYTHON, program: Program::Python("asyncio"), ours: false },
    Subject { name: UVLOOP, program: Program::Python("uvloop"), ours: false },
    Subject { name: TOKIO, program: Program::Tokio { buffered: false }, ours: false },
    Subject { name: "tokio-buffered", program: Program::Tokio { buffered: true }, ours: false },
    Subject { name: "wstd", program: Program::Component("wstd-echo"), ours: false },
];

const CPYTHON: &str = "cpython";
const UVLOOP: &str = "uvloop";
const TOKIO: &str = "tokio";
/// What the others are compared with.
pub(crate) const REFERENCES: [&str; 3] = [CPYTHON, UVLOOP, TOKIO];

impl Subject {
    /// This project's own that serve lines.
    pub fn ours() -> impl Iterator<Item = Self> {
        ALL.into_iter().filter(|subject| subject.ours && matches!(subject.program, Program::Component(_)))
    }

    /// The subjects with these names, or all; without those that cannot run here, which is said.
    pub(crate) fn chosen(names: &[String], places: &Places) -> Result<Vec<Self>> {
        let known = ALL.map(|subject| subject.name);
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("there is no subject {name}; there are {}", known.join(", ")).into());
        }
        let wanted = |subject: &Self| names.is_empty() || names.iter().any(|name| name == subject.name);
        let mut chosen = Vec::new();
        for subject in ALL.into_iter().filter(wanted) {
            match places.missing(subject) {
                None => chosen.push(subject),
                Some(what) => println!("{subject} is left out: {what}"),
            }
        }
        Ok(chosen)
    }

    /// Whether the subject can do what `load` asks for.
    pub(crate) fn takes(self, load: Load) -> bool {
        !matches!(self.program, Program::Detached(_)) || matches!(load, Load::Stream { .. })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detached_stream_is_for_streams_alone() {
        let taking = |load| ALL.into_iter().filter(|subject| subject.takes(load)).count();
        assert_eq!(taking(Load::Stream { bytes: 1 }), ALL.len());
        for load in [Load::Startup, Load::Flood { connections: 1 }, Load::Crowd { connections: 1 }] {
            assert_eq!(taking(load), ALL.len() - 1, "{load:?}");
        }
    }
}
