//! Workers from outside: a handle to stop, reload and look at them.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::sync::{mpsc, watch};

use crate::service::status::Watched;
use crate::{Control, Error, Outcome, Policy, Program, Result, ServiceStatus, Workers, WorkersStatus};

/// How many requests wait while the workers are busy with an earlier one.
const REQUESTS: usize = 8;

/// Running [`Workers`]. Cheap to clone; clones stand for the same workers. Dropping all of them lets the workers go on.
#[derive(Clone)]
pub struct WorkersHandle {
    control: mpsc::Sender<Control>,
    service: watch::Receiver<ServiceStatus>,
    watched: watch::Receiver<Watched>,
    outcome: Shared<BoxFuture<'static, Result<Outcome, Arc<Error>>>>,
}

impl Workers {
    /// Runs the workers in a tokio task of the current runtime. They end with it.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(program: wasyncio_host::Program) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::num::NonZeroUsize;
    ///
    /// use wasyncio_host::{Runner, Workers};
    ///
    /// let two = NonZeroUsize::new(2).expect("it is not 0");
    /// let workers = Workers::new(&program, two, |program| Runner::new(program)).start();
    /// let stopping = workers.clone();
    /// tokio::spawn(async move {
    ///     tokio::signal::ctrl_c().await?;
    ///     stopping.stop().await;
    ///     std::io::Result::Ok(())
    /// });
    /// workers.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(self) -> WorkersHandle {
        let (control, controlled) = mpsc::channel(REQUESTS);
        let (service, watched) = (self.status(), self.watched());
        let run = tokio::spawn(self.run(controlled));
        let outcome = async move {
            match run.await {
                Ok(outcome) => outcome.map_err(Arc::new),
                // It panicked, or the runtime is gone.
                Err(error) => Err(Arc::new(Error::Engine { source: error.into() })),
            }
        };
        WorkersHandle { control, service, watched, outcome: outcome.boxed().shared() }
    }
}

impl WorkersHandle {
    /// Asks the workers to stop: [`Control::Stop`]. Does nothing if they have ended.
    ///
    /// # Cancel safety
    /// Yes: dropped before it was done, it asked for nothing.
    pub async fn stop(&self) {
        _ = self.control.send(Control::Stop).await;
    }

    /// Asks the workers to go on with `program`: [`Control::Reload`]. Does nothing if they have ended.
    ///
    /// # Cancel safety
    /// As [`stop`](Self::stop).
    pub async fn reload(&self, program: &Program) {
        _ = self.control.send(Control::Reload(program.clone())).await;
    }

    /// Has the workers go on with `policy`: [`Control::ChangePolicy`], after its names of this machine were resolved. Does
    /// nothing if they have ended.
    ///
    /// # Errors
    /// [`Error::Name`] if a name does not resolve. Then nothing is changed.
    ///
    /// # Cancel safety
    /// As [`stop`](Self::stop).
    pub async fn change_policy(&self, policy: Policy) -> Result<()> {
        let policy = policy.resolve_names().await?;
        _ = self.control.send(Control::ChangePolicy(Box::new(policy))).await;
        Ok(())
    }

    /// How the workers are, now: all of them, and each.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(workers: wasyncio_host::WorkersHandle) {
    /// for worker in workers.status().workers {
    ///     println!("worker {}: {:?}, {} connections", worker.number, worker.state, worker.open_connections);
    ///     if let Some(end) = worker.last_end {
    ///         println!("  replaced {} times, the last time for {}", worker.restarts, end.kind);
    ///     }
    /// }
    /// # }
    /// ```
    pub fn status(&self) -> WorkersStatus {
        let outcome = self.outcome.clone().now_or_never();
        self.watched.borrow().status(*self.service.borrow(), outcome)
    }

    /// Waits until the workers have ended.
    ///
    /// # Errors
    /// Those of [`Workers::run`].
    ///
    /// # Cancel safety
    /// Yes: it only waits. The workers go on.
    pub async fn wait(&self) -> Result<Outcome, Arc<Error>> {
        self.outcome.clone().await
    }
}

impl fmt::Debug for WorkersHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkersHandle").field("status", &self.status()).finish_non_exhaustive()
    }
}
