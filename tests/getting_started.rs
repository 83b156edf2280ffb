//! `docs/getting-started.md`: its program, built by plain cargo outside of the workspace, serves a real socket.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use wasyncio_tests::{command, connect, finish_within, spawn};

const TARGET: &str = "wasm32-wasip2";
/// How long cargo may take: it compiles some sixty crates, on a machine that does other things too.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}

/// The contents of the document's code blocks of a language, in order.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let parts = document.split(&format!("```{language}\n")).skip(1);
    parts.map(|part| part.split_once("```").expect("a block has an end").0.to_owned()).collect()
}

/// Whether rustc has the target; else says that the test is left out.
fn has_target() -> bool {
    let printed = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = printed.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let found = !folder.is_empty() && Path::new(&folder).is_dir();
    if !found {
        eprintln!("NOT RUN: the target {TARGET} is not installed; `rustup target add {TARGET}` gets it");
    }
    found
}

#[test]
fn the_program_is_built_by_plain_cargo_and_serves_linked_and_composed() {
    if !has_target() {
        return;
    }
    let document = fs::read_to_string(root().join("docs/getting-started.md")).expect("it is part of the sources");
    let (toml, rust) = (blocks(&document, "toml"), blocks(&document, "rust"));
    let [manifest, composed] = toml.as_slice() else { panic!("a manifest and a dependency, not {toml:#?}") };
    let [program] = rust.as_slice() else { panic!("one program, not {rust:#?}") };
    let linked = manifest.lines().find(|line| line.starts_with("asyncio = ")).expect("the dependency");

    let folder = tempfile::tempdir().expect("a temporary folder");
    symlink(root(), folder.path().join("wasyncio")).expect("a link beside the program");
    let project = folder.path().join("hello");
    fs::create_dir_all(project.join("src")).expect("a folder for the program");
    fs::write(project.join("src/lib.rs"), program).expect("writable");
    // The versions that the workspace has, which alone are sure to be there without a network.
    fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock")).expect("writable");
    for manifest in [manifest.clone(), manifest.replace(linked, composed.trim_end())] {
        fs::write(project.join("Cargo.toml"), manifest).expect("writable");
        builds(&project);
        serves(&project.join("target").join(TARGET).join("release/hello.wasm"));
    }
}

fn builds(project: &Path) {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(project).args(["build", "--offline", "--release", "--target", TARGET]);
    // What the calling cargo set is not what a newcomer has.
    for variable in
        ["CARGO_TARGET_DIR", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"]
    {
        cargo.env_remove(variable);
    }
    let finished = finish_within(BUILD_LIMIT, &mut cargo);
    assert!(finished.status.success(), "{}", finished.stderr);
}

fn serves(file: &Path) {
    let mut run = Command::new(command());
    let mut server = spawn(run.arg("run").arg(file).args(["--no-cache", "--allow-listen", "127.0.0.1:0", "--", "0"]));
    let mut peer = connect(server.address());
    peer.write_all(b"one\ntwo\n").expect("sent");
    peer.shutdown(Shutdown::Write).expect("connected");
    let mut answer = String::new();
    peer.read_to_string(&mut answer).expect("the server answers and ends");
    assert_eq!(answer, "one\ntwo\n");
}
