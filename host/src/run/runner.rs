//! Runs a program: builds its sandbox, calls its `run`, sees it out.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use prometheus::IntGauge;
use tokio_util::sync::CancellationToken;
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use crate::error::{Source, one_line};
use crate::policy::live::LivePolicy;
use crate::program::{Entry, Program};
use crate::run::busy_poll::busy_poll;
use crate::run::call::{call_run02, call_run03};
use crate::run::observer::Observer;
use crate::run::sandbox::Sandbox;
use crate::sockets::Network;
use crate::{
    Decision, Denial, Error, ExitStatus, Limit, Limits, Metrics, Output, Policy, Request, Result, SharedListeners,
    Stdio, Wasi02Conflict,
};

/// How long a program's tasks may go on after its `run` has returned, unless [`Runner::linger`] says otherwise.
pub const DEFAULT_LINGER: Duration = Duration::from_secs(1);

/// One run of a program: its policy, arguments, environment.
///
/// By default it may do nothing: no network, no environment, no input, output to nowhere.
#[must_use = "a runner does nothing until `run` is called"]
pub struct Runner {
    program: Program,
    sandbox: Sandbox,
    linger: Duration,
    on_progress: Box<dyn Fn(Progress) + Send + Sync>,
}

/// How far a program has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is there, and about to run.
    Started,
    /// It listens.
    Listening,
}

/// How a run ended that could be stopped. See [`Runner::run_until`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The program ended by itself.
    Ended(ExitStatus),
    /// It was stopped.
    Stopped {
        /// How many connections were open at the end of the grace period, and so were cut.
        cut_connections: usize,
    },
}

impl Runner {
    /// Prepares to run `program`, with nothing granted.
    pub fn new(program: &Program) -> Self {
        let sandbox = Sandbox { protected: program.protected().to_vec(), ..Sandbox::new() };
        Self { program: program.clone(), sandbox, linger: DEFAULT_LINGER, on_progress: Box::new(|_| {}) }
    }

