;; Opens the directory that it was given in itself, again and again, until it cannot. Succeeds if that was because of
;; `insufficient-memory`, fails if it was because of something else or came after COUNT times.
(component
  (import "wasi:filesystem/types@0.2.0" (instance $types
    (export "descriptor" (type $descriptor (sub resource)))
    (type $code (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist" "file-too-large"
      "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io" "is-directory" "loop" "too-many-links"
      "message-size" "name-too-long" "no-device" "no-entry" "no-lock" "insufficient-memory" "insufficient-space"
      "not-directory" "not-empty" "not-recoverable" "unsupported" "no-tty" "no-such-device" "overflow" "not-permitted"
      "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $error (eq $code)))
    (type $pf (flags "symlink-follow"))
    (export "path-flags" (type $path-flags (eq $pf)))
    (type $of (flags "create" "directory" "exclusive" "truncate"))
    (export "open-flags" (type $open-flags (eq $of)))
    (type $df (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync" "mutate-directory"))
    (export "descriptor-flags" (type $descriptor-flags (eq $df)))
    (export "[method]descriptor.open-at" (func (param "self" (borrow $descriptor)) (param "path-flags" $path-flags)
      (param "path" string) (param "open-flags" $open-flags) (param "flags" $descriptor-flags)
      (result (result (own $descriptor) (error $error)))))))
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
  (core func $open (canon lower (func $types "[method]descriptor.open-at") (memory (core memory $memory "memory"))))
  (core module $program
    (import "" "memory" (memory 1))
    (import "" "directories" (func $directories (param i32)))
    (import "" "open" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (data (i32.const 512) ".")
    (func (export "run") (result i32) (local $directory i32) (local $count i32)
      (call $directories (i32.const 16))
      (local.set $directory (i32.load (i32.load (i32.const 16))))
      (loop $again
        (call $open (local.get $directory) (i32.const 0) (i32.const 512) (i32.const 1) (i32.const 2) (i32.const 1)
          (i32.const 32))
        (if (i32.load8_u (i32.const 32))
          (then (return (i32.ne (i32.load8_u (i32.const 36)) (i32.const 22)))))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $count) (i32.const COUNT))))
      (i32.const 1)))
  (core instance $program (instantiate $program (with "" (instance
    (export "memory" (memory $memory "memory"))
    (export "directories" (func $directories))
    (export "open" (func $open))))))
  (func $run (result (result)) (canon lift (core func $program "run")))
  (instance $face (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $face)))
