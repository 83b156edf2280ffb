//! One connection in every order of what can happen to it, against a model that is too simple to be wrong.
//!
//! The connection runs over the scripted transport. Random steps of its program, its peer and the system are done; whenever
//! the program rests, everything is checked that can be said without knowing how a connection works (`checks.rs`): whoever
//! can go on has gone on, nobody who does not wait is registered, buffers are within their bounds, bytes come in order, none
//! is lost or doubled, and in the end nobody waits and nothing is left. What fails is shrunk and printed as steps.
//!
//! `WASYNCIO_MODEL_CASES` is how many orders are tried.

mod acts;
mod checks;
mod naive;
mod steps;
mod waiter;
mod world;

use std::cell::Cell;
use std::thread;

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use wasyncio_core::scripted::ScriptedRuntime;

use steps::{Script, script};
use world::World;

/// How many orders are tried if nobody says: some seconds.
const CASES: u32 = 10_000;
const MOST_SHRINKS: u32 = 20_000;

thread_local! {
    static RUNTIME: &'static ScriptedRuntime = ScriptedRuntime::leaked();
    static IS_TRYING: Cell<bool> = const { Cell::new(false) };
}

fn run(script: &Script) {
    let runtime = RUNTIME.with(|runtime| *runtime);
    runtime.reset();
    let mut world = World::new(runtime, script);
    for (step, rests) in &script.steps {
        world.step(step);
        if *rests {
            world.rest();
            world.check();
        }
    }
    world.rest();
    world.check();
    world.finish();
}

fn cases() -> u32 {
    std::env::var("WASYNCIO_MODEL_CASES")
        .map_or(CASES, |cases| cases.parse().expect("WASYNCIO_MODEL_CASES is a number"))
}

/// Tries so many orders; the shrunk one that fails, and why.
fn search(cases: u32) -> Option<String> {
    IS_TRYING.set(true);
    let config = Config { cases, max_shrink_iters: MOST_SHRINKS, failure_persistence: None, ..Config::default() };
    let found = TestRunner::new(config).run(&script(), |script| {
        run(&script);
        Ok::<(), TestCaseError>(())
    });
    IS_TRYING.set(false);
    match found {
        Ok(()) => None,
        Err(TestError::Fail(reason, script)) => Some(format!("{reason}\n{script:?}")),
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn every_order_of_a_connections_life() {
    // Orders that fail panic, many times while one is shrunk: said once, in the end.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !IS_TRYING.get() {
            print(panic);
        }
    }));
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u32);
    let found = thread::scope(|scope| {
        let searches: Vec<_> = (0..threads).map(|_| scope.spawn(|| search(cases().div_ceil(threads)))).collect();
        searches.into_iter().filter_map(|search| search.join().expect("failures are caught")).next()
    });
    if let Some(found) = found {
        panic!("{found}");
    }
}
