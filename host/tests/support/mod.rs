//! Programs for tests, as text.

#![allow(dead_code, reason = "not every file of tests needs all")]

pub(crate) mod socket02;

/// A component of WASI 0.2 whose `run` has this body.
pub(crate) fn component(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "run") (result i32) {body}))
            (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $face (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $face)))"#
    );
    wat::parse_str(text).expect("it is valid")
}

/// Computes for ever.
pub(crate) const ENDLESS: &str = "(loop $again br $again) unreachable";
