//! The folders that the commands work in, and how they call cargo.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// The checkout that this xtask belongs to.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout that `cargo xtask` was called in.
    pub(crate) fn locate() -> Self {
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.parent().expect("xtask is a folder of the workspace");
        Self { root: root.to_owned() }
    }

    /// The folder with the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The finished artifacts.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// cargo's target folder of everything that becomes WebAssembly; apart from the host's, because its compiler
    /// may be another.
    pub(crate) fn wasm_target(&self) -> PathBuf {
        self.root.join("target/wasm")
    }

    /// The host's command.
    pub(crate) fn host_binary(&self) -> PathBuf {
        self.root.join("target/release").join(format!("wasyncio{}", env::consts::EXE_SUFFIX))
    }

    /// A call of cargo in the workspace's root.
    ///
    /// The artifacts have documented places, so the caller's wishes about target folders are overridden.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        command
            .arg(subcommand)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", self.root.join("target"))
            .env_remove("CARGO_BUILD_TARGET")
            .env_remove("WASYNCIO_COMPONENT");
        // What `cargo run` tells this program of its own package. Build scripts that ask for it, such as ring's, would run again, and
        // all that links them be compiled again, each time somebody calls cargo without xtask in between.
        for (name, _) in env::vars_os().filter(|(name, _)| is_of_package(name)) {
            command.env_remove(name);
        }
        command
    }

    /// `path` as the user would name it: relative to the root where it lies inside.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// Whether cargo tells something of a package by the variable `name`.
fn is_of_package(name: &OsStr) -> bool {
    let starts = |start: &str| name.as_encoded_bytes().starts_with(start.as_bytes());
    starts("CARGO_PKG_") || starts("CARGO_MANIFEST_")
}

/// Tells the user which long step starts now.
pub(crate) fn announce(what: &str) {
    eprintln!("==> {what}");
}

/// Runs `command` to its end; anything but success is an error that names `step`.
pub(crate) fn run(step: &str, command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("{step}: cannot start {}: {error}", typed(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{step} failed ({status}), see the messages above; the command was: {}", typed(command)).into())
}

/// `command` as it would be typed, without its environment.
pub(crate) fn typed(command: &Command) -> String {
    let program = command.get_program();
    let cargo = OsStr::new("cargo");
    let is_cargo = Path::new(program).file_stem() == Some(cargo);
    let words = std::iter::once(if is_cargo { cargo } else { program }).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_cargo_is_not_told_of_this_package() {
        // `cargo test` sets them for this test as `cargo run` does for xtask.
        let cargo = Workspace::locate().cargo("build");
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR"] {
            assert!(env::var_os(name).is_some(), "{name} is set");
            assert!(cargo.get_envs().any(|(set, value)| set == name && value.is_none()), "{name} is handed on");
        }
    }
}
