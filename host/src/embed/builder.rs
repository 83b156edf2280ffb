//! How an instance of the streams component is started.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::InstancePre;

use super::driver::{Driver, Ending};
use super::link::{Instance, Link};
use super::unix::UnixFunctions;
use super::{Asyncio, NAME, bindings};
use crate::run::sandbox::Sandbox;
use crate::run::state::State;
use crate::run::ticker::Ticker;
use crate::{DEFAULT_LINGER, Decision, Denial, Error, Limits, Metrics, Output, Policy, Request, Result, Stdio};

/// Settings of an instance of the streams component. Nothing is granted by default.
#[must_use = "nothing happens until `start` is called"]
pub struct StreamsBuilder {
    instance: InstancePre<State>,
    ticker: Arc<Ticker>,
    sandbox: Sandbox,
    linger: Duration,
}

impl StreamsBuilder {
    pub(crate) fn new(instance: InstancePre<State>, ticker: &Arc<Ticker>) -> Self {
        Self { instance, ticker: Arc::clone(ticker), sandbox: Sandbox::new(), linger: DEFAULT_LINGER }
    }

    /// Sets what may be connected to and listened on.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.sandbox.policy = policy;
        self
    }

    /// Asks `decide` about each address and name, before the policy. See [`Runner::decide`](crate::Runner::decide).
    pub fn decide(mut self, decide: impl Fn(&Request<'_>) -> Decision + Send + Sync + 'static) -> Self {
        self.sandbox.decide = Some(Arc::new(decide));
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

    /// Gives the component this process's standard input, output and error. See [`Runner::inherit_stdio`](crate::Runner::inherit_stdio).
    ///
    /// The embedded streams component has no use for them; one that [`HostBuilder::streams`](crate::HostBuilder::streams) has set, or
    /// a function of the embedder's that it calls, may.
    pub fn inherit_stdio(self) -> Self {
        self.stdio(Stdio::ALL)
    }

    /// Gives the component these of this process's standard streams. The default is none.
    pub fn stdio(mut self, stdio: Stdio) -> Self {
        self.sandbox.stdio(stdio);
        self
    }

    /// Sets where the component's standard output goes. The default is nowhere.
    pub fn stdout(mut self, output: Output) -> Self {
        self.sandbox.stdout = output;
        self
    }

    /// Sets where the component's standard error goes. The default is nowhere.
    pub fn stderr(mut self, output: Output) -> Self {
        self.sandbox.stderr = output;
        self
    }

    /// Sets how long the instance may go on after its last handle was dropped, if what was written is not sent yet. The default is
    /// [`DEFAULT_LINGER`].
    pub fn linger(mut self, time: Duration) -> Self {
        self.linger = time;
        self
    }

    /// Starts an instance, in a tokio task of its own. Must be called within a tokio runtime with I/O and time enabled. The instance
    /// ends with that runtime.
    ///
    /// # Errors
    /// [`Error::Instantiate`] if it cannot be started, [`Error::Limit`] if it needs more memory than it may,
    /// [`Error::Name`] if a name of this machine in a grant does not resolve.
    ///
    /// # Cancel safety
    /// Yes: nothing was started.
    pub async fn start(self) -> Result<Asyncio> {
        let network = self.sandbox.network();
        let (max_memory, metrics) = (self.sandbox.limits.max_memory, self.sandbox.metrics.clone());
        let (mut store, computing) = self.sandbox.store(self.instance.engine(), NAME.to_owned(), &network).await?;
        let failed = |error: wasmtime::Error| match crate::run::runner::ended(NAME, error) {
            Error::Trap { file, source, .. } => Error::Instantiate { file, source },
            other => other,
        };
        let starting = self.instance.instantiate_async(&mut store);
        let instance = self.ticker.while_polled(starting, || computing.resumed()).await.map_err(failed)?;
        let guest = bindings::Embedding::new(&mut store, &instance).map_err(failed)?;
        let unix = UnixFunctions::of(&mut store, &instance).map_err(failed)?;
        let instance = Instance::new(max_memory);
        let (link, requests) = Link::new(&instance);
        let (ticker, linger) = (self.ticker, self.linger);
        let ending = Ending(instance);
        let driver = Driver { store, guest, unix, requests, ending, network, ticker, computing, metrics, linger };
        tokio::spawn(driver.run());
        Ok(Asyncio::new(link))
    }
}

impl std::fmt::Debug for StreamsBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamsBuilder").field("policy", &self.sandbox.policy).finish_non_exhaustive()
    }
}
