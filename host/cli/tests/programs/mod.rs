//! Programs for tests, as text.

use std::fmt::Write;
use std::path::PathBuf;

/// A file with this component.
pub(crate) fn file(name: &str, text: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, wat::parse_str(text).expect("it is valid")).expect("cargo made the folder");
    file
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "\\{byte:02x}");
        text
    })
}

/// The start of a component of WASI 0.2 with `wasi:io/streams`, and a `method` of one of its two streams.
fn streams02(stream: &str, method: &str) -> String {
    format!(
        r#"(import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
        (alias export $error "error" (type $error-type))
        (import "wasi:io/streams@0.2.0" (instance $streams
            (export "{stream}" (type $stream (sub resource)))
            (alias outer 1 $error-type (type $error))
            (export "error" (type $error-here (eq $error)))
            (type $stream-error (variant (case "last-operation-failed" (own $error-here)) (case "closed")))
            (export "stream-error" (type $failed (eq $stream-error)))
            (export "[method]{stream}.{method})))
        (alias export $streams "{stream}" (type $stream-type))"#
    )
}

/// A program of WASI 0.2 that writes `bytes`, 4096 at most, to `stdout` or `stderr` so many times.
pub(crate) fn prints02(stream: &str, bytes: &[u8], times: u32) -> String {
    let method = r#"blocking-write-and-flush" (func (param "self" (borrow $stream)) (param "contents" (list u8))
        (result (result (error $failed))))"#;
    format!(
        r#"(component
        {streams}
        (import "wasi:cli/{stream}@0.2.0" (instance $cli
            (alias outer 1 $stream-type (type $stream))
            (export "output-stream" (type $here (eq $stream)))
            (export "get-{stream}" (func (result (own $here))))))
        (core module $memory (memory (export "memory") 1) (data (i32.const 1024) "{bytes}"))
        (core instance $memory (instantiate $memory))
        (core func $get (canon lower (func $cli "get-{stream}")))
        (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
            (memory (core memory $memory "memory"))))
        (core module $m
            (import "" "memory" (memory 1))
            (import "" "get" (func $get (result i32)))
            (import "" "write" (func $write (param i32 i32 i32 i32)))
            (func (export "run") (result i32) (local $out i32) (local $count i32)
                (local.set $out (call $get))
                (loop $again
                    (call $write (local.get $out) (i32.const 1024) (i32.const {length}) (i32.const 8))
                    (if (i32.load8_u (i32.const 8)) (then (return (i32.const 1))))
                    (local.set $count (i32.add (local.get $count) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $count) (i32.const {times}))))
                (i32.const 0)))
        (core instance $i (instantiate $m (with "" (instance
            (export "memory" (memory $memory "memory"))
            (export "get" (func $get)) (export "write" (func $write))))))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $face (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $face)))"#,
        streams = streams02("output-stream", method),
        bytes = escaped(bytes),
        length = bytes.len(),
    )
}

