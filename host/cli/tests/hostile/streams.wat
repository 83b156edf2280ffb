;; Makes streams and keeps both ends of each, for ever.
(component
  (type $bytes (stream u8))
  (core func $new (canon stream.new $bytes))
  (core module $program
    (import "" "new" (func $new (result i64)))
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (loop $again (drop (call $new)) (br $again))
      unreachable))
  (core instance $program (instantiate $program (with "" (instance (export "new" (func $new))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))
