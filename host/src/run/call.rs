//! Calls a program's `run`, and lets its tasks go on for a while after that has returned.

use std::future::poll_fn;

use wasmtime::Store;
use wasmtime::component::Instance;
use wasmtime_wasi::I32Exit;

use crate::error::one_line;
use crate::run::state::State;

/// What the program says of itself, or what ended it.
pub(super) type RunResult = wasmtime::Result<std::result::Result<(), ()>>;

/// Calls `run` of WASI 0.2.
pub(super) async fn call_run02(store: &mut Store<State>, instance: &Instance) -> RunResult {
    let command = wasmtime_wasi::p2::bindings::Command::new(&mut *store, instance)?;
    command.wasi_cli_run().call_run(store).await
}

/// Calls `run` of WASI 0.3. Tasks that it leaves go on until `linger` completes.
pub(super) async fn call_run03(
    store: &mut Store<State>,
    instance: &Instance,
    linger: impl Future<Output = ()>,
) -> RunResult {
    let command = wasmtime_wasi::p3::bindings::Command::new(&mut *store, instance)?;
    let result = store.run_concurrent(async |store| command.wasi_cli_run().call_run(store).await).await??;
    // An async function may go on after it has returned its result: tasks that it spawned live inside its call, and
    // may still have data to send. The time limit is around the whole event loop because one inside it may not fire
    // (see the documentation of `run_concurrent`).
    let rest = store.run_concurrent(async |store| {
        poll_fn(|context| store.poll_no_interesting_tasks(context)).await;
    });
    tokio::select! {
        biased;
        ended = rest => match ended {
            Ok(()) => {}
            Err(error) if error.is::<I32Exit>() => tracing::debug!("a task called `exit` after `run` had returned"),
            // The program has said how it ended, and this does not unsay it. wasmtime 48 traps here without the program's
            // fault (docs/upstream/task-return-after-the-caller.md).
            Err(error) => {
                let reason = one_line(&error.into());
                tracing::warn!(
                    "after the program's `run` had returned, a task that it left trapped, and what was not sent is lost: {reason}"
                );
            }
        },
        () = linger => tracing::debug!("ended with tasks that were not done in time"),
    }
    Ok(result)
}
