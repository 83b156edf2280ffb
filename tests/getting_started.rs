//! `docs/getting-started.md`: its program, built by plain cargo outside of the workspace, serves a real socket.

mod outside;

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use wasyncio_tests::{command, connect, spawn};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}

/// The contents of the document's code blocks of a language, in order.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = document.split(&fence).skip(1);
    parts.map(|part| part.split_once("```").expect("a block has an end").0.to_owned()).collect()
}

#[test]
fn the_program_is_built_by_plain_cargo_and_serves_linked_and_composed() {
    if !outside::has_target() {
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
    for manifest in [manifest.clone(), manifest.replace(linked, composed.trim_end())] {
        fs::write(project.join("Cargo.toml"), manifest).expect("writable");
        serves(&outside::build(&project, "hello"));
    }
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
