//! `programs/streams.py`, case by case, on CPython and in the sandbox: both print the same.

use wasyncio_tests::{finish_within, interpreter, programs, python, python_is_at_least};

use std::time::Duration;

/// The cases wait for times, one after the other.
const LIMIT: Duration = Duration::from_secs(180);

#[test]
fn cases_end_as_in_cpython() {
    let folder = programs();
    let folder = folder.to_str().expect("the workspace's path is text");
    let flags = ["--dir", folder, "--allow-listen", "127.0.0.0/8:*", "--allow-connect", "127.0.0.0/8:*"];
    let Some(mut sandboxed) = interpreter(&flags) else { return };
    let Some(mut native) = python() else { return };
    let program = programs().join("streams.py");
    let ours = finish_within(LIMIT, sandboxed.arg(&program));
    assert!(ours.status.success(), "{}", ours.stderr);
    if !python_is_at_least(3, 13) {
        return;
    }
    let theirs = finish_within(LIMIT, native.args(["-W", "ignore"]).arg(&program));
    assert!(theirs.status.success(), "{}", theirs.stderr);
    for (one, other) in ours.stdout.lines().zip(theirs.stdout.lines()) {
        // The numbers of errors are the system's.
        let plain = |line: &str| {
            line.split("[errno ").map(|part| part.trim_start_matches(char::is_numeric)).collect::<String>()
        };
        assert_eq!(plain(one), plain(other));
    }
    assert_eq!(ours.stdout.lines().count(), theirs.stdout.lines().count());
}
