//! Sockets of WASI 0.2: not under limits that do not reach them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wasyncio_host::{Denial, Host, Limits, Runner};

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

/// Whether the program got its socket, and what it was denied.
async fn run(protocol: &str, limits: Limits) -> (bool, Vec<Denial>) {
    let host = Host::builder().build().unwrap();
    let program = host.load("program", wat::parse_str(PROGRAM.replace("PROTOCOL", protocol)).unwrap()).unwrap();
    let denied = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&denied);
    let run = Runner::new(&program).limits(limits).on_denied(move |denial| told.lock().unwrap().push(denial.clone()));
    let success = run.run().await.unwrap().success();
    let denied = denied.lock().unwrap().clone();
    (success, denied)
}

#[tokio::test]
async fn without_limits_of_connections_a_program_has_sockets() {
    let mut limits = Limits::default();
    limits.max_memory = Some(16 << 20);
    assert_eq!(run("tcp", limits).await, (true, vec![]));
}

#[tokio::test]
async fn under_each_limit_of_connections_a_socket_is_denied_and_told() {
    let limits: [fn(&mut Limits); 3] = [
        |limits| limits.max_connections = Some(10),
        |limits| limits.idle_timeout = Some(Duration::from_secs(1)),
        |limits| limits.max_buffer = Some(4096),
    ];
    for set in limits {
        let mut limits = Limits::default();
        set(&mut limits);
        assert_eq!(run("tcp", limits).await, (false, vec![Denial::Unlimited]), "{limits:?}");
    }
}

#[tokio::test]
async fn udp_is_denied_and_told() {
    assert_eq!(run("udp", Limits::default()).await, (false, vec![Denial::Udp]));
}
