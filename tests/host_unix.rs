//! Unix sockets and programs that try more than they may: the host refuses, says by which flag it would not, and gives nothing away.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tempfile::TempDir;
use wasyncio_tests::{DEADLINE, Finished, Running, command, dist, example, finish, spawn};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let real = folder.path().canonicalize().expect("it is there");
    (folder, real)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The program of hostile cases, composed.
fn program(flags: &[&str], case: &[&str]) -> Command {
    let mut program = Command::new(command());
    program.arg("run").args(flags).arg(dist("tests/unix.wasm")).arg("--").args(case);
    program
}

fn run(flags: &[&str], case: &[&str]) -> Finished {
    finish(&mut program(flags, case))
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).expect("the program listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream
}

/// What the program has printed for a path.
fn told<'a>(finished: &'a Finished, path: &str) -> &'a str {
    let line = finished.stdout.lines().find_map(|line| line.strip_prefix(path));
    line.unwrap_or_else(|| panic!("nothing of {path} in {}{}", finished.stdout, finished.stderr)).trim()
}

const DENIED: &str = "PermissionError: Permission denied";

#[test]
fn nothing_is_granted_by_itself_and_the_flag_is_named() {
    let (_folder, folder) = folder();
    let path = folder.join("x");
    let _listener = UnixListener::bind(&path).expect("the path is free");
    let connecting = run(&[], &["connect_to", text(&path), "@name"]);
    assert_eq!(told(&connecting, text(&path)), DENIED);
    assert_eq!(told(&connecting, "@name"), DENIED);
    let path = path.display();
    for line in [
        format!("denied: connecting to the Unix socket {path}; allow it with --allow-unix {path}"),
        "denied: connecting to the Unix socket @name; allow it with --allow-unix @name".to_owned(),
    ] {
        assert!(connecting.stderr.contains(&line), "{}", connecting.stderr);
    }
    let free = folder.join("free").display().to_string();
    let listening = run(&["--allow-unix", &free], &["listen_on", &free, "@name"]);
    assert_eq!((told(&listening, &free), told(&listening, "@name")), (DENIED, DENIED));
    for line in [
        format!("denied: listening on the Unix socket {free}; allow it with --allow-unix-listen {free}"),
        "denied: listening on the Unix socket @name; allow it with --allow-unix-listen @name".to_owned(),
    ] {
        assert!(listening.stderr.contains(&line), "{}", listening.stderr);
    }
    assert!(!Path::new(&free).exists());
}

#[test]
fn a_program_learns_nothing_of_paths_that_it_may_not_have() {
    let (_folder, folder) = folder();
    fs::write(folder.join("file"), "").expect("a temporary folder");
    fs::create_dir(folder.join("inside")).expect("a temporary folder");
    let _listener = UnixListener::bind(folder.join("socket")).expect("the path is free");
    let inside = format!("{}/inside/*", folder.display());
    let names =
        ["file", "file/x", "socket", "missing", "missing/x", "inside", "inside/../file", "inside/../missing", "."];
    let paths = names.map(|name| folder.join(name).display().to_string());
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for case in ["connect_to", "listen_on"] {
        let flags = ["--allow-unix", &inside, "--allow-unix-listen", &inside];
        let finished = run(&flags, &[&[case], &paths[..]].concat());
        let answers: Vec<_> = finished.stdout.lines().collect();
        assert_eq!(answers.len(), paths.len(), "{}", finished.stdout);
        assert!(answers.iter().all(|answer| answer.ends_with(DENIED)), "{case}: {}", finished.stdout);
    }
}

#[test]
fn dots_lead_where_they_lead() {
    let (_folder, folder) = folder();
    for name in ["a", "c"] {
        fs::create_dir(folder.join(name)).expect("a temporary folder");
    }
    let _outside = UnixListener::bind(folder.join("b")).expect("the path is free");
    let _inside = UnixListener::bind(folder.join("a/b")).expect("the path is free");
    let grant = format!("{}/a/*", folder.display());
    let at = |path: &str| folder.join(path).display().to_string();
    let (out, back, around) = (at("a/../b"), at("c/../a/b"), at("a/../a/./b"));
    let finished = run(&["--allow-unix", &grant], &["connect_to", &out, &back, &around]);
    assert_eq!(told(&finished, &out), DENIED);
    assert_eq!((told(&finished, &back), told(&finished, &around)), ("ok", "ok"));
    let (out, back) = (at("a/../c/new"), at("c/../a/new"));
    let finished = run(&["--allow-unix-listen", &grant], &["listen_on", &out, &back]);
    assert_eq!((told(&finished, &out), told(&finished, &back)), (DENIED, "ok"));
    assert!(!folder.join("c/new").exists() && folder.join("a/new").exists());
}

