//! `wasyncio python`, with a component that stands in for the interpreter: what it is given of this machine, and what not.
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wasyncio_tests::{Finished, command, dist, finish, signal, spawn};

/// A folder `app` with the script `main.py`, and a secret beside it; links resolved.
struct Folder {
    _kept: tempfile::TempDir,
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let kept = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let path = kept.path().canonicalize().expect("it is there");
        fs::create_dir(path.join("app")).expect("the folder is ours");
        fs::write(path.join("app/main.py"), "the script").expect("the folder is ours");
        fs::write(path.join("secret"), "secret").expect("the folder is ours");
        Self { _kept: kept, path }
    }

    /// The command, here. A link: a copy is busy while another test starts a process.
    fn command(&self) -> PathBuf {
        let here = self.path.join("wasyncio");
        fs::hard_link(command(), &here).expect("it is on the file system of the build");
        here
    }

    fn name(&self, file: &str) -> String {
        self.path.join(file).display().to_string()
    }
}

/// The command with the stand-in, in this folder.
fn python(folder: &Path, words: &[&str]) -> Command {
    let mut python = Command::new(command());
    python.current_dir(folder).env("WASYNCIO_PYTHON", dist("tests/interpreter.wasm")).arg("python").args(words);
    python
}

fn run(folder: &Folder, words: &[&str]) -> Finished {
    finish(&mut python(&folder.path, words))
}

