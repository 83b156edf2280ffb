//! Random programs through the component boundary, compared with the CPythons of this machine.

use std::hash::{BuildHasher, RandomState};

use wasyncio_conformance::{Comparison, oracles, ours};

/// How many programs each test runs; `cargo xtask conformance` runs more.
const CASES: usize = 1500;

fn compare(seed: u64) {
    let oracles = oracles();
    if oracles.is_empty() {
        eprintln!("skipped: there is no CPython to compare with");
        return;
    }
    let mut comparison = Comparison::new(ours().expect("`cargo xtask test` builds it"), oracles);
    let oracles = comparison.oracles().join(", ");
    let totals = comparison.run(CASES, seed, 3, |_| {});
    let snippets: String = totals.shown.iter().map(|difference| format!("\n{}", difference.snippet())).collect();
    assert!(
        totals.differences == 0,
        "{} of {CASES} (seed {seed}; oracles: {oracles}):\n{snippets}",
        totals.differences
    );
}

#[test]
fn the_component_does_what_cpython_does() {
    compare(1);
}

#[test]
fn the_component_does_what_cpython_does_in_programs_never_tried_before() {
    let seed = RandomState::new().hash_one(()) >> 32;
    println!("seed {seed}");
    compare(seed);
}