#[test]
fn links_lead_where_they_lead() {
    let (_folder, folder) = folder();
    for name in ["granted", "other"] {
        fs::create_dir(folder.join(name)).expect("a temporary folder");
    }
    let _other = UnixListener::bind(folder.join("other/x")).expect("the path is free");
    let _granted = UnixListener::bind(folder.join("granted/x")).expect("the path is free");
    symlink("../other/x", folder.join("granted/to-other")).expect("a temporary folder");
    symlink("granted", folder.join("also-granted")).expect("a temporary folder");
    symlink("../other", folder.join("granted/folder")).expect("a temporary folder");
    symlink("../other/new", folder.join("granted/dangling")).expect("a temporary folder");
    let at = |path: &str| folder.join(path).display().to_string();
    let grant = at("granted/*");
    let (out, through, good) = (at("granted/to-other"), at("granted/folder/x"), at("also-granted/x"));
    let finished = run(&["--allow-unix", &grant], &["connect_to", &out, &through, &good]);
    assert_eq!((told(&finished, &out), told(&finished, &through), told(&finished, &good)), (DENIED, DENIED, "ok"));
    assert!(finished.stderr.contains(&at("other/x")), "where it leads is told: {}", finished.stderr);
    let (through, dangling, good) = (at("granted/folder/new"), at("granted/dangling"), at("also-granted/new"));
    let finished = run(&["--allow-unix-listen", &grant], &["listen_on", &through, &dangling, &good]);
    assert_eq!(told(&finished, &through), DENIED);
    assert!(told(&finished, &dangling).contains("is already in use"), "{}", finished.stdout);
    assert_eq!(told(&finished, &good), "ok");
    assert!(!folder.join("other/new").exists() && folder.join("granted/new").exists());
    // The grant, too, may be written with links.
    let (written, real) = (at("also-granted/*"), at("granted/x"));
    let finished = run(&["--allow-unix", &written], &["connect_to", &real, &at("also-granted/x")]);
    assert_eq!(told(&finished, &real), "ok");
}

#[test]
fn a_link_that_is_swapped_all_the_time_leads_nowhere_else() {
    let (_folder, folder) = folder();
    fs::create_dir(folder.join("granted")).expect("a temporary folder");
    fs::create_dir(folder.join("other")).expect("a temporary folder");
    let serve = |path: PathBuf, line: &'static [u8]| {
        let listener = UnixListener::bind(path).expect("the path is free");
        thread::spawn(move || {
            for stream in listener.incoming() {
                // The program may be gone.
                let _ = stream.expect("a connection").write_all(line);
            }
        });
    };
    serve(folder.join("granted/x"), b"allowed\n");
    serve(folder.join("other/x"), b"FORBIDDEN\n");
    let way = folder.join("way");
    symlink("granted", &way).expect("a temporary folder");
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, at) = (stop.clone(), folder.clone());
    let swapping = thread::spawn(move || {
        let mut targets = ["other", "granted"].into_iter().cycle();
        while !stopped.load(Ordering::Relaxed) {
            let next = at.join("next");
            symlink(targets.next().expect("it is a circle"), &next).expect("a temporary folder");
            fs::rename(&next, at.join("way")).expect("a temporary folder");
        }
    });
    let grant = folder.join("granted/x").display().to_string();
    let finished = run(&["--allow-unix", &grant], &["swap", text(&way.join("x")), "2000"]);
    stop.store(true, Ordering::Relaxed);
    swapping.join().expect("it swaps");
    assert_eq!(finished.stdout, "reached true refused true\n", "{}", finished.stderr);
}

#[test]
fn a_path_that_is_too_long_is_told_before_it_is_looked_at() {
    let long = format!("/{}", "a".repeat(107));
    let finished = run(&["--allow-unix", "/*", "--allow-unix-listen", "/*"], &["connect_to", &long]);
    assert_eq!(told(&finished, &long), "OSError: AF_UNIX path too long");
    let longer = format!("/{}", "a".repeat(100_000));
    let finished = run(&["--allow-unix", "/*", "--allow-unix-listen", "/*"], &["listen_on", &longer]);
    assert!(finished.stdout.ends_with("OSError: AF_UNIX path too long\n"), "{}", finished.stderr);
}

#[test]
fn an_abstract_name_needs_a_grant_of_its_own() {
    let finished = run(
        &["--allow-unix", "/*", "--allow-unix-listen", "/*", "--allow-unix-listen", "@wasyncio-test-granted"],
        &["listen_on", "@wasyncio-test-granted", "@wasyncio-test-granted2", "@wasyncio-test"],
    );
    assert_eq!(told(&finished, "@wasyncio-test-granted "), "ok");
    assert_eq!(told(&finished, "@wasyncio-test-granted2"), DENIED);
    assert_eq!(told(&finished, "@wasyncio-test "), DENIED);
}

