//! How workers are at one moment, as an embedder asks.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prometheus::IntGauge;
use tokio::time::Instant;

use crate::service::event::ServiceStatus;
use crate::service::generation::{self, Generation};
use crate::{Error, Outcome, Result};

/// How [`Workers`](crate::Workers) that were started are at one moment. See
/// [`WorkersHandle::status`](crate::WorkersHandle::status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkersStatus {
    /// All of them together.
    pub service: ServiceStatus,
    /// The generation that serves, from 1 on: each reload, also one that fails, makes another. 0, and no workers, until they are
    /// started.
    pub generation: usize,
    /// Each worker: those of the generation that serves, by number, then those that are about to take over, then those that a reload
    /// has replaced and that have not all ended.
    pub workers: Vec<WorkerStatus>,
    /// What came of them, once all have ended; an error is that of [`Workers::run`](crate::Workers::run).
    pub outcome: Option<Result<Outcome, Arc<Error>>>,
}

/// How one worker is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// Its number in its generation, from 0 on.
    pub number: usize,
    /// The generation that it was started in, from 1 on.
    pub generation: usize,
    /// What it does.
    pub state: WorkerState,
    /// How many times it was replaced in its generation because it failed.
    pub restarts: u64,
    /// Connections of WASI 0.3 that it has open, accepted and made.
    pub open_connections: u64,
    /// How it ended the last time, in its generation; none if it never has.
    pub last_end: Option<WorkerEnd>,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// It is being started, or runs and does not listen yet although it may.
    Starting,
    /// It serves.
    Ready,
    /// It was told to end, and has the grace period.
    Stopping,
    /// It failed, and is replaced.
    Failed {
        /// In what time.
        restart: Duration,
    },
    /// It ended, and is not replaced.
    Ended,
}

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerEnd {
    /// When.
    pub time: SystemTime,
    /// What kind of end it was.
    pub kind: WorkerEndKind,
    /// The error in words; none if it was no failure.
    pub message: Option<String>,
}

/// The kind of a worker's end. Its text is the label `reason` of the metric `wasyncio_worker_ends_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerEndKind {
    /// Its program ended by itself, as a success.
    Success,
    /// Its program said that it failed.
    Failure,
    /// It was stopped, by a stop or a reload.
    Stopped,
    /// Its program trapped.
    Trap,
    /// It reached a limit that ended it.
    Limit,
    /// The host panicked.
    Panic,
    /// It could not be started.
    NotStarted,
}

impl WorkerEndKind {
    pub(crate) fn of(result: &Result<Outcome>) -> Self {
        match result {
            Ok(Outcome::Ended(status)) if status.success() => Self::Success,
            Ok(Outcome::Ended(_)) => Self::Failure,
            Ok(Outcome::Stopped { .. }) => Self::Stopped,
            Err(Error::Trap { .. }) => Self::Trap,
            Err(Error::Limit { .. }) => Self::Limit,
            Err(Error::Panic { .. }) => Self::Panic,
            Err(_) => Self::NotStarted,
        }
    }

    /// Its name: `success`, `failure`, `stopped`, `trap`, `limit`, `panic`, `not-started`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Stopped => "stopped",
            Self::Trap => "trap",
            Self::Limit => "limit",
            Self::Panic => "panic",
            Self::NotStarted => "not-started",
        }
    }
}

impl fmt::Display for WorkerEndKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl WorkerEnd {
    /// The end that has come now.
    pub(super) fn now(result: &Result<Outcome>) -> Self {
        let message = match result {
            Ok(Outcome::Ended(status)) => status.into_result().err().map(|error| error.to_string()),
            Ok(Outcome::Stopped { .. }) => None,
            Err(error) => Some(error.to_string()),
        };
        Self { time: SystemTime::now(), kind: WorkerEndKind::of(result), message }
    }
}

/// What is known of the workers at the last change, with what goes on changing.
#[derive(Clone, Default)]
pub(super) struct Watched {
    generation: usize,
    workers: Vec<WatchedWorker>,
}

#[derive(Clone)]
struct WatchedWorker {
    status: WorkerStatus,
    due: Option<Instant>,
    open: IntGauge,
}

impl Watched {
    /// The first of the generations serves.
    pub(super) fn of<'a>(generations: impl IntoIterator<Item = &'a Generation>) -> Self {
        let mut generations = generations.into_iter().peekable();
        let generation = generations.peek().map_or(0, |generation| generation.number);
        Self { generation, workers: generations.flat_map(WatchedWorker::all_of).collect() }
    }

    pub(super) fn status(&self, service: ServiceStatus, outcome: Option<Result<Outcome, Arc<Error>>>) -> WorkersStatus {
        let workers = self.workers.iter().map(WatchedWorker::status).collect();
        WorkersStatus { service, generation: self.generation, workers, outcome }
    }
}

impl WatchedWorker {
    fn all_of(generation: &Generation) -> impl Iterator<Item = Self> {
        let is_stopping = generation.stop.is_cancelled();
        generation.workers.iter().enumerate().map(move |(number, worker)| {
            let (state, due) = match worker.state {
                generation::WorkerState::Starting | generation::WorkerState::Ready if is_stopping => {
                    (WorkerState::Stopping, None)
                }
                generation::WorkerState::Starting => (WorkerState::Starting, None),
                generation::WorkerState::Ready => (WorkerState::Ready, None),
                generation::WorkerState::Due(when) => (WorkerState::Failed { restart: Duration::ZERO }, Some(when)),
                generation::WorkerState::Ended => (WorkerState::Ended, None),
            };
            let status = WorkerStatus {
                number,
                generation: generation.number,
                state,
                restarts: worker.restarts,
                open_connections: 0,
                last_end: worker.last_end.clone(),
            };
            Self { status, due, open: worker.open.clone() }
        })
    }

    fn status(&self) -> WorkerStatus {
        let mut status = self.status.clone();
        status.open_connections = u64::try_from(self.open.get()).unwrap_or(0);
        if let Some(due) = self.due {
            status.state = WorkerState::Failed { restart: due.saturating_duration_since(Instant::now()) };
        }
        status
    }
}
