"""The one waitable set of the program, and who is told of its events.

Calls that were given up, and timers that nobody needs any more, cannot be cancelled, so they outlive a loop: the set is of the program and
not of a loop.
"""

import time

import _wasyncio as native

SET = 0
"""The set, once `start` was called: what runs while `python.wasm` is built has handles of its own."""

HANDLERS = {}
"""By waitable: called with the event, its code, and what a read has brought."""


BORROWING = set()
"""Subtasks that borrow a resource, which traps when it is dropped before they have answered."""

CALLS = set()
"""All subtasks of calls of the component. Where one answers after an export has returned, wasmtime traps."""


def start():
    """Makes the set, once, when the program runs."""
    global SET
    SET = SET or native.set_new()


def register(waitable, handler):
    """From now on `handler` is told of the events of a waitable."""
    HANDLERS[waitable] = handler
    native.join(waitable, SET)


def unregister(waitable):
    """Nobody is told any more. To be called before a handle is dropped, or waited for elsewhere."""
    if HANDLERS.pop(waitable, None) is not None:
        native.join(waitable, 0)


def dispatch(events):
    """Tells of events that `native.gather` gave."""
    handlers = HANDLERS
    for event, waitable, code, data in events:
        handler = handlers.get(waitable)
        if handler is not None:
            handler(event, code, data)


_alarms = {}
"""When the timers in flight end."""


def wake_in(seconds):
    """Has an event come then, or before, which does nothing. False: so long has passed already, and none will come."""
    at = time.monotonic() + seconds
    if any(alarm <= at for alarm in _alarms.values()):
        return True
    timer = native.timer(max(int(seconds * 1e9), 1))
    if not timer:
        return False
    _alarms[timer] = at
    register(timer, lambda event, code, data: _rang(timer, code))
    return True


def _rang(timer, code):
    if code == 2:
        del _alarms[timer]
        unregister(timer)
        native.subtask_drop(timer)


def settle(seconds):
    """Waits, at most so long, until no call is in flight that borrows something. What else comes is told as ever. Whether no call at
    all is in flight then."""
    end = time.monotonic() + seconds
    while BORROWING:
        left = end - time.monotonic()
        if left <= 0 or not wake_in(left):
            break
        dispatch(native.gather(SET, True))
    return not CALLS
