//! Programs that take sockets and files: what they drop is closed, and what they keep is bounded.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use support::{DEADLINE, Hostile};

#[test]
fn what_a_program_drops_is_closed_with_workers_too() {
    for workers in [&[][..], &["--workers", "1"], &["--workers", "3"]] {
        let mut running =
            Hostile::new("bind_and_drop").descriptors(100).run(&[&["--allow-listen", "127.0.0.1:0"], workers].concat());
        assert_eq!(running.wait().code(), Some(0), "{workers:?}: {}", running.stderr());
    }
}

#[test]
fn a_port_that_was_listened_on_is_free_when_the_program_drops_it() {
    for workers in [&[][..], &["--workers", "1"], &["--workers", "3"]] {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port is free");
        let grant = free.to_string();
        let program = Hostile::new("rebind").with("PORT", &free.port().to_string());
        let mut running = program.run(&[&["--allow-listen", &grant], workers].concat());
        assert_eq!(running.wait().code(), Some(0), "{workers:?}: {}", running.stderr());
    }
}

#[test]
fn sockets_of_wasi_02_are_denied_and_told() {
    let mut running = Hostile::new("sockets02").descriptors(300).run(&[]);
    running.line_with("denied: a TCP socket of WASI 0.2; allow it with --allow-wasi02-sockets");
    running.wait_until_it_computes();
    assert!(running.descriptors() < 100, "{} descriptors", running.descriptors());
}

#[test]
fn sockets_of_wasi_02_leave_descriptors_for_the_host() {
    let flags = ["--allow-wasi02-sockets", "--metrics", "127.0.0.1:0"];
    let mut running = Hostile::new("sockets02").descriptors(300).run(&flags);
    let line = running.line_with("metrics are on http://");
    running.line_with("it may have");
    let descriptors = running.descriptors();
    // An eighth of them is the host's.
    assert!((200..=300 - 30).contains(&descriptors), "{descriptors} descriptors");
    let (_, rest) = line.split_once("http://").expect("found above");
    let mut scrape = TcpStream::connect(rest.trim_end_matches("/metrics")).expect("it listens");
    scrape.set_read_timeout(Some(DEADLINE)).expect("not zero");
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nHost: metrics\r\n\r\n").expect("connected");
    let mut text = String::new();
    scrape.read_to_string(&mut text).expect("an answer");
    assert!(text.contains("wasyncio_instances 1"), "{text}");
}

#[test]
fn the_budget_is_what_the_operator_says() {
    let flags = ["--allow-wasi02-sockets", "--max-descriptors", "10"];
    let mut running = Hostile::new("sockets02").run(&flags);
    running.line_with("all 10 descriptors that it may have");
    assert!(running.descriptors() < 60, "{} descriptors", running.descriptors());
}

#[test]
fn files_are_in_the_budget_too() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let program = Hostile::new("files").with("COUNT", "200");
    let mut running = program.descriptors(120).run(&["--dir", &format!("{folder}::/data")]);
    assert_eq!(running.wait().code(), Some(0), "{}", running.stderr());
    let program = Hostile::new("files").with("COUNT", "8");
    let mut running = program.run(&["--dir", &format!("{folder}::/data"), "--max-descriptors", "7"]);
    assert_eq!(running.wait().code(), Some(0), "{}", running.stderr());
    assert!(running.stderr().contains("files are not opened until others are closed"), "{}", running.stderr());
}

#[test]
fn sockets_of_wasi_02_have_neither_workers_nor_grace_nor_limits_of_connections() {
    for (flag, value) in [
        ("--workers", "2"),
        ("--grace", "30s"),
        ("--max-connections", "5"),
        ("--max-peer-connections", "5"),
        ("--max-lifetime", "1s"),
        ("--min-rate", "1B"),
        ("--idle-timeout", "1s"),
        ("--max-buffer", "8KiB"),
    ] {
        let mut running = Hostile::new("sockets02").run(&["--allow-wasi02-sockets", flag, value]);
        assert_eq!(running.wait().code(), Some(120), "{flag}");
        let stderr = running.stderr();
        let told = format!("--allow-wasi02-sockets (wasi02-sockets) cannot be combined with {flag}");
        assert!(stderr.contains(&told) && stderr.lines().count() == 1, "{stderr}");
    }
}

#[test]
fn a_policy_file_can_grant_sockets_of_wasi_02() {
    let file = format!("{}/wasi02.toml", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&file, "wasi02-sockets = true\n").expect("cargo made the folder");
    let mut running = Hostile::new("sockets02").run(&["--policy", &file, "--max-descriptors", "5"]);
    running.line_with("all 5 descriptors that it may have");
    let mut running = Hostile::new("sockets02").run(&["--policy", &file, "--workers", "2"]);
    assert_eq!(running.wait().code(), Some(120), "{}", running.stderr());
}

#[test]
fn the_soft_limit_of_descriptors_is_raised() {
    let running = Hostile::new("sockets02").soft_descriptors(64).run(&[]);
    running.wait_until_it_computes();
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).expect("it runs");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("Linux tells it");
    let fields: Vec<_> = line.split_whitespace().collect();
    assert!(fields[3] == fields[4] && fields[3] != "64", "{line}");
}
