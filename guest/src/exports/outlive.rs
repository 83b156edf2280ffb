//! Keeping a call alive for a moment beyond its answer.
//!
//! wasmtime (48 and 49) never frees a task that has answered and ended before its caller, another component, was resumed: 380
//! bytes each, and after a million of them the table of tasks is full and the program dies. A task that ends one turn later
//! is freed, and is faster, too.
//!
//! That turn comes when the program rests. One that calls and calls would pile up tasks that wait for it, each with its
//! borrowed resources, so from some on a call takes a turn before it does anything.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;

use crate::transport::waiters::one_turn;

/// How many tasks may wait for their last turn.
const MOST: u32 = 64;

thread_local! {
    static WAITING: Cell<u32> = const { Cell::new(0) };
}

/// Awaits `answer`, and has the task of this call outlive it if it was there at once.
///
/// # Cancel safety
/// As `answer`: a turn is taken before it is begun, and never once it is there.
pub(super) async fn outlive<T>(answer: impl Future<Output = T>) -> T {
    if WAITING.get() >= MOST {
        one_turn().await;
    }
    let mut answer = pin!(answer);
    let mut waited = false;
    let answer = poll_fn(|cx| {
        let polled = answer.as_mut().poll(cx);
        waited |= polled.is_pending();
        polled
    })
    .await;
    if !waited {
        last_turn();
    }
    answer
}

/// Has the task go on for a turn. Not part of [`outlive`], of which there is one for each kind of answer.
fn last_turn() {
    WAITING.set(WAITING.get() + 1);
    wit_bindgen::spawn_local(async {
        one_turn().await;
        WAITING.set(WAITING.get() - 1);
    });
}
