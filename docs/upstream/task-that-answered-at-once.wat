;; Tasks that answered and ended before their caller was resumed are never freed.
;;
;;   wasmtime run -W component-model-async=y -S p3 task-that-answered-at-once.wat
(component
  ;; once: async func(), which returns and exits at once.
  (component $callee
    (core module $m
      (import "" "task.return" (func $return))
      (func (export "once") (result i32)
        (call $return)
        ;; EXIT.
        (i32.const 0))
      (func (export "callback") (param i32 i32 i32) (result i32)
        unreachable))
    (core func $return (canon task.return))
    (core instance $i (instantiate $m (with "" (instance
      (export "task.return" (func $return))))))
    (func (export "once") async
      (canon lift (core func $i "once") async (callback (core func $i "callback")))))

  (component $caller
    (import "once" (func $once async))
    (core module $m
      (import "" "once" (func $once (result i32)))
      (import "" "task.return" (func $return (param i32)))
      (func (export "run") (result i32) (local $left i32)
        (local.set $left (i32.const 2000000))
        (loop $again
          ;; RETURNED, without a handle.
          (if (i32.ne (call $once) (i32.const 2)) (then unreachable))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br_if $again (local.get $left)))
        (call $return (i32.const 0))
        (i32.const 0))
      (func (export "callback") (param i32 i32 i32) (result i32)
        unreachable))
    (core func $once' (canon lower (func $once) async))
    (core func $return (canon task.return (result (result))))
    (core instance $i (instantiate $m (with "" (instance
      (export "once" (func $once'))
      (export "task.return" (func $return))))))
    (func (export "run") async (result (result))
      (canon lift (core func $i "run") async (callback (core func $i "callback")))))

  (instance $a (instantiate $callee))
  (instance $b (instantiate $caller (with "once" (func $a "once"))))
  (alias export $b "run" (func $run))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $face)))
