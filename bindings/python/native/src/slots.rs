//! What operations in flight need, by the handle of their waitable: the room that a read fills, the bytes that a write sends, the place
//! of an answer.

use core::ptr::null_mut;

use crate::python::{self, PyObject};

/// One handle's.
pub(crate) struct Slot {
    /// The room of a read, or the place of an answer; null or memory of libc.
    pub(crate) memory: *mut u8,
    /// How long it is.
    pub(crate) length: usize,
    /// The `bytes` that a write in flight sends.
    pub(crate) sending: *mut PyObject,
    /// How much room the next read is to have.
    pub(crate) room: usize,
    /// How many reads in a row have left most of their room empty.
    pub(crate) small: u32,
    /// An operation is in flight.
    pub(crate) busy: bool,
}

impl Slot {
    const EMPTY: Self = Self { memory: null_mut(), length: 0, sending: null_mut(), room: 0, small: 0, busy: false };

    /// Memory of at least this length. None without memory; what was there stays.
    pub(crate) fn reserve(&mut self, length: usize) -> Option<*mut u8> {
        if self.length < length {
            // SAFETY: null or ours, and no operation is in flight that would use it: those here have one at a time.
            let memory = unsafe { python::realloc(self.memory, length) };
            if memory.is_null() {
                return None;
            }
            self.memory = memory;
            self.length = length;
        }
        Some(self.memory)
    }

    /// A write has ended: its bytes are not needed any more.
    pub(crate) fn sent(&mut self) {
        self.busy = false;
        if !self.sending.is_null() {
            // SAFETY: the reference was taken as the write began.
            unsafe { python::release(self.sending) };
            self.sending = null_mut();
        }
    }

    /// Frees everything: the handle is dropped.
    pub(crate) fn clear(&mut self) {
        self.sent();
        if !self.memory.is_null() {
            // SAFETY: it is ours, and nothing is in flight.
            unsafe { python::free(self.memory) };
        }
        *self = Self::EMPTY;
    }
}

static mut SLOTS: *mut Slot = null_mut();
static mut COUNT: usize = 0;

/// The slot of a handle. None, without an exception set, without memory or if it is no handle.
///
/// The reference is for one use: the next call may move the slots.
pub(crate) fn slot(handle: i32) -> Option<&'static mut Slot> {
    let at = usize::try_from(handle).ok()?;
    // SAFETY: a component has one thread, and no reference is kept across a call of this.
    unsafe {
        if at >= COUNT {
            let count = (at + 1).checked_next_power_of_two()?;
            let memory = python::realloc(SLOTS.cast(), count.checked_mul(size_of::<Slot>())?);
            if memory.is_null() {
                return None;
            }
            SLOTS = memory.cast();
            while COUNT < count {
                SLOTS.add(COUNT).write(Slot::EMPTY);
                COUNT += 1;
            }
        }
        Some(&mut *SLOTS.add(at))
    }
}
