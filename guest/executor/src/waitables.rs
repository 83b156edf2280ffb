//! The set of what a task waits for, and whom to tell of each.
//!
//! Invariants:
//! 1. A waitable is in the set while it is registered; one that was registered to stay, also between registrations.
//! 2. A waitable that does not stay leaves the set before its callback is called, as wit-bindgen's callbacks expect.
//! 3. Every callback is called or handed back by `unregister`, once.

#![expect(unsafe_code, reason = "calls the canonical ABI and C callbacks")]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;

use crate::abi::Callback;
use crate::entries::Entries;
use crate::intrinsics::{join, set_drop, set_new, set_poll};

/// A set of waitables.
#[derive(Default)]
pub(crate) struct Waitables {
    /// 0 before it is needed: many a call answers at once.
    set: Cell<u32>,
    entries: RefCell<Entries<Entry>>,
    /// How many callbacks are registered.
    registered: Cell<usize>,
}

/// What is known of a waitable.
#[derive(Clone, Copy, Default)]
struct Entry {
    registered: Option<(Callback, *mut c_void)>,
    /// It is in the set.
    joined: bool,
    /// It stays in the set when its callback is called.
    stays: bool,
}

/// Whether a waitable stays in the set when its callback is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    Yes,
    No,
}

impl Waitables {
    /// The set's handle.
    pub(crate) fn set(&self) -> u32 {
        if self.set.get() == 0 {
            // SAFETY: makes a handle, which this owns. Sets are asked for in tasks alone.
            self.set.set(unsafe { set_new() });
        }
        self.set.get()
    }

    /// Whether no callback is registered.
    pub(crate) fn is_empty(&self) -> bool {
        self.registered.get() == 0
    }

    /// Registers a callback for the next event of `waitable`. Returns the data that was registered before, or null.
    ///
    /// # Safety
    /// `waitable` is a handle of this component's with an operation in flight. It stays one, and `data` stays valid for
    /// `callback`, until `callback` is called or [`Waitables::unregister`] or [`Waitables::close`] was. One that stays is
    /// unregistered before its handle is dropped or given away, also if its callback was called.
    pub(crate) unsafe fn register(
        &self,
        waitable: u32,
        callback: Callback,
        data: *mut c_void,
        stay: Stay,
    ) -> *mut c_void {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.entry(waitable);
        if !entry.joined {
            // SAFETY: the caller's promise: the handle is this component's. The set is ours.
            unsafe { join(waitable, self.set()) };
        }
        let before = entry.registered.replace((callback, data));
        entry.joined = true;
        entry.stays = stay == Stay::Yes;
        if before.is_none() {
            self.registered.set(self.registered.get() + 1);
        }
        before.map_or(ptr::null_mut(), |(_, data)| data)
    }

    /// Takes `waitable` out of the set. Returns the data that was registered, or null.
    pub(crate) fn unregister(&self, waitable: u32) -> *mut c_void {
        let Some(entry) = self.entries.borrow_mut().take(waitable) else { return ptr::null_mut() };
        self.leave(waitable, &entry);
        self.forget(entry.registered)
    }

    /// Calls what is registered for `waitable`, whose operation has ended with `code`.
    pub(crate) fn deliver(&self, waitable: u32, code: u32) {
        let registered = {
            let mut entries = self.entries.borrow_mut();
            let Some(entry) = entries.get_mut(waitable) else { return };
            if !entry.stays {
                self.leave(waitable, entry);
                entry.joined = false;
            }
            entry.registered.take()
        };
        self.forget(registered);
        if let Some((callback, data)) = registered {
            // SAFETY: `data` is valid, as whoever registered has promised: the callback was neither called nor handed back.
            unsafe { callback(data, code) };
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

    /// Takes everything out of the set, and forgets what is registered.
    pub(crate) fn clear(&self) {
        let entries = self.entries.take();
        entries.iter().for_each(|(waitable, entry)| self.leave(waitable, entry));
        self.registered.set(0);
    }

    /// As [`Waitables::clear`], and drops the set, in which is nothing else.
    pub(crate) fn close(&self) {
        self.clear();
        let set = self.set.take();
        if set != 0 {
            // SAFETY: the set is ours and empty, and nobody waits for it: its task has ended.
            unsafe { set_drop(set) };
        }
    }

    fn leave(&self, waitable: u32, entry: &Entry) {
        if entry.joined {
            // SAFETY: the handle is alive, as whoever registered has promised: it was not unregistered since.
            unsafe { join(waitable, 0) };
        }
    }

    fn forget(&self, registered: Option<(Callback, *mut c_void)>) -> *mut c_void {
        let Some((_, data)) = registered else { return ptr::null_mut() };
        self.registered.set(self.registered.get() - 1);
        data
    }
}

impl Drop for Waitables {
    fn drop(&mut self) {
        self.close();
    }
}
