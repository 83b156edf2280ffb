//! Programs in the sandbox as `python` runs them: where they come from, how they end, what their errors say.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;

use wasyncio_tests::{Finished, finish, interpreter};

/// Runs code, with flags. None if there is no interpreter.
fn run(flags: &[&str], code: &str) -> Option<Finished> {
    Some(finish(interpreter(flags)?.args(["-c", code])))
}

fn code(finished: &Finished) -> Option<i32> {
    finished.status.code()
}

#[test]
fn arguments_and_the_name_are_pythons() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shown = folder.path().to_str().expect("a temporary folder's path is text");
    let script = folder.path().join("script.py");
    fs::write(&script, "import sys, beside; print(__name__, __file__, sys.argv, beside.X)")
        .expect("the folder is ours");
    fs::write(folder.path().join("beside.py"), "X = 'beside'").expect("the folder is ours");
    let Some(mut python) = interpreter(&["--dir", shown]) else { return };
    let path = script.to_str().expect("a temporary folder's path is text");
    let finished = finish(python.args([path, "-v", "--help"]));
    assert_eq!(finished.stdout, format!("__main__ {path} ['{path}', '-v', '--help'] beside\n"), "{}", finished.stderr);
}

#[test]
fn modules_code_and_standard_input_are_run() {
    let Some(mut python) = interpreter(&[]) else { return };
    let finished = finish(python.args(["-m", "calendar", "2026", "11"]));
    assert!(finished.stdout.contains("November 2026"), "{}{}", finished.stdout, finished.stderr);
    let Some(finished) = run(&[], "import sys; print(sys.argv, __name__)") else { return };
    assert_eq!(finished.stdout, "['-c'] __main__\n");
    let Some(mut python) = interpreter(&[]) else { return };
    python.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().expect("the command is there");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(b"print('from', __name__)\n").expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "from __main__\n");
}

