//! The program as a service: its workers, what signals ask of them, and who is told.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;
use wasyncio_host::{
    Configure, Control, DEFAULT_MAX_RESTARTS, Error, Host, Metrics, Outcome, PolicyFile, Program, Result, Runner,
    ServiceEvent, SharedListeners, Wasi02Conflict, Workers,
};

use super::address::MetricsAddress;
use super::health::Pulse;
use super::job::{Job, ready};
use super::setup::{Setup, Setups};
use super::systemd;
use crate::lockdown::Lockdown;
use crate::records::Records;
use crate::say;
use crate::signals::Signals;

#[derive(Debug, Args)]
#[command(next_help_heading = "Operation")]
pub(super) struct ServiceFlags {
    /// Run N isolated instances that share the listening addresses, each on a thread of its own; auto is one a core
    ///
    /// One that fails costs only its own connections, and is replaced after a delay that grows from 100 ms to 30 s with
    /// each failure in a row; see --max-restarts. What they print does not wait for a slow reader: lines are lost, and counted
    /// in the log. Limits are for each instance. There can be 1024.
    #[arg(long, value_name = "N|auto")]
    workers: Option<WorkerCount>,

    /// End the service once a worker was replaced N times in a row and fails again, if no other serves [default: 10]
    ///
    /// As long as another serves, the failing one is tried again every 30 seconds. One that has lived for a minute starts
    /// to count anew. The exit code then is 124. With 0, workers are not replaced.
    #[arg(long, value_name = "N", requires = "workers")]
    max_restarts: Option<u32>,

    /// On Ctrl-C, SIGTERM and after a reload, stop listening and give the program this time to end, such as 30s
    /// [default: none]
    #[arg(long, value_name = "TIME")]
    grace: Option<humantime::Duration>,

    /// Serve metrics to Prometheus on this address, such as 127.0.0.1:9090 or unix:/run/app/metrics
    ///
    /// The paths are /metrics; /livez, whether the service answers; /readyz, whether the program listens or, without a
    /// grant to listen, runs. There are 16 connections at once.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics: Option<MetricsAddress>,

    /// Show connections and throughput in one line, if standard error is a terminal
    #[arg(long)]
    pub(super) status: bool,

    /// Leave this process's own rights as they are
    ///
    /// Otherwise, on Linux, it opens only files that were named at the start (and, for reloads, those in their folders),
    /// and makes only the system calls that a service needs: it starts no other process. That holds also if a program
    /// breaks out of its sandbox.
    #[arg(long)]
    pub(super) no_lockdown: bool,
}

/// How many workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WorkerCount(NonZeroUsize);

impl FromStr for WorkerCount {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "auto" {
            let cores = std::thread::available_parallelism().map_err(|error| format!("write a number: {error}"))?;
            return Ok(Self(cores.min(const { NonZeroUsize::new(Workers::MAX).expect("not zero") })));
        }
        match text.parse::<NonZeroUsize>() {
            Ok(count) if count.get() <= Workers::MAX => Ok(Self(count)),
            _ => Err(format!("write auto, or a number from 1 to {}", Workers::MAX)),
        }
    }
}

impl ServiceFlags {
    /// Whether there are workers, and not a program alone.
    pub(super) fn several(&self) -> bool {
        self.workers.is_some()
    }

    pub(super) fn grace(&self) -> Duration {
        self.grace.map_or(Duration::ZERO, Into::into)
    }
}

/// A program that is run, and what it needs to be loaded again.
pub(super) struct Service {
    pub(super) job: Arc<Job>,
    pub(super) host: Host,
    pub(super) metrics: Metrics,
    pub(super) listeners: SharedListeners,
    pub(super) lockdown: Arc<Lockdown>,
    /// Whether a program has written to standard error.
    pub(super) wrote: Arc<AtomicBool>,
    /// What the program ended with by itself while it was stopped; none for one of several workers.
    pub(super) stopped_with: Arc<Mutex<Option<i32>>>,
    pub(super) records: Arc<Records>,
}

