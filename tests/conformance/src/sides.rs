//! Which sides there are: wasyncio in three modes, and one or two CPythons.

use std::path::{Path, PathBuf};
use std::process::Command;

use wasyncio_python::Python;

use crate::side::{Abilities, Side};

/// CPython's minor version from which on `readuntil` takes several separators.
const SEVERAL_SEPARATORS: u32 = 13;

/// How the programs reach wasyncio's reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By asyncio's asynchronous methods as they cross the component boundary.
    Plain,
    /// By `bindings/rust`: across the boundary too, by synchronous calls first.
    Fast,
    /// In one component with the crate `wasyncio`.
    Linked,
}

impl Mode {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Fast, Self::Linked];

    /// The name, as an argument too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Fast => "fast",
            Self::Linked => "linked",
        }
    }

    /// The component, and what it is told.
    fn component(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Plain | Self::Fast => ("conformance.wasm", Some(self.name())),
            Self::Linked => ("conformance-linked.wasm", None),
        }
    }

    /// Which programs it can run. The fast path asks synchronously: a read that begins while another task has been woken, and has
    /// not run yet, comes before it.
    fn abilities(self) -> Abilities {
        match self {
            Self::Plain | Self::Linked => Abilities::All,
            Self::Fast => Abilities::NoOvertaking,
        }
    }

    /// The reader of `oracle.py` that this one equals.
    fn oracle(self) -> &'static str {
        match self {
            Self::Plain | Self::Linked => "asyncio",
            Self::Fast => "tried-anew",
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
    let (component, argument) = mode.component();
    let command = root().join("target/release/wasyncio");
    let component = root().join("dist/tests").join(component);
    for path in [&command, &component] {
        if !path.is_file() {
            return Err(format!("{} is missing: run `cargo xtask build`", path.display()));
        }
    }
    let start = move || {
        let mut start = Command::new(&command);
        start.arg("run").arg(&component).arg("--").args(argument);
        start
    };
    Side::start(start, |_| (format!("wasyncio ({})", mode.name()), mode.abilities()))
}

/// The CPythons of this machine, to compare `mode` with: the newest, and Pyodide's if that has no `readuntil` with several
/// separators. Prints what is missing and what that means.
pub fn oracles(mode: Mode) -> Vec<Side> {
    let newest = Python::newest().ok_or_else(|| "there is none".to_owned());
    let native = newest.and_then(|newest| Side::start(move || python(newest, mode), describe("CPython")));
    let mut found: Vec<_> =
        native.map_err(|reason| eprintln!("not compared with the machine's Python: {reason}")).into_iter().collect();
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

/// A Python on its own library alone, whatever the user's settings.
fn python(newest: &Python, mode: Mode) -> Command {
    let mut python = newest.command();
    python.args(["-I", "-X", "utf8"]).arg(source("oracle.py")).arg(mode.oracle());
    python
}

/// A CPython of its own under Node, from npm, where `cargo xtask conformance` has put it.
fn pyodide(mode: Mode) -> Result<Side, String> {
    let module = root().join(".cache/pyodide/node_modules/pyodide/pyodide.mjs");
    if !module.is_file() {
        return Err(format!("{} is missing: `cargo xtask conformance` fetches it where npm is", module.display()));
    }
    let start = move || {
        let mut node = Command::new("node");
        node.arg(source("pyodide.mjs")).arg(&module).arg(source("oracle.py")).arg(mode.oracle());
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
