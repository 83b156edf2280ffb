//! Finds, or installs, what compiles for [`TARGET`].
//!
//! In this order:
//! 1. the active toolchain, when it has the target;
//! 2. Debian's compiler and the standard library's source, when both are there;
//! 3. the active toolchain, after `rustup target add`;
//! 4. Debian's packages, installed with `apt-get`;
//! 5. an error with the commands to type.
//!
//! With Debian's compiler the standard library is built from its source, because the package holds no build of it
//! for the target. Its linker, `rust-lld`, comes from the rustup toolchain.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::deadline::run_within;
use crate::workspace::announce;

/// What the components are compiled for; they become components afterwards.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler, wherever the active one is.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// The packages with that compiler and the standard library's source.
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
/// How long `rustup` may take: without a network it may hang.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);
/// How long each call of `apt-get` may take.
const APT_LIMIT: Duration = Duration::from_secs(600);

/// How to compile for [`TARGET`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The active toolchain, which has the target.
    Active,
    /// A compiler that builds the standard library too.
    FromSource {
        /// The compiler.
        rustc: PathBuf,
        /// The standard library's source, of the same version.
        source: PathBuf,
        /// The linker.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Finds the toolchain, or installs it.
    pub(crate) fn find() -> Result<Self> {
        let active = active();
        if let Some(found) = Self::present(&active) {
            return Ok(found);
        }
        announce(&format!("installing the target {TARGET} with rustup"));
        let rustup = run_within(RUSTUP_LIMIT, Command::new("rustup").args(["target", "add", TARGET]));
        if let Some(found) = Self::present(&active) {
            return Ok(found);
        }
        let rustup = rustup.err().unwrap_or_else(|| "it serves another toolchain than the active one".to_owned());
        eprintln!("    not with rustup: {rustup}");
        let without_linker = linker(&active).is_none();
        let packages = DEBIAN_PACKAGES.into_iter().chain(without_linker.then_some("lld")).collect::<Vec<_>>();
        let debian = install_debian_packages(&packages);
        if let Some(found) = Self::present(&active) {
            return Ok(found);
        }
        let debian = debian.err().unwrap_or_else(|| "what it installed does not fit together".to_owned());
        Err(advice(&rustup, &debian).into())
    }

    /// What is there already, if anything.
    fn present(active: &OsStr) -> Option<Self> {
        let compiler = Compiler::ask(active)?;
        if compiler.target_libraries.is_dir() {
            return Some(Self::Active);
        }
        let debian = Compiler::ask(OsStr::new(DEBIAN_RUSTC))?;
        let source = debian.source_of(&release(OsStr::new(DEBIAN_RUSTC))?)?;
        Some(Self::FromSource { rustc: PathBuf::from(DEBIAN_RUSTC), source, linker: linker(active)? })
    }

    /// Makes a call of cargo compile for [`TARGET`]. Debug information and panic messages name no path of this
    /// machine: `remap` tells what the folders are called instead.
    pub(crate) fn apply(&self, cargo: &mut Command, remap: &[(PathBuf, &str)]) {
        let mut flags = vec![OsString::from("-Ctarget-feature=+simd128")];
        let mut rename = |from: &Path, to: &str| {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(from);
            flag.push("=");
            flag.push(to);
            flags.push(flag);
        };
        for (from, to) in remap {
            rename(from, to);
        }
        cargo.args(["--target", TARGET]);
        if let Self::FromSource { rustc, source, linker } = self {
            rename(source, "/rust");
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", rustc)
                // The packaged compiler and cargo are stable ones, which know `-Z` only so.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        // This form wins over RUSTFLAGS from the environment and may hold spaces.
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join(OsStr::new("\x1f")));
    }
}

/// What a compiler says about itself.
#[derive(Debug, PartialEq, Eq)]
struct Compiler {
    /// The platform it runs on.
    host: String,
    /// Where its libraries are.
    sysroot: PathBuf,
    /// Where the standard library for [`TARGET`] is, if it is installed.
    target_libraries: PathBuf,
}

impl Compiler {
    /// Asks `rustc`; `None` where it cannot be run, or is too old to answer.
    fn ask(rustc: &OsStr) -> Option<Self> {
        let prints = ["host-tuple", "sysroot", "target-libdir"].map(|what| format!("--print={what}"));
        Self::parse(&answer(Command::new(rustc).args(prints).args(["--target", TARGET]))?)
    }

    fn parse(answer: &str) -> Option<Self> {
        let mut lines = answer.lines();
        Some(Self {
            host: lines.next()?.to_owned(),
            sysroot: PathBuf::from(lines.next()?),
            target_libraries: PathBuf::from(lines.next()?),
        })
    }

    /// The standard library's source, when it is installed, is that of `release` and is new enough for this workspace.
    fn source_of(&self, release: &str) -> Option<PathBuf> {
        if version(release) < version(env!("CARGO_PKG_RUST_VERSION")) {
            return None;
        }
        // Debian installs /usr/lib/rustlib/src/rust as a link to /usr/src/rustc-VERSION.
        let source = self.sysroot.join("lib/rustlib/src/rust");
        let is_ours = fs::canonicalize(&source).ok()?.file_name()?.to_str()? == format!("rustc-{release}");
        (is_ours && source.join("library/std/Cargo.toml").is_file()).then_some(source)
    }
}

