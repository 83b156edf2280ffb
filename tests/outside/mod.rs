//! Programs outside of the workspace, built by plain cargo as a newcomer does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use wasyncio_tests::finish_within;

const TARGET: &str = "wasm32-wasip2";
/// How long cargo may take: it compiles some sixty crates, on a machine that does other things too.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// Whether the compiler has the target; else says that the test is left out.
pub(crate) fn has_target() -> bool {
    let printed = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = printed.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let found = !folder.is_empty() && Path::new(&folder).is_dir();
    if !found {
        wasyncio_python::say(&format!("NOT RUN: the compiler has no {TARGET}; `rustup target add {TARGET}` gets it"));
    }
    found
}

/// Builds a project whose library has this name, and gives the component. All projects have one folder for what is built, and with it
/// the crates that they share.
pub(crate) fn build(project: &Path, library: &str) -> PathBuf {
    // The versions that the workspace has, which alone are sure to be there without a network.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace");
    fs::copy(workspace.join("Cargo.lock"), project.join("Cargo.lock")).expect("writable");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(project).args(["build", "--offline", "--release", "--target", TARGET]);
    cargo.arg("--target-dir").arg(&target);
    // What the calling cargo set is not what a newcomer has.
    for variable in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(variable);
    }
    let finished = finish_within(BUILD_LIMIT, &mut cargo);
    assert!(finished.status.success(), "{}", finished.stderr);
    // The next build may be of another project with this name.
    let kept = project.join(format!("{library}.wasm"));
    fs::copy(target.join(TARGET).join("release").join(format!("{library}.wasm")), &kept).expect("cargo has made it");
    kept
}
