//! What programs print, as users of the command get it.

mod programs;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use programs::{file, prints02, prints03, reads02};

const DEADLINE: Duration = Duration::from_secs(30);

fn run(file: &Path, flags: &[&str]) -> Command {
    let mut run = Command::new(env!("CARGO_BIN_EXE_wasyncio"));
    run.arg("run").args(flags).arg(file);
    run
}

fn ended(file: &Path, flags: &[&str]) -> Output {
    run(file, flags).stdin(Stdio::null()).output().expect("it starts")
}

/// The same program of either version of WASI.
fn both(name: &str, stream: &str, bytes: &[u8], times: u32) -> [PathBuf; 2] {
    [
        file(&format!("{name}02.wasm"), &prints02(stream, bytes, times)),
        file(&format!("{name}03.wasm"), &prints03(stream, bytes, times)),
    ]
}

fn wait(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().expect("it is ours") {
            return status;
        }
        if Instant::now() > end {
            _ = child.kill();
            panic!("it does not end");
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[cfg(target_os = "linux")]
fn terminate(child: &Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("a command").success());
}

#[test]
fn standard_output_in_a_pipe_is_byte_for_byte() {
    let bytes: Vec<u8> = (0..=255).chain(*b"\nwasyncio: data\r\n\x1b[0m\xff").collect();
    for file in both("bytes", "stdout", &bytes, 1000) {
        let output = ended(&file, &[]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 1000 * bytes.len()));
        assert!(output.stdout == bytes.repeat(1000));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn all_output_reaches_a_slow_reader() {
    for file in both("slow", "stdout", &[b'x'; 4096], 100) {
        let mut child = run(&file, &[]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = child.stdout.take().expect("piped");
        // Longer than the process waits for anything when it is ended from outside.
        std::thread::sleep(Duration::from_millis(2500));
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).expect("a pipe");
        assert_eq!(bytes.len(), 100 * 4096);
        assert_eq!(wait(&mut child).code(), Some(0));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_nobody_reads_holds_up_the_program_alone() {
    for stream in ["stdout", "stderr"] {
        for file in both(&format!("unread-{stream}"), stream, b"unread unread unread\n", u32::MAX) {
            // The event loop, which has to end it, is on the thread that runs the program.
            let mut run = run(&file, &["--timeout", "1s"]);
            run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = run.spawn().expect("it starts");
            assert_eq!(wait(&mut child).code(), Some(122), "{}", file.display());
            let mut bytes = Vec::new();
            match stream {
                "stdout" => child.stdout.take().expect("piped").read_to_end(&mut bytes),
                _ => child.stderr.take().expect("piped").read_to_end(&mut bytes),
            }
            .expect("a pipe");
            assert!(bytes.starts_with(b"unread unread unread\n"), "it was printed as far as there was room");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_an_error_of_the_programs_write() {
    let file = file("gone.wasm", &prints02("stdout", &[b'x'; 4096], u32::MAX));
    let mut child =
        run(&file, &[]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_exact(&mut [0; 1000]).expect("it prints");
    drop(stdout);
    assert_eq!(wait(&mut child).code(), Some(1));
}

#[test]
fn lines_on_standard_error_that_look_like_the_hosts_are_marked() {
    let forged = b"wasyncio: denied: a\n  WASYNCIO: b\n\x1b[2Kwasyncio: c\nx\rwasyncio: d\nmy wasyncio: e\n\xe2\x80\x8bwasyncio: f\n";
    for file in both("forged", "stderr", forged, 1) {
        let text = String::from_utf8(ended(&file, &[]).stderr).expect("it is text");
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "[program] wasyncio: denied: a",
                "[program]   WASYNCIO: b",
                "\\u{1b}[2Kwasyncio: c",
                "x\\rwasyncio: d",
                "my wasyncio: e",
                "\\u{200b}wasyncio: f",
            ]
        );
    }
}

#[test]
fn a_line_of_the_hosts_begins_after_an_unfinished_one() {
    for file in both("unfinished", "stderr", b"no end, ", u32::MAX) {
        let text = String::from_utf8(ended(&file, &["--timeout", "300ms"]).stderr).expect("it is text");
        let (printed, told) = text.split_once('\n').expect("the host tells of the limit");
        assert!(printed.starts_with("no end, no end, "), "{told}");
        assert!(told.starts_with("wasyncio: ") && told.contains("was ended: it ran for 300ms"), "{told}");
    }
}

#[test]
fn where_both_streams_are_one_lines_on_standard_output_are_marked_too() {
    let file = file("forged-out.wasm", &prints02("stdout", b"wasyncio: denied\n", 1));
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" 2>&1", "sh", env!("CARGO_BIN_EXE_wasyncio"), "run"]).arg(&file);
    let output = shell.output().expect("there is a shell");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[program] wasyncio: denied\n");
}

#[test]
#[cfg(target_os = "linux")]
fn no_control_character_reaches_a_terminal() {
    for stream in ["stdout", "stderr"] {
        for file in both(&format!("terminal-{stream}"), stream, b"\x1b]0;title\x07\xc2\x9b2J\x08\ttab\n", 1) {
            // Gives the command a terminal, and prints what comes out of it.
            let command = format!("{} run {}", env!("CARGO_BIN_EXE_wasyncio"), file.display());
            let output = Command::new("script")
                .args(["-qec", &command, "/dev/null"])
                .stdin(Stdio::null())
                .output()
                .expect("`script` is part of Debian");
            let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
            assert!(text.contains("\\u{1b}]0;title\\u{7}\\u{9b}2J\\u{8}\ttab\n"), "{text:?}");
            assert!(!text.contains(['\x1b', '\x07', '\u{9b}']), "{text:?}");
        }
    }
}

#[test]
fn in_a_log_of_json_every_line_is_an_entry() {
    let lines = b"one \"quoted\"\n{\"level\":\"ERROR\"}\n\x1b[31mred\xc2\x9b\n";
    for file in both("json", "stderr", lines, 1) {
        let output = ended(&file, &["--log-format", "json"]);
        let text = String::from_utf8(output.stderr).expect("it is text");
        assert!(!text.contains(['\x1b', '\u{9b}']), "{text}");
        let entries: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let messages: Vec<_> = entries.iter().map(|entry| &entry["fields"]["message"]).collect();
        assert_eq!(messages, ["one \"quoted\"", "{\"level\":\"ERROR\"}", "\x1b[31mred\u{9b}"]);
        for entry in &entries {
            assert_eq!((&entry["target"], &entry["fields"]["stream"]), (&"wasyncio::program".into(), &"stderr".into()));
        }
    }
}

#[test]
fn in_a_log_of_json_workers_are_told_apart() {
    let file = file("json-worker.wasm", &prints02("stdout", b"hello\nand no end", 1));
    let output = ended(&file, &["--log-format", "json", "--workers", "2"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let text = String::from_utf8(output.stderr).expect("it is text");
    let mut entries: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line))
        // The host has something to say too.
        .filter(|entry| entry["target"] == "wasyncio::program")
        .map(|entry| {
            assert_eq!(entry["fields"]["stream"], "stdout");
            (entry["fields"]["worker"].as_u64(), entry["fields"]["message"].as_str().map(str::to_owned))
        })
        .collect();
    entries.sort();
    let of = |worker, text: &str| (Some(worker), Some(text.to_owned()));
    assert_eq!(entries, [of(0, "and no end"), of(0, "hello"), of(1, "and no end"), of(1, "hello")]);
}

#[test]
#[cfg(target_os = "linux")]
fn workers_lose_lines_that_nobody_reads_and_the_log_tells_how_many() {
    let file = file("lossy.wasm", &prints02("stdout", &[[b'x'; 63].as_slice(), b"\n"].concat(), 20_000));
    let mut child = run(&file, &["--workers", "2"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // They end although nobody reads.
    assert_eq!(wait(&mut child).code(), Some(0));
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("a pipe");
    child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("a pipe");
    let printed = stdout.lines().filter(|line| line.len() == 63).count() as u64;
    assert!(printed >= 500, "{printed} lines");
    let lost: u64 = stderr
        .lines()
        .filter_map(|line| {
            let (_, rest) = line.split_once(" lines=")?;
            rest.split(' ').next()?.parse::<u64>().ok()
        })
        .sum();
    assert!(lost > 0 && stderr.contains("of output that nobody reads"), "{stderr}");
    // What is in the queue when the process ends is lost without a word, and a line may be cut by that.
    let kept = 2 * (64 << 10) / 64;
    assert!((40_000 - kept..=40_000).contains(&(printed + lost)), "{printed} printed, {lost} lost");
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_waits_for_input_does_not_keep_the_process() {
    let file = file("reads.wasm", &reads02());
    for flags in [&[][..], &["--workers", "2"]] {
        let mut child = run(&file, flags).stdin(Stdio::piped()).spawn().expect("it starts");
        // It has read what there is once the thread for it exists.
        let end = Instant::now() + DEADLINE;
        let threads = || std::fs::read_dir(format!("/proc/{}/task", child.id())).expect("it runs").count();
        while threads() < 4 {
            assert!(Instant::now() < end, "it does not read");
            std::thread::yield_now();
        }
        let begun = Instant::now();
        terminate(&child);
        assert_eq!(wait(&mut child).code(), Some(0), "{flags:?}");
        assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    }
    let mut child = run(&file, &[]).stdin(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(b"input\n").expect("it reads");
    assert_eq!(wait(&mut child).code(), Some(0));
}

#[test]
fn what_a_program_left_running_may_trap_and_its_exit_code_stays() {
    let file = file("left.wasm", include_str!("programs/call-left-in-flight.wat"));
    let output = ended(&file, &[]);
    let text = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("after the program's `run` had returned, a task that it left trapped"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
