//! Compiled code: what is kept of it between runs, and what is made ahead of time.

#[path = "../../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::component;

/// A folder with a program in it, and a cache.
struct Fixture(tempfile::TempDir);

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Something to compile: wasmtime has metadata, code and data of it.
        let work = "(local $i i64) (loop $again \
                    (local.set $i (i64.add (local.get $i) (i64.const 3))) \
                    (br_if $again (i64.lt_u (local.get $i) (i64.const 1000))))";
        fs::write(folder.path().join("app.wasm"), component(&format!("{work} (i32.const 0)"))).expect("it is ours");
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command, with all caches in the folder.
    fn wasyncio(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasyncio"));
        command.current_dir(self.0.path()).env("XDG_CACHE_HOME", self.at("caches")).args(arguments);
        command.output().expect("it starts")
    }

    /// Runs the command, which must succeed and say nothing.
    fn succeeds(&self, arguments: &[&str]) {
        let output = self.wasyncio(arguments);
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {}", text(&output));
    }

    /// Runs the command, which must fail with this code; what it says on one line.
    fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.wasyncio(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output));
        text(&output)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The largest file anywhere in a folder: compiled code.
fn largest(folder: &Path) -> PathBuf {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for item in fs::read_dir(folder).expect("a folder") {
            let path = item.expect("it is read").path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    files(folder, &mut found);
    found.into_iter().max_by_key(|path| fs::metadata(path).map_or(0, |file| file.len())).expect("there is a file")
}

#[test]
fn a_flipped_bit_in_the_users_cache_changes_nothing() {
    let fixture = Fixture::new();
    fixture.succeeds(&["run", "app.wasm"]);
    let entry = largest(&fixture.at("caches"));
    let good = fs::read(&entry).expect("it was written");
    // Sixty places all over the file.
    for round in 0..60 {
        let bit = (round * good.len() / 60) * 8 + round % 8;
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&entry, &bad).expect("it is ours");
        let output = fixture.wasyncio(&["run", "app.wasm"]);
        assert!(output.status.success(), "bit {bit}: {}: {}", output.status, text(&output));
        assert!(text(&output).contains("is deleted, and made again"), "bit {bit}: {}", text(&output));
        assert_ne!(fs::read(&entry).expect("it was made again"), bad, "bit {bit}");
    }
    fixture.succeeds(&["run", "app.wasm"]);
}

#[test]
fn a_cache_is_where_the_flag_says_or_nowhere() {
    let fixture = Fixture::new();
    fixture.succeeds(&["run", "--no-cache", "app.wasm"]);
    assert!(!fixture.at("caches/wasyncio").exists());
    fixture.succeeds(&["run", "--cache", "mine", "app.wasm"]);
    assert!(!fixture.at("caches/wasyncio").exists());
    assert_eq!(fs::read_dir(fixture.at("mine")).expect("it was made").count(), 2);
    let text = fixture.fails(120, &["run", "--cache", "mine", "--no-cache", "app.wasm"]);
    assert!(text.contains("cannot be used with"), "{text}");
}

#[test]
#[cfg(unix)]
fn a_cache_that_others_can_write_is_refused_and_told() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let fixture = Fixture::new();
    fixture.succeeds(&["run", "app.wasm"]);
    let cache = fixture.at("caches/wasyncio");
    fs::set_permissions(&cache, PermissionsExt::from_mode(0o777)).expect("it is ours");
    let text_of = fixture.fails(121, &["run", "--cache", "caches/wasyncio", "app.wasm"]);
    let expected = "cannot keep compiled code in caches/wasyncio: others can write there (mode 777); `chmod 700` it\n";
    assert!(text_of.ends_with(expected), "{text_of}");
    // What nobody named is only passed over.
    let output = fixture.wasyncio(&["run", "app.wasm"]);
    assert!(output.status.success() && text(&output).contains("others can write there"), "{}", text(&output));

    fs::set_permissions(&cache, PermissionsExt::from_mode(0o700)).expect("it is ours");
    symlink(&cache, fixture.at("link")).expect("it is ours");
    let text = fixture.fails(121, &["run", "--cache", "link", "app.wasm"]);
    assert!(text.contains("it is a symbolic link"), "{text}");
}

