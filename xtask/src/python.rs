//! `cargo xtask python`: `dist/python.wasm`, CPython with asyncio on the component.
//!
//! The native module is a library of position-independent code that componentize-py links into CPython; the component is composed with
//! `wasyncio-full.wasm`. What is in it is in `bindings/python`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use wit_bindgen_core::wit_parser::{PackageId, Resolve};
use wit_component::StringEncoding;

use crate::Result;
use crate::artifacts::{compose, is_fresh};
use crate::component::{core_module, write_if_changed};
use crate::deadline::run_within;
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::{Workspace, announce, run};
use crate::{component, generators};

/// The package of the native module.
const NATIVE: &str = "wasyncio-python-native";
/// What CPython 3.14 of componentize-py looks for at an import of `_wasyncio`.
const MODULE: &str = "_wasyncio.cpython-314-wasm32-wasi.so";
/// How long componentize-py may take: it starts a Python inside a sandbox and compiles the standard library there.
const COMPONENTIZE: Duration = Duration::from_secs(600);

/// Builds `dist/python.wasm`, unless it is fresh. What it is composed with and of is built before.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let tool = generators::python(workspace).map_err(|reason| format!("componentize-py cannot be had: {reason}"))?;
    announce("building Python (dist/python.wasm)");
    let sources = workspace.root().join("bindings/python");
    let folder = workspace.wasm_target().join("python");
    let modules = folder.join("modules");
    let (resolve, package) = wit(workspace, &sources)?;
    native(workspace, &folder, &modules.join(MODULE), &resolve, package)?;
    let encoded = folder.join("wit.wasm");
    write_if_changed(&encoded, &wit_component::encode(&resolve, package, false)?)?;

    let app = folder.join("interpreter.wasm");
    let mut inputs = vec![encoded.clone(), modules.join(MODULE)];
    collect(&sources.join("src"), &mut inputs)?;
    if !is_fresh(&app, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>())? {
        let mut componentize = Command::new("python3");
        componentize.arg(tool.join("bin/componentize-py")).env("PYTHONPATH", &tool);
        componentize.arg("-d").arg(&encoded).args(["-w", "interpreter", "componentize", "interpreter"]);
        componentize.arg("-p").arg(sources.join("src")).arg("-p").arg(&modules).arg("-o").arg(&app);
        run_within(COMPONENTIZE, &mut componentize)?;
    }
    let full = workspace.dist().join("wasyncio-full.wasm");
    let streams = workspace.dist().join("wasyncio.wasm");
    compose(workspace, &[&streams, &full], &app, &workspace.dist().join("python.wasm"))
}

/// The WIT of the interpreter and of everything that it imports.
fn wit(workspace: &Workspace, sources: &Path) -> Result<(Resolve, PackageId)> {
    let mut resolve = Resolve::default();
    resolve.push_dir(workspace.root().join("wit"))?;
    let package = resolve.push_file(sources.join("wit/world.wit"))?;
    Ok((resolve, package))
}

/// Builds the native module at `out`, with what it imports said in it.
fn native(workspace: &Workspace, folder: &Path, out: &Path, resolve: &Resolve, package: PackageId) -> Result<()> {
    let toolchain = Toolchain::find()?;
    let mut cargo = component::cargo(workspace, &toolchain, "rustc", component::PROGRAMS, folder);
    cargo.args(["--package", NATIVE, "--lib", "--crate-type", "cdylib", "--"]);
    cargo.args(["-Crelocation-model=pic", "-Clink-arg=--experimental-pic", "-Clink-arg=-shared"]);
    run(&format!("building {NATIVE} for {TARGET}"), &mut cargo)?;
    let mut module = fs::read(core_module(folder, component::PROGRAMS, NATIVE))?;
    let world = resolve.select_world(&[package], Some("native"))?;
    wit_component::embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false)?;
    Ok(write_if_changed(out, &module)?)
}

/// Checks the native module, which is empty for any other target.
pub(crate) fn clippy(workspace: &Workspace) -> Result<()> {
    let toolchain = Toolchain::find()?;
    if toolchain != Toolchain::Active {
        eprintln!("    NOT RUN: clippy of {NATIVE}: it is of another compiler than the one for {TARGET}");
        return Ok(());
    }
    let folder = workspace.wasm_target().join("python");
    let mut cargo = component::cargo(workspace, &toolchain, "clippy", component::PROGRAMS, &folder);
    cargo.args(["--package", NATIVE, "--lib", "--", "-D", "warnings"]);
    run("clippy of the native module", &mut cargo)
}

/// The files below a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.is_dir() {
            files.push(path);
        } else if path.file_name().is_some_and(|name| name != "__pycache__") {
            collect(&path, files)?;
        }
    }
    Ok(())
}
