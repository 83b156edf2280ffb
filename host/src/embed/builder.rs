//! How [`Streams`](super::Streams) are made.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{InstancePre, ResourceTable};
use wasmtime_wasi::WasiCtx;

use super::{Dropped, NAME, Streams, bindings};
use crate::policy::check::{Check, OnDenied};
use crate::run::meter::{Computing, Meter};
use crate::run::state::State;
use crate::run::ticker::Ticker;
use crate::wasi::tcp::Network;
use crate::{Denial, Error, Limits, Metrics, Policy, Result};

/// Settings of [`Streams`]. Nothing is granted by default.
#[must_use = "nothing happens until `start` is called"]
pub struct StreamsBuilder {
    instance: InstancePre<State>,
    ticker: Arc<Ticker>,
    policy: Policy,
    limits: Limits,
    metrics: Metrics,
    on_denied: OnDenied,
}

impl StreamsBuilder {
    pub(crate) fn new(instance: InstancePre<State>, ticker: &Arc<Ticker>) -> Self {
        Self {
            instance,
            ticker: Arc::clone(ticker),
            policy: Policy::new(),
            limits: Limits::default(),
            metrics: Metrics::new(),
            on_denied: Arc::new(|denial| tracing::warn!("denied: {denial}")),
        }
    }

    /// Sets what may be connected to and listened on.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how much may be used. [`Limits::timeout`] has no meaning here.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Counts what happens in `metrics`.
    pub fn metrics(mut self, metrics: &Metrics) -> Self {
        self.metrics = metrics.clone();
        self
    }

    /// Reports refusals to `callback` and not to the log. See [`Runner::on_denied`](crate::Runner::on_denied).
    pub fn on_denied(mut self, callback: impl Fn(&Denial) + Send + Sync + 'static) -> Self {
        self.on_denied = Arc::new(callback);
        self
    }

    /// Starts an instance. Must be called within a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// [`Error::Instantiate`] if it cannot be started, [`Error::Limit`] if it needs more memory than it may.
    pub async fn start(self) -> Result<Streams> {
        let computing = Arc::new(Computing::new(self.limits.max_compute));
        let state = State {
            // Whether a name may be looked up is the check's decision.
            wasi: WasiCtx::builder().allow_ip_name_lookup(true).build(),
            table: ResourceTable::new(),
            check: Arc::new(Check::new(self.policy, self.on_denied, self.metrics.denied.clone())),
            lookups: HashMap::new(),
            network: Network::new(&self.limits, self.metrics.clone(), None),
            sockets02: false,
            binds: HashMap::new(),
            meter: Meter::new(self.limits.max_memory, self.metrics.memory),
        };
        let mut store = Store::new(self.instance.engine(), state);
        store.limiter(|state| &mut state.meter);
        store.set_epoch_deadline(1);
        let ticked = Arc::clone(&computing);
        store.epoch_deadline_callback(move |_| Ok(ticked.tick()?));
        let failed = |error: wasmtime::Error| match crate::run::runner::ended(NAME, error) {
            Error::Trap { file, source, .. } => Error::Instantiate { file, source },
            other => other,
        };
        let instance = self.instance.instantiate_async(&mut store).await.map_err(failed)?;
        let guest = bindings::Embedding::new(&mut store, &instance).map_err(failed)?;
        Ok(Streams { store, guest, dropped: Dropped::default(), ticker: self.ticker, computing })
    }
}

impl std::fmt::Debug for StreamsBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamsBuilder").field("policy", &self.policy).finish_non_exhaustive()
    }
}
