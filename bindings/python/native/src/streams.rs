//! Reading and writing streams of bytes.

use crate::abi;
use crate::python::{self, Answer, List, PyObject, bytes, int, none, number, tuple};
use crate::slots::{Slot, slot};

/// The room of a connection's first read.
const FIRST: usize = 1024;
/// The room of any read.
const LARGEST: usize = 65_536;

/// How many bytes a code tells of.
fn count(code: i32) -> usize {
    (code as u32 >> abi::STATE_BITS) as usize
}

/// The bytes that a read has brought. How many they are decides on the next read's room: one that fills it gets four times as much, two
/// in a row that leave three quarters empty take that back.
pub(crate) fn brought(slot: &mut Slot, code: i32) -> Answer {
    let count = count(code);
    if count >= slot.room {
        slot.room = (slot.room * 4).min(LARGEST);
        slot.small = 0;
    } else if count * 4 <= slot.room && slot.room > FIRST {
        slot.small += 1;
        if slot.small == 2 {
            slot.room /= 4;
            slot.small = 0;
        }
    } else {
        slot.small = 0;
    }
    // SAFETY: a read has written so many bytes to the room, and has ended.
    unsafe { bytes(slot.memory, count) }
}

/// `read(incoming, room)`.
pub(crate) fn read(incoming: i32, room: i32) -> Option<Answer> {
    let slot = slot(incoming)?;
    if slot.room == 0 {
        slot.room = FIRST;
    }
    let length = usize::try_from(room).ok().filter(|room| *room > 0).unwrap_or(LARGEST).min(slot.room);
    let memory = slot.reserve(length)?;
    slot.busy = true;
    // SAFETY: the room is as long, and stays until the read has ended: `drop_incoming` frees it.
    let code = unsafe { abi::stream_read(incoming, memory, length) };
    if code == abi::BLOCKED {
        return Some(int(code));
    }
    slot.busy = false;
    Some(if count(code) > 0 { brought(slot, code) } else { int(code) })
}

/// `write(outgoing, data)`.
///
/// # Safety
/// `data` is an object, or null with an exception set.
pub(crate) unsafe fn write(outgoing: i32, data: *mut PyObject) -> Option<i32> {
    // SAFETY: the caller's promise.
    let (memory, length) = unsafe { python::bytes_of(data)? };
    if length == 0 {
        return Some(0);
    }
    let slot = slot(outgoing)?;
    // SAFETY: the bytes stay as long as the object, which is kept until the write has ended.
    let code = unsafe { abi::stream_write(outgoing, memory, length) };
    if code == abi::BLOCKED {
        slot.busy = true;
        slot.sending = data;
        // SAFETY: the caller's promise.
        unsafe { python::keep(data) };
    }
    Some(code)
}

/// `flush(parts)`.
///
/// # Safety
/// `parts` is an object.
pub(crate) unsafe fn flush(parts: *mut PyObject) -> Option<Answer> {
    // SAFETY: the caller's promise.
    let length = unsafe { python::list_length(parts) };
    if length < 0 {
        return None;
    }
    let mut answers = List::of_length(length)?;
    let mut at = 0;
    while at < length {
        // SAFETY: the list lives during the call, and its items do; what they are is checked.
        unsafe {
            let part = python::list_item(parts, at);
            if part.is_null() {
                return None;
            }
            let outgoing = number(python::tuple_item(part, 0))?;
            let incoming = number(python::tuple_item(part, 1))?;
            let room = number(python::tuple_item(part, 2))?;
            let code = write(outgoing, python::tuple_item(part, 3))?;
            let received = if incoming == 0 { none() } else { read(incoming, room)? };
            answers.set(at, tuple([int(code), received]))?;
        }
        at += 1;
    }
    Some(answers.finish())
}

/// `cancel_read(incoming)`.
pub(crate) fn cancel_read(incoming: i32) -> Option<Answer> {
    if !slot(incoming)?.busy {
        return Some(int(0));
    }
    let code = abi::stream_cancel_read(incoming);
    let slot = slot(incoming)?;
    slot.busy = false;
    Some(if count(code) > 0 { brought(slot, code) } else { int(code) })
}

/// `cancel_write(outgoing)`.
pub(crate) fn cancel_write(outgoing: i32) -> Option<i32> {
    if !slot(outgoing)?.busy {
        return Some(0);
    }
    let code = abi::stream_cancel_write(outgoing);
    slot(outgoing)?.sent();
    Some(code)
}

/// `drop_incoming(incoming)`.
pub(crate) fn drop_incoming(incoming: i32) -> Option<()> {
    abi::waitable_join(incoming, 0);
    abi::stream_drop_readable(incoming);
    slot(incoming)?.clear();
    Some(())
}

/// `drop_outgoing(outgoing)`.
pub(crate) fn drop_outgoing(outgoing: i32) -> Option<()> {
    abi::waitable_join(outgoing, 0);
    abi::stream_drop_writable(outgoing);
    slot(outgoing)?.clear();
    Some(())
}
