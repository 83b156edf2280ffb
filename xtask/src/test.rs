//! `cargo xtask test`: everything that CI runs, in one profile, so that wasmtime is compiled once.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::Result;
use crate::artifacts;
use crate::dependencies;
use crate::generators;
use crate::javascript;
use crate::pyodide;
use crate::python;
use crate::stock;
use crate::workspace::{Workspace, announce, run, typed};

/// The packages of the workspace in the groups that cargo is called with.
///
/// The packages that link wasmtime stand alone: beside the guest's, cargo would unite the features of common
/// dependencies, and with others than `cargo build` chooses it compiles wasmtime once more, which takes minutes.
const GROUPS: [&[&str]; 2] = [
    &["--package", "wasyncio-host", "--package", "wasyncio-cli", "--package", "wasyncio-tests"],
    &["--workspace", "--exclude", "wasyncio-host", "--exclude", "wasyncio-cli", "--exclude", "wasyncio-tests"],
];

/// Runs every check up to the first that fails, and prints the tests' totals last.
pub(crate) fn run_all(workspace: &Workspace) -> Result<()> {
    announce("checking the formatting");
    run("the formatting check (`cargo fmt` mends it)", workspace.cargo("fmt").args(["--all", "--check"]))?;
    dependencies::check(workspace)?;

    artifacts::build(workspace)?;

    announce("checking with clippy");
    for group in GROUPS {
        clippy(workspace, group)?;
    }
    clippy(workspace, &["--package", "wasyncio", "--features", "component"])?;
    clippy(workspace, &["--package", "wasyncio", "--features", "component,full"])?;
    // All of it is for the sandbox: elsewhere there is nothing to check.
    python::clippy(workspace)?;

    announce("building the documents");
    for group in GROUPS {
        let mut doc = workspace.cargo("doc");
        doc.args(["--release", "--locked", "--no-deps"]).args(group).env("RUSTDOCFLAGS", "-D warnings");
        run("building the documents", &mut doc)?;
    }

    test(workspace)
}

fn clippy(workspace: &Workspace, selection: &[&str]) -> Result<()> {
    let mut clippy = workspace.cargo("clippy");
    clippy.args(["--release", "--locked", "--all-targets"]).args(selection).args(["--", "-D", "warnings"]);
    run("clippy", &mut clippy)
}

/// Runs the tests of all packages, also when some fail.
fn test(workspace: &Workspace) -> Result<()> {
    let stock = stock::fetch(workspace);
    pyodide::fetch(workspace);
    let without = generators::fetch(workspace)?;
    if !without.contains(&"python") {
        python::build(workspace)?;
    }
    let with_javascript = javascript::build_if_fetched(workspace)?;
    announce("running the tests");
    let mut totals = Totals::default();
    let mut failed = Vec::new();
    for group in GROUPS {
        let mut cargo = workspace.cargo("test");
        cargo.args(["--release", "--locked", "--no-fail-fast"]).args(group).env("WASYNCIO_DIST", workspace.dist());
        cargo.env(generators::WITHOUT, without.join(","));
        if !with_javascript {
            cargo.env(javascript::WITHOUT, "1");
        }
        if let Some(path) = &stock {
            cargo.env("WASYNCIO_STOCK_WASMTIME", path);
        }
        if !count(&mut cargo, &mut totals)? {
            failed.push(typed(&cargo));
        }
    }
    println!("{} passed, {} failed", totals.passed, totals.failed);
    if !without.is_empty() {
        println!("{} left out: the generators' tests in {}", without.len(), without.join(" and "));
        if without.contains(&"python") {
            println!("left out: the tests of python.wasm");
        }
    }
    if !with_javascript {
        println!("left out: the tests of programs in JavaScript");
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("the tests failed, see the messages above; the command was: {}", failed.join("; and ")).into())
}

/// Runs cargo, prints its output as it comes and adds up the totals in it. Returns whether cargo succeeded.
fn count(cargo: &mut Command, totals: &mut Totals) -> Result<bool> {
    let cannot = |error| format!("cannot run the tests: {error}");
    let mut child = cargo.stdout(Stdio::piped()).spawn().map_err(cannot)?;
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = Vec::new();
    let mut stdout = std::io::stdout().lock();
    while output.read_until(b'\n', &mut line).map_err(cannot)? > 0 {
        stdout.write_all(&line).map_err(cannot)?;
        totals.add(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(child.wait().map_err(cannot)?.success())
}

/// How many tests there were.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
}

impl Totals {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; other lines say nothing.
    fn add(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else {
            return;
        };
        let number = |unit: &str| {
            let words = summary.split([' ', ';', '.']).collect::<Vec<_>>();
            let place = words.iter().position(|word| *word == unit)?;
            words.get(place.checked_sub(1)?)?.parse::<u64>().ok()
        };
        self.passed += number("passed").unwrap_or(0);
        self.failed += number("failed").unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_summed_over_all_result_lines() {
        let mut totals = Totals::default();
        for line in [
            "running 3 tests\n",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n",
            "test tests::prints ... test result: nonsense\n",
            "test result: nonsense\n",
        ] {
            totals.add(line);
        }
        assert_eq!(totals, Totals { passed: 13, failed: 2 });
    }
}
