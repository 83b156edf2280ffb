//! CPython as a peer and as the oracle.

use std::process::Command;

use crate::program::finish;

/// The machine's Python. Prints why the caller's test is skipped if there is none.
pub fn python() -> Option<Command> {
    match Command::new("python3").arg("--version").output() {
        Ok(output) if output.status.success() => Some(Command::new("python3")),
        _ => {
            eprintln!("skipped: there is no python3 on this machine");
            None
        }
    }
}

/// Runs a script with arguments and gives what it printed; fails if the script does. None, with the reason printed, where there
/// is no Python.
pub fn run_python(script: &str, arguments: &[String]) -> Option<String> {
    let mut python = python()?;
    let finished = finish(python.arg("-c").arg(script).args(arguments));
    assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
    Some(finished.stdout)
}
