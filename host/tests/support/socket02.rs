//! Programs that make a socket of WASI 0.2, as text.

use wasyncio_host::{Host, Program};

/// Makes a socket of PROTOCOL by a function of WASI 0.2, and looks at the result, which is at 0, in BODY.
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
            BODY))
    (core instance $program (instantiate $program (with "" (instance
        (export "memory" (memory $memory "memory"))
        (export "create" (func $create))))))
    (func $run (result (result)) (canon lift (core func $program "run")))
    (instance $face (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $face)))"#;

/// A program that makes such a socket, and ends by what `body` gives: 0 for well. The result is at 0 in its memory: whether it is
/// an error, and at 4 which.
pub(crate) fn socket02(host: &Host, protocol: &str, body: &str) -> Program {
    let text = PROGRAM.replace("PROTOCOL", protocol).replace("BODY", body);
    host.load("program", wat::parse_str(text).unwrap()).unwrap()
}
