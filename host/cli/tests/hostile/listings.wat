;; Begins to read the directory that it was given, COUNT times, and keeps all of these listings. Fails if it cannot.
(component
  (import "wasi:filesystem/types@0.2.0" (instance $types
    (export "descriptor" (type $descriptor (sub resource)))
    (type $code (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist" "file-too-large"
      "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io" "is-directory" "loop" "too-many-links"
      "message-size" "name-too-long" "no-device" "no-entry" "no-lock" "insufficient-memory" "insufficient-space"
      "not-directory" "not-empty" "not-recoverable" "unsupported" "no-tty" "no-such-device" "overflow" "not-permitted"
      "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $error (eq $code)))
    (export "directory-entry-stream" (type $stream (sub resource)))
    (export "[method]descriptor.read-directory"
      (func (param "self" (borrow $descriptor)) (result (result (own $stream) (error $error)))))))
  (alias export $types "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $outer)) (export "descriptor" (type $d (eq $outer)))
    (export "get-directories" (func (result (list (tuple (own $d) string)))))))
  (core module $memory
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (i32.const 1024)))))
  (core instance $memory (instantiate $memory))
  (core func $directories (canon lower (func $preopens "get-directories")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $read (canon lower (func $types "[method]descriptor.read-directory") (memory (core memory $memory "memory"))))
  (core module $program
    (import "" "memory" (memory 1))
    (import "" "directories" (func $directories (param i32)))
    (import "" "read" (func $read (param i32 i32)))
    (func (export "run") (result i32) (local $directory i32) (local $count i32)
      (call $directories (i32.const 16))
      (local.set $directory (i32.load (i32.load (i32.const 16))))
      (loop $again
        (call $read (local.get $directory) (i32.const 32))
        (if (i32.load8_u (i32.const 32))
          (then (return (i32.const 1))))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $count) (i32.const COUNT))))
      (i32.const 0)))
  (core instance $program (instantiate $program (with "" (instance
    (export "memory" (memory $memory "memory"))
    (export "directories" (func $directories))
    (export "read" (func $read))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))
