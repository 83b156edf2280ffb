//! The sandbox of one instance: what it is granted and given, made into its store. The only place where one is made.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store};
use wasmtime_wasi::WasiCtx;

use crate::policy::check::{Check, OnDenied};
use crate::policy::decide::Decide;
use crate::policy::live::LivePolicy;
use crate::run::meter::{Computing, Meter};
use crate::run::observer::{Observed, Observer};
use crate::run::state::State;
use crate::run::stdio::stream::OnWrite;
use crate::sockets::Network;
use crate::{Error, Limits, Metrics, Output, Policy, Result, SharedListeners, Stdio, Wasi02Conflict};

/// How many entries of wasmtime's own table a handle can need: a stream has three for its two handles, a call between components
/// a task, a thread and more.
const ENTRIES_PER_HANDLE: usize = 4;

/// What an instance is granted and given. By default it may do nothing: no network, no environment, no input, output to nowhere.
pub(crate) struct Sandbox {
    pub(crate) policy: Policy,
    /// The policy as it is in force, from when somebody asked for it on.
    pub(crate) live: Option<LivePolicy>,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Whether the program gets this process's standard input.
    pub(crate) stdin: bool,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    /// The number of the program among workers.
    pub(crate) worker: Option<usize>,
    pub(crate) decide: Option<Decide>,
    pub(crate) on_denied: OnDenied,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) listeners: Option<SharedListeners>,
    /// What decides about the program: no directory that it may write has any of these in it.
    pub(crate) protected: Vec<PathBuf>,
    /// Told when the program writes to its standard error.
    pub(crate) on_stderr: Option<OnWrite>,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            policy: Policy::new(),
            live: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            stdin: false,
            stdout: Output::none(),
            stderr: Output::none(),
            worker: None,
            decide: None,
            on_denied: Arc::new(|denial| tracing::warn!("denied: {denial}")),
            observer: None,
            limits: Limits::default(),
            metrics: Metrics::new(),
            listeners: None,
            protected: Vec::new(),
            on_stderr: None,
        }
    }

    /// The policy as it is in force, for whoever changes it and whoever is to know of that.
    pub(crate) fn live(&mut self) -> LivePolicy {
        self.live.get_or_insert_with(|| LivePolicy::new(self.policy.clone())).clone()
    }

    fn observed(&self) -> Option<Observed> {
        let observer = Arc::clone(self.observer.as_ref()?);
        Some(Observed { observer, worker: self.worker })
    }

    /// Gives the instance these of this process's standard streams.
    pub(crate) fn stdio(&mut self, stdio: Stdio) {
        self.stdin = stdio.input;
        self.stdout = if stdio.output { Output::stdout() } else { Output::none() };
        self.stderr = if stdio.error { Output::stderr() } else { Output::none() };
    }

    /// The network side, which the store shares with whoever stops the instance.
    pub(crate) fn network(&self) -> Arc<Network> {
        Network::new(&self.limits, self.metrics.clone(), self.listeners.clone(), self.observed())
    }

    /// The store of an instance called `name`, its argument 0. `network` is of [`network`](Self::network).
    ///
    /// # Errors
    /// [`Error::Directory`] if a directory that was granted cannot be opened, [`Error::ExposedPath`] if one may not be,
    /// [`Error::Wasi02Sockets`] if what was granted and asked for exclude each other, [`Error::Name`] if a name of this
    /// machine in a grant does not resolve, [`Error::Tls`] if files of TLS cannot be used, [`Error::ExposedKey`] if a directory has one.
    pub(crate) async fn store(
        mut self,
        engine: &Engine,
        name: String,
        network: &Arc<Network>,
    ) -> Result<(Store<State>, Arc<Computing>)> {
        self.check_wasi02()?;
        let limits = self.limits;
        let handles = limits.handles(network.descriptors.max());
        let computing = Arc::new(Computing::new(limits.max_compute));
        self.live().resolve_names().await?;
        self.live().load_tls_once()?;
        let mut store = Store::new(engine, self.state(name, network)?);
        store.set_hostcall_fuel(limits.call());
        store.set_max_component_handles(handles);
        if let Some(table) = store.concurrent_resource_table() {
            table.set_max_capacity(handles.saturating_mul(ENTRIES_PER_HANDLE));
        }
        store.limiter(|state| &mut state.meter);
        store.set_epoch_deadline(1);
        let ticked = Arc::clone(&computing);
        store.epoch_deadline_callback(move |_| Ok(ticked.tick()?));
        Ok((store, computing))
    }

    /// Refuses TCP sockets of WASI 0.2 together with what does not reach them.
    fn check_wasi02(&self) -> Result<()> {
        let conflict = match () {
            () if !self.policy.has_wasi02_sockets() => return Ok(()),
            () if self.listeners.is_some() => Wasi02Conflict::Workers,
            () if self.limits.for_connections() => Wasi02Conflict::Limits,
            () => return Ok(()),
        };
        Err(Error::Wasi02Sockets { conflict })
    }

    fn state(mut self, name: String, network: &Arc<Network>) -> Result<State> {
        let (live, observed) = (self.live(), self.observed());
        let (on_denied, denied) = (self.on_denied, self.metrics.denied.clone());
        let check = Check::new(live, on_denied, denied, self.limits.max_answer_age);
        let check = Arc::new(check.asking(self.decide).observed(observed));
        network.asks(&check);
        let asked = Arc::clone(&check);
        let mut wasi = WasiCtx::builder();
        wasi.arg(name)
            .args(&self.arguments)
            .envs(&self.environment)
            .allow_tcp(true)
            .allow_udp(false)
            .max_random_size(self.limits.random())
            // Each name is decided about in `wasi::lookup`.
            .allow_ip_name_lookup(true)
            .socket_addr_check(move |address, usage| {
                let permitted = asked.permits(address, usage);
                Box::pin(std::future::ready(permitted))
            });
        if self.stdin {
            wasi.inherit_stdin();
        }
        let stderr = self.stderr.open("stderr", self.worker, self.on_stderr);
        let output = [self.stdout.open("stdout", self.worker, None), stderr];
        wasi.stdout(output[0].clone()).stderr(output[1].clone());
        self.protected.iter().try_for_each(|path| self.policy.protect(path))?;
        self.policy.protect_tls()?;
        for grant in self.policy.directories() {
            let opened = wasi.preopened_dir(grant.host(), grant.guest(), grant.permissions());
            opened.map_err(|error| Error::Directory {
                directory: grant.host().display().to_string(),
                source: error.into(),
            })?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(self.limits.handles(network.descriptors.max()));
        Ok(State {
            wasi: wasi.build(),
            table,
            output,
            check,
            network: Arc::clone(network),
            tls: Arc::default(),
            sockets02: self.policy.has_wasi02_sockets().then(HashMap::new),
            meter: Meter::new(self.limits.max_memory, self.metrics.memory),
        })
    }
}