type Loading = Pin<Box<dyn Future<Output = Result<(Program, PolicyFile)>>>>;

impl Service {
    pub(super) async fn run(
        self,
        program: &Program,
        file: PolicyFile,
        signals: &Signals,
        mut pulse: Pulse,
    ) -> Result<Outcome> {
        let (send, control) = mpsc::channel(4);
        let flags = &self.job.flags.service;
        let (count, max_restarts) = match flags.workers {
            Some(WorkerCount(count)) => (count, flags.max_restarts.unwrap_or(DEFAULT_MAX_RESTARTS)),
            None => (NonZeroUsize::MIN, 0),
        };
        let setups = Arc::new(Mutex::new(Setups { current: self.setup(program, &file), next: None }));
        self.records.started(&file.policy);
        let configure = self.configure(file);
        let several = flags.workers.is_some();
        let workers = Workers::new(program, count, move |program| configure(program))
            .grace(flags.grace())
            .max_restarts(max_restarts)
            .metrics(&self.metrics)
            .listeners(&self.listeners)
            .on_event({
                let (setups, records) = (Arc::clone(&setups), Arc::clone(&self.records));
                let (signals, stopped_with) = (signals.clone(), Arc::clone(&self.stopped_with));
                let script = self.job.script.is_some();
                move |event| {
                    let changes = setups.lock().unwrap_or_else(PoisonError::into_inner).take(event);
                    records.happened(event, &changes);
                    let code = own_end(event);
                    if code.is_some() && !several && signals.interrupted() {
                        *stopped_with.lock().unwrap_or_else(PoisonError::into_inner) = code;
                    }
                    if !(script && matches!(event, ServiceEvent::StoppedWorkerFailed { .. }) && code.is_some()) {
                        tell(event, several);
                    }
                }
            });
        pulse.serves(workers.status());
        signals.running();
        let commands = async {
            let mut stopping = false;
            let mut loading: Option<Loading> = None;
            let mut watchdog = systemd::watchdog().map(tokio::time::interval);
            loop {
                tokio::select! {
                    () = signals.stop(), if !stopping => {
                        stopping = true;
                        loading = None;
                        systemd::stopping();
                        // Fails if all have ended meanwhile.
                        _ = send.send(Control::Stop).await;
                    }
                    () = signals.reload(), if loading.is_none() && !stopping => {
                        systemd::reloading();
                        self.records.reopen();
                        loading = Some(Box::pin(self.load()));
                    }
                    loaded = wait(&mut loading) => {
                        loading = None;
                        match loaded {
                            Ok((program, file)) => {
                                let setup = self.setup(&program, &file);
                                let changed = setups.lock().unwrap_or_else(PoisonError::into_inner).change_to(setup);
                                _ = send.send(match changed {
                                    Some(policy) => Control::ChangePolicy(Box::new(policy)),
                                    None => Control::ReloadWith(program, self.configure(file)),
                                }).await;
                            }
                            Err(error) => {
                                self.records.reload_failed(&error);
                                tell(&ServiceEvent::ReloadFailed { error: &error }, several);
                            }
                        }
                    }
                    () = tick(&mut watchdog) => systemd::alive(),
                    () = pulse.answer() => {}
                }
            }
        };
        tokio::select! {
            outcome = workers.run(control) => outcome,
            () = commands => unreachable!("it is a loop without end"),
        }
    }

    /// What an interpreter runs may have changed although the interpreter has not.
    fn setup(&self, program: &Program, file: &PolicyFile) -> Setup {
        Setup::new(program, file, self.job.script.is_none())
    }

