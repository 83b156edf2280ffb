//! What could end the interpreter, or hang it, and does not: locks that nobody releases, deep recursion, many collections; and what an import
//! says that fails.

use std::fs;

use wasyncio_tests::{Finished, finish, interpreter};

/// Runs code, with flags. None if there is no interpreter.
fn run(flags: &[&str], code: &str) -> Option<Finished> {
    Some(finish(interpreter(flags)?.args(["-c", code])))
}

/// Asserts that each code ends with a traceback whose last lines are those.
fn ends_with(flags: &[&str], cases: &[(&str, &str)]) {
    for (code, last) in cases {
        let Some(finished) = run(flags, code) else { return };
        assert_eq!(finished.status.code(), Some(1), "{code}: {}", finished.stderr);
        assert!(finished.stderr.trim_end().ends_with(last), "{code}: {}", finished.stderr);
    }
}

#[test]
fn what_waits_for_a_lock_that_nobody_releases_raises() {
    let last = "RuntimeError: this would wait for ever: there is no other thread in the sandbox that could end it";
    ends_with(
        &[],
        &[
            ("import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()", last),
            ("import _thread\nlock = _thread.allocate_lock()\nwith lock, lock: pass", last),
            ("import threading; threading.Event().wait()", last),
            ("import queue; queue.SimpleQueue().get()", last),
            ("import concurrent.futures; concurrent.futures.Future().result()", last),
        ],
    );
}

#[test]
fn locks_are_pythons_in_all_else() {
    let code = "import queue, threading
lock = threading.Lock()
assert isinstance(lock, threading.Lock) and not lock.locked()
with lock:
    assert lock.locked() and not lock.acquire(False) and not lock.acquire(timeout=0.01)
assert lock.acquire() and lock.release() is None
try:
    lock.release()
except RuntimeError:
    pass
again = threading.RLock()
with again, again: pass
places = queue.SimpleQueue()
places.put(1)
assert places.get() == 1
try:
    places.get(timeout=0.01)
except queue.Empty:
    print('done')";
    let Some(finished) = run(&[], code) else { return };
    assert_eq!(finished.stdout, "done\n", "{}", finished.stderr);
}

#[test]
fn deep_recursion_is_an_error_of_the_program() {
    let code = "import json, sys
def caught(call, *arguments):
    try:
        call(*arguments)
    except RecursionError:
        return True
def deeper(n):
    return deeper(n + 1)
class Asked:
    def __getattr__(self, name):
        return getattr(self, name)
nested = []
for _ in range(100_000):
    nested = [nested]
assert caught(json.loads, '[' * 1_000_000)
assert caught(json.loads, '{\"a\":' * 1_000_000)
assert caught(json.dumps, nested)
assert caught(repr, nested)
assert caught(deeper, 0)
sys.setrecursionlimit(10 ** 6)
assert caught(getattr, Asked(), 'name')
del nested
print('done')";
    let Some(finished) = run(&[], code) else { return };
    assert_eq!(finished.stdout, "done\n", "{}", finished.stderr);
}

#[test]
fn a_collection_does_not_walk_through_the_library() {
    // In debug mode of a test it took 0.1 seconds each, and an `__del__` that collects took minutes.
    let code = "import gc; gc.collect(); print(gc.get_freeze_count() > 10_000, len(gc.get_objects()) < 2_000)";
    let Some(finished) = run(&[], code) else { return };
    assert_eq!(finished.stdout, "True True\n", "{}", finished.stderr);
}

#[test]
fn an_import_that_fails_says_what_it_needs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().canonicalize().expect("it is there");
    let shown = path.to_str().expect("a temporary folder's path is text");
    fs::create_dir(path.join("package")).expect("the folder is ours");
    fs::write(path.join("package/__init__.py"), "").expect("the folder is ours");
    fs::write(path.join("package/_fast.cpython-313-x86_64-linux-gnu.so"), "").expect("the folder is ours");
    let native = format!(
        "{shown}/package/_fast.cpython-313-x86_64-linux-gnu.so is native code of another system: the sandbox runs packages that are Python alone"
    );
    ends_with(
        &["--site", shown],
        &[
            ("import package._fast", &native),
            ("from package import _fast", &native),
            (
                "import ctypes",
                "_ctypes is native code of the standard library, for a library or a system that is not in the sandbox",
            ),
            ("import _posixsubprocess", "_posixsubprocess needs processes or threads: there are none in the sandbox"),
            ("import tkinter", "tkinter is of the standard library, but not in the sandbox"),
            (
                "import requests",
                "requests is in no directory that is granted to the program: --site DIR grants one of packages",
            ),
            (
                "import sys; sys.path.append('/elsewhere'); import requests",
                "/elsewhere of sys.path is not granted to the program, or is not there: --site /elsewhere grants it",
            ),
            ("try:\n    import readline\nexcept ImportError as error:\n    raise ValueError from error", "ValueError"),
        ],
    );
    let Some(mut python) = interpreter(&[]) else { return };
    let finished = finish(python.args(["-m", "uvicorn"]));
    assert!(finished.stderr.contains("No module named uvicorn\nuvicorn is in no directory"), "{}", finished.stderr);
    assert_eq!(finished.status.code(), Some(1));
}

#[test]
fn the_stack_is_what_the_flag_says() {
    let code = "import json; json.loads('[' * 100000)";
    let Some(finished) = run(&["--max-stack", "1MiB"], code) else { return };
    assert_eq!(finished.status.code(), Some(134), "{}", finished.stderr);
    assert!(finished.stderr.contains("call stack exhausted"), "{}", finished.stderr);
    for size in ["1KiB", "2GiB", "much"] {
        let Some(finished) = run(&["--max-stack", size], code) else { return };
        assert_eq!(finished.status.code(), Some(120), "{}", finished.stderr);
        assert!(finished.stderr.contains("--max-stack <SIZE>"), "{}", finished.stderr);
    }
}
