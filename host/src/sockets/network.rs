//! What the sockets of one running program share: its quotas of connections and descriptors, its listening sockets, its metrics.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::address::ConnectionAddress;
use super::error::name;
use super::listener::Listener;
use super::peers::{OfPeer, Peers};
use super::revoke::Made;
use super::shared::{Instance, SharedListeners};
use super::stream::Stream;
use crate::policy::check::Check;
use crate::run::descriptors::{Descriptor, Descriptors};
use crate::run::observer::Observed;
use crate::wasi::tcp::bindings::types::ErrorCode;
use crate::{ConnectionRecord, Limits, Metrics};

/// The network side of one running program.
pub(crate) struct Network {
    pub(crate) metrics: Metrics,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_lifetime: Option<Duration>,
    /// Bytes a second of a peer, and the time that it is judged over.
    pub(super) min_rate: Option<(u64, Duration)>,
    pub(crate) max_buffer: Option<u64>,
    max_peer_connections: Option<usize>,
    peers: Peers,
    pub(crate) shared: Option<Arc<Instance>>,
    pub(crate) descriptors: Arc<Descriptors>,
    /// One permit for each look-up that may still be at work.
    pub(crate) lookups: Arc<Semaphore>,
    /// One permit for each call about files by their path that may still be at work.
    pub(crate) file_calls: Arc<Semaphore>,
    /// One permit for each handshake of TLS that may be at work.
    pub(crate) handshakes: Arc<Semaphore>,
    /// Rights to have a call that has not answered. See `wasi::calls`.
    pub(crate) pending: Arc<Semaphore>,
    pub(crate) max_pending: usize,
    /// One permit for each connection that may still be opened.
    connections: Arc<Semaphore>,
    max_connections: usize,
    /// Whether it was told that the limit of connections is reached.
    limit_told: AtomicBool,
    /// Whether it was told that a peer has all connections that it may have.
    peer_limit_told: AtomicBool,
    /// Whether it was told that descriptors have run out.
    exhaustion_told: AtomicBool,
    open: AtomicUsize,
    /// How often bytes moved, about: counted without a lock.
    activity: AtomicU64,
    /// How many [`Unconnected`] there are.
    unconnected: AtomicUsize,
    /// Notified when the last connection is closed.
    all_closed: Notify,
    pub(super) listeners: Mutex<Listeners>,
    /// Connections that the program made, to be judged again when its policy is changed.
    pub(super) made: Mutex<Made>,
    /// Decides about the program, from when it is started on.
    pub(super) check: OnceLock<Arc<Check>>,
    /// Cancelled once the program has listened.
    listens: CancellationToken,
    /// Whether the program is gone: what is open is cut.
    left: AtomicBool,
    /// Told of connections that have ended.
    observed: Option<Observed>,
}

#[derive(Default)]
pub(super) struct Listeners {
    pub(super) open: Vec<Weak<Listener>>,
    /// Whether the program is being stopped: what it opens now is closed at once.
    stopped: bool,
}

/// How many sockets that are no connection, new or listening, a program may have: descriptors are the process's, and
/// must suffice for others.
const MAX_UNCONNECTED: usize = 1024;

/// How many calls about files a program may have at work at once; each has a thread of the runtime's pool.
const MAX_FILE_CALLS: usize = 16;

/// The right to have one socket that is no connection; given back when dropped.
pub(crate) struct Unconnected {
    network: Arc<Network>,
    /// None once the socket is about to be a connection.
    descriptor: Option<Descriptor>,
}

/// The right to have one connection open; given back when dropped.
pub(crate) struct Permit {
    network: Arc<Network>,
    _permit: OwnedSemaphorePermit,
    _descriptor: Descriptor,
    /// Where the connections of a peer are limited.
    _of_peer: Option<OfPeer>,
}

/// A peer has as many connections as it may.
pub(super) struct TooMany;

/// Tells the network that its program is gone, when it is dropped: before the sockets are. They are left to those that replace
/// it, unless it ended by itself.
pub(crate) struct Leaving {
    network: Arc<Network>,
    /// Whether it ended by itself: nobody replaces it.
    ended: bool,
}

