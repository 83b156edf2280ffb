;; Asks for a file with a long name in the directory that it was given, in calls of WASI 0.3 that it does not wait for, for ever.
(component
  (import "wasi:filesystem/types@0.3.0" (instance $types
    (export "descriptor" (type $descriptor (sub resource)))
    (type $code (variant (case "access") (case "already") (case "bad-descriptor") (case "busy") (case "deadlock") (case "quota")
      (case "exist") (case "file-too-large") (case "illegal-byte-sequence") (case "in-progress") (case "interrupted")
      (case "invalid") (case "io") (case "is-directory") (case "loop") (case "too-many-links") (case "message-size")
      (case "name-too-long") (case "no-device") (case "no-entry") (case "no-lock") (case "insufficient-memory")
      (case "insufficient-space") (case "not-directory") (case "not-empty") (case "not-recoverable") (case "unsupported")
      (case "no-tty") (case "no-such-device") (case "overflow") (case "not-permitted") (case "pipe") (case "read-only")
      (case "invalid-seek") (case "text-file-busy") (case "cross-device") (case "other" (option string))))
    (export "error-code" (type $error (eq $code)))
    (export "[method]descriptor.unlink-file-at"
      (func async (param "self" (borrow $descriptor)) (param "path" string) (result (result (error $error)))))))
  (alias export $types "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.3.0" (instance $preopens
    (alias outer 1 $descriptor (type $outer)) (export "descriptor" (type $d (eq $outer)))
    (export "get-directories" (func (result (list (tuple (own $d) string)))))))
  (core module $memory
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 32768))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (i32.const 1024)))))
  (core instance $memory (instantiate $memory))
  (core func $directories (canon lower (func $preopens "get-directories")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $unlink (canon lower (func $types "[method]descriptor.unlink-file-at") async
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $program
    (import "" "memory" (memory 1))
    (import "" "directories" (func $directories (param i32)))
    (import "" "unlink" (func $unlink (param i32 i32 i32 i32) (result i32)))
    (func (export "run") (result i32) (local $directory i32)
      (call $directories (i32.const 16))
      (local.set $directory (i32.load (i32.load (i32.const 16))))
      ;; A path of 4096 letters.
      (memory.fill (i32.const 4096) (i32.const 97) (i32.const 4096))
      (loop $again
        (drop (call $unlink (local.get $directory) (i32.const 4096) (i32.const 4096) (i32.const 32)))
        (br $again))
      unreachable))
  (core instance $program (instantiate $program (with "" (instance
    (export "memory" (memory $memory "memory"))
    (export "directories" (func $directories))
    (export "unlink" (func $unlink))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))
