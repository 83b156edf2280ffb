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
fn a_limit_is_one_line_and_code_122() {
    let bomb = program("bomb.wasm", "(loop $again (drop (memory.grow (i32.const 16))) br $again) unreachable");
    let (code, text) = ended(&bomb, &["--max-memory", "16MiB"]);
    assert_eq!((code, text.lines().count()), (Some(122), 1), "{text}");
    assert!(text.ends_with("bomb.wasm was ended: it needs more memory than 16.0 MiB (max-memory)\n"), "{text}");

    let endless = program("limited.wasm", ENDLESS);
    let (code, text) = ended(&endless, &["--max-compute", "50ms"]);
    assert_eq!((code, text.lines().count()), (Some(122), 1), "{text}");
    assert!(text.ends_with("it computed for 50ms without a pause (max-compute)\n"), "{text}");
}

#[test]
fn a_trap_is_one_line_and_code_134() {
    let (code, text) = ended(&program("trap.wasm", "unreachable"), &[]);
    assert_eq!((code, text.lines().count()), (Some(134), 1), "{text}");
}

#[test]
fn a_program_that_fails_without_a_word_leaves_one_line() {
    let (code, text) = ended(&program("silent.wasm", "i32.const 1"), &[]);
    assert_eq!((code, text.lines().count()), (Some(1), 1), "{text}");
    assert!(text.ends_with("silent.wasm ended with exit code 1\n"), "{text}");
    let (code, text) = ended(&program("quiet.wasm", "i32.const 0"), &[]);
    assert_eq!((code, text.as_str()), (Some(0), ""));
}

#[test]
fn what_the_host_has_to_say_has_codes_of_its_own() {
    let fine = program("fine.wasm", "i32.const 0");
    assert_eq!(ended(&fine, &["--no-such-flag"]).0, Some(120));
    assert_eq!(ended(&fine, &["--allow-listen", "8888"]).0, Some(120));
    assert_eq!(ended(&PathBuf::from("no/such.wasm"), &[]).0, Some(121));
    assert_eq!(ended(&fine, &["--policy", "no/such.toml"]).0, Some(121));
    assert_eq!(ended(&fine, &["--dir", "no/such::/data"]).0, Some(121));
    assert_eq!(ended(&fine, &["--metrics", "192.0.2.1:1"]).0, Some(121));
    assert_eq!(ended(&fine, &["--help"]).0, Some(0));
}

/// A program that calls `exit-with-code`.
fn exits_with(code: u8) -> PathBuf {
    let text = format!(
        r#"(component
            (import "wasi:cli/exit@0.2.6" (instance $exit
                (export "exit-with-code" (func (param "status-code" u8)))))
            (core func $exit (canon lower (func $exit "exit-with-code")))
            (core module $m
                (import "" "exit" (func $exit (param i32)))
                (func (export "run") (result i32) (call $exit (i32.const {code})) (i32.const 0)))
            (core instance $i (instantiate $m (with "" (instance (export "exit" (func $exit))))))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $face (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $face)))"#
    );
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("exit-{code}.wasm"));
    std::fs::write(&file, wat::parse_str(text).expect("it is valid")).expect("cargo made the folder");
    file
}

#[test]
fn a_programs_code_is_its_own_unless_it_is_one_of_the_hosts() {
    for code in [0, 2, 3, 4, 119, 131, 255] {
        let (given, text) = ended(&exits_with(code), &[]);
        assert_eq!(given, Some(code.into()), "{text}");
    }
    for code in [120, 123, 129, 130, 134] {
        let (given, text) = ended(&exits_with(code), &[]);
        assert_eq!(given, Some(1), "{code}: {text}");
        assert!(text.contains(&format!("exit code {code}")), "{text}");
    }
}

#[test]
fn too_many_workers_are_refused_at_once() {
    let fine = program("workers.wasm", "i32.const 0");
    for count in ["0", "1025", "100000", "18446744073709551615"] {
        let (code, text) = ended(&fine, &["--workers", count]);
        assert_eq!(code, Some(120), "{text}");
        assert!(text.contains("write auto, or a number from 1 to 1024"), "{text}");
    }
    for count in ["auto", "40"] {
        let (code, text) = ended(&fine, &["--workers", count]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("worker 0 has ended"), "{text}");
    }
}

#[test]
fn a_worker_that_says_it_failed_is_told_and_replaced() {
    let (code, text) = ended(&program("failing.wasm", "i32.const 1"), &["--workers", "1", "--max-restarts", "2"]);
    assert_eq!(code, Some(124), "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "wasyncio: worker 0, replaced in 100ms: the program ended with exit code 1");
    assert_eq!(lines[1], "wasyncio: worker 0, replaced in 200ms: the program ended with exit code 1");
    assert_eq!(lines[2], "wasyncio: worker 0, not replaced: the program ended with exit code 1");
    assert!(lines[3].contains("failing.wasm failed 3 times in a row, and nothing serves any more"), "{text}");
}

#[test]
fn a_crash_loop_of_all_workers_ends_the_service() {
    let (code, text) = ended(&program("looping.wasm", "unreachable"), &["--workers", "2", "--max-restarts", "1"]);
    assert_eq!(code, Some(124), "{text}");
    assert!(text.contains("looping.wasm failed 2 times in a row"), "{text}");
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
