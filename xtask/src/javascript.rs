//! `cargo xtask js`: the package for JavaScript, in `dist/js`, and the examples and the tests' programs as components, in `dist/examples/js`
//! and `dist/tests/js`.
//!
//! componentize-qjs makes a component of a program and the package in `bindings/js`; it is composed as any other. The tool is compiled
//! from crates.io into the git-ignored `.cache/javascript`, which takes minutes and needs a newer Rust than this project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use wit_bindgen_core::wit_parser::Resolve;

use crate::Result;
use crate::artifacts::{compose, is_fresh};
use crate::component::write_if_changed;
use crate::deadline::run_within;
use crate::workspace::{Workspace, announce};

/// Tells the tests that there are no programs in JavaScript.
pub(crate) const WITHOUT: &str = "WASYNCIO_WITHOUT_JAVASCRIPT";

/// The tool, and its version.
const TOOL: [&str; 2] = ["componentize-qjs-cli", "0.5.0"];
/// The Rust that it needs at least, and the one that is installed where there is none.
const RUST: (u32, &str) = (97, "1.97.0");
/// How long rustup may take to install it.
const RUSTUP_LIMIT: Duration = Duration::from_secs(300);
/// How long compiling the tool may take.
const INSTALL_LIMIT: Duration = Duration::from_secs(3600);
/// How long the tool may take for a program.
const COMPONENTIZE_LIMIT: Duration = Duration::from_secs(300);
/// What checks the types of `bindings/js`.
const TYPESCRIPT: &str = "typescript@5.9.3";
/// How long npm may take.
const NPM_LIMIT: Duration = Duration::from_secs(180);
/// Names, in the tool's folder, what was installed there.
const FETCHED: &str = "fetched.txt";
/// The folders of programs, and where in `dist/` they go.
const PROGRAMS: [(&str, &str); 2] = [("examples/js", "examples/js"), ("tests/javascript", "tests/js")];

/// Fetches the tool if it is not there, and builds.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    fetch_typescript(workspace);
    let tool = fetch(workspace).map_err(|reason| {
        let [name, version] = TOOL;
        format!(
            "{name} {version} cannot be had, which makes components of programs in JavaScript: {reason}; it is compiled \
             from crates.io by Rust 1.{} or later, in some minutes",
            RUST.0
        )
    })?;
    build_with(workspace, &tool)
}

/// Builds if the tool was fetched before, and needs no network. Otherwise says what is left out, and gives false.
pub(crate) fn build_if_fetched(workspace: &Workspace) -> Result<bool> {
    let Some(tool) = fetched(workspace) else {
        eprintln!(
            "    LEFT OUT: programs in JavaScript: {} {} is not there; `cargo xtask js` fetches it",
            TOOL[0], TOOL[1]
        );
        return Ok(false);
    };
    build_with(workspace, &tool)?;
    Ok(true)
}

/// Fetches TypeScript, by which a test checks the types; where that fails the test says that it is not run.
fn fetch_typescript(workspace: &Workspace) {
    let folder = workspace.root().join(".cache/typescript");
    if folder.join("node_modules/typescript/bin/tsc").is_file() {
        return;
    }
    announce(&format!("fetching {TYPESCRIPT} into .cache/typescript"));
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix"]);
    if let Err(reason) = run_within(NPM_LIMIT, npm.arg(&folder).arg(TYPESCRIPT)) {
        eprintln!("    not fetched, so the test of the types is not run: {reason}");
    }
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join(".cache/javascript")
}

/// The tool, if it was fetched.
fn fetched(workspace: &Workspace) -> Option<PathBuf> {
    let folder = folder(workspace);
    let is = fs::read_to_string(folder.join(FETCHED)).is_ok_and(|fetched| fetched == TOOL.join(" "));
    is.then(|| folder.join("bin/componentize-qjs"))
}

fn fetch(workspace: &Workspace) -> std::result::Result<PathBuf, String> {
    if let Some(tool) = fetched(workspace) {
        return Ok(tool);
    }
    let [name, version] = TOOL;
    let mut cargo = newer_cargo()?;
    announce(&format!("compiling {name} {version} into .cache/javascript, which takes some minutes"));
    let folder = folder(workspace);
    // The tool's own profile optimises across all crates, which doubles the time and takes 3 GB.
    cargo.args(["install", "--config", "profile.release.lto=false", "--locked", "--force"]);
    cargo.args(["--version", version, name, "--root"]).arg(&folder);
    cargo.current_dir(workspace.root());
    run_within(INSTALL_LIMIT, &mut cargo)?;
    // Last of all: what has it is complete.
    let cannot = |error| format!("cannot write to {}: {error}", folder.display());
    fs::write(folder.join(FETCHED), TOOL.join(" ")).map_err(cannot)?;
    fetched(workspace).ok_or_else(|| "it was not installed where it is looked for".to_owned())
}

/// A cargo of a Rust that is new enough: the active one, or one that rustup has or installs.
fn newer_cargo() -> std::result::Result<Command, String> {
    let (minor, wanted) = RUST;
    if minor_version(Command::new("rustc")).is_some_and(|is| is >= minor) {
        return Ok(clean(Command::new("cargo")));
    }
    let of_rustup = |program: &str| {
        let mut command = Command::new("rustup");
        command.args(["run", wanted, program]);
        clean(command)
    };
    if minor_version(of_rustup("rustc")).is_none() {
        announce(&format!("installing Rust {wanted} with rustup"));
        let mut rustup = Command::new("rustup");
        rustup.args(["toolchain", "install", wanted, "--profile", "minimal", "--no-self-update"]);
        run_within(RUSTUP_LIMIT, &mut clean(rustup))
            .map_err(|reason| format!("the active Rust is older than 1.{minor}, and rustup installs none: {reason}"))?;
    }
    Ok(of_rustup("cargo"))
}

