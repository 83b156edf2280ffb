;; Makes timers of a year of WASI 0.2 and keeps them, for ever.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer)) (export "pollable" (type $p (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core module $program
    (import "" "subscribe" (func $subscribe (param i64) (result i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (loop $again (drop (call $subscribe (i64.const 31536000000000000))) (br $again))
      unreachable))
  (core instance $program (instantiate $program (with "" (instance (export "subscribe" (func $subscribe))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))
