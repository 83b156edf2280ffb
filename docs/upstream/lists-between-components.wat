;; A list of bytes that goes from one component to another is copied byte by byte: 10,000 lists of 64 KiB.
;;
;;   time wasmtime run lists-between-components.wat
;;
;; With the constant 65536 of `$take` changed to 0 the same calls are made with empty lists.
(component
  (component $callee
    (core module $m
      (memory (export "memory") 2)
      ;; Every list comes to the same place: none is kept.
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (i32.const 65536))
      (func (export "take") (param i32 i32)))
    (core instance $i (instantiate $m))
    (func (export "take") (param "data" (list u8))
      (canon lift (core func $i "take") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))

  (component $caller
    (import "take" (func $take (param "data" (list u8))))
    (core module $memory (memory (export "memory") 1))
    (core instance $memory (instantiate $memory))
    (core func $take' (canon lower (func $take) (memory (core memory $memory "memory"))))
    (core module $m
      (import "" "take" (func $take (param i32 i32)))
      (func (export "run") (result i32) (local $left i32)
        (local.set $left (i32.const 10000))
        (loop $again
          (call $take (i32.const 0) (i32.const 65536))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br_if $again (local.get $left)))
        (i32.const 0)))
    (core instance $i (instantiate $m (with "" (instance
      (export "take" (func $take'))))))
    (func (export "run") (result (result)) (canon lift (core func $i "run"))))

  (instance $a (instantiate $callee))
  (instance $b (instantiate $caller (with "take" (func $a "take"))))
  (alias export $b "run" (func $run))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))
