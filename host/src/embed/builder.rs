//! How [`Streams`](super::Streams) are made.

use std::sync::Arc;

use wasmtime::component::InstancePre;

use super::{Dropped, NAME, Streams, bindings};
use crate::run::sandbox::Sandbox;
use crate::run::state::State;
use crate::run::ticker::Ticker;
use crate::{Denial, Error, Limits, Metrics, Policy, Result};

/// Settings of [`Streams`]. Nothing is granted by default.
#[must_use = "nothing happens until `start` is called"]
pub struct StreamsBuilder {
    instance: InstancePre<State>,
    ticker: Arc<Ticker>,
    sandbox: Sandbox,
}

impl StreamsBuilder {
    pub(crate) fn new(instance: InstancePre<State>, ticker: &Arc<Ticker>) -> Self {
        Self { instance, ticker: Arc::clone(ticker), sandbox: Sandbox::new() }
    }

    /// Sets what may be connected to and listened on.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.sandbox.policy = policy;
        self
    }

    /// Sets how much may be used. [`Limits::timeout`] has no meaning here.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.sandbox.limits = limits;
        self
    }

    /// Counts what happens in `metrics`.
    pub fn metrics(mut self, metrics: &Metrics) -> Self {
        self.sandbox.metrics = metrics.clone();
        self
    }

    /// Reports refusals to `callback` and not to the log. See [`Runner::on_denied`](crate::Runner::on_denied).
    pub fn on_denied(mut self, callback: impl Fn(&Denial) + Send + Sync + 'static) -> Self {
        self.sandbox.on_denied = Arc::new(callback);
        self
    }

    /// Starts an instance. Must be called within a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// [`Error::Instantiate`] if it cannot be started, [`Error::Limit`] if it needs more memory than it may,
    /// [`Error::Name`] if a name of this machine in a grant does not resolve.
    pub async fn start(self) -> Result<Streams> {
        let network = self.sandbox.network();
        let (mut store, computing) = self.sandbox.store(self.instance.engine(), NAME.to_owned(), &network).await?;
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
        f.debug_struct("StreamsBuilder").field("policy", &self.sandbox.policy).finish_non_exhaustive()
    }
}
