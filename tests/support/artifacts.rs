//! Where `cargo xtask build` leaves things.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}

fn present(path: PathBuf) -> PathBuf {
    assert!(
        path.is_file(),
        "{} is missing: run `cargo xtask build`, or the tests by `cargo xtask test`",
        path.display()
    );
    path
}

/// A file of `dist/`.
pub fn dist(name: &str) -> PathBuf {
    present(root().join("dist").join(name))
}

/// A composed example.
pub fn example(name: &str) -> PathBuf {
    dist(&format!("examples/{name}.wasm"))
}

/// An example as it was built, before it was composed.
pub fn app(name: &str) -> PathBuf {
    present(root().join(format!("target/wasm/apps/{name}.wasm")))
}

/// The command `wasyncio`.
pub fn command() -> PathBuf {
    present(root().join("target/release/wasyncio"))
}

/// The stock wasmtime command, if `cargo xtask test` could fetch it. Prints why the caller's test is skipped otherwise.
pub fn stock_wasmtime() -> Option<PathBuf> {
    let path = root().join(".cache/wasmtime/wasmtime");
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there; `cargo xtask test` fetches it where PyPI can be reached", path.display());
    None
}
