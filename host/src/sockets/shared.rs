//! Listening sockets that several instances of a program share.
//!
//! 1. A socket is open as long as an instance has it: what programs drop is closed, and its port is free.
//! 2. One that was listening when its last instance broke or was replaced is kept for those that come, with its queue, for a
//!    bounded time: [`HAND_OVER`] after one of them has started or after a stop, [`AWAIT`] after a break.
//! 3. No more than [`MAX_KEPT`] are kept so.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use socket2::{SockRef, Socket};

use super::address::Place;
use super::peers::Peers;
use crate::run::descriptors::Descriptor;

/// How long a new instance has to take a socket that an earlier one has left.
const HAND_OVER: Duration = Duration::from_secs(5);

/// How long a socket waits for an instance to start at all: replacing one that breaks takes up to half a minute.
const AWAIT: Duration = Duration::from_secs(60);

/// How many sockets that no instance has are kept. The one whose time is over first makes room.
const MAX_KEPT: usize = 64;

/// Listening sockets that outlive the instances of a program. Cheap to clone; clones share everything.
///
/// The first instance that binds an address opens it; for every other, binding it gives the same socket. Their
/// connections come from one queue, and go to whichever instance accepts first.
///
/// A socket is open as long as a program has it. One whose last instance broke, or was stopped to be replaced, is kept for
/// those that follow, so that peers wait in its queue: for five seconds after one has started, a minute if none does. What
/// they have not bound by then is closed, and so is everything at [`close`](Self::close).
#[derive(Clone, Default)]
pub struct SharedListeners {
    sockets: Arc<Mutex<Sockets>>,
    /// Connections that were accepted by whoever shares the sockets.
    peers: Peers,
}

#[derive(Default)]
struct Sockets {
    open: HashMap<Key, Entry>,
    /// Those that were handed in, by the address that they are bound to.
    handed_in: HashMap<Place, Socket>,
    closed: bool,
    /// Closes what was kept too long; there is none while nothing is kept.
    closer: Option<Thread>,
}

/// What is to be done as a socket is closed, before it is: dropping this does it.
pub(crate) type OnClose = Box<dyn Send>;

struct Entry {
    /// Dropped before it.
    _on_close: Option<OnClose>,
    socket: Socket,
    /// How many instances have it.
    holders: usize,
    /// With no holder: when it is closed.
    until: Option<Instant>,
}

/// The address as a program asks for it, and which one of those that it has bound so: a program that binds port 0 twice wants
/// two ports.
type Key = (Place, usize);

/// An instance that shares listening sockets.
pub(crate) struct Instance {
    shared: SharedListeners,
    /// Which [`Key`]s it has.
    bound: Mutex<HashMap<Place, BTreeSet<usize>>>,
    /// How it ends: [`RUNS`], [`REPLACED`] or [`BROKE`].
    end: AtomicU8,
}

const RUNS: u8 = 0;
/// It was stopped: another one has its place, or will not have.
const REPLACED: u8 = 1;
/// It ended by an error, or was dropped.
const BROKE: u8 = 2;

/// A socket of an instance, which its program has bound. It is the program's until this is dropped.
pub(crate) struct Lease {
    instance: Arc<Instance>,
    key: Key,
    listening: bool,
    /// For the copy of it that is kept.
    _descriptor: Descriptor,
}