#[test]
fn compiled_code_runs_only_on_request() {
    let fixture = Fixture::new();
    fixture.succeeds(&["compile", "app.wasm", "-o", "app.cwasm", "--no-cache"]);
    let text = fixture.fails(121, &["run", "app.cwasm"]);
    assert!(text.contains("app.cwasm is compiled code") && text.contains("--allow-precompiled"), "{text}");
    fixture.succeeds(&["run", "--allow-precompiled", "--no-cache", "app.cwasm"]);
    // The flag allows it, and does not ask for it.
    fixture.succeeds(&["run", "--allow-precompiled", "app.wasm"]);
    // By another name it is the same.
    fs::copy(fixture.at("app.cwasm"), fixture.at("innocent.wasm")).expect("it is ours");
    assert!(fixture.fails(121, &["run", "innocent.wasm"]).contains("is compiled code"));
    assert!(fixture.fails(1, &["compose", "innocent.wasm", "-o", "out.wasm"]).contains("not a WebAssembly component"));
}

#[test]
fn damaged_compiled_code_does_not_run() {
    let fixture = Fixture::new();
    fixture.succeeds(&["compile", "app.wasm", "-o", "app.cwasm"]);
    let good = fs::read(fixture.at("app.cwasm")).expect("it was written");
    for round in 0..20 {
        let bit = (round * good.len() / 20) * 8 + round % 8;
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(fixture.at("app.cwasm"), &bad).expect("it is ours");
        fixture.fails(121, &["run", "--allow-precompiled", "app.cwasm"]);
    }
    fs::write(fixture.at("app.cwasm"), &good[..good.len() - 1]).expect("it is ours");
    let text = fixture.fails(121, &["run", "--allow-precompiled", "app.cwasm"]);
    assert!(text.contains("it is damaged"), "{text}");
}

#[test]
fn what_decides_about_the_program_is_not_granted_for_writing() {
    let fixture = Fixture::new();
    for folder in ["data", "policies", "program"] {
        fs::create_dir(fixture.at(folder)).expect("it is ours");
    }
    fs::rename(fixture.at("app.wasm"), fixture.at("program/app.wasm")).expect("it is ours");
    fs::write(fixture.at("policies/p.toml"), "").expect("it is ours");
    let run = |directory: &str| {
        let flags = ["run", "--cache", "mine", "--policy", "policies/p.toml", "--dir", directory, "program/app.wasm"];
        fixture.wasyncio(&flags)
    };
    let output = run("data::/data:rw");
    assert!(output.status.success(), "{}", text(&output));
    for (directory, within) in [
        (".", "program/app.wasm"),
        ("program", "program/app.wasm"),
        ("policies", "policies/p.toml"),
        ("mine", "mine"),
        ("data/../program", "program/app.wasm"),
    ] {
        let output = run(&format!("{directory}::/data:rw"));
        let expected = format!("{directory} cannot be granted for writing: with {within} in it");
        assert_eq!(output.status.code(), Some(121), "{directory}");
        assert!(text(&output).contains(&expected), "{directory}: {}", text(&output));
        // To read it is no danger.
        assert!(run(&format!("{directory}::/data")).status.success(), "{directory}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("program", fixture.at("link")).expect("it is ours");
        assert!(text(&run("link::/data:rw")).contains("with program/app.wasm in it"));
    }
    // In a policy file, where it is from the file's folder.
    fs::write(fixture.at("policies/p.toml"), "dir = ['../program::/data:rw']").expect("it is ours");
    let output = run("data::/other");
    assert!(text(&output).contains("with program/app.wasm in it"), "{}", text(&output));
}
