//! Waitable sets, events, timers.

use crate::abi;
use crate::python::{Answer, List, int, none, tuple};
use crate::slots::slot;
use crate::streams::brought;

/// The kinds of events.
pub(crate) const SUBTASK: i32 = 1;
pub(crate) const STREAM_READ: i32 = 2;
pub(crate) const STREAM_WRITE: i32 = 3;
pub(crate) const FUTURE_READ: i32 = 4;

/// How many events are told at once.
const MOST: u32 = 512;

/// `gather(set, block)`.
pub(crate) fn gather(set: i32, block: bool) -> Option<Answer> {
    let mut events = List::new()?;
    let mut event = [0; 2];
    let mut told = 0;
    while told < MOST {
        let kind = match block && told == 0 {
            true => abi::waitable_set_wait(set, &mut event),
            false => abi::waitable_set_poll(set, &mut event),
        };
        if kind == 0 {
            break;
        }
        let [waitable, code] = event;
        events.push(tuple([int(kind), int(waitable), int(code), ended(kind, waitable, code)]))?;
        told += 1;
    }
    Some(events.finish())
}

/// An operation has ended: what it has brought.
fn ended(kind: i32, waitable: i32, code: i32) -> Answer {
    let Some(slot) = slot(waitable) else { return none() };
    match kind {
        STREAM_READ => {
            slot.busy = false;
            if code as u32 >> abi::STATE_BITS != 0 {
                return brought(slot, code);
            }
        }
        STREAM_WRITE => slot.sent(),
        FUTURE_READ => slot.busy = false,
        _ => {}
    }
    none()
}

/// `timer(nanoseconds)`.
pub(crate) fn timer(nanoseconds: u64) -> i32 {
    let status = abi::wait_for(nanoseconds);
    // A call that has returned at once has no subtask.
    (status as u32 >> abi::STATE_BITS) as i32
}