/// A program of WASI 0.2 that reads from standard input until there is something, or an end.
pub(crate) fn reads02() -> String {
    let method = r#"blocking-read" (func (param "self" (borrow $stream)) (param "len" u64)
        (result (result (list u8) (error $failed))))"#;
    format!(
        r#"(component
        {streams}
        (import "wasi:cli/stdin@0.2.0" (instance $cli
            (alias outer 1 $stream-type (type $stream))
            (export "input-stream" (type $here (eq $stream)))
            (export "get-stdin" (func (result (own $here))))))
        (core module $memory (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $memory (instantiate $memory))
        (core func $get (canon lower (func $cli "get-stdin")))
        (core func $read (canon lower (func $streams "[method]input-stream.blocking-read")
            (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
        (core module $m
            (import "" "get" (func $get (result i32)))
            (import "" "read" (func $read (param i32 i64 i32)))
            (func (export "run") (result i32)
                (call $read (call $get) (i64.const 100) (i32.const 8))
                (i32.const 0)))
        (core instance $i (instantiate $m (with "" (instance
            (export "get" (func $get)) (export "read" (func $read))))))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $face (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $face)))"#,
        streams = streams02("input-stream", method),
    )
}

/// A program of WASI 0.3 that writes `bytes` to `stdout` or `stderr` so many times.
pub(crate) fn prints03(stream: &str, bytes: &[u8], times: u32) -> String {
    format!(
        r#"(component
        (type $bytes (stream u8))
        (import "wasi:cli/types@0.3.0" (instance $types
            (type $code (enum "io" "illegal-byte-sequence" "pipe"))
            (export "error-code" (type (eq $code)))))
        (alias export $types "error-code" (type $code))
        (import "wasi:cli/{stream}@0.3.0" (instance $cli
            (alias outer 1 $code (type $code))
            (export "error-code" (type $here (eq $code)))
            (export "write-via-stream" (func (param "data" (stream u8)) (result (future (result (error $here))))))))
        (core module $memory (memory (export "memory") 1) (data (i32.const 1024) "{bytes}"))
        (core instance $memory (instantiate $memory))
        (core func $via (canon lower (func $cli "write-via-stream")))
        (core func $new (canon stream.new $bytes))
        (core func $write (canon stream.write $bytes async (memory (core memory $memory "memory"))))
        (core func $set (canon waitable-set.new))
        (core func $join (canon waitable.join))
        (core func $wait (canon waitable-set.wait (memory (core memory $memory "memory"))))
        (core func $drop (canon stream.drop-writable $bytes))
        (core func $return (canon task.return (result (result))))
        (core module $m
            (import "" "via" (func $via (param i32) (result i32)))
            (import "" "new" (func $new (result i64)))
            (import "" "write" (func $write (param i32 i32 i32) (result i32)))
            (import "" "set" (func $set (result i32)))
            (import "" "join" (func $join (param i32 i32)))
            (import "" "wait" (func $wait (param i32 i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (import "" "return" (func $return (param i32)))
            (import "" "memory" (memory 1))
            (func (export "run") (result i32)
                (local $ends i64) (local $out i32) (local $set i32) (local $at i32) (local $count i32) (local $code i32)
                (local.set $ends (call $new))
                (local.set $out (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))))
                (drop (call $via (i32.wrap_i64 (local.get $ends))))
                (local.set $set (call $set))
                (call $join (local.get $out) (local.get $set))
                (loop $again
                    (local.set $at (i32.const 0))
                    (loop $rest
                        (local.set $code (call $write (local.get $out) (i32.add (i32.const 1024) (local.get $at))
                            (i32.sub (i32.const {length}) (local.get $at))))
                        ;; BLOCKED: the event tells.
                        (if (i32.eq (local.get $code) (i32.const -1)) (then
                            (drop (call $wait (local.get $set) (i32.const 16)))
                            (local.set $code (i32.load (i32.const 20)))))
                        ;; DROPPED.
                        (if (i32.and (local.get $code) (i32.const 1)) (then unreachable))
                        (local.set $at (i32.add (local.get $at) (i32.shr_u (local.get $code) (i32.const 4))))
                        (br_if $rest (i32.lt_u (local.get $at) (i32.const {length}))))
                    (local.set $count (i32.add (local.get $count) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $count) (i32.const {times}))))
                (call $join (local.get $out) (i32.const 0))
                (call $drop (local.get $out))
                (call $return (i32.const 0))
                (i32.const 0))
            (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
        (core instance $i (instantiate $m (with "" (instance
            (export "via" (func $via)) (export "new" (func $new)) (export "write" (func $write))
            (export "set" (func $set)) (export "join" (func $join)) (export "wait" (func $wait))
            (export "drop" (func $drop)) (export "return" (func $return))
            (export "memory" (memory $memory "memory"))))))
        (func $run async (result (result))
            (canon lift (core func $i "run") async (callback (core func $i "callback"))))
        (instance $face (export "run" (func $run)))
        (export "wasi:cli/run@0.3.0" (instance $face)))"#,
        bytes = escaped(bytes),
        length = bytes.len(),
    )
}

/// A component that prints as [`prints02`]'s `run` does, while it is instantiated.
#[allow(dead_code, reason = "not every file of tests needs it")]
pub(crate) fn prints_as_it_starts(stream: &str, bytes: &[u8]) -> Vec<u8> {
    let run = r#"(func (export "run") (result i32)"#;
    let start = r#"(start $start) (func $start (drop (call $run))) (func $run (export "run") (result i32)"#;
    wat::parse_str(prints02(stream, bytes, 1).replace(run, start)).expect("it is valid")
}
