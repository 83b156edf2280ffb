//! Which futures are to be polled, and the alarm for wakers of other tasks.
//!
//! A waker that is called while the executor rests, from another task of the component, must make the host resume it. It writes
//! to a stream of units that the executor reads from as long as it rests. Tasks come and go with every call of an export, so
//! the streams are used again.

#![expect(unsafe_code, reason = "reads and writes a stream of the canonical ABI")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

use crate::intrinsics::{
    BLOCKED, join, unit_cancel_read, unit_drop_readable, unit_drop_writable, unit_new, unit_read, unit_write,
};

/// The keys of the futures that were woken, in that order.
#[derive(Default)]
pub(crate) struct RunQueue {
    /// Woken by an event of the host: to be polled before the host has its turn again. wasmtime (48) may free a call that has
    /// answered as soon as its answer was told, and traps when the future that waited for it drops it after that.
    told: Mutex<Vec<usize>>,
    /// Woken otherwise.
    ready: Mutex<VecDeque<usize>>,
    telling: AtomicBool,
    resting: AtomicBool,
    /// Set while the executor may have to be woken.
    alarm: Mutex<Option<Alarm>>,
}

/// A stream of units; both ends are ours.
struct Alarm {
    readable: u32,
    writable: u32,
    /// A read is in flight, or has ended and was not told.
    armed: bool,
    /// It was written to, and the end of the read was not told.
    rung: bool,
}

/// How many streams and sets that are not in use are kept.
pub(crate) const KEPT: usize = 64;

thread_local! {
    /// Alarms of tasks that have ended, armed or not, in no set.
    static ALARMS: RefCell<Vec<Alarm>> = const { RefCell::new(Vec::new()) };
}

impl Alarm {
    fn new() -> Self {
        ALARMS.with_borrow_mut(Vec::pop).unwrap_or_else(|| {
            // SAFETY: makes two handles, which this owns.
            let ends = unsafe { unit_new() };
            Self { readable: ends as u32, writable: (ends >> 32) as u32, armed: false, rung: false }
        })
    }

    fn ring(&mut self) {
        // Once is enough until it was told: there is one read.
        if !std::mem::replace(&mut self.rung, true) {
            // SAFETY: the stream is ours and has a read of one item in flight, so that this ends at once.
            unsafe { unit_write(self.writable, ptr::null(), 1) };
        }
    }

    /// Lets go of it, or keeps it for others. It is in no set.
    fn end(self) {
        let kept = !self.rung && ALARMS.with_borrow(Vec::len) < KEPT;
        if kept {
            ALARMS.with_borrow_mut(|alarms| alarms.push(self));
            return;
        }
        // SAFETY: both ends are ours and dropped once; a read in flight is ended first, at once, since its other end is in this
        // component.
        unsafe {
            if self.armed {
                unit_cancel_read(self.readable);
            }
            unit_drop_writable(self.writable);
            unit_drop_readable(self.readable);
        }
    }
}

impl RunQueue {
    fn push(&self, key: usize) {
        if self.telling.load(Ordering::Relaxed) {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).push(key);
            return;
        }
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(key);
        if self.resting.swap(false, Ordering::Relaxed)
            && let Some(alarm) = self.alarm.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        {
            alarm.ring();
        }
    }

    /// Calls `tell`, which tells of an event.
    pub(crate) fn tell(&self, tell: impl FnOnce()) {
        self.telling.store(true, Ordering::Relaxed);
        tell();
        self.telling.store(false, Ordering::Relaxed);
    }

    /// Moves what an event has woken into `keys`, and the first `count` of the others, if there are as many. Gives how many.
    pub(crate) fn take(&self, count: usize, keys: &mut Vec<usize>) -> usize {
        keys.append(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(ready.len());
        keys.extend(ready.drain(..count));
        count
    }

    pub(crate) fn is_empty(&self) -> bool {
        // What was told is polled in every round.
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The executor runs: wakers need no alarm.
    pub(crate) fn begin(&self) {
        self.resting.store(false, Ordering::Relaxed);
    }

    /// The executor is about to rest until something in `set` happens.
    pub(crate) fn rest(&self, set: u32) {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| {
            let alarm = Alarm::new();
            // SAFETY: the stream is ours, and leaves the set before it is dropped.
            unsafe { join(alarm.readable, set) };
            alarm
        });
        if !alarm.armed {
            // SAFETY: nothing is in flight; units need no memory.
            alarm.armed = unsafe { unit_read(alarm.readable, ptr::null_mut(), 1) } == BLOCKED;
        }
        self.resting.store(true, Ordering::Relaxed);
    }

    /// Whether an event of `waitable` is the alarm's.
    pub(crate) fn takes_event(&self, waitable: u32) -> bool {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        match alarm.as_mut() {
            Some(alarm) if alarm.readable == waitable => {
                alarm.armed = false;
                alarm.rung = false;
                true
            }
            _ => false,
        }
    }

    /// The executor has ended: wakers wake nobody from now on.
    pub(crate) fn end(&self) {
        self.resting.store(false, Ordering::Relaxed);
        if let Some(alarm) = self.alarm.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // SAFETY: the stream is ours.
            unsafe { join(alarm.readable, 0) };
            alarm.end();
        }
    }
}

/// Wakes one future.
pub(crate) struct FutureWaker {
    pub(crate) key: usize,
    pub(crate) queue: Arc<RunQueue>,
    /// It is in the queue.
    pub(crate) queued: AtomicBool,
}

impl FutureWaker {
    /// A waker of the future that `key` stands for, which is put into the queue.
    pub(crate) fn woken(key: usize, queue: &Arc<RunQueue>) -> Arc<Self> {
        let waker = Arc::new(Self { key, queue: Arc::clone(queue), queued: AtomicBool::new(false) });
        waker.wake_by_ref();
        waker
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
