//! `cargo xtask conformance`: random programs over a stream reader, on CPython and on wasyncio. The crate in
//! `tests/conformance` does it; this brings together what that needs. Before, the models of one connection and of a server,
//! natively, in many more random orders than `cargo test` tries.

use std::process::ExitCode;

use crate::Result;
use crate::artifacts;
use crate::pyodide;
use crate::workspace::{Workspace, announce, run, typed};

/// How many orders of a connection's life are tried if `WASYNCIO_MODEL_CASES` does not say: some minutes.
const MODEL_CASES: &str = "1000000";

/// Builds everything and compares; the exit code tells whether there was a difference.
pub(crate) fn compare(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    announce("trying orders of a connection's and a server's life");
    let cases = std::env::var("WASYNCIO_MODEL_CASES").unwrap_or_else(|_| MODEL_CASES.into());
    let mut models = workspace.cargo("test");
    models.args(["--release", "--locked", "--quiet", "--package", "wasyncio-core"]);
    models.args(["--test", "connection_model", "--test", "server_model"]).env("WASYNCIO_MODEL_CASES", cases);
    run("the models", &mut models)?;

    artifacts::build(workspace)?;
    pyodide::fetch(workspace);
    announce("comparing with CPython");
    let mut cargo = workspace.cargo("run");
    cargo.args(["--release", "--locked", "--quiet", "--package", "wasyncio-conformance", "--"]).args(arguments);
    let status = cargo.status().map_err(|error| format!("cannot start {}: {error}", typed(&cargo)))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
