//! Copies the WIT packages that ours uses out of the `wasip3` crate into `wit/deps`, which git ignores.
//!
//! Every crate that generates bindings from `wit/` has this one as a build dependency, so that the packages are there
//! before any macro reads them, in a plain `cargo build` too. The layout is the one that `wkg wit fetch` makes, so that both
//! write the same files.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use cargo_metadata::MetadataCommand;

/// The packages that `wit/*.wit` names, directly or through one another, by their file in the crate.
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
        let folder = root.join("wit/deps").join(format!("wasi-{name}-{version}"));
        let to = folder.join("package.wit");
        println!("cargo::rerun-if-changed={}", to.display());
        if fs::read_to_string(&to).is_ok_and(|present| present == text) {
            continue;
        }
        fs::create_dir_all(&folder)?;
        // Written beside and renamed: whoever reads meanwhile sees the old file or the new one.
        let partial = folder.join("package.wit.partial");
        fs::write(&partial, text)?;
        fs::rename(&partial, &to)?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

/// The version in `package wasi:NAME@VERSION;`.
fn version_of(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.starts_with("package "))?;
    line.trim_end_matches(';').split_once('@').map(|(_, version)| version.trim())
}
