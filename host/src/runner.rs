//! Runs a program: builds its sandbox, calls its `run`, sees it out.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Instance, ResourceTable};
use wasmtime::{Store, Trap};
use wasmtime_wasi::{I32Exit, WasiCtx};

use crate::error::{Source, one_line};
use crate::gate::{Gate, OnDenied};
use crate::program::{Entry, Program};
use crate::state::State;
use crate::{Denial, Error, ExitStatus, Policy, Result};

/// How long a program's tasks may go on after its `run` has returned, unless [`Runner::linger`] says otherwise.
pub const DEFAULT_LINGER: Duration = Duration::from_secs(1);

/// One run of a program: its policy, arguments, environment.
///
/// By default it may do nothing: no network, no environment, no input, output to nowhere.
#[must_use = "a runner does nothing until `run` is called"]
pub struct Runner {
    program: Program,
    policy: Policy,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    inherit_stdio: bool,
    on_denied: OnDenied,
    linger: Duration,
}

impl Runner {
    /// Prepares to run `program`, with nothing granted.
    pub fn new(program: &Program) -> Self {
        Self {
            program: program.clone(),
            policy: Policy::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            inherit_stdio: false,
            on_denied: Arc::new(|denial| tracing::warn!("denied: {denial}")),
            linger: DEFAULT_LINGER,
        }
    }

    /// Sets what the program may do.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Adds an argument. Argument 0, the last part of [`Program::name`], comes before all.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments. See [`arg`](Self::arg).
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Gives the program this process's standard input, output and error.
    pub fn inherit_stdio(mut self) -> Self {
        self.inherit_stdio = true;
        self
    }

    /// Reports refusals to `callback`, each kind of access to each address or name once, and not to the log.
    ///
    /// The callback is called on the thread that runs the program and must not block. After 256 different refusals
    /// no more are reported.
    pub fn on_denied(mut self, callback: impl Fn(&Denial) + Send + Sync + 'static) -> Self {
        self.on_denied = Arc::new(callback);
        self
    }

    /// Sets how long the program's tasks may go on after its `run` has returned, such as one that still sends what
    /// was written. The default is [`DEFAULT_LINGER`]. They end earlier when all are done.
    pub fn linger(mut self, time: Duration) -> Self {
        self.linger = time;
        self
    }

    /// Runs the program to its end.
    ///
    /// Must be called within a tokio runtime with I/O and time enabled; any number of runs can share a thread, except
    /// that a program that computes without pause holds its thread.
    ///
    /// # Errors
    /// [`Error::Instantiate`] if it could not be started, [`Error::Trap`] if it trapped. That the program itself
    /// reports a failure is no error here but an [`ExitStatus`].
    ///
    /// # Cancel safety
    /// Yes, in that dropping the future ends the program at once: its sockets are closed and its memory freed. What it
    /// had not sent yet is lost.
    pub async fn run(self) -> Result<ExitStatus> {
        let program = self.program.clone();
        let linger = self.linger;
        let state = self.into_state();
        let mut store = Store::new(program.instance().engine(), state);
        let started = program.instance().instantiate_async(&mut store).await;
        let instance = match started.map_err(|error| Ended::from_error(&program, error)) {
            Ok(instance) => instance,
            Err(Ended::Exit(status)) => return Ok(status),
            Err(Ended::Trap(error)) => return Err(error),
        };
        let ended = match program.entry() {
            Entry::Run02 => call_run02(&mut store, &instance).await,
            Entry::Run03 => call_run03(&mut store, &instance, linger).await,
        };
        match ended {
            Ok(Ok(())) => Ok(ExitStatus::SUCCESS),
            Ok(Err(())) => Ok(ExitStatus::FAILURE),
            Err(error) => match Ended::from_error(&program, error) {
                Ended::Exit(status) => Ok(status),
                Ended::Trap(error) => Err(error),
            },
        }
    }

    fn into_state(self) -> State {
        let gate = Arc::new(Gate::new(self.policy, self.on_denied));
        let check = Arc::clone(&gate);
        let mut wasi = WasiCtx::builder();
        wasi.arg(self.program.argument0())
            .args(&self.arguments)
            .envs(&self.environment)
            .allow_tcp(true)
            .allow_udp(false)
            // Each name is decided about in `lookup`.
            .allow_ip_name_lookup(true)
            .socket_addr_check(move |address, usage| {
                let gate = Arc::clone(&check);
                Box::pin(async move { gate.permits(address, usage).await })
            });
        if self.inherit_stdio {
            wasi.inherit_stdio();
        }
        State { wasi: wasi.build(), table: ResourceTable::new(), gate, lookups: HashMap::new() }
    }
}

/// What an error from the guest's side means.
enum Ended {
    Exit(ExitStatus),
    Trap(Error),
}

impl Ended {
    fn from_error(program: &Program, error: wasmtime::Error) -> Self {
        // wasmtime reports a call of `exit` as an error too, to unwind the program.
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return Self::Exit(ExitStatus::from_code(exit.0));
        }
        let file = program.name().to_owned();
        let trap = error.downcast_ref::<Trap>().map(Trap::to_string);
        tracing::info!("{file} trapped: {error:?}");
        let source: Source = error.into();
        let reason = trap.unwrap_or_else(|| one_line(&source));
        Self::Trap(Error::Trap { file, reason: reason.trim_start_matches("wasm trap: ").to_owned(), source })
    }
}

type RunResult = wasmtime::Result<std::result::Result<(), ()>>;

async fn call_run02(store: &mut Store<State>, instance: &Instance) -> RunResult {
    let command = wasmtime_wasi::p2::bindings::Command::new(&mut *store, instance)?;
    command.wasi_cli_run().call_run(store).await
}

async fn call_run03(store: &mut Store<State>, instance: &Instance, linger: Duration) -> RunResult {
    let command = wasmtime_wasi::p3::bindings::Command::new(&mut *store, instance)?;
    let result = store.run_concurrent(async |store| command.wasi_cli_run().call_run(store).await).await??;
    // An async function may go on after it has returned its result: tasks that it spawned live inside its call, and
    // may still have data to send. The time limit is around the whole event loop because one inside it may not fire
    // (see the documentation of `run_concurrent`).
    let rest = store.run_concurrent(async |store| {
        poll_fn(|context| store.poll_no_interesting_tasks(context)).await;
    });
    match tokio::time::timeout(linger, rest).await {
        Ok(ended) => ended?,
        Err(_) => tracing::debug!("ended with tasks that were not done after {linger:?}"),
    }
    Ok(result)
}
