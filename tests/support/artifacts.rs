//! Where `cargo xtask build` leaves things.

use std::env;
use std::path::{Path, PathBuf};

use wasyncio_python::say;

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

/// Set by whoever wants the tests to pass where the stock command cannot be fetched.
const WITHOUT_STOCK: &str = "WASYNCIO_WITHOUT_STOCK_WASMTIME";

/// The stock wasmtime command, which `cargo xtask test` fetches. None, with a line that says so, if it is not there and the
/// variable `WASYNCIO_WITHOUT_STOCK_WASMTIME` is 1.
///
/// # Panics
/// If it is not there, without that variable.
pub fn stock_wasmtime() -> Option<PathBuf> {
    let path = root().join(".cache/wasmtime/wasmtime");
    if path.is_file() {
        return Some(path);
    }
    let shown = path.display();
    let leave = env::var_os(WITHOUT_STOCK).is_some_and(|value| value == "1");
    assert!(
        leave,
        "{shown} is not there: `cargo xtask test` fetches it from PyPI; {WITHOUT_STOCK}=1 leaves out what needs it"
    );
    say(&format!("NOT RUN, {WITHOUT_STOCK}=1: {shown} is not there"));
    None
}