impl Network {
    pub(crate) fn new(
        limits: &Limits,
        metrics: Metrics,
        shared: Option<SharedListeners>,
        observed: Option<Observed>,
    ) -> Arc<Self> {
        let descriptors = Descriptors::new(limits.max_descriptors);
        let max_connections = limits.connections(descriptors.max());
        let max_pending = limits.pending(descriptors.max());
        Arc::new(Self {
            metrics,
            idle_timeout: limits.idle_timeout,
            max_lifetime: limits.max_lifetime,
            min_rate: limits.rate(),
            max_buffer: limits.max_buffer.map(|size| size.max(1)),
            max_peer_connections: limits.max_peer_connections,
            peers: shared.as_ref().map(SharedListeners::peers).unwrap_or_default(),
            shared: shared.map(Instance::new),
            descriptors,
            lookups: Arc::new(Semaphore::new(limits.lookups())),
            file_calls: Arc::new(Semaphore::new(MAX_FILE_CALLS)),
            handshakes: Arc::new(Semaphore::new(limits.handshakes())),
            pending: Arc::new(Semaphore::new(max_pending)),
            max_pending,
            connections: Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS))),
            max_connections,
            limit_told: AtomicBool::new(false),
            peer_limit_told: AtomicBool::new(false),
            exhaustion_told: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            activity: AtomicU64::new(0),
            unconnected: AtomicUsize::new(0),
            all_closed: Notify::new(),
            listeners: Mutex::default(),
            made: Mutex::default(),
            check: OnceLock::new(),
            listens: CancellationToken::new(),
            left: AtomicBool::new(false),
            observed,
        })
    }

    /// The right to make a socket, or the error for the program.
    pub(crate) fn unconnected(self: &Arc<Self>) -> Result<Unconnected, ErrorCode> {
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
    pub(crate) fn descriptor(&self) -> Result<Descriptor, ErrorCode> {
        self.descriptors.try_take().ok_or_else(|| {
            self.tell_descriptors("sockets are not made until others close");
            // What the system's own limit is to programs.
            self.failed(&ErrorCode::OutOfMemory);
            ErrorCode::OutOfMemory
        })
    }

    /// Waits for the right to open a connection.
    pub(crate) async fn permit(self: Arc<Self>) -> Permit {
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
        Permit { network: self, _permit: permit, _descriptor: descriptor, _of_peer: None }
    }

    /// The right to open a connection, if there is one.
    pub(crate) fn try_permit(self: &Arc<Self>) -> Option<Permit> {
        let permit = Arc::clone(&self.connections).try_acquire_owned().ok()?;
        let descriptor = self.descriptors.try_take()?;
        Some(Permit { network: Arc::clone(self), _permit: permit, _descriptor: descriptor, _of_peer: None })
    }

    /// The right to make a connection of a socket, or the error for the program.
    pub(crate) fn permit_to_connect(self: &Arc<Self>, socket: Unconnected) -> Result<Permit, ErrorCode> {
        let permit = Arc::clone(&self.connections).try_acquire_owned().map_err(|_| {
            self.tell_limit("connecting fails");
            ErrorCode::Other(Some("the limit of open connections is reached".to_owned()))
        })?;
        let descriptor = match socket.into_descriptor() {
            Some(descriptor) => descriptor,
            None => self.descriptor()?,
        };
        Ok(Permit { network: Arc::clone(self), _permit: permit, _descriptor: descriptor, _of_peer: None })
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
        let limit = self.max_connections;
        self.metrics.limited("max-connections");
        if !self.limit_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the program has {limit} connections open (max-connections): {consequence} until one closes"
            );
        }
    }

    /// Whether a connection may have to be ended after some time.
    pub(super) fn is_watched(&self) -> bool {
        self.idle_timeout.is_some() || self.max_lifetime.is_some() || self.min_rate.is_some()
    }

    /// Counts a connection that was accepted from `peer`, if that is limited. `Err` if the peer has as many as it may.
    pub(super) fn count_peer(&self, stream: &Stream, peer: SocketAddr) -> Result<Option<OfPeer>, TooMany> {
        let Some(limit) = self.max_peer_connections else { return Ok(None) };
        if let Some(of_peer) = self.peers.count(peer.ip(), limit) {
            return Ok(Some(of_peer));
        }
        self.metrics.limited("max-peer-connections");
        if let Some(observed) = &self.observed {
            observed.observer.connection_ended(&ConnectionRecord {
                worker: observed.worker,
                accepted: true,
                local: stream.local_address(),
                peer: ConnectionAddress::Ip(peer),
                received: 0,
                sent: 0,
                opened: SystemTime::now(),
                duration: Duration::ZERO,
                end: "max-peer-connections",
            });
        }
        if !self.peer_limit_told.swap(true, Ordering::Relaxed) {
            let peer = peer.ip();
            tracing::warn!(
                "{peer} has {limit} connections open (max-peer-connections): further ones of a peer are closed"
            );
        }
        Err(TooMany)
    }

    /// Counts a connection from now on.
    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.metrics.opened();
    }

    pub(crate) fn closed(&self) {
        self.metrics.closed();
        if self.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.all_closed.notify_waiters();
        }
    }

    /// Takes notice of bytes received or sent.
    pub(crate) fn moved(&self) {
        self.activity.store(self.activity.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// A number that changes when bytes move.
    pub(crate) fn activity(&self) -> u64 {
        self.activity.load(Ordering::Relaxed)
    }

    pub(crate) fn failed(&self, code: &ErrorCode) {
        self.metrics.errors.with_label_values(&[name(code)]).inc();
    }

    /// Counts a Unix socket that was not made.
    pub(crate) fn failed_path(&self) {
        self.metrics.errors.with_label_values(&["unix"]).inc();
    }

    /// Tells, once, that accepting pauses because descriptors have run out.
    pub(crate) fn exhausted(&self, error: io::Error) {
        if !self.exhaustion_told.swap(true, Ordering::Relaxed) {
            tracing::warn!("accepting pauses until others close: {error}; the system's limit is `ulimit -n`");
        }
        self.failed(&error.into());
    }

    pub(crate) fn listening(&self, listener: &Arc<Listener>) {
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
        Leaving { network: Arc::clone(self), ended: false }
    }

    /// Whether the program is gone.
    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    pub(super) fn observed(&self) -> Option<&Observed> {
        self.observed.as_ref()
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
        self.ended = true;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.network.left.store(true, Ordering::Relaxed);
        if let Some(shared) = self.network.shared.as_ref().filter(|_| !self.ended) {
            shared.broke();
        }
    }
}

impl Permit {
    pub(crate) fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// The same, for a connection that counts as its peer's.
    pub(super) fn of_peer(self, of_peer: Option<OfPeer>) -> Self {
        Self { _of_peer: of_peer, ..self }
    }
}
