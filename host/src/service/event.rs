//! What happens to workers, as it is told to whoever operates them.

use std::time::Duration;

use crate::{Error, PolicyChange};

/// Something that happened to [`Workers`](crate::Workers). Every end of a worker is among them.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceEvent<'a> {
    /// The program serves: one of its workers listens or, without a grant to listen, runs.
    Ready,
    /// A worker failed: its program trapped, reached a limit, said that it failed, or could not be started; or the host
    /// panicked.
    WorkerFailed {
        /// Its number, from 0 on.
        worker: usize,
        /// Why.
        error: &'a Error,
        /// In what time it is replaced. `None` if it is not, because it has failed too often.
        restart: Option<Duration>,
    },
    /// A worker that had been told to end, by a stop or a reload, failed instead.
    StoppedWorkerFailed {
        /// Its number, from 0 on.
        worker: usize,
        /// Why.
        error: &'a Error,
    },
    /// A worker's program ended by itself, as a success. It is not replaced.
    WorkerEnded {
        /// Its number, from 0 on.
        worker: usize,
    },
    /// The program that was loaded again serves; the workers of before accept no more.
    Reloaded,
    /// The instances that run go on with another policy.
    PolicyChanged {
        /// What differs.
        changes: &'a [PolicyChange],
    },
    /// The program that was loaded again does not run; the workers of before go on.
    ReloadFailed {
        /// Why.
        error: &'a Error,
    },
    /// Connections of a worker that a reload had replaced were cut: the grace period was over, or there had been too many
    /// reloads since.
    ConnectionsCut {
        /// How many.
        connections: usize,
    },
}

/// How [`Workers`](crate::Workers) are at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// Whether the program serves: one of its workers listens or, without a grant to listen, runs.
    pub ready: bool,
    /// Whether all workers were told to end.
    pub stopping: bool,
    /// How many workers run, without those that a reload has replaced.
    pub running: usize,
    /// How many workers that a reload has replaced still run.
    pub retired: usize,
    /// How many times workers were replaced because they failed.
    pub restarts: u64,
    /// How many times the program was loaded again.
    pub reloads: u64,
    /// How many times the policy was changed while instances ran.
    pub policy_changes: u64,
}
