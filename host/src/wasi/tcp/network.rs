//! What the sockets of one running program share: its quotas of connections and descriptors, its listening sockets, its metrics.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::error::name;
use super::listener::Listener;
use super::shared::{Instance, SharedListeners};
use crate::run::descriptors::{Descriptor, Descriptors};
use crate::wasi::tcp::bindings::types::ErrorCode;
use crate::{Limits, Metrics};

/// The network side of one running program.
pub(crate) struct Network {
    pub(super) metrics: Metrics,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_buffer: Option<u64>,
    pub(super) shared: Option<Arc<Instance>>,
    pub(crate) descriptors: Arc<Descriptors>,
    /// One permit for each look-up that may still be at work.
    pub(crate) lookups: Arc<Semaphore>,
    /// One permit for each call about files by their path that may still be at work.
    pub(crate) file_calls: Arc<Semaphore>,
    /// Rights to have a call that has not answered. See `wasi::calls`.
    pub(crate) pending: Arc<Semaphore>,
    pub(crate) max_pending: usize,
    /// One permit for each connection that may still be opened; as many as there can be without a limit.
    connections: Arc<Semaphore>,
    max_connections: Option<usize>,
    /// Whether it was told that the limit of connections is reached.
    limit_told: AtomicBool,
    /// Whether it was told that descriptors have run out.
    exhaustion_told: AtomicBool,
    open: AtomicUsize,
    /// How often bytes moved, about: counted without a lock.
    activity: AtomicU64,
    /// How many [`Unconnected`] there are.
    unconnected: AtomicUsize,
    /// Notified when the last connection is closed.
    all_closed: Notify,
    listeners: Mutex<Listeners>,
    /// Cancelled once the program has listened.
    listens: CancellationToken,
}

#[derive(Default)]
struct Listeners {
    open: Vec<Weak<Listener>>,
    /// Whether the program is being stopped: what it opens now is closed at once.
    stopped: bool,
}

/// How many sockets that are no connection, new or listening, a program may have: descriptors are the process's, and
/// must suffice for others.
const MAX_UNCONNECTED: usize = 1024;

/// How many calls about files a program may have at work at once; each has a thread of the runtime's pool.
const MAX_FILE_CALLS: usize = 16;

/// The right to have one socket that is no connection; given back when dropped.
pub(super) struct Unconnected {
    network: Arc<Network>,
    /// None once the socket is about to be a connection.
    descriptor: Option<Descriptor>,
}

/// The right to have one connection open; given back when dropped.
pub(super) struct Permit {
    network: Arc<Network>,
    _permit: OwnedSemaphorePermit,
    _descriptor: Descriptor,
}

/// Tells the network that its program is gone, when it is dropped: before the sockets are. They are left to those that replace
/// it, unless it ended by itself.
pub(crate) struct Leaving(Option<Arc<Network>>);

