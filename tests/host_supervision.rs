//! Workers that end: each end is told, counted and answered, and nothing but a crash loop ends the service.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Instant;

use wasyncio_tests::{DEADLINE, Running, ask, connect, finish, misbehaving_server, stop};

/// A connection to each of two workers, by who serves it.
fn connections_to_both(address: SocketAddr) -> HashMap<String, TcpStream> {
    let mut connections = HashMap::new();
    let end = Instant::now() + DEADLINE;
    while connections.len() < 2 {
        assert!(Instant::now() < end, "one worker takes all");
        // At once, so that one worker is still at it when the next connection comes.
        let mut batch: Vec<_> = (0..8).map(|_| connect(address)).collect();
        batch.iter_mut().for_each(|client| client.write_all(b"who\n").expect("connected"));
        for mut client in batch {
            let mut who = String::new();
            // A worker that ends meanwhile answers nothing.
            if BufReader::new(&mut client).read_line(&mut who).is_ok_and(|count| count > 0) {
                connections.insert(who, client);
            }
        }
    }
    connections
}

/// Has whoever serves `client` trap, and waits until that has cost it the connection.
fn trap(mut client: TcpStream) {
    client.write_all(b"trap\n").expect("connected");
    assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)), "it is closed");
}

fn limit_descriptors(server: &Running, limits: &str) {
    let limit = format!("--nofile={limits}");
    let done = finish(Command::new("prlimit").args(["--pid", &server.id().to_string(), &limit]));
    assert!(done.status.success(), "{}", done.stderr);
}

#[test]
fn a_replacement_that_cannot_have_a_descriptor_costs_nobody_else_and_comes_later() {
    let mut server = misbehaving_server(&["--workers", "2", "--grace", "30s"]);
    let address = server.address();
    let mut connections = connections_to_both(address);
    let doomed = connections.keys().next().expect("there are two").clone();
    let doomed = connections.remove(&doomed).expect("it is there");
    let (who, mut other) = connections.drain().next().expect("the other one");
    // From now on there is none: all numbers below are taken.
    limit_descriptors(&server, "4:4096");
    trap(doomed);
    server.line_with("replaced in 100ms: ");
    // It was tried, and failed.
    server.line_with("replaced in 200ms: the program ended with exit code 1");
    assert_eq!(ask(&mut other, "who\n"), who, "the other one serves");
    limit_descriptors(&server, "4096:4096");
    let both = connections_to_both(address);
    assert!(both.contains_key(&who), "the other one still serves");
    drop((both, other));
    stop(server);
}

#[test]
fn replacements_run_on_the_threads_of_those_that_they_replace() {
    let mut server = misbehaving_server(&["--workers", "2"]);
    let address = server.address();
    let threads = |server: &Running| {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", server.id())).expect("it runs");
        let names = tasks.map(|task| std::fs::read_to_string(task.expect("it runs").path().join("comm")));
        names.filter(|name| name.as_ref().is_ok_and(|name| name.starts_with("worker-"))).count()
    };
    assert_eq!(threads(&server), 2);
    for times in 1..4 {
        let (_, client) = connections_to_both(address).drain().next().expect("there are two");
        trap(client);
        server.lines_with("replaced in ", times);
        _ = connections_to_both(address);
        assert_eq!(threads(&server), 2, "after {times} traps");
    }
    stop(server);
}

#[test]
fn a_worker_that_keeps_failing_is_tried_again_as_long_as_another_serves() {
    let mut server = misbehaving_server(&["--workers", "2", "--max-restarts", "1"]);
    let address = server.address();
    let mut connections = connections_to_both(address);
    let steady = connections.keys().next().expect("there are two").clone();
    let mut client = connections.remove(&steady).expect("it is there");
    for (_, doomed) in connections.drain() {
        trap(doomed);
    }
    server.line_with("replaced in 100ms: ");
    let mut connections = connections_to_both(address);
    connections.remove(&steady);
    for (_, doomed) in connections.drain() {
        trap(doomed);
    }
    server.line_with("replaced in 30s: ");
    assert_eq!(ask(&mut client, "who\n"), steady);
    drop(client);
    stop(server);
}
