//! Copies the WIT packages that ours uses into `wit/deps`, which git ignores: WASI's out of the `wasip3` crate, and `wit/host`, since
//! generators look for packages there alone.
//!
//! Every crate that generates bindings from `wit/` has this one as a build dependency, so that the packages are there
//! before any macro reads them, in a plain `cargo build` too. The layout is the one that `wkg wit fetch` makes, so that both
//! write the same files.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use cargo_metadata::MetadataCommand;

/// The packages of WASI that `wit/*.wit` names, directly or through one another, by their file in the crate.
const PACKAGES: [&str; 2] = ["clocks", "sockets"];

fn main() -> Result<(), Box<dyn Error>> {
    let here = env::var("CARGO_MANIFEST_DIR")?;
    let root = Path::new(&here).join("../..");
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(vec!["--locked".into(), "--filter-platform".into(), env::var("HOST")?])
        .exec()?;
    let wasip3 = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "wasip3")
        .ok_or("the workspace has no dependency called wasip3, whose WIT files are to be copied to wit/deps")?;
    let source = wasip3.manifest_path.with_file_name("wit").join("deps");

    for name in PACKAGES {
        let from = source.join(format!("{name}.wit"));
        println!("cargo::rerun-if-changed={from}");
        let text = fs::read_to_string(&from).map_err(|error| format!("cannot read {from}: {error}"))?;
        let version = version_of(&text).ok_or_else(|| format!("{from} does not begin with a versioned package"))?;
        lay(&root.join("wit/deps").join(format!("wasi-{name}-{version}")), "package.wit", &text)?;
    }
    lay_host(root.as_path())?;
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

/// Lays the package of `wit/host`, file by file; what is no longer there goes.
fn lay_host(root: &Path) -> Result<(), Box<dyn Error>> {
    let source = root.join("wit/host");
    println!("cargo::rerun-if-changed={}", source.display());
    let text = fs::read_to_string(source.join("package.wit"))?;
    let version = version_of(&text).ok_or("wit/host/package.wit has no versioned package")?;
    let folder = root.join("wit/deps").join(format!("wasyncio-host-{version}"));
    let mut names = Vec::new();
    for file in fs::read_dir(&source)? {
        let file = file?;
        let name = file.file_name().into_string().map_err(|name| format!("{} is not UTF-8", name.display()))?;
        lay(&folder, &name, &fs::read_to_string(file.path())?)?;
        names.push(name);
    }
    for file in fs::read_dir(&folder)? {
        let file = file?;
        if !names.iter().any(|name| file.file_name() == name.as_str()) {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

/// Writes a file, if it is not there as it should be.
fn lay(folder: &Path, name: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let to = folder.join(name);
    println!("cargo::rerun-if-changed={}", to.display());
    if fs::read_to_string(&to).is_ok_and(|present| present == text) {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    // Written beside and renamed: whoever reads meanwhile sees the old file or the new one.
    let partial = folder.join(format!("{name}.partial"));
    fs::write(&partial, text)?;
    fs::rename(&partial, &to)?;
    Ok(())
}

/// The version in `package NAMESPACE:NAME@VERSION;`.
fn version_of(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.starts_with("package "))?;
    line.trim_end_matches(';').split_once('@').map(|(_, version)| version.trim())
}
