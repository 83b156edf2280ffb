//! Calls of WASI 0.3 that have not answered: how many a program may have at once.
//!
//! A program can begin calls without waiting for them, and the host keeps a future, a task and what was handed over for each.

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::{Accessor, Linker};
use wasmtime::error::{Result, bail};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p3::bindings::clocks::monotonic_clock::HostWithStore;

use crate::run::state::State;
use crate::sockets::Network;

/// wasmtime-wasi's name for the interface whose functions are replaced one by one.
pub(super) const CLOCK: &str = "wasi:clocks/monotonic-clock@0.3.0";

/// What one pending call keeps, in bytes, about: what it was handed counts as more calls.
const BYTES_PER_CALL: usize = 1024;

/// Begins a call that was handed `bytes` bytes. It is pending until the result is dropped.
///
/// # Errors
/// There are too many: the program traps.
pub(crate) fn begin(network: &Network, bytes: usize) -> Result<OwnedSemaphorePermit> {
    let count = u32::try_from(1 + bytes / BYTES_PER_CALL).unwrap_or(u32::MAX);
    match network.pending.clone().try_acquire_many_owned(count) {
        Ok(permit) => Ok(permit),
        Err(_) => {
            network.metrics().limited("max-pending");
            bail!("more than {} calls of the host have not answered (max-pending)", network.max_pending)
        }
    }
}

/// As [`begin`], for what is only known by its store.
pub(crate) fn begin_in(store: &Accessor<State>, bytes: usize) -> Result<OwnedSemaphorePermit> {
    store.with(|mut access| begin(&access.data_mut().network, bytes))
}

/// Replaces the functions in `linker` that wait for a time.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    let mut clock = linker.instance(CLOCK)?;
    clock.func_wrap_concurrent("wait-until", |store, (when,)| {
        Box::pin(async move {
            let _pending = begin_in(store, 0)?;
            WasiClocks::wait_until(&store.with_getter::<WasiClocks>(|state| state.clocks()), when).await
        })
    })?;
    clock.func_wrap_concurrent("wait-for", |store, (duration,)| {
        Box::pin(async move {
            let _pending = begin_in(store, 0)?;
            WasiClocks::wait_for(&store.with_getter::<WasiClocks>(|state| state.clocks()), duration).await
        })
    })?;
    linker.allow_shadowing(false);
    Ok(())
}
