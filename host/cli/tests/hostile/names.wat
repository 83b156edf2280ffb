;; Looks up a name of a megabyte below example.com, six hundred times, whatever comes of it.
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
  (core module $mem (memory (export "memory") 20))
  (core instance $mem (instantiate $mem))
  (core func $get (canon lower (func $in "instance-network")))
  (core func $res (canon lower (func $l "resolve-addresses") (memory (core memory $mem "memory"))))
  (core module $p
    (import "" "memory" (memory 20))
    (import "" "get" (func $get (result i32)))
    (import "" "res" (func $res (param i32 i32 i32 i32)))
    (data (i32.const 1048576) ".example.com")
    (func (export "run") (result i32) (local $i i32) (local $h i32)
      (local.set $h (call $get))
      (memory.fill (i32.const 64) (i32.const 97) (i32.const 1048512))
      (loop $again
        (call $res (local.get $h) (i32.const 64) (i32.const 1048524) (i32.const 16))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 600))))
      (i32.const 0)))
  (core instance $p (instantiate $p (with "" (instance (export "memory" (memory $mem "memory")) (export "get" (func $get)) (export "res" (func $res))))))
  (func $run (result (result)) (canon lift (core func $p "run")))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))

