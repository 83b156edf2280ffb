//! `wit/` as a package: `wkg.toml` has what `wkg wit build` needs, without any registry.

use std::fs;
use std::path::Path;
use std::process::Command;

use wasyncio_tests::finish;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}

#[test]
fn wkg_is_told_where_each_package_is_that_the_wit_uses() {
    let manifest = fs::read_to_string(root().join("wkg.toml")).expect("it is part of the sources");
    let folders = fs::read_dir(root().join("wit/deps")).expect("every build lays it there");
    let mut told = Vec::new();
    for folder in folders {
        let name = folder.expect("readable").file_name().into_string().expect("UTF-8");
        let (package, _version) = name.rsplit_once('-').expect("PACKAGE-VERSION");
        told.push(format!("\"{}\" = {{ path = \"wit/deps/{name}\" }}", package.replacen('-', ":", 1)));
    }
    told.sort();
    let overrides: Vec<_> = manifest.lines().filter(|line| line.contains("path = ")).collect();
    assert_eq!(overrides, told, "an override for each folder of wit/deps, in wkg.toml");
}

#[test]
fn wkg_builds_the_package() {
    if Command::new("wkg").arg("--version").output().is_err() {
        eprintln!("skipped: wkg is not in the PATH; `cargo install wkg` gets it");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("streams.wasm");
    let mut wkg = Command::new("wkg");
    wkg.current_dir(root()).args(["wit", "build", "--output"]).arg(&out).arg("--cache").arg(folder.path());
    let finished = finish(&mut wkg);
    assert!(finished.status.success(), "{}", finished.stderr);
    wasyncio_host::imports(&fs::read(out).expect("it was written")).expect("a WIT package is a component");
}
