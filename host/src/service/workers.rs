//! Several instances of one program at work side by side, replaced when they break.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::service::event::{ServiceEvent, ServiceStatus};
use crate::service::generation::{Configure, Service};
use crate::service::status::Watched;
use crate::service::supervisor::{OnEvent, Settings, Supervisor};
use crate::{Error, Metrics, Outcome, Policy, Program, Result, Runner, SharedListeners};

/// How often a worker that keeps failing is replaced, unless [`Workers::max_restarts`] says otherwise.
pub const DEFAULT_MAX_RESTARTS: u32 = 10;

/// Isolated instances of one program that share its listening sockets, each on a thread of its own.
///
/// A worker that traps, reaches a limit, says that it failed, or makes the host panic costs its own connections, and is
/// replaced after a delay that grows from 100 milliseconds to 30 seconds with each failure in a row. After
/// [`max_restarts`](Self::max_restarts) of them everything ends, unless another worker serves: then it is tried again
/// every 30 seconds. A worker that has lived for a minute starts to count anew. One whose program ends by itself, as a
/// success, is not replaced.
///
/// What a worker prints comes as whole lines, and those that its [`Output`](crate::Output) has no room for are dropped,
/// counted and told of in the log; unless it is alone and not replaced.
///
/// Every worker's thread has a tokio runtime of its own; both are made once, and used again for replacements. The
/// listening sockets are [`SharedListeners`]: they stay open while a worker is replaced.
#[must_use = "workers do nothing until `run` is called"]
pub struct Workers {
    service: Service,
    count: NonZeroUsize,
    max_restarts: u32,
    on_event: OnEvent,
    grace: Duration,
    metrics: Metrics,
    listeners: SharedListeners,
    status: watch::Sender<ServiceStatus>,
    watched: watch::Sender<Watched>,
}

/// What can be asked of [`Workers`] while they run.
#[non_exhaustive]
pub enum Control {
    /// Close the listening sockets, give programs the grace period, end.
    Stop,
    /// Start workers with this program. Once they serve, those of before accept no more, and have the grace period. If
    /// they do not, those of before go on. The listening sockets stay.
    Reload(Program),
    /// As [`Reload`](Self::Reload), with runs that are made by another function from now on.
    ReloadWith(Program, Configure),
    /// Go on with the grants of addresses, the rules and the host names of this policy, also in instances that replace others
    /// and after a [`Reload`](Self::Reload). Directories and sockets of WASI 0.2 stay as they are, and so do sockets of
    /// WASI 0.2 that are open.
    ///
    /// All instances that run are judged by it from then on, also those that a reload has replaced. A listening socket that
    /// is not granted any more is closed, which the program learns from the end of what it accepts; connections that it
    /// accepted stay. A connection that the program made and that is not granted any more ends with
    /// `error-code.access-denied`; an answer of a resolver that has grown old ends none. A function of
    /// [`Runner::decide`] is asked about them again. Names of this machine in `policy` stand for nothing unless
    /// [`Policy::resolve_names`] was called.
    ChangePolicy(Box<Policy>),
}

impl Workers {
    /// How many workers there can be at most.
    pub const MAX: usize = 1024;

    /// Prepares `count` workers, whose runs `configure` makes. [`Runner::listeners`] is set by this.
    pub fn new(
        program: &Program,
        count: NonZeroUsize,
        configure: impl Fn(&Program) -> Runner + Send + Sync + 'static,
    ) -> Self {
        Self {
            service: Service { program: program.clone(), configure: Arc::new(configure), policy: None },
            count,
            max_restarts: DEFAULT_MAX_RESTARTS,
            on_event: Box::new(log),
            grace: Duration::ZERO,
            metrics: Metrics::new(),
            listeners: SharedListeners::new(),
            status: watch::Sender::default(),
            watched: watch::Sender::default(),
        }
    }

    /// Sets how long programs may go on after a stop or a reload. The default is not at all.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how often in a row a failing worker is replaced before everything ends. The default is
    /// [`DEFAULT_MAX_RESTARTS`]. With 0 none is: its failure is the result once all have ended.
    pub fn max_restarts(mut self, restarts: u32) -> Self {
        self.max_restarts = restarts;
        self
    }

