//! Sockets of WASI 0.2: only where they are granted, and not together with what does not reach them.

mod support;

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wasyncio_host::{Denial, Error, Host, Limits, Policy, Program, Runner, SharedListeners, Wasi02Conflict};

use support::socket02::socket02;

/// Fails if the socket is denied; traps if it fails otherwise.
const OUTCOME: &str = "
    (if (i32.eqz (i32.load8_u (i32.const 0))) (then (return (i32.const 0))))
    (if (i32.eq (i32.load8_u (i32.const 4)) (i32.const 1)) (then (return (i32.const 1))))
    unreachable";

fn program(protocol: &str) -> Program {
    socket02(&Host::builder().build().unwrap(), protocol, OUTCOME)
}

/// Whether the program got its socket, and what it was denied.
async fn run(protocol: &str, policy: Policy) -> (bool, Vec<Denial>) {
    let denied = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&denied);
    let program = program(protocol);
    let run = Runner::new(&program).policy(policy).on_denied(move |denial| told.lock().unwrap().push(denial.clone()));
    let success = run.run().await.unwrap().success();
    let denied = denied.lock().unwrap().clone();
    (success, denied)
}

#[tokio::test]
async fn a_socket_is_denied_and_told_unless_it_is_granted() {
    assert_eq!(run("tcp", Policy::new()).await, (false, vec![Denial::Wasi02Tcp]));
    assert_eq!(run("tcp", Policy::new().allow_wasi02_sockets()).await, (true, vec![]));
}

#[tokio::test]
async fn udp_is_denied_and_told() {
    assert_eq!(run("udp", Policy::new().allow_wasi02_sockets()).await, (false, vec![Denial::Udp]));
}

fn granted() -> Runner {
    Runner::new(&program("tcp")).policy(Policy::new().allow_wasi02_sockets())
}

fn assert_conflict<T: std::fmt::Debug>(outcome: Result<T, Error>, expected: Wasi02Conflict) {
    let error = outcome.expect_err("it is refused");
    assert!(matches!(error, Error::Wasi02Sockets { conflict } if conflict == expected), "{error}");
}

#[tokio::test]
async fn limits_of_connections_exclude_them() {
    let limits: [fn(&mut Limits); 3] = [
        |limits| limits.max_connections = Some(10),
        |limits| limits.idle_timeout = Some(Duration::from_secs(1)),
        |limits| limits.max_buffer = Some(4096),
    ];
    for set in limits {
        let mut limits = Limits::default();
        set(&mut limits);
        assert_conflict(granted().limits(limits).run().await, Wasi02Conflict::Limits);
    }
    let mut limits = Limits::default();
    limits.max_memory = Some(16 << 20);
    assert!(granted().limits(limits).run().await.unwrap().success());
}

#[tokio::test]
async fn shared_listeners_and_grace_exclude_them() {
    assert_conflict(granted().listeners(&SharedListeners::new()).run().await, Wasi02Conflict::Workers);
    assert_conflict(granted().run_until(pending(), Duration::from_secs(1)).await, Wasi02Conflict::Grace);
    assert!(granted().run_until(pending(), Duration::ZERO).await.is_ok());
}
