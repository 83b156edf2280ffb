//! Keeps the servers and the load generator apart: each side has a core of its own.

/// Where the servers run.
const SERVER: usize = 0;
/// Where the load generator runs.
const CLIENT: usize = 1;

/// Moves this thread to the load generator's core.
pub(crate) fn pin_client() {
    pin(CLIENT);
}

/// Calls `spawn` on the servers' core, which the processes that it starts inherit.
pub(crate) fn on_server_core<T>(spawn: impl FnOnce() -> T) -> T {
    pin(SERVER);
    let spawned = spawn();
    pin(CLIENT);
    spawned
}

/// Does nothing where there is no such core, or no way to pin: the numbers are then less steady.
#[cfg(target_os = "linux")]
fn pin(core: usize) {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut cores = CpuSet::new();
    cores.set(core);
    let _ = sched_setaffinity(None, &cores);
}

#[cfg(not(target_os = "linux"))]
fn pin(_core: usize) {}
