//! Whether the command is alive, and the program ready, as something outside asks.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use wasyncio_host::ServiceStatus;

/// How long the event loop has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

type Status = Arc<OnceLock<watch::Receiver<ServiceStatus>>>;

/// The side of the event loop, which answers.
pub(super) struct Pulse {
    asked: mpsc::Receiver<oneshot::Sender<()>>,
    status: Status,
}

/// The side of whoever asks.
#[derive(Clone)]
pub(super) struct Health {
    ask: mpsc::Sender<oneshot::Sender<()>>,
    status: Status,
}

/// Both sides.
pub(super) fn pulse() -> (Pulse, Health) {
    let (ask, asked) = mpsc::channel(1);
    let status = Status::default();
    (Pulse { asked, status: Arc::clone(&status) }, Health { ask, status })
}

impl Pulse {
    /// From now on the event loop turns, and this tells how the workers are.
    pub(super) fn serves(&self, status: watch::Receiver<ServiceStatus>) {
        _ = self.status.set(status);
    }

    /// Waits until somebody asks, and answers.
    pub(super) async fn answer(&mut self) {
        match self.asked.recv().await {
            // Whoever asked may not have waited so long.
            Some(answer) => _ = answer.send(()),
            None => std::future::pending().await,
        }
    }
}

impl Health {
    /// Whether the event loop turns, or the program is still being loaded.
    pub(super) async fn is_live(&self) -> bool {
        if self.status.get().is_none() {
            return true;
        }
        let asked = async {
            let (answer, answered) = oneshot::channel();
            self.ask.send(answer).await.is_ok() && answered.await.is_ok()
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or(false)
    }

    /// Whether the program serves; if not, why.
    pub(super) fn is_ready(&self) -> Result<(), &'static str> {
        let Some(status) = self.status.get() else {
            return Err("loading");
        };
        match *status.borrow() {
            ServiceStatus { stopping: true, .. } => Err("stopping"),
            ServiceStatus { ready: true, .. } => Ok(()),
            _ => Err("not ready"),
        }
    }
}
