//! The set of what a task waits for, and whom to tell of each.
//!
//! Invariants:
//! 1. A waitable is in the set while it is registered; one that was registered to stay, also between registrations.
//! 2. A waitable that does not stay leaves the set before its callback is called, as wit-bindgen's callbacks expect.

#![expect(unsafe_code, reason = "calls the canonical ABI and C callbacks")]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;

use crate::abi::Callback;
use crate::entries::Entries;
use crate::intrinsics::{join, set_drop, set_new, set_poll};
use crate::run_queue::KEPT;

thread_local! {
    /// Sets of tasks that have ended, empty.
    static SETS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// A set of waitables.
#[derive(Default)]
pub(crate) struct Waitables {
    /// 0 before it is needed: many a call answers at once.
    set: Cell<u32>,
    entries: RefCell<Entries<Entry>>,
    /// How many callbacks are registered.
    registered: Cell<usize>,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    told: Option<(Callback, *mut c_void)>,
    joined: bool,
    stays: bool,
}

impl Waitables {
    /// The set's handle.
    pub(crate) fn set(&self) -> u32 {
        if self.set.get() == 0 {
            // SAFETY: makes a handle, which this owns. Sets are asked for in tasks alone.
            self.set.set(SETS.with_borrow_mut(Vec::pop).unwrap_or_else(|| unsafe { set_new() }));
        }
        self.set.get()
    }

    /// Whether nothing is registered.
    pub(crate) fn is_empty(&self) -> bool {
        self.registered.get() == 0
    }

    /// Registers a callback for the next event of `waitable`; gives what was registered with the one before, or null.
    pub(crate) fn register(&self, waitable: u32, callback: Callback, told: *mut c_void, stays: bool) -> *mut c_void {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.entry(waitable);
        if !entry.joined {
            // SAFETY: whoever registers has an operation in flight on this handle of this component's.
            unsafe { join(waitable, self.set()) };
        }
        let before = entry.told.replace((callback, told));
        entry.joined = true;
        entry.stays = stays;
        if before.is_none() {
            self.registered.set(self.registered.get() + 1);
        }
        before.map_or(ptr::null_mut(), |(_, told)| told)
    }

    /// Takes `waitable` out of the set; gives what was registered, or null.
    pub(crate) fn unregister(&self, waitable: u32) -> *mut c_void {
        let mut entries = self.entries.borrow_mut();
        let Some(entry) = entries.take(waitable) else { return ptr::null_mut() };
        if entry.joined {
            // SAFETY: the handle was joined, and leaves before it is dropped.
            unsafe { join(waitable, 0) };
        }
        self.forgotten(entry.told)
    }

    /// Tells whoever registered for `waitable` that its operation has ended with `code`.
    pub(crate) fn deliver(&self, waitable: u32, code: u32) {
        let told = {
            let mut entries = self.entries.borrow_mut();
            let Some(entry) = entries.get_mut(waitable) else { return };
            if entry.joined && !entry.stays {
                entry.joined = false;
                // SAFETY: as in `unregister`.
                unsafe { join(waitable, 0) };
            }
            entry.told.take()
        };
        self.forgotten(told);
        if let Some((callback, told)) = told {
            // SAFETY: what was registered is valid until it is called, once.
            unsafe { callback(told, code) };
        }
    }

    /// The next event that is there already: its kind, the waitable and the code.
    pub(crate) fn poll(&self) -> Option<(u32, u32, u32)> {
        let set = self.set.get();
        if set == 0 {
            return None;
        }
        let mut event = [0; 2];
        // SAFETY: the set is ours, and `event` has room for the two numbers.
        let kind = unsafe { set_poll(set, &raw mut event) };
        let [waitable, code] = event;
        (kind != 0).then_some((kind, waitable, code))
    }

    fn forgotten(&self, told: Option<(Callback, *mut c_void)>) -> *mut c_void {
        let Some((_, told)) = told else { return ptr::null_mut() };
        self.registered.set(self.registered.get() - 1);
        told
    }
}

impl Drop for Waitables {
    fn drop(&mut self) {
        for (waitable, _) in self.entries.get_mut().iter().filter(|(_, entry)| entry.joined) {
            // SAFETY: whoever holds the handle unregisters before dropping it, so it is alive.
            unsafe { join(waitable, 0) };
        }
        let set = self.set.get();
        if set == 0 {
            return;
        }
        // Nobody waits for it: its task has ended.
        let kept = SETS.with_borrow(Vec::len) < KEPT;
        if kept {
            SETS.with_borrow_mut(|sets| sets.push(set));
        } else {
            // SAFETY: the set is ours and empty.
            unsafe { set_drop(set) };
        }
    }
}
