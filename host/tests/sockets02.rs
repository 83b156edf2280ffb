//! Sockets of WASI 0.2: only where they are granted, and not together with what does not reach them.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wasyncio_host::{Denial, Error, Host, Limits, Policy, Program, Runner, SharedListeners, Wasi02Conflict};

/// Makes a socket by a function of WASI 0.2. Fails if that is denied; traps if it fails otherwise.
const PROGRAM: &str = r#"(component
    (import "wasi:sockets/network@0.2.0" (instance $network
        (type $code (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
            "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
            "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused" "connection-reset"
            "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure"
            "permanent-resolver-failure"))
        (export "error-code" (type (eq $code)))
        (type $family (enum "ipv4" "ipv6"))
        (export "ip-address-family" (type (eq $family)))))
    (alias export $network "error-code" (type $code))
    (alias export $network "ip-address-family" (type $family))
    (import "wasi:sockets/PROTOCOL@0.2.0" (instance $sockets (export "PROTOCOL-socket" (type (sub resource)))))
    (alias export $sockets "PROTOCOL-socket" (type $socket))
    (import "wasi:sockets/PROTOCOL-create-socket@0.2.0" (instance $create
        (alias outer 1 $code (type $code))
        (alias outer 1 $family (type $family))
        (alias outer 1 $socket (type $socket))
        (export "create-PROTOCOL-socket"
            (func (param "address-family" $family) (result (result (own $socket) (error $code)))))))
    (core module $memory (memory (export "memory") 1))
    (core instance $memory (instantiate $memory))
    (core func $create
        (canon lower (func $create "create-PROTOCOL-socket") (memory (core memory $memory "memory"))))
    (core module $program
        (import "" "memory" (memory 1))
        (import "" "create" (func $create (param i32 i32)))
        (func (export "run") (result i32)
            (call $create (i32.const 0) (i32.const 0))
            (if (i32.eqz (i32.load8_u (i32.const 0))) (then (return (i32.const 0))))
            (if (i32.eq (i32.load8_u (i32.const 4)) (i32.const 1)) (then (return (i32.const 1))))
            unreachable))
    (core instance $program (instantiate $program (with "" (instance
        (export "memory" (memory $memory "memory"))
        (export "create" (func $create))))))
    (func $run (result (result)) (canon lift (core func $program "run")))
    (instance $face (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $face)))"#;

fn program(protocol: &str) -> Program {
    let host = Host::builder().build().unwrap();
    host.load("program", wat::parse_str(PROGRAM.replace("PROTOCOL", protocol)).unwrap()).unwrap()
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
