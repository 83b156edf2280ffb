//! Wakes a task that rests, from another task of the component.
//!
//! The alarm is a stream of units, both ends of which are ours. Its readable end is in the set of the task, with a read in flight
//! as long as the task rests; who writes to it makes the host resume the task.

#![expect(unsafe_code, reason = "reads and writes a stream of the canonical ABI")]

use std::ptr;

use crate::intrinsics::{
    BLOCKED, join, unit_cancel_read, unit_drop_readable, unit_drop_writable, unit_new, unit_read, unit_write,
};

/// A stream of units whose readable end is in one set as long as this lives.
pub(crate) struct Alarm {
    readable: u32,
    writable: u32,
    /// A read is in flight, or has ended and its event was not delivered.
    armed: bool,
    /// It was written to, and the event of the read was not delivered.
    rung: bool,
}

impl Alarm {
    /// An alarm in `set`, not armed.
    pub(crate) fn new(set: u32) -> Self {
        // SAFETY: makes two handles, which this owns.
        let ends = unsafe { unit_new() };
        let (readable, writable) = (ends as u32, (ends >> 32) as u32);
        // SAFETY: the handle is ours, and `Drop` takes it out of the set before it drops it.
        unsafe { join(readable, set) };
        Self { readable, writable, armed: false, rung: false }
    }

    /// Has a read in flight.
    pub(crate) fn arm(&mut self) {
        if !self.armed {
            // SAFETY: the handle is ours and has nothing in flight; units need no memory.
            self.armed = unsafe { unit_read(self.readable, ptr::null_mut(), 1) } == BLOCKED;
        }
    }

    /// Has the host deliver an event to the set, if it is armed. Once is enough until that event was delivered.
    pub(crate) fn ring(&mut self) {
        if self.armed && !self.rung {
            self.rung = true;
            // SAFETY: the handle is ours, and the other end has a read of one unit in flight, so that this ends at once.
            unsafe { unit_write(self.writable, ptr::null(), 1) };
        }
    }

    /// Whether an event of `waitable`, which the host has delivered, is this alarm's.
    pub(crate) fn takes_event(&mut self, waitable: u32) -> bool {
        let ours = self.readable == waitable;
        if ours {
            self.armed = false;
            self.rung = false;
        }
        ours
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // SAFETY: both ends are ours and dropped once, out of every set. A read in flight is ended first: at once, since its
        // other end is in this component.
        unsafe {
            join(self.readable, 0);
            if self.armed {
                unit_cancel_read(self.readable);
            }
            unit_drop_writable(self.writable);
            unit_drop_readable(self.readable);
        }
    }
}
