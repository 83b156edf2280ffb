//! `dist/python.wasm`, and programs in it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use wasyncio_python::say;

use crate::{command, finish_within};

/// Which tools of generators could not be fetched, with commas: without componentize-py there is no `python.wasm`.
const WITHOUT: &str = "WASYNCIO_WITHOUT_GENERATORS";

/// How long the first start may take, which compiles 30 MB.
const FIRST_START: Duration = Duration::from_secs(300);

/// Where the tests' programs in Python are.
pub fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

/// A call of `dist/python.wasm` in the sandbox with these flags, to which the arguments of `python` are to be added. None, with a line that
/// says so, where it could not be built.
///
/// # Panics
/// If it is missing for another reason.
pub fn interpreter(flags: &[&str]) -> Option<Command> {
    if env::var(WITHOUT).unwrap_or_default().split(',').any(|left_out| left_out == "python") {
        say(&format!("NOT RUN, {WITHOUT} has python: dist/python.wasm could not be built"));
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace");
    let python = root.join("dist/python.wasm");
    assert!(python.is_file(), "{} is missing: run `cargo xtask python`", python.display());
    let run = |flags: &[&str]| {
        let mut run = Command::new(command());
        run.arg("python").args(flags).arg("--python").arg(&python);
        run
    };
    static COMPILED: OnceLock<()> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let finished = finish_within(FIRST_START, run(&[]).args(["-c", "pass"]));
        assert!(finished.status.success(), "{}", finished.stderr);
    });
    Some(run(flags))
}
