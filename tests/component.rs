//! What the component files are, apart from what they do.

use std::fs;

use wasyncio_tests::{dist, example};

fn imports(path: std::path::PathBuf) -> Vec<String> {
    wasyncio_host::imports(&fs::read(path).expect("the file was built")).expect("it is a component")
}

#[test]
fn the_component_imports_sockets_and_clocks_alone() {
    let imports = imports(dist("wasyncio.wasm"));
    assert!(!imports.is_empty());
    for import in imports {
        assert!(import.starts_with("wasi:sockets/") || import.starts_with("wasi:clocks/"), "imports {import}");
    }
}

#[test]
fn a_composed_example_imports_wasi_alone() {
    for import in imports(example("echo-server")) {
        assert!(import.starts_with("wasi:"), "imports {import}");
    }
}

#[test]
fn the_component_is_small() {
    let size = fs::metadata(dist("wasyncio.wasm")).expect("the file was built").len();
    assert!(size <= 300 * 1024, "{size} bytes; BENCHMARKS.md promises 300 KiB");
}
