//! Takes `wasyncio.wasm` and `wasyncio-full.wasm`, the components that provide `wasyncio:streams`, into the host.
//!
//! The files are built by `cargo xtask build`, for another target and after this crate may already have been
//! built once, so they may be missing: then the host builds without them and says so when a program needs one.
//! `WASYNCIO_COMPONENT` names another file for the first; naming one that is not there is an error.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=WASYNCIO_COMPONENT");
    let dist = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR")).join("../dist");
    let named = env::var_os("WASYNCIO_COMPONENT").map(PathBuf::from);
    embed(
        "wasyncio_embedded",
        named.as_deref().unwrap_or(&dist.join("wasyncio.wasm")),
        named.is_some(),
        "wasyncio.wasm",
    );
    embed("wasyncio_embedded_full", &dist.join("wasyncio-full.wasm"), false, "wasyncio-full.wasm");
}

/// Sets the flag `flag` if `source` could be copied to where it is included from.
fn embed(flag: &str, source: &Path, required: bool, name: &str) {
    println!("cargo::rustc-check-cfg=cfg({flag})");
    // Cargo takes a missing file for a changed one: this script runs again until the file is there, and after
    // that only when the file is newer.
    println!("cargo::rerun-if-changed={}", source.display());
    let copy = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join(name);
    match fs::copy(source, &copy) {
        Ok(_) => println!("cargo::rustc-cfg={flag}"),
        Err(error) => {
            if required {
                println!("cargo::error=cannot read {}, which WASYNCIO_COMPONENT names: {error}", source.display());
            }
        }
    }
}
