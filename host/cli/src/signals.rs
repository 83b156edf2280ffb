//! Ctrl-C and SIGTERM.
//!
//! Signals are waited for on a thread of their own, because the program shares the event loop's thread and may hold
//! it: loading one blocks it. The thread asks the event loop to end and, if it does not within the grace period and
//! [`PATIENCE`] more, or the signal comes again, ends the process itself.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How long the event loop has to end after a signal and the grace period.
const PATIENCE: Duration = Duration::from_secs(2);

/// The exit code when the program had to be cut off: that of a process that SIGINT ended.
const CUT_OFF: i32 = 130;

/// Signals that ask the process to end, from [`install`](Self::install) on.
pub(crate) struct Signals {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether someone waits in [`Signals::received`].
    waiting: AtomicBool,
    received: Notify,
}

impl Signals {
    /// Starts to wait. If that is not possible, signals do what they do by default: end the process.
    pub(crate) fn install(grace: Duration) -> Self {
        let signals = Self { shared: Arc::default() };
        if let Err(error) = spawn(Arc::clone(&signals.shared), grace) {
            tracing::warn!("Ctrl-C and SIGTERM end the process at once: {error}");
        }
        signals
    }

    /// Completes when a signal asks to end. Before this is called, a signal ends the process with code 0, because
    /// nothing has been started that would have to be ended well.
    pub(crate) async fn received(&self) {
        self.shared.waiting.store(true, Ordering::SeqCst);
        // A permit is stored if the signal came first.
        self.shared.received.notified().await;
    }
}

fn spawn(shared: Arc<Shared>, grace: Duration) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Installed here and not in the thread, so that no signal can come before.
    let mut requests = {
        let _context = runtime.enter();
        Requests::install()?
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async move {
            requests.next().await;
            if !shared.waiting.load(Ordering::SeqCst) {
                process::exit(0);
            }
            shared.received.notify_one();
            // The process normally ends during this wait.
            crate::say::warn(match tokio::time::timeout(grace + PATIENCE, requests.next()).await {
                Ok(()) => &"ended at once, as asked for twice",
                Err(_) => &"the program did not yield; ended it the hard way",
            });
            crate::say::finish();
            process::exit(CUT_OFF);
        });
    })?;
    Ok(())
}

#[cfg(unix)]
struct Requests {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Requests {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Requests(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Requests {
    fn install() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        _ = self.0.recv().await;
    }
}

/// Requests to load the program again: SIGHUP, where there is such a thing.
pub(crate) struct Reloads {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Reloads {
    /// From now on SIGHUP does not end the process. Called within a tokio runtime.
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        self.hangup.recv().await;
        #[cfg(not(unix))]
        std::future::pending::<()>().await;
    }
}