#[test]
fn nothing_but_sockets_is_removed() {
    let (_folder, folder) = folder();
    fs::write(folder.join("file"), "precious").expect("a temporary folder");
    fs::create_dir(folder.join("folder")).expect("a temporary folder");
    symlink("file", folder.join("link")).expect("a temporary folder");
    let grant = format!("{}/*", folder.display());
    let at = ["file", "folder", "link"].map(|name| folder.join(name).display().to_string());
    let finished = run(&["--allow-unix-listen", &grant], &["listen_on", &at[0], &at[1], &at[2]]);
    for path in &at {
        assert_eq!(told(&finished, path), format!("OSError: Address '{path}' is already in use"));
    }
    assert_eq!(fs::read(folder.join("file")).expect("it is there"), b"precious");
    assert!(folder.join("folder").is_dir() && folder.join("link").is_symlink());
}

/// Who swaps a stale socket for another file, again and again, loses no file.
#[test]
fn a_stale_socket_that_is_replaced_by_a_file_is_not_mistaken_for_one() {
    let (_folder, folder) = folder();
    let path = folder.join("x");
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, at) = (stop.clone(), folder.clone());
    let swapping = thread::spawn(move || {
        // A file that is at the path, or was moved aside and is being put back, is never gone: it is linked twice.
        let kept = at.join("kept");
        fs::write(&kept, "precious").expect("a temporary folder");
        let mut lost = 0;
        while !stopped.load(Ordering::Relaxed) {
            // Whatever is there was put there by the program, or is the file of the last turn.
            _ = fs::remove_file(at.join("x"));
            drop(UnixListener::bind(at.join("x")));
            if fs::hard_link(&kept, at.join("next")).is_ok() {
                fs::rename(at.join("next"), at.join("x")).expect("a temporary folder");
                lost +=
                    usize::from(fs::metadata(&kept).map_or(0, |file| std::os::unix::fs::MetadataExt::nlink(&file)) < 2);
            }
        }
        lost
    });
    let grant = format!("{}/*", folder.display());
    let mut case = vec!["listen_on"];
    case.extend([text(&path); 2000]);
    let finished = run(&["--allow-unix-listen", &grant], &case);
    stop.store(true, Ordering::Relaxed);
    assert_eq!(swapping.join().expect("it swaps"), 0, "{}", finished.stdout);
    assert_eq!(fs::read(folder.join("kept")).expect("it is there"), b"precious");
}

#[test]
fn a_folder_that_the_system_protects_is_no_place_to_listen() {
    let (_folder, folder) = folder();
    fs::create_dir(folder.join("closed")).expect("a temporary folder");
    fs::set_permissions(folder.join("closed"), fs::Permissions::from_mode(0o500)).expect("a temporary folder");
    let is_root = fs::write(folder.join("closed/probe"), "").is_ok();
    let path = folder.join("closed/x").display().to_string();
    let finished = run(&["--allow-unix-listen", &path], &["listen_on", &path]);
    // Whoever is root may do it.
    assert_eq!(told(&finished, &path), if is_root { "ok" } else { DENIED });
}

#[test]
fn ten_thousand_binds_leave_nothing() {
    let (_folder, folder) = folder();
    let grant = format!("{}/*", folder.display());
    fs::create_dir(folder.join("many")).expect("a temporary folder");
    let many = format!("{}/many/*", folder.display());
    let (one, folder_of_many) = (folder.join("x"), folder.join("many"));
    let case = ["bind_often", text(&one), "10000", text(&folder_of_many), "1500"];
    let finished =
        run(&["--allow-unix-listen", &grant, "--allow-unix-listen", &many, "--max-descriptors", "4096"], &case);
    let lines: Vec<_> = finished.stdout.lines().collect();
    assert_eq!(lines[0], "10000 times", "{}", finished.stderr);
    assert_eq!(lines[1], "1024 at once, then: 1024 sockets are open that are not connected");
    assert!(!one.exists());
    let left = fs::read_dir(folder_of_many).expect("it is there").count();
    assert_eq!(left, 0, "files of servers that were dropped at the end are removed");
    assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 1, "nothing was left aside");
}

fn example_server(flags: &[&str], path: &Path) -> Running {
    let mut server = Command::new(command());
    server.arg("run").args(flags).arg(example("unix-echo-server"));
    server.args(["--allow-unix-listen", text(path), "--", text(path)]);
    spawn(&mut server)
}

fn echoes(stream: &mut UnixStream, line: &str) {
    stream.write_all(line.as_bytes()).expect("the server reads");
    let mut echo = vec![0; line.len()];
    stream.read_exact(&mut echo).expect("the server echoes");
    assert_eq!(echo, line.as_bytes());
}

