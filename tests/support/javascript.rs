//! Programs in JavaScript, composed.

use std::collections::HashSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wasyncio_python::say;

use crate::{command, finish_within};

/// Says that there are no programs in JavaScript, because componentize-qjs could not be had.
const WITHOUT: &str = "WASYNCIO_WITHOUT_JAVASCRIPT";

/// How long a program's first start may take, which compiles an engine.
const FIRST_START: Duration = Duration::from_secs(300);

/// The programs that were started.
static COMPILED: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// A component of `dist/` that was made of a program in JavaScript: `examples/js/NAME` or `tests/js/NAME`. It is compiled, by a start with
/// no rights and no arguments, which it ends by itself. None, with a line that says so, where none could be built.
///
/// # Panics
/// If it is missing for another reason.
pub fn javascript(name: &str) -> Option<PathBuf> {
    if env::var_os(WITHOUT).is_some_and(|value| value == "1") {
        say(&format!("NOT RUN, {WITHOUT}=1: programs in JavaScript; `cargo xtask js` fetches what builds them"));
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace");
    let component = root.join(format!("dist/{name}.wasm"));
    assert!(component.is_file(), "{} is missing: run `cargo xtask js`, or set {WITHOUT}=1", component.display());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if compiled.get_or_insert_default().insert(component.clone()) {
        finish_within(FIRST_START, Command::new(command()).arg("run").arg(&component));
    }
    Some(component)
}

/// The tests' program of cases in the sandbox with these flags, to which the case is to be added. None as [`javascript`].
pub fn javascript_cases(flags: &[&str]) -> Option<Command> {
    let component = javascript("tests/js/cases")?;
    let mut run = Command::new(command());
    run.arg("run").args(flags).arg(component).arg("--");
    Some(run)
}
