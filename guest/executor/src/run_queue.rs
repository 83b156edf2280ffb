//! Which futures of a task are to be polled, and the wakers that say so.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use crate::alarm::Alarm;

/// The keys of the futures that were woken, in that order.
#[derive(Default)]
pub(crate) struct RunQueue(Mutex<State>);

#[derive(Default)]
struct State {
    /// Woken while an event was delivered: to be polled before the host has its turn again. wasmtime (48) may free a call that
    /// has answered as soon as its answer was delivered, and traps when the future that waited for it drops it after that.
    urgent: Vec<usize>,
    /// Woken otherwise.
    others: VecDeque<usize>,
    /// An event is being delivered.
    delivering: bool,
    /// The task rests: the host resumes it for an event alone.
    resting: bool,
    /// None until the task rests for the first time.
    alarm: Option<Alarm>,
}

impl RunQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole, whoever panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, key: usize) {
        let mut state = self.state();
        if state.delivering {
            state.urgent.push(key);
        } else {
            state.others.push_back(key);
            state.resume();
        }
    }

    /// Calls `deliver`; what that wakes is urgent.
    pub(crate) fn deliver(&self, deliver: impl FnOnce()) {
        self.state().delivering = true;
        deliver();
        self.state().delivering = false;
    }

    /// Moves all urgent keys into `keys`, and at most `count` others. Returns how many others.
    pub(crate) fn take(&self, count: usize, keys: &mut Vec<usize>) -> usize {
        let mut state = self.state();
        keys.append(&mut state.urgent);
        let count = count.min(state.others.len());
        keys.extend(state.others.drain(..count));
        count
    }

    /// Whether there is no key.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.urgent.is_empty() && state.others.is_empty()
    }

    /// The task runs: wakers need no alarm.
    pub(crate) fn begin_turn(&self) {
        self.state().resting = false;
    }

    /// The task is about to rest until something in `set` happens. `set` is the same each time.
    pub(crate) fn rest(&self, set: u32) {
        let mut state = self.state();
        state.alarm.get_or_insert_with(|| Alarm::new(set)).arm();
        state.resting = true;
    }

    /// Has the host resume the task, if it rests.
    pub(crate) fn resume(&self) {
        self.state().resume();
    }

    /// Whether an event of `waitable`, which the host has delivered, is the alarm's.
    pub(crate) fn takes_event(&self, waitable: u32) -> bool {
        self.state().alarm.as_mut().is_some_and(|alarm| alarm.takes_event(waitable))
    }

    /// The task has ended and its set is about to be dropped. A waker that comes later wakes nobody.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.resting = false;
        state.alarm = None;
    }
}

impl State {
    fn resume(&mut self) {
        if std::mem::take(&mut self.resting)
            && let Some(alarm) = &mut self.alarm
        {
            alarm.ring();
        }
    }
}

/// Wakes the future that a key stands for.
pub(crate) struct FutureWaker {
    key: usize,
    queue: Arc<RunQueue>,
    /// The key is in the queue.
    queued: AtomicBool,
}

impl FutureWaker {
    pub(crate) fn new(key: usize, queue: Arc<RunQueue>) -> Self {
        Self { key, queue, queued: AtomicBool::new(false) }
    }

    /// The key was taken out of the queue.
    pub(crate) fn taken(&self) {
        self.queued.store(false, Ordering::Relaxed);
    }
}

impl Wake for FutureWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.queue.push(self.key);
        }
    }
}