impl Network {
    pub(crate) fn new(limits: &Limits, metrics: Metrics, shared: Option<SharedListeners>) -> Arc<Self> {
        let permits = limits.max_connections.unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            metrics,
            idle_timeout: limits.idle_timeout,
            max_buffer: limits.max_buffer.map(|size| size.max(1)),
            shared: shared.map(Instance::new),
            descriptors: Descriptors::new(limits.max_descriptors),
            lookups: Arc::new(Semaphore::new(limits.lookups())),
            file_calls: Arc::new(Semaphore::new(MAX_FILE_CALLS)),
            pending: Arc::new(Semaphore::new(limits.pending())),
            max_pending: limits.pending(),
            connections: Arc::new(Semaphore::new(permits)),
            max_connections: limits.max_connections,
            limit_told: AtomicBool::new(false),
            exhaustion_told: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            activity: AtomicU64::new(0),
            unconnected: AtomicUsize::new(0),
            all_closed: Notify::new(),
            listeners: Mutex::default(),
            listens: CancellationToken::new(),
        })
    }

    /// The right to make a socket, or the error for the program.
    pub(super) fn unconnected(self: &Arc<Self>) -> Result<Unconnected, ErrorCode> {
        // First counted and then looked at, so that no two take the last one.
        let mut unconnected = Unconnected { network: Arc::clone(self), descriptor: None };
        if self.unconnected.fetch_add(1, Ordering::SeqCst) >= MAX_UNCONNECTED {
            let code = ErrorCode::Other(Some(format!("{MAX_UNCONNECTED} sockets are open that are not connected")));
            self.failed(&code);
            return Err(code);
        }
        unconnected.descriptor = Some(self.descriptor()?);
        Ok(unconnected)
    }

    /// The right to one more descriptor, or the error for the program.
    pub(super) fn descriptor(&self) -> Result<Descriptor, ErrorCode> {
        self.descriptors.try_take().ok_or_else(|| {
            self.tell_descriptors("sockets are not made until others close");
            // What the system's own limit is to programs.
            self.failed(&ErrorCode::OutOfMemory);
            ErrorCode::OutOfMemory
        })
    }

    /// Waits for the right to open a connection.
    pub(super) async fn permit(self: Arc<Self>) -> Permit {
        let connections = Arc::clone(&self.connections);
        let permit = match Arc::clone(&connections).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.tell_limit("accepting pauses");
                connections.acquire_owned().await.expect("the semaphore is never closed")
            }
        };
        let descriptor = match self.descriptors.try_take() {
            Some(descriptor) => descriptor,
            None => {
                self.tell_descriptors("accepting pauses until others close");
                self.descriptors.take().await
            }
        };
        Permit { network: self, _permit: permit, _descriptor: descriptor }
    }

    /// The right to open a connection, if there is one.
    pub(super) fn try_permit(self: &Arc<Self>) -> Option<Permit> {
        let permit = Arc::clone(&self.connections).try_acquire_owned().ok()?;
        let descriptor = self.descriptors.try_take()?;
        Some(Permit { network: Arc::clone(self), _permit: permit, _descriptor: descriptor })
    }

    /// The right to make a connection of a socket, or the error for the program.
    pub(super) fn permit_to_connect(self: &Arc<Self>, socket: Unconnected) -> Result<Permit, ErrorCode> {
        let permit = Arc::clone(&self.connections).try_acquire_owned().map_err(|_| {
            self.tell_limit("connecting fails");
            ErrorCode::Other(Some("the limit of open connections is reached".to_owned()))
        })?;
        let descriptor = match socket.into_descriptor() {
            Some(descriptor) => descriptor,
            None => self.descriptor()?,
        };
        Ok(Permit { network: Arc::clone(self), _permit: permit, _descriptor: descriptor })
    }

    /// Tells, once, that the program has all descriptors it may have.
    pub(crate) fn tell_descriptors(&self, consequence: &str) {
        if !self.exhaustion_told.swap(true, Ordering::Relaxed) {
            let max = self.descriptors.max();
            tracing::warn!(
                "the program has all {max} descriptors that it may have (max-descriptors, `ulimit -n`): {consequence}"
            );
        }
    }

    fn tell_limit(&self, consequence: &str) {
        let Some(limit) = self.max_connections else { return };
        self.metrics.limited("max-connections");
        if !self.limit_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the program has {limit} connections open (max-connections): {consequence} until one closes"
            );
        }
    }

    /// Counts a connection from now on.
    pub(super) fn opened(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.metrics.opened();
    }

    pub(super) fn closed(&self) {
        self.metrics.closed();
        if self.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.all_closed.notify_waiters();
        }
    }

    /// Takes notice of bytes received or sent.
    pub(super) fn moved(&self) {
        self.activity.store(self.activity.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// A number that changes when bytes move.
    pub(crate) fn activity(&self) -> u64 {
        self.activity.load(Ordering::Relaxed)
    }

    pub(super) fn failed(&self, code: &ErrorCode) {
        self.metrics.errors.with_label_values(&[name(code)]).inc();
    }

    /// Tells, once, that accepting pauses because descriptors have run out.
    pub(super) fn exhausted(&self, error: io::Error) {
        if !self.exhaustion_told.swap(true, Ordering::Relaxed) {
            tracing::warn!("accepting pauses until others close: {error}; the system's limit is `ulimit -n`");
        }
        self.failed(&error.into());
    }

    pub(super) fn listening(&self, listener: &Arc<Listener>) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if listeners.stopped {
            listener.close();
        }
        listeners.open.retain(|listener| listener.strong_count() > 0);
        listeners.open.push(Arc::downgrade(listener));
        self.listens.cancel();
    }

    /// Waits until the program listens.
    pub(crate) async fn listens(&self) {
        self.listens.cancelled().await;
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Closes the program's listening sockets, now and in the future. Its connections stay.
    pub(crate) fn stop_accepting(&self) {
        if let Some(shared) = &self.shared {
            shared.replaced();
        }
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.stopped = true;
        listeners.open.drain(..).filter_map(|listener| listener.upgrade()).for_each(|listener| listener.close());
    }

    /// For whoever runs the program: to be dropped before its store.
    pub(crate) fn leaving(self: &Arc<Self>) -> Leaving {
        Leaving(Some(Arc::clone(self)))
    }

    /// How many connections are open.
    pub(crate) fn open_connections(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Waits until no connection is open.
    pub(crate) async fn all_closed(&self) {
        loop {
            // Before the look, so that a last connection that closes in between is noticed.
            let notified = self.all_closed.notified();
            if self.open_connections() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Unconnected {
    fn into_descriptor(mut self) -> Option<Descriptor> {
        self.descriptor.take()
    }
}

impl Drop for Unconnected {
    fn drop(&mut self) {
        self.network.unconnected.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Leaving {
    /// The program ended by itself: nobody replaces it.
    pub(crate) fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(shared) = self.0.as_ref().and_then(|network| network.shared.as_ref()) {
            shared.broke();
        }
    }
}

impl Permit {
    pub(super) fn network(&self) -> &Arc<Network> {
        &self.network
    }
}