    /// Sets what the program may do.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.sandbox.policy = policy;
        self
    }

    /// Asks `decide` about each address and name, before the policy. It is called on the thread that runs the program and must not
    /// block.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(program: wasyncio_host::Program) {
    /// use wasyncio_host::{Decision, Policy, Request, Runner};
    ///
    /// let policy = Policy::new().allow_connect("*:443".parse().expect("it is a grant"));
    /// let runner = Runner::new(&program).policy(policy).decide(|request| match request {
    ///     Request::Connect(address) if address.ip().is_loopback() => Decision::Deny,
    ///     _ => Decision::ByGrants,
    /// });
    /// # }
    /// ```
    pub fn decide(mut self, decide: impl Fn(&Request<'_>) -> Decision + Send + Sync + 'static) -> Self {
        self.sandbox.decide = Some(Arc::new(decide));
        self
    }

    /// Adds an argument. Argument 0, the last part of [`Program::name`], comes before all.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.sandbox.arguments.push(argument.into());
        self
    }

    /// Adds arguments. See [`arg`](Self::arg).
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.sandbox.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds an environment variable. Of two with the same name the later one counts.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.sandbox.environment.retain(|(other, _)| *other != name);
        self.sandbox.environment.push((name, value.into()));
        self
    }

    /// Gives the program this process's standard input, output and error.
    pub fn inherit_stdio(self) -> Self {
        self.stdio(Stdio::ALL)
    }

    /// Gives the program these of this process's standard streams.
    pub fn stdio(mut self, stdio: Stdio) -> Self {
        self.sandbox.stdio(stdio);
        self
    }

    /// Sets where the program's standard output goes.
    pub fn stdout(mut self, output: Output) -> Self {
        self.sandbox.stdout = output;
        self
    }

    /// Sets where the program's standard error goes.
    pub fn stderr(mut self, output: Output) -> Self {
        self.sandbox.stderr = output;
        self
    }

    /// Reports refusals to `callback`, each kind of access to each address or name once, and not to the log.
    ///
    /// The callback is called on the thread that runs the program and must not block. After 256 different refusals
    /// no more are reported.
    pub fn on_denied(mut self, callback: impl Fn(&Denial) + Send + Sync + 'static) -> Self {
        self.sandbox.on_denied = Arc::new(callback);
        self
    }

    /// Tells `observer` of each connection and each decision.
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.sandbox.observer = Some(Arc::new(observer));
        self
    }

    /// Calls `callback` whenever the program writes to the standard error that it was given.
    pub fn on_stderr(mut self, callback: impl Fn() + Send + Sync + 'static) -> Self {
        self.sandbox.on_stderr = Some(Arc::new(callback));
        self
    }

    /// Sets how long the program's tasks may go on after its `run` has returned, such as one that still sends what
    /// was written. The default is [`DEFAULT_LINGER`]. They end earlier when all are done.
    pub fn linger(mut self, time: Duration) -> Self {
        self.linger = time;
        self
    }

    /// Sets how much the program may use.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.sandbox.limits = limits;
        self
    }

    /// Counts what happens in `metrics`, which several runs can share.
    pub fn metrics(mut self, metrics: &Metrics) -> Self {
        self.sandbox.metrics = metrics.clone();
        self
    }

    /// Has the program accept from listening sockets that it shares with other runs, instead of its own.
    pub fn listeners(mut self, listeners: &SharedListeners) -> Self {
        self.sandbox.listeners = Some(listeners.clone());
        self
    }

    /// Reports to `callback` how far the program has come.
    pub(crate) fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Box::new(callback);
        self
    }

    /// Counts as the worker with this number, besides. If it is one of `several`, its output is marked by the number, and does not
    /// wait for slow readers.
    pub(crate) fn worker(mut self, number: usize, several: bool, open: IntGauge) -> Self {
        self.sandbox.metrics = self.sandbox.metrics.of_worker(number, open);
        self.sandbox.worker = several.then_some(number);
        self
    }

    /// Has `changed`, if it is there, in the place of the grants of addresses, rules and host names. Gives the policy as it is
    /// in force, for later changes.
    pub(crate) fn changeable(&mut self, changed: Option<&Policy>) -> LivePolicy {
        if let Some(changed) = changed {
            self.sandbox.policy = self.sandbox.policy.with_grants_of(changed);
        }
        self.sandbox.live()
    }

    /// Whether the program may use TCP sockets of WASI 0.2.
    pub(crate) fn has_wasi02_sockets(&self) -> bool {
        self.sandbox.policy.has_wasi02_sockets()
    }

    /// Whether the program may listen on anything.
    pub(crate) fn may_listen(&self) -> bool {
        self.sandbox.policy.permits_some_listen()
    }

    /// Checks whether a run could begin: resolves the names of this machine in grants, opens the directories that are granted,
    /// and closes them. Runs nothing.
    ///
    /// # Errors
    /// Those of [`run`](Self::run) before the program is started.
    pub async fn check(self) -> Result<()> {
        let network = self.sandbox.network();
        self.sandbox.store(self.program.instance().engine(), self.program.argument0(), &network).await.map(drop)
    }

    /// Runs the program to its end.
    ///
    /// Must be called within a tokio runtime with I/O and time enabled; any number of runs can share a thread. A
    /// program that computes without pause gives way every 10 milliseconds.
    ///
    /// # Errors
    /// [`Error::Directory`] if a directory that was granted cannot be opened, [`Error::ExposedPath`] if the program's own
    /// file or the cache is in one that it may write, [`Error::Instantiate`] if the program could not be started,
    /// [`Error::Trap`] if it trapped, [`Error::Limit`] if a limit ended it, [`Error::Wasi02Sockets`] if it was granted what
    /// cannot be had together, [`Error::Name`] if a name of this machine in a grant does not resolve. That the program itself reports a failure is no error here but an [`ExitStatus`].
    ///
    /// # Cancel safety
    /// Yes, in that dropping the future ends the program at once: its sockets are closed and its memory freed. What it
    /// had not sent yet is lost.
    pub async fn run(self) -> Result<ExitStatus> {
        match self.run_until(pending(), Duration::ZERO).await? {
            Outcome::Ended(status) => Ok(status),
            Outcome::Stopped { .. } => unreachable!("a pending future does not stop it"),
        }
    }

    /// Runs the program to its end, or until `stop` completes: then its listening sockets are closed, which the program
    /// learns from the end of what it accepts, and it has `grace` to end by itself. Then it is ended. As long as it has
    /// connections, its tasks may go on that long also after its `run` has returned.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn run_until(self, stop: impl Future<Output = ()>, grace: Duration) -> Result<Outcome> {
        if grace > Duration::ZERO && self.sandbox.policy.has_wasi02_sockets() {
            return Err(Error::Wasi02Sockets { conflict: Wasi02Conflict::Grace });
        }
        self.run_with(stop, tokio::time::sleep(grace)).await
    }

    /// As [`run_until`](Self::run_until), with the grace period until `end` completes, which is polled after `stop`.
    pub(crate) async fn run_with(
        mut self,
        stop: impl Future<Output = ()>,
        end: impl Future<Output = ()>,
    ) -> Result<Outcome> {
        let program = self.program.clone();
        let network = self.sandbox.network();
        let mut changes = self.sandbox.live().changes();
        let changing = async {
            while changes.changed().await.is_ok() {
                network.policy_changed();
            }
            pending::<()>().await;
        };
        let stopping = CancellationToken::new();
        let stopped = async {
            stop.await;
            stopping.cancel();
            network.stop_accepting();
            end.await;
            network.open_connections()
        };
        let on_progress = std::mem::replace(&mut self.on_progress, Box::new(|_| {}));
        let listening = async {
            network.listens().await;
            on_progress(Progress::Listening);
            pending::<()>().await;
        };
        let timeout = self.sandbox.limits.timeout;
        let late = async {
            match timeout {
                Some(timeout) => {
                    tokio::time::sleep(timeout).await;
                    timeout
                }
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = self.execute(&network, &stopping, || on_progress(Progress::Started)) => ended.map(Outcome::Ended),
            () = listening => unreachable!("it is pending"),
            () = changing => unreachable!("it is pending"),
            cut_connections = stopped => Ok(Outcome::Stopped { cut_connections }),
            limit = late => {
                network.metrics().limited(Limit::Timeout(limit).name());
                Err(Error::Limit { file: program.name().to_owned(), limit: Limit::Timeout(limit) })
            }
        }
    }

    async fn execute(
        self,
        network: &Arc<Network>,
        stopping: &CancellationToken,
        started: impl Fn(),
    ) -> Result<ExitStatus> {
        let program = self.program.clone();
        let linger = async {
            tokio::time::sleep(self.linger).await;
            // Whoever stops it gives its connections more time, and ends it when that is over.
            if stopping.is_cancelled() {
                network.all_closed().await;
            }
        };
        let metrics = self.sandbox.metrics.clone();
        let _running = Running::begin(&metrics);
        let name = program.argument0();
        let (mut store, computing) = self.sandbox.store(program.instance().engine(), name, network).await?;
        // After the store, so that it is dropped before.
        let leaving = network.leaving();

        let run = async {
            let instance = match program.instance().instantiate_async(&mut store).await {
                Ok(instance) => instance,
                Err(error) => return Err((error, Stage::Starting)),
            };
            started();
            let ended = match program.entry() {
                Entry::Run02 => call_run02(&mut store, &instance).await,
                Entry::Run03 => call_run03(&mut store, &instance, linger).await,
            };
            ended.map_err(|error| (error, Stage::Running))
        };
        let run = program.ticker().while_polled(run, || computing.resumed());
        let ended = busy_poll(run, || network.activity(), || metrics.wakeups.inc()).await;
        let output = store.data().output.clone();
        // Said before its sockets are dropped with the store: what was broken is replaced.
        match &ended {
            Err((error, _)) if !error.is::<I32Exit>() => drop(leaving),
            _ => leaving.ended(),
        }
        // Its connections end now, also if nobody reads what it printed.
        drop(store);
        for stream in &output {
            poll_fn(|context| stream.poll_finished(context)).await;
        }
        let status = match ended {
            Ok(Ok(())) => ExitStatus::SUCCESS,
            Ok(Err(())) => ExitStatus::FAILURE,
            Err((error, stage)) => match Ended::from_error(&program, error, stage) {
                Ended::Exit(status) => status,
                Ended::Error(error) => {
                    metrics.traps.inc();
                    if let Error::Limit { limit, .. } = &error {
                        metrics.limited(limit.name());
                    }
                    return Err(error);
                }
            },
        };
        Ok(status)
    }
}

