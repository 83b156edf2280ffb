"""Waiting without a loop, with a deadline: what `socket` stands on. Whoever else waits stands still meanwhile."""

import time

import _wasyncio as native

from . import errors, poller

_set = 0


def wait(waitable, timeout=None):
    """Waits for one event of a waitable alone: its code, and what a read has brought. None if there is none within so many seconds; the
    operation goes on then. The waitable is in no other set, and is in none afterwards."""
    global _set
    _set = _set or native.set_new()
    end = None if timeout is None else time.monotonic() + timeout
    timer = 0 if timeout is None else native.timer(max(int(timeout * 1e9), 1))
    native.join(waitable, _set)
    if timer:
        native.join(timer, _set)
    answer = None
    rang = False
    while answer is None and not rang:
        for event, which, code, data in native.gather(_set, True):
            if which == timer:
                rang = code == 2 or rang
            elif which == waitable and not (event == native.SUBTASK and code < 2):
                answer = code, data
        if answer is None and end is not None and time.monotonic() >= end:
            break
    native.join(waitable, 0)
    if timer and rang:
        native.join(timer, 0)
        native.subtask_drop(timer)
    elif timer:
        poller.start()
        poller.register(timer, lambda event, code, data: code == 2 and _forget(timer))
    return answer


def _forget(timer):
    poller.unregister(timer)
    native.subtask_drop(timer)


def read(connection, room, timeout=None):
    """At most `room` bytes; empty at the end. `TimeoutError` after so many seconds, with the read in flight given up, losing nothing.

    With a timeout of 0 it does not wait: `BlockingIOError` without bytes.
    """
    if connection.read_ahead:
        data = connection.read_ahead[:room]
        connection.read_ahead = connection.read_ahead[room:]
        return data
    if not connection.incoming:
        return b''
    got = native.read(connection.incoming, room)
    if got.__class__ is int and got == native.BLOCKED:
        if timeout == 0:
            native.yield_now()
        event = None if timeout == 0 else wait(connection.incoming, timeout)
        if event is None:
            got = native.cancel_read(connection.incoming)
            if got.__class__ is int and got & 15 != 1:
                raise BlockingIOError() if timeout == 0 else TimeoutError('timed out')
        else:
            code, data = event
            got = data if data is not None else code
    if got.__class__ is bytes:
        return got
    how = _how(connection.received)
    if how is not None:
        raise errors.of_code(how)
    return b''


def write(connection, data, timeout=None):
    """Sends some of the bytes: how many."""
    if not connection.outgoing:
        raise errors.of_code(10)
    code = native.write(connection.outgoing, bytes(data))
    if code == native.BLOCKED:
        event = None if timeout == 0 else wait(connection.outgoing, timeout)
        if event is None:
            code = native.cancel_write(connection.outgoing)
            if not code >> 4 and code & 15 != 1:
                raise BlockingIOError() if timeout == 0 else TimeoutError('timed out')
        else:
            code = event[0]
    if not code >> 4 and code & 15:
        how = _how(connection.sent)
        raise errors.of_code(10 if how is None else how)
    return code >> 4


def _how(future):
    how = native.ended(future)
    while how == native.BLOCKED:
        wait(future)
        how = native.ended(future)
    return how
