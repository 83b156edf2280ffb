//! The workers that were started together, from one program: they serve together, and are stopped together.

use std::sync::Arc;

use prometheus::IntGauge;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::policy::live::LivePolicy;
use crate::run::runner::Progress;
use crate::service::backoff::Failures;
use crate::service::status::WorkerEnd;
use crate::service::thread::Thread;
use crate::{Metrics, Policy, PolicyChange, Program, Runner};

/// Makes the run of one worker.
pub type Configure = Arc<dyn Fn(&Program) -> Runner + Send + Sync>;

/// A program, and how a run of it is made.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) program: Program,
    pub(super) configure: Configure,
    /// Whose grants of addresses, rules and host names hold in the place of those that runs are made with.
    pub(super) policy: Option<Policy>,
}

/// Workers of one [`Service`]. Dropped, they are ended at once.
pub(super) struct Generation {
    pub(super) number: usize,
    pub(super) service: Service,
    pub(super) workers: Vec<Worker>,
    /// When the workers were started.
    pub(super) started: Instant,
    /// Whether a worker counts as ready only once it listens.
    pub(super) listens: bool,
    /// Cancelled, the workers accept no more and have the grace period.
    pub(super) stop: CancellationToken,
    /// Cancelled, they end at once.
    pub(super) cut: CancellationToken,
}

pub(super) struct Worker {
    pub(super) state: WorkerState,
    pub(super) failures: Failures,
    /// How many times it was replaced.
    pub(super) restarts: u64,
    pub(super) last_end: Option<WorkerEnd>,
    /// The connections that its run has open.
    pub(super) open: IntGauge,
    pub(super) thread: Thread,
    /// The policy of its instance.
    pub(super) policy: Option<LivePolicy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkerState {
    /// Is being started, or runs but does not listen yet where it should.
    Starting,
    /// Serves.
    Ready,
    /// Failed, and is replaced then.
    Due(Instant),
    /// Ended, and is not replaced.
    Ended,
}

impl Generation {
    pub(super) fn new(number: usize, service: Service, threads: Vec<Thread>) -> Self {
        let worker = |thread| Worker {
            state: WorkerState::Starting,
            failures: Failures::none(),
            restarts: 0,
            last_end: None,
            open: Metrics::connections_of_a_run(),
            thread,
            policy: None,
        };
        let cut = CancellationToken::new();
        Self {
            number,
            service,
            workers: threads.into_iter().map(worker).collect(),
            started: Instant::now(),
            listens: false,
            stop: cut.child_token(),
            cut,
        }
    }

    /// Takes notice of how far a worker has come.
    pub(super) fn progressed(&mut self, worker: usize, progress: Progress) {
        let ready = progress == Progress::Listening || !self.listens;
        if let Some(Worker { state: state @ WorkerState::Starting, .. }) = self.workers.get_mut(worker)
            && ready
        {
            *state = WorkerState::Ready;
        }
    }

    /// Has all workers, and those that replace them, go on with the grants of `policy`. Tells what differs.
    pub(super) fn change_policy(&mut self, policy: &Policy) -> Vec<PolicyChange> {
        self.service.policy = Some(policy.clone());
        let mut changes = Vec::new();
        for live in self.workers.iter().filter_map(|worker| worker.policy.as_ref()) {
            // The same for all.
            changes = live.change(policy);
        }
        changes
    }

    /// Stops the workers; those that wait for their replacement end at once.
    pub(super) fn stop(&mut self) {
        for worker in &mut self.workers {
            if matches!(worker.state, WorkerState::Due(_)) {
                worker.state = WorkerState::Ended;
            }
        }
        self.stop.cancel();
    }

    pub(super) fn is_ready(&self) -> bool {
        self.workers.iter().any(|worker| worker.state == WorkerState::Ready)
    }

    /// Whether all have ended, and none is to be replaced.
    pub(super) fn has_ended(&self) -> bool {
        self.workers.iter().all(|worker| worker.state == WorkerState::Ended)
    }

    pub(super) fn running(&self) -> usize {
        let running = |worker: &&Worker| matches!(worker.state, WorkerState::Starting | WorkerState::Ready);
        self.workers.iter().filter(running).count()
    }

    /// Whether a worker other than this one serves, and has shown that it can.
    pub(super) fn others_serve(&self, worker: usize) -> bool {
        let mut others = self.workers.iter().enumerate().filter(|(index, _)| *index != worker);
        others.any(|(_, other)| other.state == WorkerState::Ready && other.failures.is_healthy())
    }

    /// The next worker to be replaced, and when.
    pub(super) fn next_due(&self) -> Option<(Instant, usize)> {
        let due = self.workers.iter().enumerate().filter_map(|(index, worker)| match worker.state {
            WorkerState::Due(when) => Some((when, index)),
            _ => None,
        });
        due.min()
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}
