//! CPython's own `test.test_asyncio` in the sandbox: what is said in `programs/cpython_tests.txt` to fail fails, and all else passes.
//!
//! The tests are those of the newest CPython of this machine; nothing of them is here.
#![cfg(unix)]

mod cpython_tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use cpython_tests::{Expected, Module, Outcome, Tests};
use wasyncio_python::say;
use wasyncio_tests::{interpreter, programs};

/// How many modules run at once.
const AT_ONCE: usize = 2;

fn expected() -> Expected {
    let text = fs::read_to_string(programs().join("cpython_tests.txt")).expect("it is in the repository");
    Expected::parse(&text)
}

#[test]
fn what_passes_and_what_fails_is_what_is_said() {
    let expected = expected();
    let Some(tests) = Tests::find() else { return };
    if interpreter(&[]).is_none() {
        return;
    }
    if tests.version() != expected.version {
        let (theirs, recorded) = (tests.version(), &expected.version);
        say(&format!("NOT COMPARED by number: the tests are of CPython {theirs}, the list is of {recorded}"));
    }
    let mut waiting: Vec<&Module> = expected.modules.iter().collect();
    // The longest is the first to be taken.
    waiting.sort_by_key(|module| module.passes);
    let waiting = Mutex::new(waiting);
    let wrong = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(module) = waiting.lock().expect("nobody panics with it").pop() else { return };
                    let lines = compare(module, &tests.run(module), tests.version() == expected.version);
                    if !lines.is_empty() {
                        wrong.lock().expect("nobody panics with it").insert(module.name.clone(), lines);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("nobody has panicked");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What differs from what is said, a line each.
fn compare(module: &Module, outcomes: &BTreeMap<String, Outcome>, by_number: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, outcome) in outcomes {
        match (outcome, module.fails(name)) {
            (Outcome::Failed(reason), false) => wrong.push(format!("{name} failed: {reason}")),
            (Outcome::Passed, true) => wrong.push(format!("{name} passes, and is in the list")),
            _ => {}
        }
    }
    if by_number {
        let passed = outcomes.values().filter(|outcome| **outcome == Outcome::Passed).count();
        if passed != module.passes {
            wrong.push(format!("{passed} pass, the list says {}", module.passes));
        }
        for name in module.failing.iter().filter(|name| !outcomes.contains_key(*name)) {
            wrong.push(format!("{name} is in the list, and is no test"));
        }
    }
    wrong
}

#[test]
fn the_page_says_how_many_pass() {
    let expected = expected();
    let passes: usize = expected.modules.iter().map(|module| module.passes).sum();
    let fail: usize = expected.modules.iter().map(|module| module.failing.len()).sum();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/python.md");
    let page = fs::read_to_string(page).expect("it is in the repository");
    let sentence = format!("{passes} tests of CPython {} pass in the sandbox, {fail} fail", expected.version);
    assert!(page.replace('\n', " ").contains(&sentence), "docs/python.md does not say: {sentence}");
}
