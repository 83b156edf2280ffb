//! Ctrl-C, SIGTERM and SIGHUP.
//!
//! Signals are waited for on a thread of their own, because loading a program may hold any other. The thread asks for
//! what the signal means and, if the process does not end within the grace period and [`PATIENCE`] more after it was told
//! to, or is told so again, ends it itself.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::exit_code::HostCode;

/// How long the process has to end after a signal and the grace period.
const PATIENCE: Duration = Duration::from_secs(2);

/// What signals have asked for, from [`install`](Self::install) on.
#[derive(Clone)]
pub(crate) struct Signals {
    shared: Arc<Shared>,
}

/// Handlers that stand before there is any thread. From then on SIGHUP does not end the process, and is remembered.
pub(crate) struct Handlers {
    runtime: tokio::runtime::Runtime,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Handlers {
    pub(crate) fn stand() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        #[cfg(unix)]
        let hangup = {
            let _context = runtime.enter();
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?
        };
        Ok(Self {
            runtime,
            #[cfg(unix)]
            hangup,
        })
    }
}

#[derive(Default)]
struct Shared {
    /// Whether something runs that has to be ended well.
    running: AtomicBool,
    stop: CancellationToken,
    /// Whether the first signal that asked to end was SIGINT, as Ctrl-C sends it.
    interrupted: AtomicBool,
    /// Has a permit if a reload was asked for and nobody has waited for it yet, however often it was.
    reload: Notify,
}

impl Signals {
    /// Starts to wait. While nothing runs yet, SIGINT ends the process with the code `interrupted`. If that is not possible,
    /// signals do what they do by default: end the process.
    pub(crate) fn install(handlers: io::Result<Handlers>, grace: Duration, interrupted: i32) -> Self {
        let signals = Self { shared: Arc::default() };
        if let Err(error) =
            handlers.and_then(|handlers| spawn(handlers, Arc::clone(&signals.shared), grace, interrupted))
        {
            tracing::warn!("signals end the process at once: {error}");
        }
        signals
    }

    /// From now on a signal that asks to end does not end the process with code 0, as it does while nothing has been
    /// started that would have to be ended well.
    pub(crate) fn running(&self) {
        self.shared.running.store(true, Ordering::SeqCst);
    }

    /// Completes once a signal has asked to end.
    pub(crate) async fn stop(&self) {
        self.shared.stop.cancelled().await;
    }

    /// Whether SIGINT was the first that asked to end.
    pub(crate) fn interrupted(&self) -> bool {
        self.shared.interrupted.load(Ordering::SeqCst)
    }

    /// Completes when a signal asks to load the program again, or has asked since this completed the last time.
    pub(crate) async fn reload(&self) {
        self.shared.reload.notified().await;
    }
}

fn spawn(handlers: Handlers, shared: Arc<Shared>, grace: Duration, interrupted: i32) -> io::Result<()> {
    // Installed here and not in the thread, so that no signal can come before.
    let runtime = handlers.runtime;
    let mut requests = {
        let _context = runtime.enter();
        #[cfg(unix)]
        let requests = Requests::install(handlers.hangup)?;
        #[cfg(not(unix))]
        let requests = Requests::install()?;
        requests
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let interrupt = loop {
                match requests.next().await {
                    Request::Reload => shared.reload.notify_one(),
                    request => break request == Request::Interrupt,
                }
            };
            shared.interrupted.store(interrupt, Ordering::SeqCst);
            if !shared.running.load(Ordering::SeqCst) {
                process::exit(if interrupt { interrupted } else { 0 });
            }
            shared.stop.cancel();
            // The process normally ends during this wait.
            let again = async { while requests.next().await == Request::Reload {} };
            crate::say::warn(match tokio::time::timeout(grace.saturating_add(PATIENCE), again).await {
                Ok(()) => &"ended at once, as asked for twice",
                Err(_) => &"the program did not yield; ended it the hard way",
            });
            crate::say::finish();
            process::exit(HostCode::EndedAtOnce as i32);
        });
    })?;
    Ok(())
}

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    Interrupt,
    Stop,
    Reload,
}

#[cfg(unix)]
struct Requests {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Requests {
    fn install(hangup: tokio::signal::unix::Signal) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.interrupt.recv() => Request::Interrupt,
            _ = self.terminate.recv() => Request::Stop,
            _ = self.hangup.recv() => Request::Reload,
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

    async fn next(&mut self) -> Request {
        _ = self.0.recv().await;
        Request::Interrupt
    }
}
