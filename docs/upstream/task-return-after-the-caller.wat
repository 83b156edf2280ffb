;; A task that ends while a call of another component is in flight. When that call returns, wasmtime traps with
;; `resource not present`.
;;
;;   wasmtime run -W component-model-async=y -S p3 task-return-after-the-caller.wat
(component
  (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
    (export "wait-for" (func async (param "how-long" u64)))))

  ;; slow: async func(), which returns after 50 ms.
  (component $callee
    (import "wait-for" (func $wait async (param "how-long" u64)))
    (core module $m
      (import "" "wait-for" (func $wait (param i64) (result i32)))
      (import "" "waitable-set.new" (func $new (result i32)))
      (import "" "waitable.join" (func $join (param i32 i32)))
      (import "" "task.return" (func $return))
      (func (export "slow") (result i32)
        (local $set i32)
        (local.set $set (call $new))
        ;; The handle of the subtask is above the four bits of its state.
        (call $join (i32.shr_u (call $wait (i64.const 50000000)) (i32.const 4)) (local.get $set))
        ;; WAIT on the set.
        (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
      (func (export "callback") (param i32 i32 i32) (result i32)
        (call $return)
        ;; EXIT.
        (i32.const 0)))
    (core func $wait' (canon lower (func $wait) async))
    (core func $new (canon waitable-set.new))
    (core func $join (canon waitable.join))
    (core func $return (canon task.return))
    (core instance $i (instantiate $m (with "" (instance
      (export "wait-for" (func $wait'))
      (export "waitable-set.new" (func $new))
      (export "waitable.join" (func $join))
      (export "task.return" (func $return))))))
    (func (export "slow") async
      (canon lift (core func $i "slow") async (callback (core func $i "callback")))))

  ;; left: async func(), which calls slow and returns at once.
  (component $caller
    (import "slow" (func $slow async))
    (core module $m
      (import "" "slow" (func $slow (result i32)))
      (import "" "task.return" (func $return))
      (func (export "left") (result i32)
        (drop (call $slow))
        (call $return)
        ;; EXIT, with the subtask in flight.
        (i32.const 0))
      (func (export "callback") (param i32 i32 i32) (result i32)
        unreachable))
    (core func $slow' (canon lower (func $slow) async))
    (core func $return (canon task.return))
    (core instance $i (instantiate $m (with "" (instance
      (export "slow" (func $slow'))
      (export "task.return" (func $return))))))
    (func (export "left") async
      (canon lift (core func $i "left") async (callback (core func $i "callback")))))

  ;; run: calls left, and waits for 200 ms, in which slow returns.
  (component $main
    (import "left" (func $left async))
    (import "wait-for" (func $wait async (param "how-long" u64)))
    (core module $m
      (import "" "left" (func $left (result i32)))
      (import "" "wait-for" (func $wait (param i64) (result i32)))
      (import "" "waitable-set.new" (func $new (result i32)))
      (import "" "waitable.join" (func $join (param i32 i32)))
      (import "" "task.return" (func $return (param i32)))
      (func (export "run") (result i32)
        (local $set i32)
        (drop (call $left))
        (local.set $set (call $new))
        (call $join (i32.shr_u (call $wait (i64.const 200000000)) (i32.const 4)) (local.get $set))
        (i32.or (i32.const 2) (i32.shl (local.get $set) (i32.const 4))))
      (func (export "callback") (param i32 i32 i32) (result i32)
        (call $return (i32.const 0))
        (i32.const 0)))
    (core func $left' (canon lower (func $left) async))
    (core func $wait' (canon lower (func $wait) async))
    (core func $new (canon waitable-set.new))
    (core func $join (canon waitable.join))
    (core func $return (canon task.return (result (result))))
    (core instance $i (instantiate $m (with "" (instance
      (export "left" (func $left'))
      (export "wait-for" (func $wait'))
      (export "waitable-set.new" (func $new))
      (export "waitable.join" (func $join))
      (export "task.return" (func $return))))))
    (func $run async (result (result))
      (canon lift (core func $i "run") async (callback (core func $i "callback"))))
    (instance $face (export "run" (func $run)))
    (export "wasi:cli/run@0.3.0" (instance $face)))

  (instance $callee (instantiate $callee (with "wait-for" (func $clock "wait-for"))))
  (instance $caller (instantiate $caller (with "slow" (func $callee "slow"))))
  (instance $main (instantiate $main
    (with "left" (func $caller "left")) (with "wait-for" (func $clock "wait-for"))))
  (export "wasi:cli/run@0.3.0" (instance $main "wasi:cli/run@0.3.0")))
