//! The futures of a task, by key.
//!
//! A key that is free again keeps its waker, for the next future. So a waker that someone has kept from a future that ended wakes
//! the next future with that key in vain, and no more than that: futures must bear being polled in vain anyway.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crate::run_queue::{FutureWaker, RunQueue};

pub(crate) type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;

/// Futures that are woken through a [`RunQueue`].
pub(crate) struct Futures {
    slots: Vec<Slot>,
    /// The keys of slots without a future.
    free: Vec<usize>,
    queue: Arc<RunQueue>,
}

struct Slot {
    future: Option<BoxFuture>,
    waker: Waker,
    /// The same waker.
    woken: Arc<FutureWaker>,
}

impl Futures {
    pub(crate) fn new(queue: Arc<RunQueue>) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), queue }
    }

    /// Adds a future, which is to be polled. Returns its key.
    pub(crate) fn insert(&mut self, future: BoxFuture) -> usize {
        let key = self.free.pop().unwrap_or_else(|| {
            let key = self.slots.len();
            let woken = Arc::new(FutureWaker::new(key, Arc::clone(&self.queue)));
            self.slots.push(Slot { future: None, waker: Waker::from(Arc::clone(&woken)), woken });
            key
        });
        let slot = &mut self.slots[key];
        slot.future = Some(future);
        slot.woken.wake_by_ref();
        key
    }

    /// Polls the future whose key was taken out of the queue, if there is one still. Returns whether it has ended, and drops it
    /// then.
    pub(crate) fn poll(&mut self, key: usize) -> bool {
        let slot = &mut self.slots[key];
        slot.woken.taken();
        let Some(future) = &mut slot.future else { return false };
        let ended = future.as_mut().poll(&mut Context::from_waker(&slot.waker)).is_ready();
        if ended {
            self.remove(key);
        }
        ended
    }

    /// Drops the future with this key.
    pub(crate) fn remove(&mut self, key: usize) {
        if self.slots[key].future.take().is_some() {
            self.free.push(key);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    /// How many there were at a time.
    pub(crate) fn most(&self) -> usize {
        self.slots.len()
    }
}
