//! The tools of the generators' tests (`tests/generators`), in the git-ignored `.cache/generators/LANGUAGE`: componentize-py from
//! PyPI, jco's generator of types from npm, and where clang and a linker for WebAssembly are.
//!
//! They are no dependencies: where one cannot be fetched, the tests of its language are left out, which is said and counted. In
//! CI (`CI=true`) that is an error.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::deadline::run_within;
use crate::toolchain;
use crate::workspace::{Workspace, announce};

/// Tells the tests which languages are left out.
pub(crate) const WITHOUT: &str = "WASYNCIO_WITHOUT_GENERATORS";

/// How long a download may take.
const LIMIT: Duration = Duration::from_secs(180);
/// How long the compiler may take for an empty program.
const PROBE_LIMIT: Duration = Duration::from_secs(30);
/// Names, in a folder, what was fetched into it. The tests look for it.
const FETCHED: &str = "fetched.txt";

/// A language whose tool is a package.
struct Package {
    language: &'static str,
    requirement: &'static str,
    /// Fetches the requirement into a folder.
    install: fn(&str, &Path) -> Command,
}

const PACKAGES: [Package; 2] = [
    Package { language: "python", requirement: "componentize-py==0.25.1", install: pip },
    // Beside it, `jco` itself brings whole engines along.
    Package { language: "javascript", requirement: "@bytecodealliance/jco-transpile@0.15.0", install: npm },
];

/// Fetches what is missing, and gives the languages for which that failed.
pub(crate) fn fetch(workspace: &Workspace) -> Result<Vec<&'static str>> {
    let cache = workspace.root().join(".cache/generators");
    let mut results = vec![("c", record_c(&cache.join("c")))];
    results.extend(PACKAGES.iter().map(|package| (package.language, fetch_package(package, &cache))));
    let mut left_out = Vec::new();
    for (language, result) in results {
        let Err(reason) = result else { continue };
        if env::var_os("CI").is_some_and(|value| value == "true") {
            return Err(format!("the tool of the generators' test in {language} is missing: {reason}").into());
        }
        eprintln!("    LEFT OUT: the generators' test in {language}: {reason}");
        left_out.push(language);
    }
    Ok(left_out)
}

/// Where componentize-py is; it is fetched if it is not there.
pub(crate) fn python(workspace: &Workspace) -> std::result::Result<PathBuf, String> {
    let cache = workspace.root().join(".cache/generators");
    let [package, _] = &PACKAGES;
    fetch_package(package, &cache)?;
    Ok(cache.join(package.language))
}

/// Fetches a package, unless it is there.
fn fetch_package(package: &Package, cache: &Path) -> std::result::Result<(), String> {
    let folder = cache.join(package.language);
    if fs::read_to_string(folder.join(FETCHED)).is_ok_and(|fetched| fetched == package.requirement) {
        return Ok(());
    }
    announce(&format!("fetching {} into .cache/", package.requirement));
    let cannot = |error| format!("cannot write to {}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(cannot)?;
    }
    fs::create_dir_all(&folder).map_err(cannot)?;
    run_within(LIMIT, &mut (package.install)(package.requirement, &folder))?;
    // Last of all: what has it is complete.
    fs::write(folder.join(FETCHED), package.requirement).map_err(cannot)
}

fn pip(requirement: &str, folder: &Path) -> Command {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--retries=1", "--target"]);
    // Whoever is root here is so in a container, and is not to be warned of it.
    pip.env("PIP_ROOT_USER_ACTION", "ignore").arg(folder).arg(requirement);
    pip
}

fn npm(requirement: &str, folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix"]);
    npm.arg(folder).arg(requirement);
    npm
}

/// Writes down where clang and the linker are, in files named for them; installs what is missing where it can.
fn record_c(folder: &Path) -> std::result::Result<(), String> {
    let find = || (clang(), toolchain::active_linker());
    let (mut clang, mut linker) = find();
    let missing =
        [("clang", clang.is_none()), ("lld", linker.is_none())].into_iter().filter_map(|(name, is)| is.then_some(name));
    let missing = missing.collect::<Vec<_>>();
    if !missing.is_empty() {
        toolchain::install_debian_packages(&missing)
            .map_err(|reason| format!("{} cannot be installed: {reason}", missing.join(" and ")))?;
        (clang, linker) = find();
    }
    let clang = clang.ok_or("clang cannot compile for WebAssembly")?;
    let linker = linker.ok_or("there is no linker for WebAssembly")?;
    let cannot = |error| format!("cannot write to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(cannot)?;
    for (name, program) in [("clang", clang), ("wasm-ld", linker)] {
        fs::write(folder.join(name), program.to_string_lossy().as_bytes()).map_err(cannot)?;
    }
    fs::write(folder.join(FETCHED), "clang and wasm-ld").map_err(cannot)
}

/// The clang on the path, if it compiles for WebAssembly: not every vendor's does.
fn clang() -> Option<PathBuf> {
    let clang = toolchain::on_path("clang")?;
    let mut probe = Command::new(&clang);
    probe.args(["--target=wasm32-unknown-unknown", "-fsyntax-only", "-x", "c", "/dev/null"]);
    run_within(PROBE_LIMIT, &mut probe).is_ok().then_some(clang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_fetched_is_fetched_again_only_for_another_requirement() {
        let cache = env::temp_dir().join(format!("xtask-generators-{}", std::process::id()));
        let package = |requirement, program| Package {
            language: "test",
            requirement,
            install: if program { |_, folder: &Path| touch(folder) } else { |_, _: &Path| Command::new("false") },
        };
        fetch_package(&package("tool==1", false), &cache).unwrap_err();
        fetch_package(&package("tool==1", true), &cache).unwrap();
        assert!(cache.join("test/tool").is_file());
        fetch_package(&package("tool==1", false), &cache).unwrap();
        fetch_package(&package("tool==2", false), &cache).unwrap_err();
        fetch_package(&package("tool==2", true), &cache).unwrap();
        fs::remove_dir_all(cache).unwrap();
    }

    fn touch(folder: &Path) -> Command {
        let mut touch = Command::new("touch");
        touch.arg(folder.join("tool"));
        touch
    }
}
