//! Component-model tasks from below: which one runs now, and one of our own that runs a component's futures.
//!
//! wit-bindgen runs each asynchronous export as a task that takes a waitable out of its set at every event, puts it back at the
//! next wait, and arms and disarms an alarm for wakers of other tasks each time it rests: eight calls of the host for a message
//! where two would do. [`run`] is a task that leaves waitables where they are, arms its alarm once, and now and then takes all
//! events there are, so that nobody starves: wasmtime hands out those of the lowest handles first.
//!
//! It offers the same C interface, `wasip3_task`, as wit-bindgen's tasks do (`abi.rs`), so that futures made by any version of
//! wit-bindgen can be awaited in it, and `wit_bindgen::spawn_local` works. With the feature `command`, a program's `wasi:cli/run`
//! becomes such a task by one line: see [`command`].
//!
//! # Modules
//!
//! Each uses only those before it: `abi` (types of the C interface), `intrinsics` (the host's functions), `entries` (a map from
//! handles), `waitables` (the set of what is waited for), `alarm` (wakes a task that rests), `run_queue` (which futures to
//! poll), `futures` (the futures), `task_state` (what futures reach of their task, and the C interface to it), `current` (the
//! task that runs now, whoever runs it), `executor` (the run loop), `task_life` (begins, goes on with and ends a task),
//! `command`. `current` and `executor` do not know each other. Natively there is no host; tests have a fake one (`fake_host`).

#[cfg(all(target_family = "wasm", target_feature = "atomics"))]
compile_error!(
    "tasks, sets and streams belong to the one thread of a component: a waker that another thread calls would use handles there"
);

mod abi;
mod alarm;
#[cfg(feature = "command")]
pub mod command;
mod current;
mod entries;
mod executor;
#[cfg(all(test, not(target_family = "wasm")))]
mod fake_host;
mod futures;
mod intrinsics;
mod run_queue;
mod task_life;
mod task_state;
#[cfg(all(test, not(target_family = "wasm")))]
mod tests;
mod waitables;

pub use abi::Callback;
pub use current::{Task, give_way, is_fair, runs};
pub use task_life::{callback, run, start_task};
