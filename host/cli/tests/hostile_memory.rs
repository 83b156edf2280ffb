//! Small programs that have the host hold memory for them: none takes more than a bounded amount.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use support::{Hostile, MIB};

/// What the command has with a program that does little, which is a third of this, and some room: compiling, threads, allocators.
const HOST: u64 = 64 * MIB;

/// The same with the calls that a program with so little memory may have pending, which are 8 MiB.
const HOST_AND_PENDING: u64 = 38 * MIB;

/// Runs the program, whose own memory is limited to 8 MiB, to its end: the most memory that the process had, and its exit code.
fn peak(program: &str, flags: &[&str]) -> (u64, Option<i32>) {
    let limits = ["--max-memory", "8MiB", "--timeout", "30s"];
    let mut running = Hostile::new(program).run(&[&limits, flags].concat());
    let peak = running.peak_memory();
    (peak, running.wait().code())
}

#[test]
fn names_that_are_too_long_are_not_kept() {
    let (peak, code) = peak("names", &["--allow-connect", "*.example.com:443"]);
    assert!(peak < HOST, "{peak} bytes");
    assert_eq!(code, Some(0), "it was refused six hundred times");
}

#[test]
fn streams_that_are_kept_are_bounded() {
    let (peak, code) = peak("streams", &[]);
    assert!(peak < HOST, "{peak} bytes");
    assert_eq!(code, Some(134), "it traps at the limit");
}

#[test]
fn timers_that_are_kept_are_bounded() {
    let (peak, code) = peak("timers", &[]);
    assert!(peak < HOST, "{peak} bytes");
    assert_eq!(code, Some(134), "it traps at the limit");
}

#[test]
fn calls_that_are_not_waited_for_are_bounded() {
    let (peak, code) = peak("waits", &[]);
    assert!(peak < HOST_AND_PENDING, "{peak} bytes");
    assert_eq!(code, Some(134), "it traps at the limit");
}

#[test]
fn paths_of_calls_that_are_not_waited_for_are_bounded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (peak, code) = peak("paths", &["--dir", &format!("{}::/data:rw", folder.path().display())]);
    assert!(peak < HOST_AND_PENDING, "{peak} bytes");
    assert_eq!(code, Some(134), "it traps at the limit");
}

#[test]
fn pending_calls_can_be_limited_further() {
    let mut running = Hostile::new("waits").run(&["--max-pending", "10"]);
    assert_eq!(running.wait().code(), Some(134));
    let stderr = running.stderr();
    assert!(stderr.contains("trapped: more than 10 calls of the host have not answered (max-pending)"), "{stderr}");
}

#[test]
fn listings_of_directories_that_are_kept_are_bounded() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("listings-{}", std::process::id()));
    fs::create_dir(&folder).expect("cargo made the folder");
    for number in 0..20_000 {
        fs::File::create(folder.join(format!("a file with a name, number {number}"))).expect("the folder is ours");
    }
    let grant = format!("{}::/data", folder.display());
    let mut running = Hostile::new("listings").with("COUNT", "100").run(&["--max-memory", "8MiB", "--dir", &grant]);
    let peak = running.peak_memory();
    fs::remove_dir_all(&folder).expect("the folder is ours");
    assert_eq!(running.wait().code(), Some(0), "{}", running.stderr());
    assert!(peak < HOST, "{peak} bytes");
}

#[test]
fn look_ups_do_not_take_all_threads() {
    let running = Hostile::new("lookups").run(&["--allow-connect", "localhost:80"]);
    running.wait_until_it_computes();
    let threads = running.peak_threads(Duration::from_secs(1));
    // Sixteen look-ups, the event loop, the clock, and what compiled the program.
    assert!((16..=48).contains(&threads), "{threads} threads");
}

#[test]
fn handles_can_be_limited_further() {
    let mut running = Hostile::new("streams").run(&["--max-handles", "10"]);
    assert_eq!(running.wait().code(), Some(134));
}

#[test]
fn random_bytes_are_limited() {
    let mut running = Hostile::new("random").run(&[]);
    assert_eq!(running.wait().code(), Some(134));
    let stderr = running.stderr();
    assert!(stderr.contains("trapped: requested len 16777216 exceeds limit 1048576"), "{stderr}");
}
