//! Several instances of one program at work side by side, replaced when they break.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::{Error, ExitStatus, Outcome, Program, Result, Runner, SharedListeners};

/// How long the first replacement of a worker waits. Each failure after that doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// What the delay does not grow beyond.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// How long a worker has to live for its earlier failures to be forgotten.
const HEALTHY: Duration = Duration::from_secs(60);

/// Makes the run of one worker.
type Configure = Arc<dyn Fn(&Program) -> Runner + Send + Sync>;

/// Told when a worker broke: which, why, and when it is replaced.
type OnFailure = Box<dyn Fn(usize, &Error, Duration) + Send>;

/// Isolated instances of one program that share its listening sockets, each on a thread of its own.
///
/// A worker that traps or reaches a limit costs its own connections, and is replaced after a delay that grows from 100
/// milliseconds to 30 seconds with each failure in a row. A worker whose program ends by itself is not replaced.
///
/// What a worker prints comes as whole lines, and those that its [`Output`](crate::Output) has no room for are dropped,
/// counted and told of in the log.
///
/// Every worker's thread has a tokio runtime of its own. The listening sockets are [`SharedListeners`]: they stay open while a
/// worker is replaced.
#[must_use = "workers do nothing until `run` is called"]
pub struct Workers {
    program: Program,
    count: NonZeroUsize,
    configure: Configure,
    on_failure: OnFailure,
    grace: Duration,
}

/// What can be asked of [`Workers`] while they run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Control {
    /// Close the listening sockets, give connections the grace period, end.
    Stop,
    /// Start workers with this program, and stop those that run now, which do not accept any more but have the grace
    /// period for their connections. The listening sockets stay.
    Reload(Program),
}

impl Workers {
    /// Prepares `count` workers, whose runs `configure` makes. [`Runner::listeners`] is set by this.
    pub fn new(
        program: &Program,
        count: NonZeroUsize,
        configure: impl Fn(&Program) -> Runner + Send + Sync + 'static,
    ) -> Self {
        Self {
            program: program.clone(),
            count,
            configure: Arc::new(configure),
            on_failure: Box::new(|worker, error, delay| {
                tracing::error!("worker {worker} is replaced in {delay:?}: {error}");
            }),
            grace: Duration::ZERO,
        }
    }

    /// Sets how long connections may go on after a stop or a reload. The default is not at all.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Reports workers that broke to `callback` and not to the log: the worker's number from 0 on, the reason, and when
    /// it is replaced.
    pub fn on_failure(mut self, callback: impl Fn(usize, &Error, Duration) + Send + 'static) -> Self {
        self.on_failure = Box::new(callback);
        self
    }

    /// Runs until all programs have ended by themselves, or are stopped through `control`. A `control` whose sender is
    /// gone asks for nothing. Of programs that ended differently, the first failure is the result.
    ///
    /// # Errors
    /// Those of [`Runner::run`] that another try would not mend: [`Error::Directory`], [`Error::Name`] and
    /// [`Error::Instantiate`]; and [`Error::Engine`] if a thread cannot be started.
    ///
    /// # Cancel safety
    /// Yes: dropping the future stops all workers without grace.
    pub async fn run(self, mut control: mpsc::Receiver<Control>) -> Result<Outcome> {
        let (events, mut ended) = mpsc::unbounded_channel();
        let mut crew = Crew {
            configure: self.configure,
            listeners: SharedListeners::new(),
            grace: self.grace,
            events,
            workers: Vec::new(),
            retired: 0,
            generation: 0,
        };
        crew.start(&self.program, self.count)?;
        let mut program = self.program;
        let mut stopping = false;
        let mut status = ExitStatus::SUCCESS;
        let mut cut = 0;
        while crew.at_work() {
            tokio::select! {
                Some(control) = control.recv(), if !stopping => match control {
                    Control::Stop => {
                        stopping = true;
                        crew.listeners.close();
                        crew.stop();
                    }
                    Control::Reload(next) => {
                        program = next;
                        crew.retire();
                        crew.start(&program, self.count)?;
                    }
                },
                Some(event) = ended.recv() => {
                    let current = crew.ended(&event);
                    match event.result {
                        Ok(Outcome::Ended(ended)) if status.success() => status = ended,
                        Ok(Outcome::Ended(_)) => {}
                        Ok(Outcome::Stopped { cut_connections }) => cut += cut_connections,
                        Err(error @ (Error::Trap { .. } | Error::Limit { .. })) => if current && !stopping {
                            let delay = crew.replace_later(event.worker);
                            (self.on_failure)(event.worker, &error, delay);
                        },
                        Err(error) => return Err(error),
                    }
                },
                worker = crew.next_due(), if !stopping => crew.replace(worker, &program)?,
            }
        }
        Ok(if stopping { Outcome::Stopped { cut_connections: cut } } else { Outcome::Ended(status) })
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("program", &self.program).field("count", &self.count).finish_non_exhaustive()
    }
}

