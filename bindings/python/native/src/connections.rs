//! Connections of the interface `raw`.

use core::mem::MaybeUninit;

use crate::abi::{self, Accepted, Ended, Opened, Tag};
use crate::python::{self, Answer, List, bytes, int, none, tuple};
use crate::slots::slot;

/// The case `other` of `error-code`.
const OTHER: i32 = 14;

/// `accept(server)`.
pub(crate) fn accept(server: i32) -> Option<Answer> {
    // SAFETY: null is made anew.
    let answer: *mut Accepted = unsafe { python::realloc(core::ptr::null_mut(), size_of::<Accepted>()) }.cast();
    if answer.is_null() {
        return None;
    }
    // SAFETY: the place lasts until the call has returned: `take_accepted` frees it.
    let status = unsafe { abi::accept(server, answer) };
    let subtask = (status as u32 >> abi::STATE_BITS) as i32;
    if subtask == 0 {
        return take_accepted(answer);
    }
    let slot = slot(subtask)?;
    slot.clear();
    slot.memory = answer.cast();
    slot.length = size_of::<Accepted>();
    Some(int(subtask))
}

/// `accepted(subtask)`.
pub(crate) fn accepted(subtask: i32) -> Option<Answer> {
    abi::waitable_join(subtask, 0);
    abi::subtask_drop(subtask);
    let slot = slot(subtask)?;
    let answer = slot.memory.cast();
    slot.memory = core::ptr::null_mut();
    slot.clear();
    take_accepted(answer)
}

/// The connections of a call that has returned. Frees its answer.
fn take_accepted(answer: *mut Accepted) -> Option<Answer> {
    let mut connections = List::new()?;
    if answer.is_null() {
        return Some(connections.finish());
    }
    // SAFETY: the call has returned, and has written there; the list is ours then.
    unsafe {
        if (*answer).failed == 0 {
            let mut at = 0;
            while at < (*answer).length {
                connections.push(int((*answer).list.add(at).read()))?;
                at += 1;
            }
            if (*answer).length > 0 {
                python::free((*answer).list.cast());
            }
        }
        python::free(answer.cast());
    }
    Some(connections.finish())
}

/// `open(connection)`.
pub(crate) fn open(connection: i32) -> Option<Answer> {
    let ends = abi::stream_new();
    let (readable, writable) = (ends as u32 as i32, (ends >> 32) as u32 as i32);
    let mut answer = Opened {
        failed: 0,
        read_ahead: core::ptr::null_mut(),
        read_ahead_length: 0,
        incoming: 0,
        received: 0,
        sent: 0,
        rest: [0; 16],
    };
    abi::connection_open(connection, readable, &mut answer);
    if answer.failed != 0 {
        abi::stream_drop_writable(writable);
        return Some(none());
    }
    // SAFETY: the list was written for us.
    let read_ahead = unsafe { bytes(answer.read_ahead, answer.read_ahead_length) };
    if answer.read_ahead_length > 0 {
        // SAFETY: it is of `cabi_realloc`, and nobody else's.
        unsafe { python::free(answer.read_ahead) };
    }
    Some(tuple([int(writable), int(answer.incoming), int(answer.received), int(answer.sent), read_ahead]))
}

/// `ended(future)`.
pub(crate) fn ended(future: i32) -> Option<Answer> {
    let slot = slot(future)?;
    if slot.busy {
        return Some(int(abi::BLOCKED));
    }
    if slot.memory.is_null() {
        let memory = slot.reserve(size_of::<Ended>())?;
        // SAFETY: the memory is as long; 14 is a case without a text, for a future that is dropped without a value.
        unsafe {
            memory.cast::<MaybeUninit<Ended>>().write(MaybeUninit::zeroed());
            (*memory.cast::<Ended>()).failed = Tag(1);
            (*memory.cast::<Ended>()).case = Tag(OTHER as u8);
        }
        // SAFETY: the place stays until the read has ended: `drop_ended` frees it.
        let code = unsafe { abi::future_read(future, memory) };
        if code == abi::BLOCKED {
            slot.busy = true;
            return Some(int(code));
        }
    }
    // SAFETY: the read has ended; the value is there, or what was written before.
    let value = unsafe { &*slot.memory.cast::<Ended>() };
    Some(if value.failed.0 == 0 { none() } else { int(i32::from(value.case.0)) })
}

/// `drop_ended(future)`.
pub(crate) fn drop_ended(future: i32) -> Option<()> {
    abi::waitable_join(future, 0);
    if slot(future)?.busy {
        abi::future_cancel_read(future);
    }
    abi::future_drop_readable(future);
    let slot = slot(future)?;
    if !slot.memory.is_null() {
        // SAFETY: no read is in flight any more; a text in the value is of `cabi_realloc` and ours.
        unsafe {
            let value = &*slot.memory.cast::<Ended>();
            if value.failed.0 != 0 && i32::from(value.case.0) == OTHER && value.has_text.0 != 0 && value.text_length > 0
            {
                python::free(value.text);
            }
        }
    }
    slot.clear();
    Some(())
}
