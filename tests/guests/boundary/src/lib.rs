//! What crosses the boundary as it is: the plain methods, by bindings of this program's own.

mod bindings;
mod cases;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use bindings::types::Error;

/// What was wrong.
struct Wrong(String);

/// How a case ends.
type Outcome = Result<(), Wrong>;

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self(format!("unexpected error: {error:?}"))
    }
}

/// Fails unless both are equal.
fn expect<T: PartialEq + Debug>(what: &str, got: T, expected: T) -> Outcome {
    if got == expected { Ok(()) } else { Err(Wrong(format!("{what}: got {got:?} instead of {expected:?}"))) }
}

/// Fails unless it holds.
fn holds(what: &str, holds: bool) -> Outcome {
    if holds { Ok(()) } else { Err(Wrong(what.into())) }
}

type Case = fn() -> Pin<Box<dyn Future<Output = Outcome>>>;

macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        const CASES: &[(&str, Case)] = &[$((stringify!($name), || Box::pin(cases::$name())),)+];
    };
}

cases! {
    every_error_comes_back_as_it_was_stored,
    numbers_reach_their_ends,
    a_delay_is_any_number_that_is_not_negative,
    a_million_calls_that_answer_at_once_leave_nothing,
}

struct Boundary;

impl wasip3::exports::cli::run::Guest for Boundary {
    async fn run() -> Result<(), ()> {
        let name = console::arguments().into_iter().next().unwrap_or_default();
        if name == "list" {
            CASES.iter().for_each(|(name, _)| console::println(*name));
            return Ok(());
        }
        let Some((_, case)) = CASES.iter().find(|(known, _)| *known == name) else {
            console::eprintln(format!("no case '{name}'"));
            return Err(());
        };
        match case().await {
            Ok(()) => {
                console::println("passed");
                Ok(())
            }
            Err(wrong) => {
                console::eprintln(format!("{name}: {}", wrong.0));
                Err(())
            }
        }
    }
}

wasip3::cli::command::export!(Boundary);
