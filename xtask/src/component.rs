//! From a Rust package to a component: a core module by cargo, encoded by `wit-component`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::Result;
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::{Workspace, run};

/// The profiles of what runs inside the sandbox, in the workspace's `Cargo.toml`: programs, and what is shipped.
pub(crate) const PROGRAMS: &str = "component";
const SHIPPED: &str = "shipped";

/// Builds the library of `package` as a component at `out`. A file with the same content is left as it is, so that
/// what depends on it stays fresh.
pub(crate) fn build(
    workspace: &Workspace,
    toolchain: &Toolchain,
    package: &str,
    features: &[&str],
    out: &Path,
) -> Result<()> {
    // Each selection of features has a folder of its own: cargo names the module for the crate alone, and would compile them in turns.
    let target = workspace.wasm_target().join(features.join("-"));
    let mut cargo = cargo(workspace, toolchain, "rustc", SHIPPED, &target);
    // The crate is a plain library elsewhere; only here it is linked into a module of its own.
    cargo.args(["--package", package, "--lib", "--crate-type", "cdylib"]);
    if !features.is_empty() {
        cargo.args(["--features", &features.join(",")]);
    }
    run(&format!("building {package} for {TARGET}"), &mut cargo)?;
    encode(workspace, &core_module(&target, SHIPPED, package), out, Names::Left)
}

/// Builds `packages`, whose libraries are `cdylib`s, as components at `folder/PACKAGE.wasm`, in one call of cargo.
pub(crate) fn build_apps(
    workspace: &Workspace,
    toolchain: &Toolchain,
    packages: &[String],
    folder: &Path,
) -> Result<()> {
    let target = workspace.wasm_target();
    let mut cargo = cargo(workspace, toolchain, "build", PROGRAMS, &target);
    cargo.arg("--lib").args(packages.iter().flat_map(|package| ["--package", package]));
    run(&format!("building {} for {TARGET}", packages.join(", ")), &mut cargo)?;
    for package in packages {
        let out = folder.join(format!("{package}.wasm"));
        encode(workspace, &core_module(&target, PROGRAMS, package), &out, Names::Kept)?;
    }
    Ok(())
}

/// A call of cargo that compiles for the sandbox.
pub(crate) fn cargo(
    workspace: &Workspace,
    toolchain: &Toolchain,
    subcommand: &str,
    profile: &str,
    target: &Path,
) -> Command {
    let mut cargo = workspace.cargo(subcommand);
    cargo.args(["--locked", "--profile", profile]).arg("--target-dir").arg(target);
    let mut remap = vec![(workspace.root().to_owned(), "/wasyncio")];
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    remap.extend(cargo_home.map(|home| (home, "/cargo")));
    toolchain.apply(&mut cargo, &remap);
    cargo
}

/// Where cargo leaves the core module of `package`, below `target`.
pub(crate) fn core_module(target: &Path, profile: &str, package: &str) -> PathBuf {
    let file = format!("{}.wasm", package.replace('-', "_"));
    target.join(TARGET).join(profile).join(file)
}

/// Whether a component tells the names of its functions, which show where it trapped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Kept,
    /// They are a fifth of what is shipped.
    Left,
}

fn encode(workspace: &Workspace, core: &Path, out: &Path, names: Names) -> Result<()> {
    let shown = workspace.shown(core);
    let mut module = fs::read(core).map_err(|error| format!("cannot read the core module {shown}: {error}"))?;
    let failed = |error: &dyn std::fmt::Display| format!("cannot make a component of {shown}: {error:#}");
    if names == Names::Left {
        module = without_sections(&module, &["name"]).map_err(|error| failed(&error))?;
    }
    let mut component = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| failed(&error))?;
    if names == Names::Left {
        component = without_sections(&component, &["component-name"]).map_err(|error| failed(&error))?;
    }
    write_if_changed(out, &component).map_err(|error| format!("cannot write {}: {error}", workspace.shown(out)).into())
}

/// A module or component without its own custom sections of these names.
fn without_sections(binary: &[u8], names: &[&str]) -> wasmparser::Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(binary.len());
    let mut end = 0;
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(binary) {
        let payload = payload?;
        if depth == 0 {
            let until = match &payload {
                Payload::Version { range, .. } => range.end,
                other => other.as_section().map_or(end, |(_, range)| range.end),
            };
            let leaves = matches!(&payload, Payload::CustomSection(custom) if names.contains(&custom.name()));
            if !leaves {
                kept.extend(binary.get(end as usize..until as usize).unwrap_or_default());
            }
            end = until;
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= i32::from(depth > 0),
            _ => {}
        }
    }
    Ok(kept)
}

/// Whether the component at `path` imports something whose name begins with `prefix`.
pub(crate) fn imports(path: &Path, prefix: &str) -> Result<bool> {
    let component = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let imports = imported_names(&component).map_err(|error| format!("{} is no component: {error}", path.display()))?;
    Ok(imports.iter().any(|name| name.starts_with(prefix)))
}

/// The names of a component's own imports, not those of its parts.
fn imported_names(component: &[u8]) -> wasmparser::Result<Vec<&str>> {
    let mut names = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= i32::from(depth > 0),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.push(import?.name.name);
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Writes a file, unless it has this content.
pub(crate) fn write_if_changed(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component with a custom section `a`, a module that has one too, and a custom section `b`.
    const BINARY: &[u8] = b"\0asm\x0d\0\x01\0\x00\x02\x01a\x01\x0c\0asm\x01\0\0\0\x00\x02\x01a\x00\x02\x01b";

    #[test]
    fn only_imports_of_the_component_itself_are_its_imports() {
        // Imports the instance `a:b/c`; a component in it imports the instance `d:e/f`.
        let outer = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a\x0a\x01\0\x05a:b/c\x05\0";
        let inner = b"\x04\x19\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a\x0a\x01\0\x05d:e/f\x05\0";
        let binary = [&outer[..], &inner[..]].concat();
        let names = imported_names(&binary).unwrap();
        assert_eq!(names, ["a:b/c"]);
    }

    #[test]
    fn only_the_sections_named_leave_and_those_of_parts_stay() {
        let without = b"\0asm\x0d\0\x01\0\x01\x0c\0asm\x01\0\0\0\x00\x02\x01a\x00\x02\x01b";
        assert_eq!(without_sections(BINARY, &["a"]).unwrap(), without);
        assert_eq!(without_sections(BINARY, &["c"]).unwrap(), BINARY);
    }
}
