//! Random programs in the sandbox, in every mode, compared with the CPythons of this machine.

use std::hash::{BuildHasher, RandomState};

use wasyncio_conformance::{Comparison, Form, Mode, Source, oracles, ours};
use wasyncio_python::Python;

/// How many programs each test runs on readers that are fed by hand; `cargo xtask conformance` runs more.
const CASES: usize = 1000;
/// How many over connections, each of which takes about fifty times as long.
const CONNECTED_CASES: usize = 200;

fn compare(mode: Mode, seed: u64) {
    let oracles = oracles(mode);
    if oracles.is_empty() {
        assert!(Python::required().is_none(), "the Python of this machine runs no oracle");
        return;
    }
    let cases = match mode.source {
        Source::Hand => CASES,
        Source::Connection => CONNECTED_CASES,
    };
    let mut comparison = Comparison::new(mode.source, ours(mode).expect("`cargo xtask test` builds it"), oracles);
    let oracles = comparison.oracles().join(", ");
    println!("{}: seed {seed}; oracles: {oracles}", mode.name());
    let totals = comparison.run(cases, seed, 3, |_| {});
    let snippets: String = totals.shown.iter().map(|difference| format!("\n{}", difference.snippet())).collect();
    assert!(
        totals.differences == 0,
        "{} of {cases} (seed {seed}; oracles: {oracles}):\n{snippets}",
        totals.differences
    );
}

/// The same programs as ever, and programs never tried before.
macro_rules! modes {
    ($($name:ident: $form:ident from $source:ident;)+) => {
        $(mod $name {
            use super::*;

            const MODE: Mode = Mode { form: Form::$form, source: Source::$source };

            #[test]
            fn known_programs_do_what_they_do_in_cpython() {
                compare(MODE, 1);
            }

            #[test]
            fn new_programs_do_what_they_do_in_cpython() {
                compare(MODE, RandomState::new().hash_one(()) >> 32);
            }
        })+

        #[test]
        fn every_mode_is_compared() {
            assert_eq!(Mode::ALL.as_slice(), [$(Mode { form: Form::$form, source: Source::$source }),+]);
        }
    };
}

modes! {
    plain: Plain from Hand;
    composed: Composed from Hand;
    linked: Linked from Hand;
    connected_plain: Plain from Connection;
    connected_composed: Composed from Connection;
    connected_linked: Linked from Connection;
}