#[test]
fn limits_hold_for_unix_sockets_too() {
    let (_folder, folder) = folder();
    let path = folder.join("x");
    let mut server = example_server(&["--max-connections", "2", "--idle-timeout", "500ms"], &path);
    server.line_with("Serving on");
    let mut first = connect(&path);
    echoes(&mut first, "first\n");
    let mut second = connect(&path);
    echoes(&mut second, "second\n");
    // The third waits in the queue until the idle ones are closed.
    let mut third = connect(&path);
    echoes(&mut third, "third\n");
    let mut rest = Vec::new();
    // Closed, or reset: the server was told of a timeout.
    _ = first.read_to_end(&mut rest);
    assert_eq!(rest, b"");
}

#[test]
fn workers_share_the_socket_and_a_reload_keeps_it() {
    let (_folder, folder) = folder();
    let path = folder.join("x");
    let mut server = example_server(&["--workers", "2", "--grace", "10s"], &path);
    server.lines_with("Serving on", 2);
    let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).expect("it is there"));
    let made = inode();
    let mut streams: Vec<_> = (0..16).map(|_| connect(&path)).collect();
    streams.iter_mut().for_each(|stream| echoes(stream, "before\n"));
    let reload = Command::new("kill").args(["-HUP", &server.id().to_string()]).status();
    assert!(reload.expect("kill is there").success());
    server.lines_with("Serving on", 4);
    assert_eq!(inode(), made, "the socket is still the one that was made");
    echoes(&mut streams[0], "an old connection\n");
    let mut new = connect(&path);
    echoes(&mut new, "a new connection\n");
    drop((streams, new));
    let stop = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(stop.expect("kill is there").success());
    assert!(server.wait().success(), "{}", server.printed());
    assert!(!path.exists(), "the socket is removed in the end");
}

/// Sends a byte with a descriptor, by the C library's `sendmsg` through Python, which every test machine has.
#[test]
fn descriptors_that_a_peer_sends_are_not_taken() {
    let (_folder, folder) = folder();
    let path = folder.join("x");
    let mut server = example_server(&[], &path);
    server.line_with("Serving on");
    let mut stream = connect(&path);
    echoes(&mut stream, "before\n");
    let count = || fs::read_dir(format!("/proc/{}/fd", server.id())).expect("the server runs").count();
    let before = count();
    let Some(python) = wasyncio_tests::python() else { return };
    let mut python = python;
    python.arg("-c").arg(format!(
        "import socket, array\n\
         s = socket.socket(socket.AF_UNIX); s.connect({:?})\n\
         for n in range(100):\n\
         \x20   s.sendmsg([b'one '], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0, 1, 2]))])\n\
         \x20   s.send(b'two\\n')\n\
         \x20   assert s.recv(8, socket.MSG_WAITALL) == b'one two\\n'\n\
         print('done'); import sys; sys.stdout.flush(); sys.stdin.read()",
        text(&path)
    ));
    let done = finish(&mut python);
    assert_eq!(done.stdout, "done\n", "what follows a descriptor is read too: {}", done.stderr);
    echoes(&mut stream, "after\n");
    // One that was just closed may still be there.
    assert!(count() <= before + 1, "{before} and then {}", count());
    let _ = stream.as_raw_fd();
}

#[test]
fn check_and_inspect_tell_of_unix_sockets() {
    let app = example("unix-echo-server");
    let mut check = Command::new(command());
    check.arg("check").arg(&app).args(["--allow-unix", "/run/*", "--allow-unix-listen", "@bus"]);
    let told = finish(&mut check);
    for line in [
        "may connect to the Unix socket /run/*",
        "may listen on the Unix socket @bus",
        "warning: the grant /run/* has the Unix socket /run/docker.sock: whoever may connect there can do anything on this machine",
    ] {
        assert!(told.stdout.lines().any(|told| told == line), "{line} is not in {}{}", told.stdout, told.stderr);
    }
    let mut inspect = Command::new(command());
    let told = finish(inspect.arg("inspect").arg(&app));
    assert!(told.stdout.contains("wasyncio:host/unix@0.1.0"), "{}", told.stdout);
    assert!(told.stdout.contains("--allow-unix, --allow-unix-listen"), "{}", told.stdout);
}

#[test]
fn a_policy_file_grants_unix_sockets_beside_itself() {
    let (_folder, folder) = folder();
    fs::write(folder.join("policy.toml"), "unix-listen = ['x']\nargs = []\n").expect("a temporary folder");
    let path = folder.join("x");
    let mut server = Command::new(command());
    server.arg("run").arg("--policy").arg(folder.join("policy.toml")).arg(example("unix-echo-server"));
    let mut server = spawn(server.arg("--").arg(&path));
    server.line_with("Serving on");
    echoes(&mut connect(&path), "hello\n");
    assert!(fs::metadata(&path).expect("it is there").file_type().is_socket());
}
