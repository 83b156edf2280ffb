//! Which sides there are: wasyncio in its forms, fed by hand or over connections, and one or two CPythons.

use std::path::{Path, PathBuf};
use std::process::Command;

use wasyncio_python::Python;

use crate::peer::Peer;
use crate::side::{Abilities, Side};
use crate::strategy::Source;

/// CPython's minor version from which on `readuntil` takes several separators.
const SEVERAL_SEPARATORS: u32 = 13;

/// How a program has wasyncio's reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By asyncio's asynchronous methods as they cross the component boundary.
    Plain,
    /// By `bindings/rust`: across the boundary too.
    Composed,
    /// In one component with the crate `wasyncio`.
    Linked,
}

/// A form of the reader, and where its bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The form.
    pub form: Form,
    /// The source.
    pub source: Source,
}

impl Mode {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self { form: Form::Plain, source: Source::Hand },
        Self { form: Form::Composed, source: Source::Hand },
        Self { form: Form::Linked, source: Source::Hand },
        Self { form: Form::Plain, source: Source::Connection },
        Self { form: Form::Composed, source: Source::Connection },
        Self { form: Form::Linked, source: Source::Connection },
    ];

    /// The name, as an argument too.
    pub fn name(self) -> &'static str {
        match (self.form, self.source) {
            (Form::Plain, Source::Hand) => "plain",
            (Form::Composed, Source::Hand) => "composed",
            (Form::Linked, Source::Hand) => "linked",
            (Form::Plain, Source::Connection) => "sockets-plain",
            (Form::Composed, Source::Connection) => "sockets-composed",
            (Form::Linked, Source::Connection) => "sockets-linked",
        }
    }

    fn component(self) -> &'static str {
        match self.form {
            Form::Plain => "conformance-plain.wasm",
            Form::Composed => "conformance-composed.wasm",
            Form::Linked => "conformance-linked.wasm",
        }
    }

    /// The peer that a side of its own needs.
    fn peer(self) -> Result<Option<Peer>, String> {
        match self.source {
            Source::Hand => Ok(None),
            Source::Connection => Peer::listen().map(Some),
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this is a folder of a folder of the workspace")
}

/// The component, run by the command, both as `cargo xtask build` leaves them.
///
/// # Errors
/// What is missing.
pub fn ours(mode: Mode) -> Result<Side, String> {
    let command = root().join("target/release/wasyncio");
    let component = root().join("dist/tests").join(mode.component());
    for path in [&command, &component] {
        if !path.is_file() {
            return Err(format!("{} is missing: run `cargo xtask build`", path.display()));
        }
    }
    let peer = mode.peer()?;
    let start = move || {
        let mut start = Command::new(&command);
        start.arg("run").arg(&component);
        match &peer {
            None => start.args(["--", "fed"]),
            Some(peer) => start.args(["--allow-connect", "127.0.0.1:*", "--", "connected"]).args(peer.ports()),
        };
        start
    };
    Side::start(start, |_| (format!("wasyncio ({})", mode.name()), Abilities::All))
}

/// The CPythons of this machine, to compare `mode` with: the newest, and Pyodide's if that has no `readuntil` with several
/// separators. Pyodide has no sockets. Prints what is missing and what that means.
pub fn oracles(mode: Mode) -> Vec<Side> {
    let native = python(mode).map_err(|reason| eprintln!("not compared with the machine's CPython: {reason}"));
    let mut found: Vec<_> = native.into_iter().collect();
    if found.iter().all(|side| side.abilities() == Abilities::OneSeparator) {
        match pyodide(mode) {
            Ok(side) => found.push(side),
            Err(reason) => {
                eprintln!("several separators are not tested, which need CPython 3.{SEVERAL_SEPARATORS}: {reason}");
            }
        }
    }
    found
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}

/// The machine's newest Python, on its own library alone, whatever the user's settings.
fn python(mode: Mode) -> Result<Side, String> {
    python_running(&source(""), mode)
}

/// The same with the sources of that folder.
fn python_running(folder: &Path, mode: Mode) -> Result<Side, String> {
    let [by_hand, connected] = ["oracle.py", "connections.py"].map(|name| folder.join(name));
    let python = Python::newest().ok_or("there is none")?;
    let peer = mode.peer()?;
    let start = move || {
        let mut start = python.command();
        // -B: nothing is to be left beside the source.
        start.args(["-E", "-s", "-B", "-X", "utf8"]);
        match &peer {
            None => start.arg(&by_hand),
            Some(peer) => start.arg(&connected).args(peer.ports()),
        };
        start
    };
    Side::start(start, describe("CPython"))
}

/// A CPython of its own under Node, from npm, where `cargo xtask conformance` has put it.
fn pyodide(mode: Mode) -> Result<Side, String> {
    if mode.source == Source::Connection {
        return Err("Pyodide has no sockets".to_owned());
    }
    let module = root().join(".cache/pyodide/node_modules/pyodide/pyodide.mjs");
    if !module.is_file() {
        return Err(format!("{} is missing: `cargo xtask conformance` fetches it where npm is", module.display()));
    }
    let start = move || {
        let mut node = Command::new("node");
        node.arg(source("pyodide.mjs")).arg(&module).arg(source("oracle.py"));
        node
    };
    Side::start(start, describe("Pyodide's CPython"))
}

fn describe(what: &str) -> impl FnOnce(&str) -> (String, Abilities) {
    move |version| {
        let minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok());
        let knows_several = minor.is_some_and(|minor: u32| minor >= SEVERAL_SEPARATORS);
        (format!("{what} {version}"), if knows_several { Abilities::All } else { Abilities::OneSeparator })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::compare::Comparison;

    const CONNECTED: Mode = Mode { form: Form::Linked, source: Source::Connection };

    /// How many of 100 programs over connections show a difference between CPython and CPython with a fault. None, with the reason
    /// printed, where there is no CPython.
    fn differences(right: &str, wrong: &str) -> Option<usize> {
        Python::required()?;
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["oracle.py", "connections.py"] {
            let text = fs::read_to_string(source(name)).expect("it is there");
            assert!(name != "connections.py" || text.contains(right), "{name} has no more '{right}'");
            fs::write(folder.path().join(name), text.replace(right, wrong)).expect("the folder is new");
        }
        let faulty = python_running(folder.path(), CONNECTED).expect("it runs");
        let oracle = python(CONNECTED).expect("it runs");
        Some(Comparison::new(Source::Connection, faulty, vec![oracle]).run(100, 1, 0, |_| {}).differences)
    }

    #[test]
    fn equal_sides_show_no_difference_over_connections() {
        assert_eq!(differences("data += more", "data += more").unwrap_or(0), 0);
    }

    #[test]
    fn faults_are_noticed_over_connections() {
        let faults = [
            // Bytes are lost; a reset is something else; a reader receives before it waits; the end is not told.
            ("data += more", "data = more"),
            ("self.peer.ask('reset')", "self.peer.ask('eof')"),
            ("        self.pause()\n\n    def feed_data", "\n    def feed_data"),
            ("name == 'eof'", "name == 'end'"),
        ];
        for (right, wrong) in faults {
            assert_ne!(differences(right, wrong).unwrap_or(1), 0, "{wrong}");
        }
    }
}
