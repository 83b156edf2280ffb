//! A program in each language, on what a generator makes of `wit/`, runs on the component.
//!
//! All do the same. They connect to the port in their last argument and say there, in a line, which port their own server
//! has. They give the first line of one connection to that server back and close it. Then they send [`REPORT`], one part after the
//! other, and end.
//!
//! The world of the programs in Python and C, `program.wit`, has all interfaces. The one in Rust is `tests/guests/generated`, built
//! with the other guests; the other tests' guests are on generated bindings, too. JavaScript: see `types.rs`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use wasyncio_generator_tests::{WORLD, Wit, c_component, converse, finish, here, root, tools};

/// Lines of a reader that was fed by hand, the last one partial and then the end; a call that fails; and a failure that carries
/// data. The limit of the last reader and the number are the largest that there are.
const REPORT: &str = "\
    readline: [one\n] [two] []\n\
    create: value-error: Limit cannot be <= 0\n\
    readexactly: incomplete-read-error: [345] of 2147483647\n";

/// How long componentize-py may take: it starts a Python inside the sandbox and loads the program.
const COMPONENTIZE: Duration = Duration::from_secs(300);

#[test]
fn rust_by_wit_bindgen() {
    let program = root().join("dist/tests/generated.wasm");
    assert!(program.is_file(), "{} is missing: run `cargo xtask build`", program.display());
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(converse(&program, folder.path()), REPORT);
}

#[test]
fn c_by_wit_bindgen() {
    let Some(tools) = tools("c") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = c_component(&tools, folder.path());
    assert_eq!(converse(&program, folder.path()), REPORT);
}

#[test]
fn python_by_componentize_py() {
    let Some(tools) = tools("python") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wit = folder.path().join("wit.wasm");
    fs::write(&wit, Wit::parse().encoded()).expect("a temporary folder");
    let program = folder.path().join("python.wasm");
    let mut componentize = Command::new("python3");
    componentize.arg(tools.folder().join("bin/componentize-py")).env("PYTHONPATH", tools.folder());
    componentize.arg("-d").arg(&wit).args(["-w", WORLD, "componentize", "app", "-p"]);
    componentize.arg(here().join("programs/python")).arg("-o").arg(&program);
    finish(&mut componentize, COMPONENTIZE, folder.path());
    assert_eq!(converse(&program, folder.path()), REPORT);
}