/// Takes away what ties a command to the toolchain and the target folder of this one.
fn clean(mut command: Command) -> Command {
    for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTDOC", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "RUSTFLAGS"]
    {
        command.env_remove(name);
    }
    command
}

/// The N of `rustc 1.N.0 (…)`.
fn minor_version(mut rustc: Command) -> Option<u32> {
    let output = rustc.arg("--version").output().ok()?;
    parse_minor(std::str::from_utf8(&output.stdout).ok()?)
}

fn parse_minor(printed: &str) -> Option<u32> {
    printed.strip_prefix("rustc 1.")?.split('.').next()?.parse().ok()
}

fn build_with(workspace: &Workspace, tool: &Path) -> Result<()> {
    announce("building the package for JavaScript and programs on it (dist/js/, dist/examples/js/, dist/tests/js/)");
    let folder = workspace.wasm_target().join("js");
    let package = workspace.dist().join("js");
    let wit = package.join("wit/wasyncio-js.wasm");
    fs::create_dir_all(package.join("wit"))?;
    let mut resolve = Resolve::default();
    resolve.push_dir(workspace.root().join("wit"))?;
    let worlds = resolve.push_file(workspace.root().join("bindings/js/wit/world.wit"))?;
    write_if_changed(&wit, &wit_component::encode(&resolve, worlds, false)?)?;
    let bindings = workspace.root().join("bindings/js");
    for name in ["package.json", "README.md"] {
        lay(&bindings.join(name), &package.join(name), &mut Vec::new())?;
    }
    for name in ["src", "types"] {
        lay_folder(&bindings.join(name), &package.join(name), &mut Vec::new())?;
    }

    // The tool reads no file outside of one folder, and follows no links.
    let stage = folder.join("stage");
    let mut inputs = vec![tool.to_owned(), wit.clone()];
    let module = stage.join("node_modules/wasyncio");
    lay(&bindings.join("package.json"), &module.join("package.json"), &mut inputs)?;
    lay_folder(&bindings.join("src"), &module.join("src"), &mut inputs)?;

    for (sources, finished) in PROGRAMS {
        let mut inputs = inputs.clone();
        lay_folder(&workspace.root().join(sources), &stage.join(sources), &mut inputs)?;
        for entry in fs::read_dir(workspace.root().join(sources))? {
            let source = entry?.path();
            if source.extension().is_none_or(|extension| extension != "js") {
                continue;
            }
            let name = source.file_name().ok_or("a file has a name")?;
            let staged = stage.join(sources).join(name);
            let app = folder.join("apps").join(finished).join(name).with_extension("wasm");
            if !is_fresh(&app, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>())? {
                if let Some(parent) = app.parent() {
                    fs::create_dir_all(parent)?;
                }
                componentize(tool, &wit, &stage, &staged, &app)?;
            }
            let dist = workspace.dist();
            let out = dist.join(finished).join(name).with_extension("wasm");
            compose(workspace, &[&dist.join("wasyncio.wasm"), &dist.join("wasyncio-full.wasm")], &app, &out)?;
        }
    }
    Ok(())
}

fn componentize(tool: &Path, wit: &Path, stage: &Path, program: &Path, app: &Path) -> Result<()> {
    let world = world(&fs::read_to_string(program)?);
    let mut command = Command::new(tool);
    command.arg("--wit").arg(wit).args(["--world", world]).arg("--module-root").arg(stage);
    command.arg("--js").arg(program).arg("--output").arg(app).stdout(std::process::Stdio::null());
    run_within(COMPONENTIZE_LIMIT, &mut command)
        .map_err(|reason| format!("making a component of {}: {reason}", program.display()).into())
}

/// The world of `bindings/js/wit` that a program needs for what it imports.
fn world(program: &str) -> &'static str {
    let imports = |module: &str| program.contains(&format!("from \"{module}\""));
    match (imports("wasyncio/full"), imports("wasyncio/sockets")) {
        (_, true) => "command-sockets",
        (true, false) => "command-full",
        (false, false) => "command",
    }
}

/// Lays a copy of a file, unless it is there and the same, and adds the file to the inputs.
fn lay(from: &Path, to: &Path, inputs: &mut Vec<PathBuf>) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    write_if_changed(to, &fs::read(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?)?;
    inputs.push(from.to_owned());
    Ok(())
}

fn lay_folder(from: &Path, to: &Path, inputs: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let to = to.join(path.file_name().ok_or("a file has a name")?);
        if path.is_dir() { lay_folder(&path, &to, inputs)? } else { lay(&path, &to, inputs)? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn world_is_of_what_is_imported() {
        assert_eq!(world("import { command } from \"wasyncio\";"), "command");
        assert_eq!(world("import { command } from \"wasyncio/full\";"), "command-full");
        assert_eq!(world("import * as s from \"wasyncio/sockets\";"), "command-sockets");
    }

    #[test]
    fn version_of_rust_is_read() {
        assert_eq!(parse_minor("rustc 1.97.0 (2d8144b78 2026-07-07)\n"), Some(97));
        assert_eq!(parse_minor("rustc 1.97.0-nightly (2d8144b78 2026-07-07)\n"), Some(97));
        assert_eq!(parse_minor("no rustc"), None);
    }
}
