//! Takes `wasyncio.wasm`, the component that provides `wasyncio:streams`, into the host.
//!
//! The file is built by `cargo xtask build`, for another target and after this crate may already have been
//! built once, so it may be missing: then the host builds without it and says so when a program needs it.
//! `WASYNCIO_COMPONENT` names another file; naming one that is not there is an error.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=WASYNCIO_COMPONENT");
    println!("cargo::rustc-check-cfg=cfg(wasyncio_embedded)");

    let named = env::var_os("WASYNCIO_COMPONENT").map(PathBuf::from);
    let source = match &named {
        Some(path) => path.clone(),
        None => Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"))
            .join("../dist/wasyncio.wasm"),
    };
    // Cargo takes a missing file for a changed one: this script runs again until the file is there, and after
    // that only when the file is newer.
    println!("cargo::rerun-if-changed={}", source.display());

    let copy = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("wasyncio.wasm");
    match fs::copy(&source, &copy) {
        Ok(_) => println!("cargo::rustc-cfg=wasyncio_embedded"),
        Err(error) => {
            if named.is_some() {
                println!("cargo::error=cannot read {}, which WASYNCIO_COMPONENT names: {error}", source.display());
            }
        }
    }
}