    /// Reports what happens to `callback` and not to the log. It is called on the thread of [`run`](Self::run) and must
    /// not block.
    pub fn on_event(mut self, callback: impl Fn(&ServiceEvent<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Box::new(callback);
        self
    }

    /// Counts ends of workers, replacements and reloads in `metrics`.
    pub fn metrics(mut self, metrics: &Metrics) -> Self {
        self.metrics = metrics.clone();
        self
    }

    /// Has the workers share these listening sockets, some of which may be open already.
    pub fn listeners(mut self, listeners: &SharedListeners) -> Self {
        self.listeners = listeners.clone();
        self
    }

    /// How the workers are, from now on.
    pub fn status(&self) -> watch::Receiver<ServiceStatus> {
        self.status.subscribe()
    }

    pub(super) fn watched(&self) -> watch::Receiver<Watched> {
        self.watched.subscribe()
    }

    /// Runs until all programs have ended by themselves, or are stopped through `control`. A `control` whose sender is
    /// gone asks for nothing. Of programs that ended differently, the first failure is the result. Once stopped, only a
    /// trap or a limit is one: what a program says of itself then is told and not kept.
    ///
    /// # Errors
    /// [`Error::Workers`] if there would be more than [`Workers::MAX`]; [`Error::Engine`] if a thread cannot be started;
    /// [`Error::CrashLoop`] if workers keep failing; those of [`Runner::run`] if the program cannot be started the first
    /// time, is not replaced, or fails while it is stopped.
    ///
    /// # Cancel safety
    /// Yes: dropping the future stops all workers without grace.
    pub async fn run(self, mut control: mpsc::Receiver<Control>) -> Result<Outcome> {
        if self.count.get() > Self::MAX {
            return Err(Error::Workers { count: self.count.get(), most: Self::MAX });
        }
        let (events, mut happened) = mpsc::unbounded_channel();
        let mut service = self.service;
        let settings = Settings {
            count: self.count.get(),
            max_restarts: self.max_restarts,
            grace: self.grace,
            on_event: self.on_event,
            metrics: self.metrics,
            listeners: self.listeners,
            status: self.status,
            watched: self.watched,
        };
        let mut supervisor = Supervisor::start(settings, service.clone(), events)?;
        while supervisor.at_work() {
            tokio::select! {
                Some(control) = control.recv(), if !supervisor.is_stopping() => match control {
                    Control::Stop => supervisor.stop(),
                    Control::Reload(program) => {
                        service.program = program;
                        supervisor.reload(service.clone());
                    }
                    Control::ReloadWith(program, configure) => {
                        service = Service { program, configure, policy: None };
                        supervisor.reload(service.clone());
                    }
                    Control::ChangePolicy(policy) => {
                        supervisor.change_policy(&policy);
                        service.policy = Some(*policy);
                    }
                },
                Some(event) = happened.recv() => supervisor.take(event)?,
                worker = supervisor.next_due() => supervisor.replace(worker),
                () = supervisor.next_is_late() => supervisor.promote(),
            }
        }
        supervisor.outcome()
    }
}

fn log(event: &ServiceEvent<'_>) {
    match event {
        ServiceEvent::WorkerFailed { worker, error, restart: Some(delay) } => {
            tracing::error!("worker {worker} is replaced in {delay:?}: {error}");
        }
        ServiceEvent::WorkerFailed { worker, error, restart: None } => {
            tracing::error!("worker {worker} is not replaced: {error}");
        }
        ServiceEvent::StoppedWorkerFailed { worker, error } => {
            tracing::error!("worker {worker} was told to end: {error}");
        }
        ServiceEvent::ReloadFailed { error } => tracing::error!("the old program goes on: {error}"),
        ServiceEvent::ConnectionsCut { connections } => {
            tracing::warn!("{connections} connections of replaced workers were cut");
        }
        ServiceEvent::WorkerEnded { worker } => tracing::info!("worker {worker} has ended"),
        ServiceEvent::PolicyChanged { changes } => {
            changes.iter().for_each(|change| tracing::info!("policy: {change}"));
        }
        ServiceEvent::Ready => tracing::info!("ready"),
        ServiceEvent::Reloaded => tracing::info!("reloaded"),
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("Stop"),
            Self::Reload(program) => f.debug_tuple("Reload").field(program).finish(),
            Self::ChangePolicy(policy) => f.debug_tuple("ChangePolicy").field(policy).finish(),
            Self::ReloadWith(program, _) => f.debug_tuple("ReloadWith").field(program).finish_non_exhaustive(),
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Workers");
        shown.field("program", &self.service.program).field("count", &self.count).finish_non_exhaustive()
    }
}