/// Counts a running program as long as this lives.
struct Running<'a>(&'a Metrics);

impl<'a> Running<'a> {
    fn begin(metrics: &'a Metrics) -> Self {
        metrics.instances.inc();
        Self(metrics)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.instances.dec();
    }
}

/// How far a program had come.
#[derive(Clone, Copy)]
enum Stage {
    Starting,
    Running,
}

/// What an error from the guest's side means.
enum Ended {
    Exit(ExitStatus),
    Error(Error),
}

impl Ended {
    fn from_error(program: &Program, error: wasmtime::Error, stage: Stage) -> Self {
        // wasmtime reports a call of `exit` as an error too, to unwind the program.
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return Self::Exit(ExitStatus::from_code(exit.0));
        }
        let trapped = error.downcast_ref::<Trap>().is_some();
        Self::Error(match (stage, ended(program.name(), error)) {
            (Stage::Starting, Error::Trap { file, source, .. }) if !trapped => Error::Instantiate { file, source },
            (_, error) => error,
        })
    }
}

/// Why the program called `name` ended by `error`: a limit, or a trap.
pub(crate) fn ended(name: &str, error: wasmtime::Error) -> Error {
    let file = name.to_owned();
    if let Some(limit) = error.downcast_ref::<Limit>() {
        return Error::Limit { file, limit: *limit };
    }
    let trap = error.downcast_ref::<Trap>().map(Trap::to_string);
    tracing::info!("{file} trapped: {error:?}");
    let source: Source = error.into();
    let reason = trap.unwrap_or_else(|| one_line(&source));
    Error::Trap { file, reason: reason.trim_start_matches("wasm trap: ").to_owned(), source }
}
