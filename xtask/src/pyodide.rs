//! Pyodide, a CPython under Node, from npm, kept in the git-ignored `.cache/`: the conformance test's oracle for what the
//! machine's Python is too old for. It is no dependency: where it cannot be fetched, that part is skipped.

use std::fs;
use std::process::Command;
use std::time::Duration;

use wasyncio_python::{Python, Version};

use crate::deadline::run_within;
use crate::workspace::{Workspace, announce};

/// What is fetched: CPython 3.14.
const REQUIREMENT: &str = "pyodide@314.0.7";
/// How long the download may take.
const LIMIT: Duration = Duration::from_secs(180);

/// Fetches Pyodide, unless it is there or the machine's Python is new enough. Prints the reason where that fails.
pub(crate) fn fetch(workspace: &Workspace) {
    let folder = workspace.root().join(".cache/pyodide");
    if folder.join("node_modules/pyodide/pyodide.mjs").is_file() || machine_has_several_separators() {
        return;
    }
    announce(&format!("fetching {REQUIREMENT} with npm into .cache/"));
    let install = || {
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", workspace.shown(&folder)))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix"]);
        run_within(LIMIT, npm.arg(&folder).arg(REQUIREMENT))
    };
    if let Err(reason) = install() {
        eprintln!("    not fetched, so several separators are not compared: {reason}");
    }
}

/// Whether the machine's newest Python is 3.13 or later.
fn machine_has_several_separators() -> bool {
    Python::newest().is_some_and(|newest| newest.version() >= Version(3, 13, 0))
}