#[test]
fn exit_codes_are_pythons() {
    for (program, expected, error) in [
        ("pass", 0, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('in words')", 1, "in words\n"),
        ("import sys; sys.exit(123)", 123, ""),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        ("import asyncio, sys\nasync def main(): sys.exit(9)\nasyncio.run(main())", 9, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("def f(:", 1, "SyntaxError: invalid syntax"),
        ("import nothing_of_this_name", 1, "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
    ] {
        let Some(finished) = run(&[], program) else { return };
        assert_eq!(code(&finished), Some(expected), "{program}: {}", finished.stderr);
        assert!(finished.stderr.contains(error), "{program}: {}", finished.stderr);
    }
}

#[test]
fn tracebacks_show_the_program_alone() {
    let Some(finished) = run(&[], "def f():\n    return [][1]\nf()") else { return };
    let expected = "Traceback (most recent call last):\n  File \"<string>\", line 3, in <module>\n    f()\n    ~^^\n  \
                    File \"<string>\", line 2, in f\n    return [][1]\n           ~~^^^\nIndexError: list index out of range\n";
    assert!(finished.stderr.starts_with(expected), "{}", finished.stderr);
}

#[test]
fn a_script_that_is_not_there_is_said_as_by_cpython() {
    let Some(mut python) = interpreter(&[]) else { return };
    let finished = finish(python.arg("/nowhere/script.py"));
    assert_eq!(code(&finished), Some(2));
    assert!(finished.stderr.contains("can't open file '/nowhere/script.py': [Errno "), "{}", finished.stderr);
}

#[test]
fn what_was_not_granted_is_a_permission_error_that_names_the_flag() {
    let connect = "import asyncio\nasyncio.run(asyncio.open_connection('127.0.0.1', 9))";
    let Some(finished) = run(&[], connect) else { return };
    assert_eq!(code(&finished), Some(1));
    assert!(finished.stderr.contains("PermissionError: "), "{}", finished.stderr);
    assert!(finished.stderr.contains("--allow-connect 127.0.0.1:9 grants it"), "{}", finished.stderr);
    let listen = "import asyncio\nasyncio.run(asyncio.start_server(print, '127.0.0.1', 8888))";
    let Some(finished) = run(&[], listen) else { return };
    assert!(finished.stderr.contains("PermissionError: "), "{}", finished.stderr);
    assert!(finished.stderr.contains("--allow-listen 127.0.0.1:8888 grants it"), "{}", finished.stderr);
}

/// wasmtime traps where a call answers that borrows something of a program that has ended.
#[test]
fn a_program_may_end_with_everything_in_flight() {
    // A peer that never accepts.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("bound").port();
    let program = format!(
        "
import asyncio
async def main():
    server = await asyncio.start_server(lambda reader, writer: None, '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection('127.0.0.1', {port})
    reading = asyncio.create_task(reader.read())
    connecting = asyncio.create_task(asyncio.open_connection('127.0.0.1', {port}))
    sleeping = asyncio.create_task(asyncio.sleep(3600))
    writer.write(b'x' * 10_000_000)
    await asyncio.sleep(0)
    if KIND == 'loop':
        asyncio.get_running_loop().call_later(3600, print)
    if KIND == 'exit':
        raise SystemExit(3)
asyncio.run(main())
print('ended')
"
    );
    for (kind, expected) in [("plain", 0), ("loop", 0), ("exit", 3)] {
        let flags = ["--allow-listen", "127.0.0.1:0", "--allow-connect", "127.0.0.1:*"];
        let Some(finished) = run(&flags, &program.replace("KIND", &format!("'{kind}'"))) else { return };
        assert_eq!(code(&finished), Some(expected), "{kind}: {}{}", finished.stdout, finished.stderr);
    }
}

#[test]
fn loops_can_follow_one_another() {
    let program = "
import asyncio
async def echo(reader, writer):
    writer.write(await reader.readline())
    writer.close()
async def main():
    server = await asyncio.start_server(echo, '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b'line\\n')
    return await reader.read()
print([asyncio.run(main()) for _ in range(20)] == [b'line\\n'] * 20)
loop = asyncio.new_event_loop()
print(loop.run_until_complete(main()))
loop.close()
with asyncio.Runner(debug=True) as runner:
    print(runner.run(main()))
";
    let Some(finished) = run(&["--allow-listen", "127.0.0.1:0", "--allow-connect", "127.0.0.1:*"], program) else {
        return;
    };
    assert_eq!(finished.stdout, "True\nb'line\\n'\nb'line\\n'\n", "{}", finished.stderr);
}

/// What is made while the interpreter is built must not be the same in every run.
#[test]
fn random_numbers_differ_from_run_to_run() {
    let program = "import random, os, uuid; print(random.random(), os.urandom(4), uuid.uuid4())";
    let Some(one) = run(&[], program) else { return };
    let Some(other) = run(&[], program) else { return };
    assert_eq!(code(&one), Some(0), "{}", one.stderr);
    for (first, second) in one.stdout.split(' ').zip(other.stdout.split(' ')) {
        assert_ne!(first, second);
    }
}

#[test]
fn the_standard_library_is_there() {
    let program = "
import argparse, calendar, collections, csv, dataclasses, datetime, decimal, difflib, email.message, fractions, functools, glob
import html.parser, http.client, importlib.metadata, inspect, ipaddress, itertools, json, logging.config, pathlib, pprint, queue
import re, sched, sqlite3, statistics, string, struct, tempfile, textwrap, tomllib, typing, unittest, urllib.request, uuid
import xml.etree.ElementTree, zipfile, zlib, zoneinfo
print(json.loads('[1]'), tomllib.loads('a = 1'), sqlite3.connect(':memory:').execute('select 1').fetchall())
";
    let Some(finished) = run(&[], program) else { return };
    assert_eq!(finished.stdout, "[1] {'a': 1} [(1,)]\n", "{}", finished.stderr);
}

#[test]
fn bytecode_is_kept_where_it_can_be_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().canonicalize().expect("it is there");
    let shown = |name: &str| path.join(name).to_str().expect("a temporary folder's path is text").to_owned();
    for name in ["writable", "readable", "cache"] {
        fs::create_dir(path.join(name)).expect("the folder is ours");
        fs::write(path.join(name).join("kept.py"), "X = 'kept'").expect("the folder is ours");
    }
    let (writable, readable, cache) = (shown("writable"), shown("readable"), shown("cache"));
    let runs = [
        (
            vec!["--dir".to_owned(), format!("{writable}:rw"), "--env".into(), format!("PYTHONPATH={writable}")],
            "writable",
        ),
        (vec!["--site".into(), readable.clone()], "readable"),
        (
            vec![
                "--site".into(),
                readable.clone(),
                "--dir".into(),
                format!("{cache}:rw"),
                "--env".into(),
                format!("PYTHONPYCACHEPREFIX={cache}"),
            ],
            "readable",
        ),
    ];
    let mut printed = Vec::new();
    for (flags, name) in runs {
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let Some(finished) = run(&flags, "import kept; print(kept.__file__, kept.__cached__, kept.X)") else { return };
        let words: Vec<_> = finished.stdout.trim_end().split(' ').map(str::to_owned).collect();
        assert_eq!(finished.stderr, "");
        assert_eq!((&words[0], words[2].as_str()), (&(shown(name) + "/kept.py"), "kept"));
        printed.push(words[1].clone());
    }
    let there: Vec<_> = printed.iter().map(|file| std::path::Path::new(file).exists()).collect();
    assert_eq!(there, [true, false, true], "{printed:?}");
    assert!(printed[2].starts_with(&cache), "{printed:?}");
}
