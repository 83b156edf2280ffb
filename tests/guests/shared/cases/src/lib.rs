//! Programs of which a test runs one case at a time: `program list` prints the names of all, `program NAME …` runs one. A case
//! fails by returning what was wrong.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

/// A case.
pub type Case = fn() -> Pin<Box<dyn Future<Output = Outcome>>>;

/// How a case ends, or a part of it.
pub type Outcome<T = ()> = Result<T, Wrong>;

/// What was wrong.
pub struct Wrong(pub String);

impl<E: std::error::Error> From<E> for Wrong {
    fn from(error: E) -> Self {
        Self(format!("unexpected error: {error:?}"))
    }
}

/// The program of these cases, functions of the modules before the colons.
#[macro_export]
macro_rules! cases {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        const CASES: &[(&str, $crate::Case)] = &[
            $($((stringify!($name), || Box::pin(async { $module::$name().await.map_err($crate::Wrong::from) })),)+)+
        ];

        struct Cases;

        impl wasip3::exports::cli::run::Guest for Cases {
            async fn run() -> Result<(), ()> {
                $crate::run(CASES).await
            }
        }

        wasip3::cli::command::export!(Cases);
    };
}

/// Does what the arguments say.
///
/// # Errors
/// If there is no such case, or it fails. Why is printed.
pub async fn run(cases: &[(&str, Case)]) -> Result<(), ()> {
    let name = console::arguments().into_iter().next().unwrap_or_default();
    if name == "list" {
        cases.iter().for_each(|(name, _)| console::println(*name));
        return Ok(());
    }
    let Some((_, case)) = cases.iter().find(|(known, _)| *known == name) else {
        console::eprintln(format!("no case '{name}'"));
        return Err(());
    };
    case().await.map_err(|wrong| console::eprintln(format!("{name}: {}", wrong.0)))
}

/// Fails unless both are equal.
///
/// # Errors
/// What both are.
pub fn expect<T: PartialEq + Debug>(what: &str, got: T, expected: T) -> Outcome {
    if got == expected { Ok(()) } else { Err(Wrong(format!("{what}: got {got:?} instead of {expected:?}"))) }
}

/// Fails unless it holds.
///
/// # Errors
/// What does not.
pub fn holds(what: &str, holds: bool) -> Outcome {
    if holds { Ok(()) } else { Err(Wrong(what.into())) }
}

/// The number at `index` of the arguments after the case's name, or 0.
pub fn number<T: FromStr + Default>(index: usize) -> T {
    let argument = console::arguments().into_iter().nth(index + 1);
    argument.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Lets everything run that is ready, and then what that has made ready.
pub async fn turn() {
    wit_bindgen::yield_async().await;
    wit_bindgen::yield_async().await;
}

/// Waits; 0 is a [`turn`].
pub async fn sleep(milliseconds: u64) {
    if milliseconds == 0 {
        turn().await;
    } else {
        let time = Duration::from_millis(milliseconds);
        wasip3::clocks::monotonic_clock::wait_for(time.as_nanos() as u64).await;
    }
}
