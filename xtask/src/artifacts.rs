//! `cargo xtask build`: everything that a user runs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use crate::Result;
use crate::component;
use crate::toolchain::Toolchain;
use crate::workspace::{Workspace, announce, run};

/// Builds `dist/wasyncio.wasm`, the host's command and `dist/examples/*.wasm`, as far as they are not fresh.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let toolchain = Toolchain::find()?;
    if let Toolchain::FromSource { rustc, .. } = &toolchain
        && !workspace.wasm_target().exists()
    {
        let rustc = rustc.display();
        announce(&format!(
            "compiling for WebAssembly with {rustc}, which builds the standard library first (a minute)"
        ));
    }
    let streams = workspace.dist().join("wasyncio.wasm");
    announce("building the component (dist/wasyncio.wasm)");
    component::build(workspace, &toolchain, "wasyncio", &["component"], &streams)?;

    // After the component, which it embeds.
    let first = if workspace.host_binary().exists() { "" } else { "; wasmtime takes minutes the first time" };
    announce(&format!("building the host (target/release/wasyncio{first})"));
    let mut host = workspace.cargo("build");
    run("building the host", host.args(["--release", "--locked", "--package", "wasyncio-host"]))?;

    let examples = examples(workspace)?;
    if examples.is_empty() {
        return Ok(());
    }
    announce("building the examples (dist/examples/)");
    let apps = workspace.wasm_target().join("apps");
    component::build_apps(workspace, &toolchain, &examples, &apps)?;
    for name in &examples {
        let file = format!("{name}.wasm");
        compose(workspace, &streams, &apps.join(&file), &workspace.dist().join("examples").join(&file))?;
    }
    Ok(())
}

/// The packages in `examples/`, in the order of their names; a package has the name of its folder.
fn examples(workspace: &Workspace) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace.root().join("examples"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Composes `app` with the component `streams` to `out`, unless `out` is newer than both and than what composes.
fn compose(workspace: &Workspace, streams: &Path, app: &Path, out: &Path) -> Result<()> {
    let host = workspace.host_binary();
    if is_fresh(out, &[streams, app, &host])? {
        return Ok(());
    }
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut command = Command::new(host);
    command.arg("compose").arg(app).arg("-o").arg(out).arg("--streams").arg(streams);
    run(&format!("composing {}", workspace.shown(out)), &mut command)
}

/// Whether `out` exists and is newer than every input.
fn is_fresh(out: &Path, inputs: &[&Path]) -> Result<bool> {
    let modified = |path: &Path| -> Result<SystemTime> {
        let metadata = fs::metadata(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(metadata.modified()?)
    };
    if !out.exists() {
        return Ok(false);
    }
    let made = modified(out)?;
    for input in inputs {
        if modified(input)? >= made {
            return Ok(false);
        }
    }
    Ok(true)
}