    /// How runs are made, by this policy file.
    fn configure(&self, file: PolicyFile) -> Configure {
        let (job, metrics, wrote) = (Arc::clone(&self.job), self.metrics.clone(), Arc::clone(&self.wrote));
        let records = Arc::clone(&self.records);
        Arc::new(move |program: &Program| -> Runner {
            let wrote = Arc::clone(&wrote);
            let runner = job.runner(program, &file, &metrics).on_stderr(move || wrote.store(true, Ordering::Relaxed));
            if records.are_wanted() { runner.observe(Arc::clone(&records)) } else { runner }
        })
    }

    fn load(&self) -> impl Future<Output = Result<(Program, PolicyFile)>> + use<> {
        let (job, host, lockdown) = (Arc::clone(&self.job), self.host.clone(), Arc::clone(&self.lockdown));
        let explained = Arc::clone(&lockdown);
        let load = move || {
            let file = job.policy_file()?;
            if job.flags.wasi02_conflict(&file).is_some() {
                return Err(Error::Wasi02Sockets { conflict: Wasi02Conflict::Workers });
            }
            job.check(&file, &lockdown)?;
            Ok((job.load(&host)?, file))
        };
        async move {
            // Compiling takes time in which signals and broken workers are still attended to.
            let (program, file) = match tokio::task::spawn_blocking(load).await {
                Ok(loaded) => loaded.map_err(|error| explained.explain(error))?,
                Err(error) => return Err(Error::Engine { source: error.into() }),
            };
            Ok((program, ready(file).await?))
        }
    }
}

async fn wait(loading: &mut Option<Loading>) -> Result<(Program, PolicyFile)> {
    match loading {
        Some(loading) => loading.await,
        None => std::future::pending().await,
    }
}

async fn tick(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => _ = interval.tick().await,
        None => std::future::pending().await,
    }
}

/// The exit code of a program that has ended by itself, for that it is to be stopped.
fn own_end(event: &ServiceEvent<'_>) -> Option<i32> {
    match event {
        ServiceEvent::WorkerEnded { .. } => Some(0),
        ServiceEvent::StoppedWorkerFailed { error: Error::Failed { code }, .. } => Some(*code),
        _ => None,
    }
}

/// Tells the user, and systemd, what happened. What ends the command is told at its end: with `several` workers, also before.
fn tell(event: &ServiceEvent<'_>, several: bool) {
    match event {
        ServiceEvent::WorkerFailed { worker, error, restart: Some(delay) } => {
            say::error(&format_args!("worker {worker}, replaced in {delay:?}: {error}"));
        }
        ServiceEvent::WorkerFailed { worker, error, restart: None } if several => {
            say::error(&format_args!("worker {worker}, not replaced: {error}"));
        }
        ServiceEvent::StoppedWorkerFailed { worker, error } => {
            say::error(&format_args!("worker {worker}, while it was stopped: {error}"));
        }
        ServiceEvent::WorkerEnded { worker } if several => say::info(&format_args!("worker {worker} has ended")),
        ServiceEvent::ConnectionsCut { connections } => {
            say::warn(&format_args!("{connections} connections of a program that was replaced were cut"));
        }
        ServiceEvent::Ready => systemd::ready("serving"),
        ServiceEvent::Reloaded => {
            say::info(&"loaded the program again");
            systemd::ready("serving, loaded again");
        }
        ServiceEvent::PolicyChanged { changes } => {
            changes.iter().for_each(|change| say::info(&format_args!("policy: {change}")));
            say::info(&"changed the policy in place");
            systemd::ready("serving, policy changed");
        }
        ServiceEvent::ReloadFailed { error } => {
            say::error(&format_args!("the old program goes on: {error}"));
            systemd::ready(&format!("the old program goes on: {error}"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_workers_and_no_more() {
        assert_eq!("4".parse::<WorkerCount>().unwrap().0.get(), 4);
        assert!("auto".parse::<WorkerCount>().unwrap().0.get() >= 1);
        for text in ["0", "1025", "100000", "many", "-1"] {
            assert_eq!(text.parse::<WorkerCount>(), Err("write auto, or a number from 1 to 1024".to_owned()), "{text}");
        }
    }
}