impl SharedListeners {
    /// No sockets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a listening socket that somebody else opened, such as systemd. A program that binds its address, if it may, is
    /// given it.
    ///
    /// # Errors
    /// If the system does not tell its address, or it cannot be made not to block.
    pub fn hand_in(&self, listener: TcpListener) -> io::Result<SocketAddr> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        self.sockets().handed_in.insert(Place::Ip(address), listener.into());
        Ok(address)
    }

    /// Closes the sockets, as far as no instance has them. No more are opened: an instance that is still about to start
    /// must not take another port where any would do.
    pub fn close(&self) {
        let mut sockets = self.sockets();
        sockets.closed = true;
        sockets.open.clear();
        sockets.handed_in.clear();
    }

    pub(super) fn peers(&self) -> Peers {
        self.peers.clone()
    }

    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Instance {
    /// An instance that is about to start: what waits for one has [`HAND_OVER`] from now on.
    pub(crate) fn new(shared: SharedListeners) -> Arc<Self> {
        let mut sockets = shared.sockets();
        let until = Instant::now() + HAND_OVER;
        sockets.open.values_mut().filter_map(|entry| entry.until.as_mut()).for_each(|kept| *kept = (*kept).min(until));
        sockets.closer.iter().for_each(Thread::unpark);
        drop(sockets);
        Arc::new(Self { shared, bound: Mutex::default(), end: AtomicU8::new(RUNS) })
    }

    /// Gives the socket of `place`, or binds `fresh` by `bind` and shares it with others. `descriptor` is for the copy of it
    /// that is kept.
    pub(crate) fn bind<S: From<Socket>, E: From<io::Error>>(
        self: &Arc<Self>,
        place: Place,
        fresh: S,
        descriptor: Descriptor,
        bind: impl FnOnce(&S) -> Result<Option<OnClose>, E>,
    ) -> Result<(S, Lease), (S, E)>
    where
        for<'a> SockRef<'a>: From<&'a S>,
    {
        let mut sockets = self.shared.sockets();
        if sockets.closed || self.end.load(Ordering::SeqCst) != RUNS {
            return Err((fresh, io::Error::other("the program is being stopped").into()));
        }
        let mut bound = self.bound();
        let free = bound.get(&place).map_or(0, |taken| (0..).find(|slot| !taken.contains(slot)).unwrap_or(0));
        let key = (place.clone(), free);
        let sockets = &mut *sockets;
        let socket = match (sockets.handed_in.get(&place), sockets.open.get_mut(&key)) {
            // It stays open whoever has it: nobody here could open it again.
            (Some(handed_in), _) => match handed_in.try_clone() {
                Ok(socket) => socket.into(),
                Err(error) => return Err((fresh, error.into())),
            },
            (None, Some(entry)) => match entry.socket.try_clone() {
                Ok(socket) => {
                    entry.holders += 1;
                    entry.until = None;
                    socket.into()
                }
                Err(error) => return Err((fresh, error.into())),
            },
            (None, None) => {
                let on_close = match bind(&fresh) {
                    Ok(on_close) => on_close,
                    Err(error) => return Err((fresh, error)),
                };
                let kept = SockRef::from(&fresh).try_clone();
                match kept {
                    Ok(socket) => {
                        sockets.open.insert(key.clone(), Entry { _on_close: on_close, socket, holders: 1, until: None })
                    }
                    Err(error) => return Err((fresh, error.into())),
                };
                fresh
            }
        };
        bound.entry(place).or_default().insert(free);
        drop(bound);
        Ok((socket, Lease { instance: Arc::clone(self), key, listening: false, _descriptor: descriptor }))
    }

    /// From now on what the program has is left to those that replace it. It binds nothing more.
    pub(crate) fn replaced(&self) {
        // Whoever came first says how it ended.
        _ = self.end.compare_exchange(RUNS, REPLACED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// As [`replaced`](Self::replaced), but what replaces it may take its time to come.
    pub(crate) fn broke(&self) {
        _ = self.end.compare_exchange(RUNS, BROKE, Ordering::SeqCst, Ordering::SeqCst);
    }

    fn bound(&self) -> MutexGuard<'_, HashMap<Place, BTreeSet<usize>>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unbind(&self, (place, slot): &Key) {
        let mut bound = self.bound();
        if let Some(slots) = bound.get_mut(place) {
            slots.remove(slot);
            if slots.is_empty() {
                bound.remove(place);
            }
        }
    }
}

impl Lease {
    /// Takes notice that the socket listens, so that it has a queue.
    pub(crate) fn listening(&mut self) {
        self.listening = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.instance.unbind(&self.key);
        let shared = &self.instance.shared;
        let mut sockets = shared.sockets();
        let Some(entry) = sockets.open.get_mut(&self.key) else {
            // All were closed, or it was handed in.
            return;
        };
        entry.holders -= 1;
        if entry.holders > 0 {
            return;
        }
        let time = match self.instance.end.load(Ordering::SeqCst) {
            REPLACED if self.listening => HAND_OVER,
            BROKE if self.listening => AWAIT,
            // The program does not want it any more.
            _ => {
                sockets.open.remove(&self.key);
                return;
            }
        };
        entry.until = Some(Instant::now() + time);
        sockets.limit_kept();
        if sockets.close_later(&shared.sockets).is_err() {
            sockets.open.remove(&self.key);
        }
    }
}

impl Sockets {
    fn kept(&self) -> impl Iterator<Item = (Instant, &Key)> {
        self.open.iter().filter_map(|(key, entry)| Some((entry.until?, key)))
    }

    fn limit_kept(&mut self) {
        if self.kept().count() > MAX_KEPT
            && let Some(key) = self.kept().min().map(|(_, key)| key.clone())
        {
            self.open.remove(&key);
        }
    }

    /// Sees to it that what is kept is closed in time. Sockets are kept after a break or a reload, which is rare; whoever runs
    /// the instances need not care.
    fn close_later(&mut self, shared: &Arc<Mutex<Self>>) -> io::Result<()> {
        if let Some(closer) = &self.closer {
            closer.unpark();
            return Ok(());
        }
        let shared = Arc::downgrade(shared);
        let closer = thread::Builder::new().name("listeners".to_owned()).spawn(move || close_in_time(&shared))?;
        self.closer = Some(closer.thread().clone());
        Ok(())
    }
}

/// Closes what was kept too long, until nothing is kept.
fn close_in_time(shared: &Weak<Mutex<Sockets>>) {
    loop {
        // Nothing is held while it waits: when all instances are gone, so are the sockets.
        let Some(strong) = shared.upgrade() else { return };
        let mut sockets = strong.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        sockets.open.retain(|(place, _), entry| {
            let over = entry.until.is_some_and(|until| until <= now);
            if over {
                tracing::info!("the socket for {place} is closed: no worker has taken it over");
            }
            !over
        });
        let next = sockets.kept().map(|(until, _)| until).min();
        if next.is_none() {
            sockets.closer = None;
            return;
        }
        drop(sockets);
        drop(strong);
        thread::park_timeout(next.map_or(Duration::ZERO, |until| until.saturating_duration_since(now)));
    }
}

impl fmt::Debug for SharedListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedListeners").finish_non_exhaustive()
    }
}
