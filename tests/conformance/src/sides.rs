//! Which sides there are: wasyncio, and one or two CPythons.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::side::{Abilities, Side};

/// CPython's minor version from which on `readuntil` takes several separators.
const SEVERAL_SEPARATORS: u32 = 13;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this is a folder of a folder of the workspace")
}

/// The component, run by the command, both as `cargo xtask build` leaves them.
///
/// # Errors
/// What is missing.
pub fn ours() -> Result<Side, String> {
    let command = root().join("target/release/wasyncio");
    let component = root().join("dist/tests/conformance.wasm");
    for path in [&command, &component] {
        if !path.is_file() {
            return Err(format!("{} is missing: run `cargo xtask build`", path.display()));
        }
    }
    let start = move || {
        let mut start = Command::new(&command);
        start.arg("run").arg(&component);
        start
    };
    Side::start(start, |_| ("wasyncio".to_owned(), Abilities::All))
}

/// The CPythons of this machine: `python3`, and Pyodide's if that has no `readuntil` with several separators.
/// Prints what is missing and what that means.
pub fn oracles() -> Vec<Side> {
    let native = Side::start(python, describe("CPython"));
    let mut found: Vec<_> =
        native.map_err(|reason| eprintln!("not compared with python3: {reason}")).into_iter().collect();
    if found.iter().all(|side| side.abilities() == Abilities::OneSeparator) {
        match pyodide() {
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

/// The machine's Python, on its own library alone, whatever the user's settings.
fn python() -> Command {
    let mut python = Command::new("python3");
    python.args(["-I", "-X", "utf8"]).arg(source("oracle.py"));
    python
}

/// A CPython of its own under Node, from npm, where `cargo xtask conformance` has put it.
fn pyodide() -> Result<Side, String> {
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
