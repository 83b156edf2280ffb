//! Programs that misbehave while they serve: only their own connections pay for it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Instant;

use wasyncio_tests::{DEADLINE, ask, command, connect, dist, finish, misbehaving_server, signal, spawn, stop};

/// Connections to each of two workers, three at least, by who serves them.
fn connections_to_both(address: SocketAddr) -> HashMap<String, Vec<TcpStream>> {
    let mut connections = HashMap::<_, Vec<_>>::new();
    let end = Instant::now() + DEADLINE;
    while connections.len() < 2 || connections.values().any(|of_one| of_one.len() < 3) {
        assert!(Instant::now() < end, "one worker takes all");
        // At once, so that one worker is still at it when the next connection comes.
        let mut batch: Vec<_> = (0..8).map(|_| connect(address)).collect();
        batch.iter_mut().for_each(|client| client.write_all(b"who\n").expect("connected"));
        for mut client in batch {
            let mut who = String::new();
            BufReader::new(&mut client).read_line(&mut who).expect("an answer");
            connections.entry(who).or_default().push(client);
        }
    }
    connections
}

/// One worker is told to do what costs it its life; the connections of the other live on, and it is replaced.
fn assert_costs_only_its_own(flags: &[&str], misdeed: &str, told: &str) {
    let mut server = misbehaving_server(&[&["--workers", "2"], flags].concat());
    let address = server.address();
    let mut connections = connections_to_both(address);
    let doomed = connections.keys().next().expect("there are two").clone();
    let mut lost = connections.remove(&doomed).expect("it is there");
    lost[0].write_all(misdeed.as_bytes()).expect("connected");
    for client in &mut lost {
        assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)), "it is closed");
    }
    server.line_with(told);
    for (who, clients) in &mut connections {
        for client in clients {
            assert_eq!(ask(client, "who\n"), *who);
        }
    }
    let replaced = connections_to_both(address);
    assert!(!replaced.contains_key(&doomed), "it has come back from the dead");
    stop(server);
}

#[test]
fn a_trap_in_one_worker_costs_only_its_own_connections() {
    assert_costs_only_its_own(&[], "trap\n", "replaced in 100ms: ");
}

#[test]
fn peers_wait_in_the_queue_of_a_worker_that_broke() {
    let mut server = misbehaving_server(&["--workers", "1"]);
    let address = server.address();
    for delay in ["100ms", "200ms", "400ms"] {
        connect(address).write_all(b"trap\n").expect("connected");
        server.line_with(&format!("replaced in {delay}: "));
        // Nobody is there to accept.
        assert_eq!(ask(&mut connect(address), "hello\n"), "hello\n");
    }
}

#[test]
fn an_endless_loop_in_one_worker_costs_only_its_own_connections() {
    assert_costs_only_its_own(&["--max-compute", "300ms"], "spin\n", "it computed for 300ms without a pause");
}

#[test]
fn a_memory_bomb_in_one_worker_costs_only_its_own_connections() {
    assert_costs_only_its_own(&["--max-memory", "32MiB"], "memory\n", "it needs more memory than 32.0 MiB");
}

#[test]
fn others_are_served_while_one_worker_loops() {
    let mut server = misbehaving_server(&["--workers", "2"]);
    let mut connections = connections_to_both(server.address());
    let looping = connections.keys().next().expect("there are two").clone();
    let mut stuck = connections.remove(&looping).expect("it is there");
    stuck[0].write_all(b"spin\n").expect("connected");
    let (who, mut clients) = connections.into_iter().next().expect("the other one");
    for _ in 0..100 {
        for client in &mut clients {
            assert_eq!(ask(client, "who\n"), who);
        }
    }
    signal(server.id(), "-TERM");
    assert_eq!(server.wait().code(), Some(0), "an endless loop does not hold up the end");
}

#[test]
fn a_client_that_is_killed_in_the_middle_costs_nothing_else() {
    let mut server = misbehaving_server(&[]);
    let address = server.address();
    let mut steady = connect(address);
    for _ in 0..3 {
        // It sends without end and never reads, so that bytes are under way in both directions when it dies.
        let mut flood = Command::new(command());
        flood.args(["run", "--allow-connect", "127.0.0.1:*"]).arg(dist("tests/misbehaving.wasm"));
        let mut client = spawn(flood.args(["--", "flood", &address.to_string()]));
        client.line_with("flooding");
        assert_eq!(ask(&mut steady, "before\n"), "before\n");
        let kill = finish(Command::new("kill").args(["-KILL", &client.id().to_string()]));
        assert!(kill.status.success(), "{}", kill.stderr);
        assert_eq!(client.wait().code(), None, "a signal ended it");
        assert_eq!(ask(&mut steady, "after\n"), "after\n");
        server.line_with("failed: ");
    }
}
