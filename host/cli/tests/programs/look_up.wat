;; Looks NAME up by WASI 0.2. Succeeds if the look-up is begun, fails if it is denied, and traps if it fails otherwise.
(component
  (import "wasi:sockets/network@0.2.0" (instance $n
    (export "network" (type $net (sub resource)))
    (type $code (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
            "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
            "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused" "connection-reset"
            "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure"
            "permanent-resolver-failure"))
    (export "error-code" (type (eq $code)))))
  (alias export $n "network" (type $net))
  (alias export $n "error-code" (type $code))
  (import "wasi:sockets/instance-network@0.2.0" (instance $in
    (alias outer 1 $net (type $netx)) (export "network" (type $net2 (eq $netx)))
    (export "instance-network" (func (result (own $net2))))))
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $l
    (alias outer 1 $net (type $netx)) (export "network" (type $net2 (eq $netx)))
    (alias outer 1 $code (type $codex)) (export "error-code" (type $ec (eq $codex)))
    (export "resolve-address-stream" (type $ras (sub resource)))
    (export "resolve-addresses" (func (param "network" (borrow $net2)) (param "name" string) (result (result (own $ras) (error $ec)))))))
  (core module $mem (memory (export "memory") 1))
  (core instance $mem (instantiate $mem))
  (core func $get (canon lower (func $in "instance-network")))
  (core func $res (canon lower (func $l "resolve-addresses") (memory (core memory $mem "memory"))))
  (core module $p
    (import "" "memory" (memory 1))
    (import "" "get" (func $get (result i32)))
    (import "" "res" (func $res (param i32 i32 i32 i32)))
    (data (i32.const 64) "NAME")
    (func (export "run") (result i32)
      (call $res (call $get) (i32.const 64) (i32.const LENGTH) (i32.const 16))
      (if (i32.eqz (i32.load8_u (i32.const 16))) (then (return (i32.const 0))))
      (if (i32.eq (i32.load8_u (i32.const 20)) (i32.const 1)) (then (return (i32.const 1))))
      unreachable))
  (core instance $p (instantiate $p (with "" (instance (export "memory" (memory $mem "memory")) (export "get" (func $get)) (export "res" (func $res))))))
  (func $run (result (result)) (canon lift (core func $p "run")))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))