/// The version of `rustc`, such as `1.96.0`.
fn release(rustc: &OsStr) -> Option<String> {
    Some(answer(Command::new(rustc).arg("-V"))?.split_whitespace().nth(1)?.to_owned())
}

/// What `command` prints, if it succeeds.
fn answer(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// The major and minor number of a version such as `1.96.0`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// A linker for WebAssembly: the one that the active toolchain carries, else one on the path.
fn linker(active: &OsStr) -> Option<PathBuf> {
    let carried = Compiler::ask(active)
        .map(|compiler| compiler.sysroot.join("lib/rustlib").join(compiler.host).join("bin/rust-lld"));
    carried.filter(|linker| linker.is_file()).or_else(|| on_path("rust-lld")).or_else(|| on_path("wasm-ld"))
}

/// A linker for WebAssembly, with the active toolchain.
pub(crate) fn active_linker() -> Option<PathBuf> {
    linker(&active())
}

/// A program on the path.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

/// The active compiler.
fn active() -> OsString {
    env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"))
}

/// Installs Debian's packages of these names, or says why not.
pub(crate) fn install_debian_packages(packages: &[&str]) -> std::result::Result<(), String> {
    if !Path::new("/etc/debian_version").exists() {
        return Err("this is not a Debian system".to_owned());
    }
    let user = Command::new("id").arg("-u").output().map_err(|error| format!("id cannot be started: {error}"))?;
    if user.stdout.trim_ascii() != b"0" {
        return Err("only root can install packages".to_owned());
    }
    announce(&format!("installing Debian's packages {} with apt-get", packages.join(" ")));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run_within(APT_LIMIT, apt().args(["update", "-q"]))?;
    run_within(APT_LIMIT, apt().args(["install", "-q", "-y", "--no-install-recommends"]).args(packages))
}

/// What the user can do where nothing could be installed, and why not.
fn advice(rustup: &str, debian: &str) -> String {
    format!(
        "no compiler for {TARGET} was found or could be installed.\n\
         \x20 with rustup: {rustup}\n\
         \x20 with apt-get: {debian}\n\
         Type one of these, then call this command again:\n\
         \x20 rustup target add {TARGET}\n\
         \x20 sudo apt-get update && sudo apt-get install -y --no-install-recommends {}\n\
         The second is for Debian without access to rustup's server; it also needs rust-lld, which rustup's toolchains \
         carry, or wasm-ld from the package lld.",
        DEBIAN_PACKAGES.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiler_answer_is_understood() {
        let expected = Compiler {
            host: "x86_64-unknown-linux-gnu".to_owned(),
            sysroot: PathBuf::from("/usr"),
            target_libraries: PathBuf::from("/usr/lib/rustlib/wasm32-unknown-unknown/lib"),
        };
        let answer = "x86_64-unknown-linux-gnu\n/usr\n/usr/lib/rustlib/wasm32-unknown-unknown/lib\n";
        assert_eq!(Compiler::parse(answer), Some(expected));
        assert_eq!(Compiler::parse("x86_64-unknown-linux-gnu\n"), None);
    }

    #[test]
    fn the_active_compiler_answers() {
        let compiler = Compiler::ask(OsStr::new("rustc")).unwrap();
        assert!(compiler.sysroot.is_dir(), "{compiler:?}");
        assert!(compiler.target_libraries.ends_with("lib/rustlib/wasm32-unknown-unknown/lib"), "{compiler:?}");
        assert!(version(&release(OsStr::new("rustc")).unwrap()) >= version(env!("CARGO_PKG_RUST_VERSION")));
    }

    #[test]
    fn missing_compiler_is_passed_over() {
        assert_eq!(Compiler::ask(OsStr::new("no-such-rustc")), None);
    }

    #[test]
    fn source_counts_only_with_the_same_and_a_new_enough_version() {
        let sysroot = env::temp_dir().join(format!("xtask-sysroot-{}", std::process::id()));
        let source = sysroot.join("lib/rustlib/src/rust");
        let compiler = Compiler { host: String::new(), sysroot: sysroot.clone(), target_libraries: PathBuf::new() };
        assert_eq!(compiler.source_of("1.96.0"), None);
        let real = sysroot.join("src/rustc-1.96.0");
        fs::create_dir_all(real.join("library/std")).unwrap();
        fs::write(real.join("library/std/Cargo.toml"), "").unwrap();
        fs::create_dir_all(source.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&real, &source).unwrap();
        assert_eq!(compiler.source_of("1.96.0"), Some(source));
        assert_eq!(compiler.source_of("1.97.0"), None);
        assert_eq!(compiler.source_of("1.63.0"), None);
        fs::remove_dir_all(sysroot).unwrap();
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(version("1.100.0") > version("1.95"));
        assert!(version("1.63.0") < version("1.95"));
        assert!(version("nonsense") < version("1.95"));
    }

    #[test]
    fn advice_has_the_commands_to_type() {
        let text = advice("it is not installed", "this is not a Debian system");
        assert!(text.contains("\n  rustup target add wasm32-unknown-unknown\n"), "{text}");
        assert!(text.contains("install -y --no-install-recommends rustc-web rust-web-src\n"), "{text}");
    }
}
