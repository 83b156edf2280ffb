//! `cargo xtask conformance`: random programs over a stream reader, on CPython and on wasyncio. The crate in
//! `tests/conformance` does it; this brings together what that needs.

use std::process::ExitCode;

use crate::Result;
use crate::artifacts;
use crate::pyodide;
use crate::workspace::{Workspace, announce, typed};

/// Builds everything and compares; the exit code tells whether there was a difference.
pub(crate) fn compare(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    artifacts::build(workspace)?;
    pyodide::fetch(workspace);
    announce("comparing with CPython");
    let mut cargo = workspace.cargo("run");
    cargo.args(["--release", "--locked", "--quiet", "--package", "wasyncio-conformance", "--"]).args(arguments);
    let status = cargo.status().map_err(|error| format!("cannot start {}: {error}", typed(&cargo)))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
