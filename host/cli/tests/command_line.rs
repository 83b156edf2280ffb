//! The command, with programs that misbehave on purpose.

#[path = "../../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::Command;

use support::{ENDLESS, component};

/// A file with a program whose `run` does this.
fn program(name: &str, body: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, component(body)).expect("cargo made the folder");
    file
}

fn run(file: &PathBuf, flags: &[&str]) -> Command {
    let mut run = Command::new(env!("CARGO_BIN_EXE_wasyncio"));
    run.arg("run").args(flags).arg(file);
    run
}

/// The exit code and the standard error of a program that ends by itself.
fn ended(file: &PathBuf, flags: &[&str]) -> (Option<i32>, String) {
    let output = run(file, flags).output().expect("it starts");
    (output.status.code(), String::from_utf8(output.stderr).expect("it prints UTF-8"))
}

#[test]
fn a_limit_is_one_line_and_code_3() {
    let bomb = program("bomb.wasm", "(loop $again (drop (memory.grow (i32.const 16))) br $again) unreachable");
    let (code, text) = ended(&bomb, &["--max-memory", "16MiB"]);
    assert_eq!((code, text.lines().count()), (Some(3), 1), "{text}");
    assert!(text.ends_with("bomb.wasm was ended: it needs more memory than 16.0 MiB (max-memory)\n"), "{text}");

    let endless = program("limited.wasm", ENDLESS);
    let (code, text) = ended(&endless, &["--max-compute", "50ms"]);
    assert_eq!((code, text.lines().count()), (Some(3), 1), "{text}");
    assert!(text.ends_with("it computed for 50ms without a pause (max-compute)\n"), "{text}");
}

#[test]
fn a_trap_is_one_line_and_code_134() {
    let (code, text) = ended(&program("trap.wasm", "unreachable"), &[]);
    assert_eq!((code, text.lines().count()), (Some(134), 1), "{text}");
}

#[cfg(target_os = "linux")]
use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

/// Waits until the process has used a tenth of a second of processor time: its program computes.
#[cfg(target_os = "linux")]
fn wait_until_it_computes(child: &Child) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("it runs");
        let ticks: u64 =
            stat.rsplit(')').next().and_then(|rest| rest.split(' ').nth(12)?.parse().ok()).expect("a number");
        if ticks >= 10 {
            return;
        }
        assert!(Instant::now() < end, "it does not compute");
        std::thread::yield_now();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_an_endless_loop() {
    let endless = program("endless.wasm", ENDLESS);
    for flags in [&[][..], &["--workers", "2"][..]] {
        let mut child = run(&endless, flags).stderr(Stdio::piped()).spawn().expect("it starts");
        wait_until_it_computes(&child);
        let begun = Instant::now();
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("a command").success());
        let status = child.wait().expect("it is ours");
        assert_eq!(status.code(), Some(0), "{flags:?}");
        assert!(begun.elapsed() < Duration::from_millis(1500), "it had to be cut off: {:?}", begun.elapsed());
    }
}
