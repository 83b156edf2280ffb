//! Watches over workers: takes notice of every end of one, and decides what follows.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::run::runner::Progress;
use crate::service::backoff::{MAX_DELAY, delay};
use crate::service::event::{ServiceEvent, ServiceStatus};
use crate::service::generation::{Generation, Service, WorkerState};
use crate::service::status::{Watched, WorkerEnd};
use crate::service::thread::Threads;
use crate::{Error, ExitStatus, Metrics, Outcome, Policy, Result, SharedListeners};

/// How many generations of workers may be in their grace period: at one more reload the oldest is cut.
pub(super) const MAX_RETIRED: usize = 2;

/// How long the workers of before go on, at a reload, while the new ones run but do not listen.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// Told of what happens.
pub(super) type OnEvent = Box<dyn Fn(&ServiceEvent<'_>) + Send + Sync>;

/// What the operator decided.
pub(super) struct Settings {
    pub(super) count: usize,
    pub(super) max_restarts: u32,
    pub(super) grace: Duration,
    pub(super) on_event: OnEvent,
    pub(super) metrics: Metrics,
    pub(super) listeners: SharedListeners,
    pub(super) status: watch::Sender<ServiceStatus>,
    pub(super) watched: watch::Sender<Watched>,
}

pub(super) struct Supervisor {
    settings: Settings,
    threads: Threads,
    events: mpsc::UnboundedSender<Event>,
    /// The workers that serve.
    current: Generation,
    /// Those that are about to take over.
    next: Option<Generation>,
    /// Those that a reload has replaced, the oldest first; they have the grace period.
    retired: VecDeque<Generation>,
    generations: usize,
    stopping: bool,
    /// Of the failures that nothing followed, the first.
    failure: Option<Error>,
    /// Connections that were cut because everything is being stopped.
    cut: usize,
}

/// Something about a worker.
pub(super) struct Event {
    generation: usize,
    worker: usize,
    what: What,
}

enum What {
    Progress(Progress),
    Ended(Result<Outcome>),
}

impl Supervisor {
    /// Starts the first workers.
    pub(super) fn start(settings: Settings, service: Service, events: mpsc::UnboundedSender<Event>) -> Result<Self> {
        let mut threads = Threads::default();
        let current = Generation::new(1, service, threads.take(settings.count, settings.count)?);
        let mut supervisor = Self {
            settings,
            threads,
            events,
            current,
            next: None,
            retired: VecDeque::new(),
            generations: 1,
            stopping: false,
            failure: None,
            cut: 0,
        };
        supervisor.current.listens = spawn_all(&supervisor.settings, &supervisor.events, &mut supervisor.current);
        supervisor.tell_status();
        Ok(supervisor)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether something runs, or will.
    pub(super) fn at_work(&self) -> bool {
        self.next.is_some() || !self.retired.is_empty() || !self.current.has_ended()
    }

    /// What came of everything, once nothing is at work.
    pub(super) fn outcome(self) -> Result<Outcome> {
        match self.failure {
            Some(Error::Failed { .. }) | None if self.stopping => Ok(Outcome::Stopped { cut_connections: self.cut }),
            Some(Error::Failed { code }) => Ok(Outcome::Ended(ExitStatus::from_code(code))),
            Some(error) => Err(error),
            None => Ok(Outcome::Ended(ExitStatus::SUCCESS)),
        }
    }

    /// Stops all workers for good.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        self.settings.listeners.close();
        self.current.stop();
        if let Some(mut next) = self.next.take() {
            next.stop();
            self.retired.push_back(next);
        }
        self.clear();
    }

    /// Starts workers that take over once they are ready.
    pub(super) fn reload(&mut self, service: Service) {
        if let Some(next) = self.next.take() {
            next.cut.cancel();
            self.retired.push_back(next);
        }
        let count = self.settings.count;
        // All that may be there, and one that is being cut.
        match self.threads.take(count, count.saturating_mul(MAX_RETIRED + 3)) {
            Ok(threads) => {
                self.generations += 1;
                let mut next = Generation::new(self.generations, service, threads);
                next.listens = spawn_all(&self.settings, &self.events, &mut next);
                self.next = Some(next);
            }
            Err(error) => self.reload_failed(&error),
        }
        self.tell_status();
    }

    /// Has all instances that run, and those that replace them, go on with the grants of `policy`.
    pub(super) fn change_policy(&mut self, policy: &Policy) {
        for generation in self.next.iter_mut().chain(&mut self.retired) {
            generation.change_policy(policy);
        }
        let changes = self.current.change_policy(policy);
        self.settings.metrics.policy_changed();
        self.settings.status.send_modify(|status| status.policy_changes += 1);
        (self.settings.on_event)(&ServiceEvent::PolicyChanged { changes: &changes });
    }

    /// Takes notice of what happened to a worker.
    ///
    /// # Errors
    /// What ends everything.
    pub(super) fn take(&mut self, event: Event) -> Result<()> {
        let Event { generation, worker, what } = event;
        let was_ready = self.current.is_ready();
        match what {
            What::Progress(progress) => {
                if let Some(generation) = self.generation_mut(generation) {
                    generation.progressed(worker, progress);
                }
                if self.next.as_ref().is_some_and(Generation::is_ready) {
                    self.promote();
                } else if !was_ready && self.current.is_ready() && !self.stopping {
                    (self.settings.on_event)(&ServiceEvent::Ready);
                }
            }
            What::Ended(result) => {
                let ended = self.ended(generation, worker, result);
                self.clear();
                return ended;
            }
        }
        self.clear();
        Ok(())
    }

    /// Waits until a worker is to be replaced.
    pub(super) async fn next_due(&self) -> usize {
        match self.current.next_due() {
            Some((when, worker)) if !self.stopping => {
                tokio::time::sleep_until(when).await;
                worker
            }
            _ => std::future::pending().await,
        }
    }

    /// Starts the replacement of a worker, on its thread.
    pub(super) fn replace(&mut self, worker: usize) {
        let slot = &mut self.current.workers[worker];
        slot.failures.restarted();
        slot.restarts += 1;
        slot.state = WorkerState::Starting;
        self.settings.metrics.restarted(worker);
        self.settings.status.send_modify(|status| status.restarts += 1);
        spawn(&self.settings, &self.events, &mut self.current, worker);
        self.tell_status();
    }

    /// Waits until the workers that are about to take over have had their time to get ready.
    pub(super) async fn next_is_late(&self) {
        match &self.next {
            Some(next) => tokio::time::sleep_until(next.started + READY_WITHIN).await,
            None => std::future::pending().await,
        }
    }

    /// The next workers take over; those of now have the grace period.
    pub(super) fn promote(&mut self) {
        let Some(next) = self.next.take() else { return };
        let mut before = std::mem::replace(&mut self.current, next);
        before.stop();
        self.retired.push_back(before);
        let mut in_grace = self.retired.iter().filter(|generation| !generation.cut.is_cancelled());
        if in_grace.clone().count() > MAX_RETIRED
            && let Some(oldest) = in_grace.next()
        {
            oldest.cut.cancel();
        }
        self.settings.metrics.reloaded(true);
        self.settings.status.send_modify(|status| status.reloads += 1);
        (self.settings.on_event)(&ServiceEvent::Reloaded);
        self.clear();
    }

    fn reload_failed(&mut self, error: &Error) {
        self.settings.metrics.reloaded(false);
        (self.settings.on_event)(&ServiceEvent::ReloadFailed { error });
    }

    fn generation_mut(&mut self, number: usize) -> Option<&mut Generation> {
        let all = [&mut self.current].into_iter().chain(&mut self.next).chain(&mut self.retired);
        all.into_iter().find(|generation| generation.number == number)
    }

    fn ended(&mut self, number: usize, worker: usize, result: Result<Outcome>) -> Result<()> {
        self.settings.metrics.worker_ended(worker, &result);
        let Some(slot) = self.generation_mut(number).and_then(|generation| generation.workers.get_mut(worker)) else {
            return Ok(());
        };
        slot.state = WorkerState::Ended;
        slot.last_end = Some(WorkerEnd::now(&result));
        let result = match result {
            Ok(Outcome::Ended(status)) => status.into_result(),
            Ok(Outcome::Stopped { cut_connections }) => {
                if self.stopping {
                    self.cut += cut_connections;
                } else if cut_connections > 0 {
                    (self.settings.on_event)(&ServiceEvent::ConnectionsCut { connections: cut_connections });
                }
                return Ok(());
            }
            Err(error) => Err(error),
        };
        if !self.stopping && self.next.as_ref().is_some_and(|next| next.number == number) {
            let error = result.err().unwrap_or(Error::Failed { code: 0 });
            self.give_up_next(&error);
            return Ok(());
        }
        let is_current = number == self.current.number;
        match result {
            Ok(()) => (self.settings.on_event)(&ServiceEvent::WorkerEnded { worker }),
            Err(error) if is_current && !self.stopping => self.failed(worker, error)?,
            // What ends everything is told by whoever gets the outcome.
            Err(error) if is_current && self.failure.is_none() && !matches!(error, Error::Failed { .. }) => {
                self.failure = Some(error);
            }
            Err(error) => (self.settings.on_event)(&ServiceEvent::StoppedWorkerFailed { worker, error: &error }),
        }
        Ok(())
    }

    /// The workers that were to take over do not run: those of now go on.
    fn give_up_next(&mut self, error: &Error) {
        if let Some(next) = self.next.take() {
            next.cut.cancel();
            self.retired.push_back(next);
        }
        self.reload_failed(error);
    }

    /// A worker that serves has failed.
    fn failed(&mut self, worker: usize, error: Error) -> Result<()> {
        let max = self.settings.max_restarts;
        let failures = self.current.workers[worker].failures.count();
        // What does not start the first time is a mistake of the operator, who is there to be told.
        let never_started = matches!(error, Error::Directory { .. } | Error::Instantiate { .. });
        let restart = if never_started && self.current.number == 1 && failures == 1 {
            return Err(error);
        } else if failures <= max {
            Some(delay(failures))
        } else if self.next.is_some() || max > 0 && self.current.others_serve(worker) {
            Some(MAX_DELAY)
        } else {
            None
        };
        (self.settings.on_event)(&ServiceEvent::WorkerFailed { worker, error: &error, restart });
        match restart {
            Some(delay) => self.current.workers[worker].state = WorkerState::Due(Instant::now() + delay),
            None if max == 0 => {
                self.failure.get_or_insert(error);
            }
            None => {
                let file = self.current.service.program.name().to_owned();
                return Err(Error::CrashLoop { file, failures, last: Box::new(error) });
            }
        }
        Ok(())
    }

    /// Forgets generations that have ended; their threads are free.
    fn clear(&mut self) {
        for _ in 0..self.retired.len() {
            let Some(mut generation) = self.retired.pop_front() else { break };
            if generation.has_ended() {
                generation.workers.drain(..).for_each(|worker| self.threads.give_back(worker.thread));
            } else {
                self.retired.push_back(generation);
            }
        }
        self.tell_status();
    }

    fn tell_status(&self) {
        let (ready, stopping) = (self.current.is_ready() && !self.stopping, self.stopping);
        let (running, retired) = (self.current.running(), self.retired.iter().map(Generation::running).sum());
        self.settings.status.send_if_modified(|status| {
            let now = ServiceStatus { ready, stopping, running, retired, ..*status };
            std::mem::replace(status, now) != now
        });
        let generations = [&self.current].into_iter().chain(&self.next).chain(&self.retired);
        self.settings.watched.send_replace(Watched::of(generations));
    }
}

/// Starts all workers of a generation; whether they may listen.
fn spawn_all(settings: &Settings, events: &mpsc::UnboundedSender<Event>, generation: &mut Generation) -> bool {
    (0..generation.workers.len()).fold(false, |any, worker| spawn(settings, events, generation, worker) | any)
}

/// Starts a worker; whether it may listen.
fn spawn(
    settings: &Settings,
    events: &mpsc::UnboundedSender<Event>,
    generation: &mut Generation,
    worker: usize,
) -> bool {
    let open = Metrics::connections_of_a_run();
    generation.workers[worker].open = open.clone();
    let service = &generation.service;
    let ticket = Ticket { events: events.clone(), generation: generation.number, worker, told: false };
    let (progress, number) = (events.clone(), generation.number);
    // One alone that is not replaced is no different from a program without workers.
    let several = settings.count > 1 || settings.max_restarts > 0;
    let mut runner = (service.configure)(&service.program).worker(worker, several, open);
    let policy = runner.changeable(service.policy.as_ref());
    // Sockets of WASI 0.2 cannot be shared, and alone it need not share them.
    let shares = several || !runner.has_wasi02_sockets();
    let runner = if shares { runner.listeners(&settings.listeners) } else { runner };
    let runner = runner.on_progress(move |what| {
        // The receiver is gone if `Workers::run` was dropped.
        _ = progress.send(Event { generation: number, worker, what: What::Progress(what) });
    });
    let listens = runner.may_listen();
    let file = service.program.name().to_owned();
    let (stop, cut, grace) = (generation.stop.clone(), generation.cut.clone(), settings.grace);
    let run = move |runtime: &tokio::runtime::Runtime| {
        runtime.block_on(runner.run_with(stop.cancelled_owned(), end_of_grace(cut, grace)))
    };
    let slot = &mut generation.workers[worker];
    slot.policy = Some(policy);
    slot.thread.run(run, move |result| {
        ticket.tell(result.unwrap_or_else(|reason| Err(Error::Panic { file, reason })));
    });
    listens
}

async fn end_of_grace(cut: CancellationToken, grace: Duration) {
    tokio::select! {
        () = cut.cancelled() => {}
        () = tokio::time::sleep(grace) => {}
    }
}

/// Tells of the end of a worker, whatever happens.
struct Ticket {
    events: mpsc::UnboundedSender<Event>,
    generation: usize,
    worker: usize,
    told: bool,
}

impl Ticket {
    fn tell(mut self, result: Result<Outcome>) {
        self.told = true;
        self.send(result);
    }

    fn send(&self, result: Result<Outcome>) {
        // The receiver is gone if `Workers::run` was dropped.
        let what = What::Ended(result);
        _ = self.events.send(Event { generation: self.generation, worker: self.worker, what });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.told {
            let (file, reason) = (format!("worker {}", self.worker), "its thread is gone".to_owned());
            self.send(Err(Error::Panic { file, reason }));
        }
    }
}
