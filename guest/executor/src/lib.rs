//! Component-model tasks from below: which one runs now, and one of our own that runs a component's futures.
//!
//! wit-bindgen runs each asynchronous export as a task that takes a stream's end out of its set of waitables at every event and
//! puts it back at the next wait, and that arms and disarms an alarm for wakers of other tasks each time it rests: eight
//! calls of the host for a message where two would do. [`run`] is a task that leaves waitables where they are, arms its
//! alarm once, and before it rests now and then takes all events there are, so that nobody starves: wasmtime hands out
//! those of the lowest handles first.
//!
//! It offers the same C interface, `wasip3_task`, as wit-bindgen's tasks do (`abi.rs`), so that futures made by any version of
//! wit-bindgen can be awaited in it, and `wit_bindgen::spawn_local` works.
//!
//! With the feature `command`, a program's `wasi:cli/run` becomes such a task by one line: see [`command`].

mod abi;
#[cfg(feature = "command")]
pub mod command;
mod current;
mod entries;
mod executor;
mod gather;
mod intrinsics;
mod lookout;
mod run_queue;
mod waitables;

pub use abi::Callback;
pub use current::{Task, gather, give_way, is_fair, runs};
pub use executor::{callback, run, start_task};
pub use lookout::Lookout;
