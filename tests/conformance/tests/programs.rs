//! Random programs in the sandbox, in every mode, compared with the CPythons of this machine.

use std::hash::{BuildHasher, RandomState};

use wasyncio_conformance::{Comparison, Mode, oracles, ours};
use wasyncio_python::Python;

/// How many programs each test runs; `cargo xtask conformance` runs more.
const CASES: usize = 1000;

fn compare(mode: Mode, seed: u64) {
    let oracles = oracles(mode);
    if oracles.is_empty() {
        assert!(Python::required().is_none(), "the Python of this machine runs no oracle");
        return;
    }
    let mut comparison = Comparison::new(ours(mode).expect("`cargo xtask test` builds it"), oracles);
    let oracles = comparison.oracles().join(", ");
    let totals = comparison.run(CASES, seed, 3, |_| {});
    let snippets: String = totals.shown.iter().map(|difference| format!("\n{}", difference.snippet())).collect();
    assert!(
        totals.differences == 0,
        "{} of {CASES} (seed {seed}; oracles: {oracles}):\n{snippets}",
        totals.differences
    );
}

fn compare_with_new_seed(mode: Mode) {
    let seed = RandomState::new().hash_one(()) >> 32;
    println!("seed {seed}");
    compare(mode, seed);
}

#[test]
fn plain_methods_do_what_cpython_does() {
    compare(Mode::Plain, 1);
}

#[test]
fn plain_methods_do_what_cpython_does_in_programs_never_tried_before() {
    compare_with_new_seed(Mode::Plain);
}

#[test]
fn the_fast_path_does_what_cpython_does() {
    compare(Mode::Fast, 1);
}

#[test]
fn the_fast_path_does_what_cpython_does_in_programs_never_tried_before() {
    compare_with_new_seed(Mode::Fast);
}

#[test]
fn the_linked_crate_does_what_cpython_does() {
    compare(Mode::Linked, 1);
}

#[test]
fn the_linked_crate_does_what_cpython_does_in_programs_never_tried_before() {
    compare_with_new_seed(Mode::Linked);
}