/// What the program printed, line by line.
fn printed(folder: &Folder, words: &[&str]) -> Vec<String> {
    let finished = run(folder, words);
    assert!(finished.status.success(), "{}", finished.stderr);
    finished.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_script_is_given_its_path_and_the_arguments_behind_it() {
    let folder = Folder::new();
    let lines = printed(&folder, &["--env", "A=b", "app/main.py", "--env", "C=d", "--", "-c"]);
    let script = folder.name("app/main.py");
    assert_eq!(lines[0], format!("arguments: {:?}", [script.as_str(), "--env", "C=d", "--", "-c"]));
    assert_eq!(lines[1], r#"environment: [("A", "b")]"#);
    assert_eq!(lines[2], format!("directories: {:?}", [folder.name("app")]));
}

#[test]
fn a_script_reads_its_directory_and_nothing_else() {
    let folder = Folder::new();
    let (script, new, beside) = (folder.name("app/main.py"), folder.name("app/new"), folder.name("secret"));
    let up = folder.name("app/../secret");
    let words =
        ["app/main.py", "read", &script, "write", &script, "write", &new, "read", &beside, "read", &up, "write", &up];
    let lines = printed(&folder, &words);
    assert_eq!(lines[3], "read: the script");
    assert!(lines[4].starts_with("write: ErrorCode::"), "{lines:?}");
    assert!(lines[5].starts_with("write: ErrorCode::"), "{lines:?}");
    assert_eq!(lines[6], "read: in no directory");
    assert!(lines[7].starts_with("read: ErrorCode::"), "{lines:?}");
    assert!(lines[8].starts_with("write: ErrorCode::"), "{lines:?}");
    assert!(!folder.path.join("app/new").exists());
}

#[test]
fn a_link_to_a_script_leads_to_the_scripts_directory() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("app/main.py", folder.path.join("link.py")).expect("the folder is ours");
    let lines = printed(&folder, &["link.py"]);
    assert_eq!(lines[0], format!("arguments: {:?}", [folder.name("app/main.py")]));
    assert_eq!(lines[2], format!("directories: {:?}", [folder.name("app")]));
}

#[test]
fn what_needs_no_script_is_given_no_directory() {
    let folder = Folder::new();
    for words in [&["-c", "print(1)", "-x"][..], &["-m", "a.b", "--dir", "/"], &["-", "-c"]] {
        let lines = printed(&folder, words);
        assert_eq!(lines[0], format!("arguments: {words:?}"));
        assert_eq!(lines[2], "directories: []");
    }
}

#[test]
fn standard_input_is_the_programs() {
    let folder = Folder::new();
    let mut child = python(&folder.path, &["-", "input"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(b"print(1)").expect("it reads");
    let output = child.wait_with_output().expect("the child is ours");
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("input: print(1)\n"), "{output:?}");
}

#[test]
fn packages_are_read_from_a_folder_and_from_a_virtual_environment() {
    let folder = Folder::new();
    let (packages, below) = (folder.path.join("packages"), folder.path.join("venv/lib/python3.14/site-packages"));
    fs::create_dir(&packages).expect("the folder is ours");
    fs::create_dir_all(&below).expect("the folder is ours");
    fs::write(folder.path.join("venv/pyvenv.cfg"), "").expect("the folder is ours");
    fs::write(below.join("a.py"), "a package").expect("the folder is ours");
    let module = below.join("a.py").display().to_string();
    let flags = [
        "--site",
        "packages",
        "--site",
        "venv",
        "--env",
        "PYTHONPATH=/mine",
        "-c",
        "",
        "read",
        &module,
        "write",
        &module,
    ];
    let lines = printed(&folder, &flags);
    let (packages, below) = (packages.display().to_string(), below.display().to_string());
    assert_eq!(lines[1], format!("environment: [(\"PYTHONPATH\", \"{packages}:{below}:/mine\")]"));
    assert_eq!(lines[2], format!("directories: {:?}", [packages, below]));
    assert_eq!(lines[3], "read: a package");
    assert!(lines[4].starts_with("write: ErrorCode::"), "{lines:?}");

    let finished = run(&folder, &["--site", "none", "-c", ""]);
    assert_eq!(finished.status.code(), Some(121), "{}", finished.stderr);
    assert!(finished.stderr.contains("cannot let the program use none"), "{}", finished.stderr);
}

#[test]
fn a_directory_that_the_operator_granted_for_writing_stays_so() {
    let folder = Folder::new();
    let grant = format!("app::{}:rw", folder.name("app"));
    let lines = printed(&folder, &["--dir", &grant, "app/main.py", "write", &folder.name("app/new")]);
    assert_eq!(lines[2..], [format!("directories: {:?}", [folder.name("app")]), "write: opened".to_owned()]);
}

#[test]
fn arguments_and_grants_of_a_policy_file_are_the_programs() {
    let folder = Folder::new();
    fs::write(folder.path.join("policy.toml"), "args = ['first']\nenv = { A = 'b' }").expect("the folder is ours");
    let lines = printed(&folder, &["--policy", "policy.toml", "app/main.py", "second"]);
    assert_eq!(lines[0], format!("arguments: {:?}", [&folder.name("app/main.py"), "first", "second"]));
    assert_eq!(lines[1], r#"environment: [("A", "b")]"#);
}

#[test]
fn a_script_that_cannot_be_read_is_told_as_cpython_tells_it() {
    let folder = Folder::new();
    for (script, reason) in [
        ("no.py", "[Errno 2] No such file or directory\n"),
        ("app", "is a directory"),
        ("/dev/null", "no regular file"),
    ] {
        let finished = run(&folder, &[script]);
        assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
        let message = format!("wasyncio: can't open file '{}': ", folder.path.join(script).display());
        assert!(finished.stderr.starts_with(&message) && finished.stderr.contains(reason), "{}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    }
}

#[test]
fn an_interpreter_that_is_not_there_is_told_with_how_to_make_it() {
    let folder = Folder::new();
    let alone = folder.command();
    let finished = finish(
        Command::new(alone).current_dir(&folder.path).env_remove("WASYNCIO_PYTHON").args(["python", "app/main.py"]),
    );
    assert_eq!(finished.status.code(), Some(121), "{}", finished.stderr);
    assert!(finished.stderr.contains("cargo xtask python"), "{}", finished.stderr);
    assert_eq!(run(&folder, &["--python", "no.wasm", "app/main.py"]).status.code(), Some(121));
}

#[test]
fn an_interpreter_is_found_beside_the_command_and_in_dist() {
    let folder = Folder::new();
    let alone = folder.command();
    fs::create_dir(folder.path.join("dist")).expect("the folder is ours");
    for place in ["dist/python.wasm", "python.wasm"] {
        fs::copy(dist("tests/interpreter.wasm"), folder.path.join(place)).expect("the folder is ours");
        let mut python = Command::new(&alone);
        let finished =
            finish(python.current_dir(&folder.path).env_remove("WASYNCIO_PYTHON").args(["python", "-c", "x"]));
        assert!(finished.stdout.starts_with("arguments: [\"-c\", \"x\"]"), "{}", finished.stderr);
        fs::remove_file(folder.path.join(place)).expect("the folder is ours");
    }
}

#[test]
fn what_the_script_ends_with_is_the_commands_whatever_it_is() {
    let folder = Folder::new();
    for code in [0, 1, 3, 42, 120, 121, 129, 130, 134, 255] {
        let finished = run(&folder, &["app/main.py", "exit", &code.to_string()]);
        assert_eq!(finished.status.code(), Some(code));
        assert_eq!(finished.stderr, "", "it is the script's, and the host has nothing to say");
    }
}

#[test]
fn what_a_script_ends_with_when_it_is_interrupted_is_the_commands() {
    let folder = Folder::new();
    let words = ["--allow-listen", "127.0.0.1:0", "--grace", "60s", "app/main.py", "listen", "exit"];
    for (name, ends, code) in [("-INT", "0", 0), ("-INT", "130", 130), ("-INT", "3", 3), ("-TERM", "130", 0)] {
        let mut program = spawn(&mut python(&folder.path, &[&words[..], &[ends]].concat()));
        program.line_with("waits");
        signal(program.id(), name);
        assert_eq!(program.wait().code(), Some(code), "{name} {ends}");
        let printed = program.printed();
        assert!(printed.contains("listen: stopped") && !printed.contains("wasyncio:"), "{name} {ends}: {printed}");
    }
}

#[test]
fn wrong_arguments_are_120() {
    let folder = Folder::new();
    for words in [&[][..], &["-c"], &["--no-such", "app/main.py"], &["--allow-listen", "8888", "app/main.py"]] {
        let finished = run(&folder, words);
        assert_eq!(finished.status.code(), Some(120), "{words:?}: {}", finished.stderr);
    }
}

#[test]
fn an_interrupt_is_130_and_a_stop_is_not() {
    let folder = Folder::new();
    for (name, code) in [("-INT", 130), ("-TERM", 0)] {
        for flags in [&[][..], &["--workers", "1"]] {
            let mut program = spawn(&mut python(&folder.path, &[flags, &["app/main.py", "wait"]].concat()));
            program.line_with("waits");
            signal(program.id(), name);
            assert_eq!(program.wait().code(), Some(code), "{name} {flags:?}");
            assert_eq!(program.printed().contains("KeyboardInterrupt"), code == 130);
        }
    }
}

#[test]
fn a_reload_runs_the_script_again_also_if_only_grants_have_changed() {
    let folder = Folder::new();
    let policy = folder.path.join("policy.toml");
    fs::write(&policy, "listen = ['127.0.0.1:0']").expect("the folder is ours");
    let mut program = spawn(&mut python(&folder.path, &["--policy", "policy.toml", "app/main.py", "wait"]));
    program.line_with("waits");
    fs::write(&policy, "listen = ['127.0.0.1:0', '127.0.0.2:0']").expect("the folder is ours");
    signal(program.id(), "-HUP");
    program.lines_with("waits", 2);
    signal(program.id(), "-TERM");
    program.wait();
}
