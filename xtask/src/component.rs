//! From a Rust package to a component: a core module by cargo, encoded by `wit-component`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wit_component::ComponentEncoder;

use crate::Result;
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::{Workspace, run};

/// The profile of what runs inside the sandbox, in the workspace's `Cargo.toml`.
const PROFILE: &str = "component";

/// Builds the library of `package` as a component at `out`. A file with the same content is left as it is, so that
/// what depends on it stays fresh.
pub(crate) fn build(
    workspace: &Workspace,
    toolchain: &Toolchain,
    package: &str,
    features: &[&str],
    out: &Path,
) -> Result<()> {
    let mut cargo = cargo(workspace, toolchain, "rustc");
    // The crate is a plain library elsewhere; only here it is linked into a module of its own.
    cargo.args(["--package", package, "--lib", "--crate-type", "cdylib"]);
    if !features.is_empty() {
        cargo.args(["--features", &features.join(",")]);
    }
    run(&format!("building {package} for {TARGET}"), &mut cargo)?;
    encode(workspace, &core_module(workspace, package), out)
}

/// Builds `packages`, whose libraries are `cdylib`s, as components at `folder/PACKAGE.wasm`, in one call of cargo.
pub(crate) fn build_apps(
    workspace: &Workspace,
    toolchain: &Toolchain,
    packages: &[String],
    folder: &Path,
) -> Result<()> {
    let mut cargo = cargo(workspace, toolchain, "build");
    cargo.arg("--lib").args(packages.iter().flat_map(|package| ["--package", package]));
    run(&format!("building {} for {TARGET}", packages.join(", ")), &mut cargo)?;
    for package in packages {
        let out = folder.join(format!("{package}.wasm"));
        encode(workspace, &core_module(workspace, package), &out)?;
    }
    Ok(())
}

fn cargo(workspace: &Workspace, toolchain: &Toolchain, subcommand: &str) -> Command {
    let mut cargo = workspace.cargo(subcommand);
    cargo.args(["--locked", "--profile", PROFILE]).arg("--target-dir").arg(workspace.wasm_target());
    let mut remap = vec![(workspace.root().to_owned(), "/wasyncio")];
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    remap.extend(cargo_home.map(|home| (home, "/cargo")));
    toolchain.apply(&mut cargo, &remap);
    cargo
}

/// Where cargo leaves the core module of `package`.
fn core_module(workspace: &Workspace, package: &str) -> PathBuf {
    let file = format!("{}.wasm", package.replace('-', "_"));
    workspace.wasm_target().join(TARGET).join(PROFILE).join(file)
}

fn encode(workspace: &Workspace, core: &Path, out: &Path) -> Result<()> {
    let shown = workspace.shown(core);
    let module = fs::read(core).map_err(|error| format!("cannot read the core module {shown}: {error}"))?;
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| format!("cannot make a component of {shown}: {error:#}"))?;
    write_if_changed(out, &component).map_err(|error| format!("cannot write {}: {error}", workspace.shown(out)).into())
}

fn write_if_changed(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}
