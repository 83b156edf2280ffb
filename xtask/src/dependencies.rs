//! What the dependencies may be, and their licences: `cargo deny` with `deny.toml`, and `cargo xtask licences`.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use crate::Result;
use crate::toolchain::on_path;
use crate::workspace::{Workspace, announce, run};

/// What is shipped, as cargo is told of it: the command, and the two components.
const SHIPPED: [(&str, &[&str]); 2] = [
    ("The command `wasyncio` and the crate `wasyncio-host`, as built for this machine", &["--package", "wasyncio-cli"]),
    (
        "`wasyncio.wasm` and `wasyncio-full.wasm`",
        &["--package", "wasyncio", "--features", "component,full", "--target", "wasm32-unknown-unknown"],
    ),
];

/// Checks the dependencies with what is on this machine; nothing is fetched. Tells loudly what is left out.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    if on_path(&format!("cargo-deny{}", env::consts::EXE_SUFFIX)).is_none() {
        eprintln!("NOT RUN: the check of the dependencies; `cargo install --locked cargo-deny` gets its tool");
        return Ok(());
    }
    announce("checking the dependencies with cargo deny");
    let mut deny = workspace.cargo("deny");
    deny.args(["--locked", "--offline", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
    if has_advisories() {
        deny.arg("advisories");
    } else {
        eprintln!("NOT RUN: the check for advisories, which are not on this machine; `cargo deny fetch` gets them");
    }
    run("the check of the dependencies", &mut deny)
}

/// Whether cargo-deny has fetched the advisories before.
fn has_advisories() -> bool {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let folders = home.and_then(|home| fs::read_dir(home.join("advisory-dbs")).ok());
    folders.is_some_and(|folders| folders.flatten().any(|entry| entry.path().join("crates").is_dir()))
}

/// Prints the licences of everything that is shipped: for each licence the crates that are under it.
pub(crate) fn licences(workspace: &Workspace) -> Result<()> {
    for (what, selection) in SHIPPED {
        let mut tree = workspace.cargo("tree");
        tree.args(["--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}\t{l}"]).args(selection);
        let output = tree.stderr(Stdio::inherit()).output().map_err(|error| format!("cannot start cargo: {error}"))?;
        if !output.status.success() {
            return Err(format!("cargo cannot tell the licences ({}), see the messages above", output.status).into());
        }
        print!("# {what}\n\n{}\n", table(&String::from_utf8_lossy(&output.stdout)));
    }
    Ok(())
}

/// What `cargo tree` printed, a crate and its licence a line, by licence. Crates of this workspace have a path behind them, and
/// those that were shown before a star.
fn table(printed: &str) -> String {
    let mut licences = BTreeMap::<String, Vec<String>>::new();
    for line in printed.lines() {
        let (package, licence) = line.split_once('\t').unwrap_or((line, ""));
        let package = package.split(" (").next().unwrap_or(package);
        let licence = licence.trim_end_matches(" (*)").replace('/', " OR ").replace("  ", " ");
        let licence = if licence.is_empty() { "none told".to_owned() } else { licence };
        let packages = licences.entry(licence).or_default();
        if !package.is_empty() && !packages.iter().any(|known| known == package) {
            packages.push(package.to_owned());
        }
    }
    let mut table = String::new();
    for (licence, mut packages) in licences {
        packages.sort();
        // Writing to a string cannot fail.
        _ = writeln!(table, "{licence}\n    {}", packages.join(", "));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_listed_once_by_their_licence() {
        let printed = "own v0.1.0 (/somewhere/own)\tMIT\nb v1.0.0\tMIT OR Apache-2.0\na v2.0.0\tMIT / Apache-2.0\n\
            b v1.0.0\tMIT OR Apache-2.0 (*)\na v1.0.0\tMIT/Apache-2.0\nbare v1.0.0\t\nproc v1.0.0 (proc-macro)\tMIT (*)\n";
        let expected = "MIT\n    own v0.1.0, proc v1.0.0\nMIT OR Apache-2.0\n    a v1.0.0, a v2.0.0, b v1.0.0\n\
            none told\n    bare v1.0.0\n";
        assert_eq!(table(printed), expected);
    }

    #[test]
    fn nothing_that_is_shipped_lacks_a_licence() {
        let workspace = Workspace::locate();
        for (what, selection) in SHIPPED {
            let mut tree = workspace.cargo("tree");
            tree.args(["--locked", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}\t{l}"]);
            let output = tree.args(selection).output().expect("cargo runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let table = table(&String::from_utf8_lossy(&output.stdout));
            assert!(table.contains("Apache-2.0") && !table.contains("none told"), "{what}:\n{table}");
        }
    }
}
