//! CPython as a peer and as the oracle.

use std::process::Command;

use wasyncio_python::{Python, Version, say};

use crate::program::finish;

/// The machine's newest Python. None, with a line that says so, if the caller's test may be left out: see
/// [`Python::required`].
///
/// # Panics
/// Without a Python, unless that was said.
pub fn python() -> Option<Command> {
    Python::required().map(Python::command)
}

/// Whether the machine's newest Python is at least this one. Prints a line if it is older: then what was recorded stands for it.
pub fn python_is_at_least(major: u32, minor: u32) -> bool {
    let wanted = Version(major, minor, 0);
    let newest = Python::newest().map(Python::version);
    let is = newest.is_some_and(|version| version >= wanted);
    if !is {
        let newest = newest.map_or("none".into(), |version| version.to_string());
        say(&format!(
            "compared with what CPython {major}.{minor} printed once; the newest of this machine is {newest}"
        ));
    }
    is
}

/// Runs a script with arguments and gives what it printed; fails if the script does. None as [`python`].
pub fn run_python(script: &str, arguments: &[String]) -> Option<String> {
    let mut python = python()?;
    let finished = finish(python.arg("-c").arg(script).args(arguments));
    assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
    Some(finished.stdout)
}
