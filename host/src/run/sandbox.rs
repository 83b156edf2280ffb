//! The sandbox of one instance: what it is granted and given, made into its store. The only place where one is made.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store};
use wasmtime_wasi::WasiCtx;

use crate::policy::check::{Check, OnDenied};
use crate::run::heard::{Heard, OnWrite};
use crate::run::meter::{Computing, Meter};
use crate::run::state::State;
use crate::wasi::tcp::Network;
use crate::{Error, Limits, Metrics, Policy, Result, SharedListeners, Stdio};

/// What an instance is granted and given. By default it may do nothing: no network, no environment, no input, output to nowhere.
pub(crate) struct Sandbox {
    pub(crate) policy: Policy,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) stdio: Stdio,
    pub(crate) on_denied: OnDenied,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) listeners: Option<SharedListeners>,
    pub(crate) on_stderr: Option<OnWrite>,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            policy: Policy::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            stdio: Stdio::NONE,
            on_denied: Arc::new(|denial| tracing::warn!("denied: {denial}")),
            limits: Limits::default(),
            metrics: Metrics::new(),
            listeners: None,
            on_stderr: None,
        }
    }

    /// The network side, which the store shares with whoever stops the instance.
    pub(crate) fn network(&self) -> Arc<Network> {
        Network::new(&self.limits, self.metrics.clone(), self.listeners.clone())
    }

    /// The store of an instance called `name`, its argument 0. `network` is of [`network`](Self::network).
    ///
    /// # Errors
    /// [`Error::Directory`] if a directory that was granted cannot be opened.
    pub(crate) fn store(
        self,
        engine: &Engine,
        name: String,
        network: &Arc<Network>,
    ) -> Result<(Store<State>, Arc<Computing>)> {
        let computing = Arc::new(Computing::new(self.limits.max_compute));
        let mut store = Store::new(engine, self.state(name, network)?);
        store.limiter(|state| &mut state.meter);
        store.set_epoch_deadline(1);
        let ticked = Arc::clone(&computing);
        store.epoch_deadline_callback(move |_| Ok(ticked.tick()?));
        Ok((store, computing))
    }

    fn state(self, name: String, network: &Arc<Network>) -> Result<State> {
        let (on_denied, denied) = (self.on_denied, self.metrics.denied.clone());
        let check = Arc::new(Check::new(self.policy.clone(), on_denied, denied));
        let asked = Arc::clone(&check);
        let mut wasi = WasiCtx::builder();
        wasi.arg(name)
            .args(&self.arguments)
            .envs(&self.environment)
            .allow_tcp(true)
            .allow_udp(false)
            // Each name is decided about in `wasi::lookup`.
            .allow_ip_name_lookup(true)
            .socket_addr_check(move |address, usage| {
                let check = Arc::clone(&asked);
                Box::pin(async move { check.permits(address, usage).await })
            });
        if self.stdio.input {
            wasi.inherit_stdin();
        }
        if self.stdio.output {
            wasi.inherit_stdout();
        }
        if self.stdio.error {
            match self.on_stderr {
                Some(on_write) => wasi.stderr(Heard(on_write)),
                None => wasi.inherit_stderr(),
            };
        }
        for grant in self.policy.directories() {
            let opened = wasi.preopened_dir(grant.host(), grant.guest(), grant.permissions());
            opened.map_err(|error| Error::Directory {
                directory: grant.host().display().to_string(),
                source: error.into(),
            })?;
        }
        Ok(State {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            check,
            lookups: HashMap::new(),
            network: Arc::clone(network),
            sockets02: !self.limits.for_connections(),
            binds: HashMap::new(),
            meter: Meter::new(self.limits.max_memory, self.metrics.memory),
        })
    }
}
