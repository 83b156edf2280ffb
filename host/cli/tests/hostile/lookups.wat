;; Begins two thousand look-ups of localhost, in calls of WASI 0.3 that it does not wait for, and computes for ever.
(component
  (import "wasi:sockets/types@0.3.2" (instance $types
    (type $v4 (tuple u8 u8 u8 u8))
    (export "ipv4-address" (type $ipv4 (eq $v4)))
    (type $v6 (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (export "ipv6-address" (type $ipv6 (eq $v6)))
    (type $ip (variant (case "ipv4" $ipv4) (case "ipv6" $ipv6)))
    (export "ip-address" (type $address (eq $ip)))))
  (alias export $types "ip-address" (type $address))
  (import "wasi:sockets/ip-name-lookup@0.3.2" (instance $lookup
    (alias outer 1 $address (type $outer)) (export "ip-address" (type $a (eq $outer)))
    (type $code (variant (case "access-denied") (case "invalid-argument") (case "name-unresolvable")
      (case "temporary-resolver-failure") (case "permanent-resolver-failure") (case "other" (option string))))
    (export "error-code" (type $error (eq $code)))
    (export "resolve-addresses" (func async (param "name" string) (result (result (list $a) (error $error)))))))
  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 16) "localhost")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
  (core instance $memory (instantiate $memory))
  (core func $resolve (canon lower (func $lookup "resolve-addresses") async
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $program
    (import "" "resolve" (func $resolve (param i32 i32 i32) (result i32)))
    (func (export "run") (result i32) (local $i i32)
      (loop $again
        (drop (call $resolve (i32.const 16) (i32.const 9) (i32.const 2048)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 2000))))
      (loop $for_ever br $for_ever)
      unreachable))
  (core instance $program (instantiate $program (with "" (instance (export "resolve" (func $resolve))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))