/// The workers of now, and how many of earlier generations still have connections.
struct Crew {
    configure: Configure,
    listeners: SharedListeners,
    grace: Duration,
    events: mpsc::UnboundedSender<Event>,
    workers: Vec<Worker>,
    retired: usize,
    generation: usize,
}

struct Worker {
    state: WorkerState,
    failures: u32,
    started: Instant,
}

enum WorkerState {
    /// Runs until it ends or the sender is dropped.
    Running { _stop: watch::Sender<()> },
    /// Broke, and is replaced then.
    Due(Instant),
    /// The program ended by itself or was stopped.
    Ended,
}

/// A worker ended.
struct Event {
    worker: usize,
    generation: usize,
    result: Result<Outcome>,
}

impl Crew {
    fn start(&mut self, program: &Program, count: NonZeroUsize) -> Result<()> {
        self.generation += 1;
        for worker in 0..count.get() {
            let state = self.spawn(worker, program)?;
            self.workers.push(Worker { state, failures: 0, started: Instant::now() });
        }
        Ok(())
    }

    /// Starts a worker's thread. It is asked to stop by dropping what is returned.
    fn spawn(&self, worker: usize, program: &Program) -> Result<WorkerState> {
        let runner = (self.configure)(program).listeners(&self.listeners).worker(worker);
        let (generation, grace, events) = (self.generation, self.grace, self.events.clone());
        let (running, mut stop) = watch::channel(());
        let failed = |error: std::io::Error| Error::Engine { source: error.into() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let run = move || {
            let result = runtime.block_on(runner.run_until(
                async move {
                    // Nothing is ever sent: this completes when the sender is dropped.
                    while stop.changed().await.is_ok() {}
                },
                grace,
            ));
            // A read of standard input that still waits must not keep the thread.
            runtime.shutdown_background();
            // The receiver is gone if `run` was dropped.
            _ = events.send(Event { worker, generation, result });
        };
        std::thread::Builder::new().name(format!("worker-{worker}")).spawn(run).map_err(failed)?;
        Ok(WorkerState::Running { _stop: running })
    }

    fn at_work(&self) -> bool {
        self.retired > 0 || self.workers.iter().any(|worker| !matches!(worker.state, WorkerState::Ended))
    }

    /// Takes notice of the end of a worker. Whether it was one of now.
    fn ended(&mut self, event: &Event) -> bool {
        let current = event.generation == self.generation;
        if current {
            self.workers[event.worker].state = WorkerState::Ended;
        } else {
            self.retired -= 1;
        }
        current
    }

    /// Stops all workers for good.
    fn stop(&mut self) {
        self.retire();
        self.generation += 1;
    }

    /// Stops the workers of now; they count as of an earlier generation once another one starts.
    fn retire(&mut self) {
        let running = |worker: &Worker| matches!(worker.state, WorkerState::Running { .. });
        self.retired += self.workers.drain(..).filter(running).count();
    }

    fn replace_later(&mut self, worker: usize) -> Duration {
        let worker = &mut self.workers[worker];
        if worker.started.elapsed() >= HEALTHY {
            worker.failures = 0;
        }
        let delay = delay(worker.failures);
        worker.failures += 1;
        worker.state = WorkerState::Due(Instant::now() + delay);
        delay
    }

    /// Waits until a worker is to be replaced.
    async fn next_due(&self) -> usize {
        let due = self.workers.iter().enumerate().filter_map(|(index, worker)| match worker.state {
            WorkerState::Due(when) => Some((when, index)),
            _ => None,
        });
        match due.min() {
            Some((when, worker)) => {
                tokio::time::sleep_until(when).await;
                worker
            }
            None => std::future::pending().await,
        }
    }

    fn replace(&mut self, worker: usize, program: &Program) -> Result<()> {
        self.workers[worker].state = self.spawn(worker, program)?;
        self.workers[worker].started = Instant::now();
        Ok(())
    }
}

/// How long a replacement waits after this many failures in a row before.
fn delay(failures: u32) -> Duration {
    2_u32.checked_pow(failures).map_or(MAX_DELAY, |factor| FIRST_DELAY.saturating_mul(factor).min(MAX_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_bound() {
        let delays = [0, 1, 2, 8, 9, 100].map(|failures| delay(failures).as_millis());
        assert_eq!(delays, [100, 200, 400, 25_600, 30_000, 30_000]);
    }
}
