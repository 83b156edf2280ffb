;; Begins to wait for a year, in calls of WASI 0.3 that it does not wait for, for ever.
(component
  (import "wasi:clocks/monotonic-clock@0.3.2" (instance $clock
    (export "wait-for" (func async (param "how-long" u64)))))
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (core func $wait (canon lower (func $clock "wait-for") async (memory (core memory $memory "memory"))))
  (core module $program
    (import "" "wait" (func $wait (param i64) (result i32)))
    (func (export "run") (result i32)
      (loop $again (drop (call $wait (i64.const 31536000000000000))) (br $again))
      unreachable))
  (core instance $program (instantiate $program (with "" (instance (export "wait" (func $wait))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))
