//! The oracle of the tests: the newest CPython of the machine. An old one differs from what wasyncio follows, so every test that
//! has a Python takes it from here.
//!
//! Searched are `python3.N` and `python3` on the `PATH`, then what pyenv has installed. Which was found is printed once.

use std::env;
use std::fs;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The minor versions that are asked for by name.
const MINORS: std::ops::Range<u32> = 8..20;

/// Set by whoever wants the tests to pass where there is no Python.
const WITHOUT: &str = "WASYNCIO_WITHOUT_PYTHON";

/// A CPython 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    path: PathBuf,
    version: Version,
}

/// Three numbers, compared in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Python {
    /// The newest of this machine, if there is any.
    pub fn newest() -> Option<&'static Self> {
        static NEWEST: OnceLock<Option<Python>> = OnceLock::new();
        NEWEST
            .get_or_init(|| {
                let found = newest_of(candidates());
                if let Some(python) = &found {
                    say(&format!("CPython {} ({})", python.version, python.path.display()));
                }
                found
            })
            .as_ref()
    }

    /// The newest of this machine, for a test that cannot do without. None, with a line that says so, if there is no Python and the
    /// variable `WASYNCIO_WITHOUT_PYTHON` is 1.
    ///
    /// # Panics
    /// Without a Python and without that variable.
    pub fn required() -> Option<&'static Self> {
        let newest = Self::newest();
        if newest.is_none() {
            let leave = env::var_os(WITHOUT).is_some_and(|value| value == "1");
            assert!(leave, "this test needs a Python 3 on the PATH; {WITHOUT}=1 leaves out what does");
            say(&format!("NOT RUN, {WITHOUT}=1: there is no Python 3"));
        }
        newest
    }

    /// Which it is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The interpreter.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A call of it.
    pub fn command(&self) -> Command {
        Command::new(&self.path)
    }
}

/// Prints a line that is seen also if it is a test that prints it, and passes: what is written here is not kept back.
pub fn say(line: &str) {
    // Whoever closed standard error does not want to know.
    let _ = stderr().write_all(format!("{line}\n").as_bytes());
}

/// The interpreters that may be there.
fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let names: Vec<_> = MINORS.rev().map(|minor| format!("python3.{minor}")).chain(["python3".into()]).collect();
    let on_path = env::split_paths(&path).flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok()).into_iter().flatten();
    let installed = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin/python3")));
    on_path.chain(installed).filter(|python| python.is_file()).collect()
}

/// The newest of those that run; the first of several of the same version.
fn newest_of(candidates: Vec<PathBuf>) -> Option<Python> {
    let mut newest: Option<Python> = None;
    for path in candidates {
        let Some(version) = version_of(&path) else { continue };
        if newest.as_ref().is_none_or(|newest| newest.version < version) {
            newest = Some(Python { path, version });
        }
    }
    newest
}

/// What it says that it is; none for what does not run, is no CPython 3, or is not finished.
fn version_of(python: &Path) -> Option<Version> {
    let script = "import sys, asyncio; v = sys.version_info; print(sys.implementation.name, v.releaselevel, *v[:3])";
    let output = Command::new(python).args(["-I", "-c", script]).output().ok()?;
    parsed(std::str::from_utf8(&output.stdout).ok()?)
}

fn parsed(printed: &str) -> Option<Version> {
    let mut words = printed.split_whitespace();
    if words.next() != Some("cpython") || words.next() != Some("final") {
        return None;
    }
    let mut number = || words.next()?.parse().ok();
    Some(Version(number()?, number()?, number()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parsed("cpython final 3 13 0\n"), Some(Version(3, 13, 0)));
        assert!(parsed("cpython final 3 9 18") < parsed("cpython final 3 13 0"));
        assert_eq!(parsed("cpython candidate 3 15 0"), None);
        assert_eq!(parsed("pypy final 3 11 0"), None);
        assert_eq!(parsed(""), None);
    }

    #[test]
    fn nothing_newer_is_passed_over() {
        let Some(newest) = Python::required() else { return };
        let others = candidates().into_iter().filter_map(|path| version_of(&path));
        assert!(others.into_iter().all(|version| version <= newest.version()), "{newest:?}");
    }

    #[test]
    fn what_does_not_run_is_no_python() {
        assert_eq!(newest_of(vec!["/nowhere/python3".into()]), None);
    }
}
