//! Signals at the wrong moment, and what a program learns of them.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use wasyncio_tests::{DEADLINE, Running, ask, command, connect, dist, echo_server, example, finish, signal, spawn};

/// Waits until the process has a handler of its own for SIGTERM.
fn wait_for_handlers(server: &Running) {
    let end = Instant::now() + DEADLINE;
    let caught = || {
        let status = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("it runs");
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("Linux tells it");
        u64::from_str_radix(mask.trim(), 16).expect("a mask") & 1 << 14 != 0
    };
    while !caught() {
        assert!(Instant::now() < end, "it does not handle signals");
        std::thread::yield_now();
    }
}

fn is_cut(client: &mut TcpStream) -> bool {
    matches!(client.read(&mut [0; 1]), Ok(0) | Err(_))
}

#[test]
fn a_reload_that_comes_while_the_program_is_loaded_is_done_afterwards() {
    for flags in [&[][..], &["--workers", "1"][..]] {
        // Nothing is cached there: loading takes its time.
        let cache = tempfile::tempdir().expect("a temporary folder");
        let mut run = Command::new(command());
        run.env("XDG_CACHE_HOME", cache.path()).arg("run").args(flags).args(["--allow-listen", "127.0.0.1:0"]);
        let mut server = spawn(run.arg(example("echo-server")).args(["--", "127.0.0.1:0"]));
        wait_for_handlers(&server);
        signal(server.id(), "-HUP");
        let address = server.address();
        server.line_with("loaded the program again");
        assert_eq!(ask(&mut connect(address), "hello\n"), "hello\n");
        signal(server.id(), "-TERM");
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn a_program_is_loaded_again_without_workers_too() {
    let mut server = echo_server(&["--grace", "1min"]);
    let address = server.address();
    let mut old = connect(address);
    assert_eq!(ask(&mut old, "one\n"), "one\n");
    signal(server.id(), "-HUP");
    server.line_with("loaded the program again");
    assert_eq!(ask(&mut connect(address), "two\n"), "two\n");
    assert_eq!(ask(&mut old, "three\n"), "three\n");
    drop(old);
    signal(server.id(), "-TERM");
    assert_eq!(server.wait().code(), Some(0));
}

/// A server with a policy file in this folder.
fn server_with_policy(folder: &Path, flags: &[&str]) -> Running {
    let policy = folder.join("policy.toml");
    fs::write(&policy, "listen = ['127.0.0.1:0']\nargs = ['127.0.0.1:0']\n").expect("the folder is ours");
    spawn(Command::new(command()).arg("run").args(flags).arg("--policy").arg(policy).arg(example("echo-server")))
}

#[test]
fn a_stop_during_a_reload_acts_at_once() {
    for flags in [&[][..], &["--workers", "2"][..]] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = server_with_policy(folder.path(), flags);
        server.address();
        // Reading it now takes until somebody writes, which nobody does.
        let policy = folder.path().join("policy.toml");
        fs::remove_file(&policy).expect("it is ours");
        assert!(finish(Command::new("mkfifo").arg(&policy)).status.success());
        signal(server.id(), "-HUP");
        // Until a thread waits in there for a writer.
        let end = Instant::now() + DEADLINE;
        let waits = || {
            let tasks = fs::read_dir(format!("/proc/{}/task", server.id())).expect("it runs");
            let waits = |task: fs::DirEntry| fs::read_to_string(task.path().join("wchan")).ok();
            let mut places = tasks.filter_map(|task| waits(task.expect("it runs")));
            places.any(|place| place.contains("fifo") || place.contains("pipe"))
        };
        // Some kernels do not tell where a thread waits.
        while !waits() && Instant::now() < end - DEADLINE + Duration::from_secs(2) {
            std::thread::yield_now();
        }
        let begun = Instant::now();
        signal(server.id(), "-TERM");
        assert_eq!(server.wait().code(), Some(0), "{flags:?}: {}", server.printed());
        assert!(begun.elapsed() < Duration::from_millis(1500), "{flags:?}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_program_that_does_not_come_up_again_leaves_the_old_one_at_work() {
    for flags in [&[][..], &["--workers", "2"][..]] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = server_with_policy(folder.path(), flags);
        let address = server.address();
        let mut client = connect(address);
        assert_eq!(ask(&mut client, "before\n"), "before\n");
        // It may not listen where it wants to.
        let policy = "listen = ['127.0.0.1:0']\nargs = ['127.0.0.1:1']\n";
        fs::write(folder.path().join("policy.toml"), policy).expect("the folder is ours");
        signal(server.id(), "-HUP");
        server.line_with("the old program goes on: the program ended with exit code 1");
        assert_eq!(ask(&mut client, "after\n"), "after\n");
        assert_eq!(ask(&mut connect(address), "new\n"), "new\n");
        drop(client);
        signal(server.id(), "-TERM");
        assert_eq!(server.wait().code(), Some(0));
    }
}

#[test]
fn a_program_without_a_connection_learns_of_the_stop_and_has_the_grace() {
    for flags in [&["--grace", "1min"][..], &["--grace", "1min", "--workers", "1"][..]] {
        let mut run = Command::new(command());
        run.arg("run").args(flags).args(["--allow-listen", "127.0.0.1:0"]).arg(dist("tests/misbehaving.wasm"));
        let mut server = spawn(run.args(["--", "serve", "127.0.0.1:0"]));
        server.address();
        let begun = Instant::now();
        signal(server.id(), "-TERM");
        // Said after the end of what it accepts.
        server.line_with("no longer serving");
        assert_eq!(server.wait().code(), Some(0));
        assert!(begun.elapsed() < DEADLINE, "it ends when the program does");
    }
}

#[test]
fn at_a_third_reload_within_the_grace_period_the_oldest_connections_are_cut() {
    let mut server = echo_server(&["--grace", "5min"]);
    let address = server.address();
    let mut clients = Vec::new();
    for reloads in 1..4 {
        let mut client = connect(address);
        assert_eq!(ask(&mut client, "hello\n"), "hello\n");
        clients.push(client);
        signal(server.id(), "-HUP");
        server.lines_with("loaded the program again", reloads);
    }
    assert!(is_cut(&mut clients[0]));
    server.line_with("1 connections of a program that was replaced were cut");
    for client in &mut clients[1..] {
        assert_eq!(ask(client, "still\n"), "still\n");
    }
    assert_eq!(ask(&mut connect(address), "new\n"), "new\n");
}
