//! `cargo xtask build`: everything that a user runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::Result;
use crate::component;
use crate::toolchain::Toolchain;
use crate::workspace::{Workspace, announce, run};

/// Builds `dist/wasyncio.wasm` and `dist/wasyncio-full.wasm`, the host's command and the composed programs, as far as they are not fresh.
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
    announce("building the component (dist/wasyncio.wasm, and with what needs our host dist/wasyncio-full.wasm)");
    let streams = workspace.dist().join("wasyncio.wasm");
    component::build(workspace, &toolchain, "wasyncio", &["component"], &streams)?;
    let full = workspace.dist().join("wasyncio-full.wasm");
    component::build(workspace, &toolchain, "wasyncio", &["component", "full"], &full)?;

    // After the components, which it embeds.
    let first = if workspace.host_binary().exists() { "" } else { "; wasmtime takes minutes the first time" };
    announce(&format!("building the host (target/release/wasyncio{first})"));
    let mut host = workspace.cargo("build");
    run("building the host", host.args(["--release", "--locked", "--package", "wasyncio-cli"]))?;

    announce("building the examples (dist/examples/) and what tests and benchmarks run (dist/tests/, dist/bench/)");
    let apps = workspace.wasm_target().join("apps");
    let programs = programs(workspace)?;
    // In one call cargo unites the features of what they depend on: who uses TLS would make all others import it.
    for beyond_wasi in [false, true] {
        let chosen = programs.iter().filter(|program| program.beyond_wasi == beyond_wasi);
        let packages = chosen.map(|program| program.package.clone()).collect::<Vec<_>>();
        component::build_apps(workspace, &toolchain, &packages, &apps)?;
    }
    for program in &programs {
        // What imports no streams is complete as it is.
        let app = apps.join(format!("{}.wasm", program.package));
        if component::imports(&app, STREAMS)? {
            compose(workspace, &[&streams, &full], &app, &program.composed)?;
        } else {
            copy(workspace, &app, &program.composed)?;
        }
    }
    Ok(())
}

/// What the imports begin with that composing provides.
const STREAMS: &str = "wasyncio:streams/";

/// An app to be built and, if it imports the streams, composed.
struct Program {
    /// Its package.
    package: String,
    /// Where it goes, composed: named for the folder of its package.
    composed: PathBuf,
    /// It uses what only some hosts have.
    beyond_wasi: bool,
}

/// The folders of programs, and where in `dist/` they go.
const PROGRAMS: [(&str, &str); 3] = [("examples", "examples"), ("tests/guests", "tests"), ("benches/guests", "bench")];

/// The packages in [`PROGRAMS`], in the order of their folders.
fn programs(workspace: &Workspace) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for (sources, composed) in PROGRAMS {
        for entry in fs::read_dir(workspace.root().join(sources))? {
            let folder = entry?.path();
            let manifest = folder.join("Cargo.toml");
            let Some(name) = folder.file_name().filter(|_| manifest.is_file()) else { continue };
            let text = fs::read_to_string(&manifest)?;
            let package =
                package_name(&text).ok_or_else(|| format!("{} names no package", workspace.shown(&manifest)))?;
            let file = Path::new(name).with_extension("wasm");
            let beyond_wasi = ["\"tls\"", "\"unix\"", "\"full\""].iter().any(|feature| text.contains(feature));
            programs.push(Program { package, composed: workspace.dist().join(composed).join(file), beyond_wasi });
        }
    }
    programs.sort_by(|one, other| one.composed.cmp(&other.composed));
    Ok(programs)
}

/// The name that a manifest begins with.
fn package_name(manifest: &str) -> Option<String> {
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = \""))?;
    Some(name.trim_end().strip_suffix('"')?.to_owned())
}

/// Composes `app` to `out` with that one of the components `streams` which it needs, unless `out` is newer than all of them. The
/// host has both in it.
pub(crate) fn compose(workspace: &Workspace, streams: &[&Path], app: &Path, out: &Path) -> Result<()> {
    let host = workspace.host_binary();
    if is_fresh(out, &[streams, &[app, &host]].concat())? {
        return Ok(());
    }
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut command = Command::new(host);
    command.arg("compose").arg(app).arg("-o").arg(out);
    run(&format!("composing {}", workspace.shown(out)), &mut command)
}

/// Copies a complete component, unless the copy is newer.
fn copy(workspace: &Workspace, from: &Path, out: &Path) -> Result<()> {
    if is_fresh(out, &[from])? {
        return Ok(());
    }
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, out).map_err(|error| format!("cannot write {}: {error}", workspace.shown(out)))?;
    Ok(())
}

/// Whether `out` exists and is newer than every input.
pub(crate) fn is_fresh(out: &Path, inputs: &[&Path]) -> Result<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_is_named_by_its_manifest() {
        let manifest = "[package]\nname = \"conformance-guest\"\nversion.workspace = true\n\n[lib]\nname = \"other\"\n";
        assert_eq!(package_name(manifest).as_deref(), Some("conformance-guest"));
        assert_eq!(package_name("[workspace]\n"), None);
    }
}
