//! What is compared.

use std::fmt;

use crate::Result;

/// By what a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A free port of the loopback address.
    Tcp,
    /// A Unix socket in a folder of its own.
    Unix,
    /// TLS on a free port of the loopback address.
    Tls,
}

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
    /// `host/examples/bench_server.rs`: a Rust program with the host in it.
    Embedder,
    /// `benches/peers/asyncio_server.py` on the event loop of that name.
    Python(&'static str),
    /// The same in the sandbox, by `wasyncio python`.
    Sandboxed,
    /// This program's own server on tokio.
    Tokio {
        /// Sends once for all lines that one read brought.
        buffered: bool,
    },
}

/// All there is, in the order of the tables. A subject more is a line here and its server.
const ALL: [Subject; 10] = [
    Subject { name: "linked", program: Program::Component("linked-echo"), ours: true },
    Subject { name: "composed", program: Program::Component("composed-echo"), ours: true },
    Subject { name: "composed-plain", program: Program::Component("composed-plain-echo"), ours: true },
    Subject { name: "embed", program: Program::Embedder, ours: true },
    Subject { name: "python", program: Program::Sandboxed, ours: true },
    Subject { name: CPYTHON, program: Program::Python("asyncio"), ours: false },
    Subject { name: UVLOOP, program: Program::Python("uvloop"), ours: false },
    Subject { name: TOKIO, program: Program::Tokio { buffered: false }, ours: false },
    Subject { name: "tokio-buffered", program: Program::Tokio { buffered: true }, ours: false },
    Subject { name: "wstd", program: Program::Component(WASI02), ours: false },
];

/// A program of WASI 0.2.
pub(crate) const WASI02: &str = "wstd-echo";
const CPYTHON: &str = "cpython";
const UVLOOP: &str = "uvloop";
const TOKIO: &str = "tokio";
/// What the others are compared with.
pub(crate) const REFERENCES: [&str; 3] = [CPYTHON, UVLOOP, TOKIO];

impl Subject {
    /// Whether it can be reached so.
    pub(crate) fn serves(&self, transport: Transport) -> bool {
        match self.program {
            // WASI 0.2 has no word for the others.
            Program::Component(WASI02) => transport == Transport::Tcp,
            // `embed` is without TLS.
            Program::Embedder => transport != Transport::Tls,
            Program::Component(_) | Program::Sandboxed | Program::Python(_) | Program::Tokio { .. } => true,
        }
    }

    /// This project's own components.
    pub fn ours() -> impl Iterator<Item = Self> {
        ALL.into_iter().filter(|subject| subject.ours && matches!(subject.program, Program::Component(_)))
    }

    /// The subjects with these names, or all.
    pub(crate) fn chosen(names: &[String]) -> Result<Vec<Self>> {
        let known = ALL.map(|subject| subject.name);
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("there is no subject {name}; there are {}", known.join(", ")).into());
        }
        let wanted = |subject: &Self| names.is_empty() || names.iter().any(|name| name == subject.name);
        Ok(ALL.into_iter().filter(wanted).collect())
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
    fn subjects_are_chosen_by_name_in_the_order_of_the_tables() {
        let names = |wanted: &[&str]| {
            let wanted = wanted.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
            Subject::chosen(&wanted).map(|subjects| subjects.iter().map(|subject| subject.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["tokio", "linked"]).unwrap(), ["linked", "tokio"]);
        assert_eq!(names(&[]).unwrap().len(), ALL.len());
        let error = names(&["composed-detached"]).unwrap_err().to_string();
        assert!(error.starts_with("there is no subject composed-detached; there are linked, composed"), "{error}");
    }
}
