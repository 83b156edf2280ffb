"""What stand-in sockets have begun and the host has not ended yet, and waiting for it.

Each operation in flight is a waitable in the program's set, where an event loop that runs finds it. A call that blocks takes those of all
stand-in sockets into a set of their own and waits there, so that nothing else runs meanwhile, as natively.
"""

import errno
import time
import types

import _wasyncio as native
import componentize_py_async_support as support
import componentize_py_runtime as runtime
from componentize_py_types import Err, Ok

from .. import poller
from ..calls import RETURNED

# The waitables in flight, and who is told `(kind, code, data)` of their events.
_in_flight = {}
# Those of them that are calls, which borrow what they are of.
_calls = set()
# Where a call that blocks waits; it is made when there is one.
_own_set = 0
# Whether one does.
_apart = False
# When the next timer rings.
_timer_at = None
# Whether an operation takes a step, so that what it awaits is told to it and to no event loop.
_stepping = False
_await_result = support.await_result


def _awaited(result):
    return _stepped(result) if _stepping else _await_result(result)


@types.coroutine
def _stepped(result):
    if isinstance(result, Ok):
        return result.value
    waitable, promise = result.value
    code = yield waitable
    return runtime.promise_get_result(code, promise)


def _install():
    """Lets operations be stepped, whatever has put an `await_result` of its own in place before."""
    global _await_result
    if support.await_result is not _awaited:
        _await_result = support.await_result
        support.await_result = _awaited


def expect(waitable, callback):
    """Has `callback(kind, code, data)` called at the next event of a waitable in flight."""
    _in_flight[waitable] = callback
    poller.start()
    poller.register(waitable, lambda kind, code, data: _told(waitable, kind, code, data))
    if _apart:
        native.join(waitable, _own_set)


def forget(waitable):
    """Expects nothing more of a waitable."""
    if _in_flight.pop(waitable, None) is not None:
        poller.unregister(waitable)


def _told(waitable, kind, code, data):
    if kind == native.SUBTASK and code < RETURNED:
        return
    callback = _in_flight.pop(waitable, None)
    if callback is not None:
        poller.unregister(waitable)
        callback(kind, code, data)


class Operation:
    """A coroutine of generated code, run as far as it goes at once, and on at the events of what it waits for.

    `done(value, error)` is called once, at the end; the error is what an `Err` has in it.
    """

    def __init__(self, coroutine, done):
        self._coroutine = coroutine
        self._done = done
        self._step(None)

    def _step(self, code):
        global _stepping
        _install()
        value = error = waitable = None
        before, _stepping = _stepping, True
        try:
            waitable = self._coroutine.send(code)
        except StopIteration as stop:
            value = stop.value
        except Err as raised:
            error = raised.value
        finally:
            _stepping = before
        if waitable is None:
            self._done(value, error)
        else:
            _calls.add(waitable)
            expect(waitable, lambda kind, code, data: self._event(waitable, kind, code))

    def _event(self, waitable, kind, code):
        _calls.discard(waitable)
        if kind == native.SUBTASK:
            native.subtask_drop(waitable)
        self._step(code)


class _Apart:
    """While this is entered, what is in flight is in our own set."""

    def __enter__(self):
        global _apart, _own_set
        self._before, _apart = _apart, True
        _own_set = _own_set or native.set_new()
        if not self._before:
            for waitable in _in_flight:
                native.join(waitable, _own_set)

    def __exit__(self, *error):
        global _apart
        _apart = self._before
        if not _apart:
            for waitable in _in_flight:
                native.join(waitable, poller.SET)


def wait(ready, timeout=None):
    """Waits until `ready()`, for at most `timeout` seconds, and nothing else runs. Returns whether it is ready.

    Raises `OSError`, `EDEADLK`, if nothing is in flight that could make it so: natively the program would hang.
    """
    if ready():
        return True
    if timeout is not None and timeout <= 0:
        poll()
        return ready()
    with _Apart():
        end = None if timeout is None else time.monotonic() + timeout
        while not ready():
            if end is not None:
                if time.monotonic() >= end:
                    return False
                _arm(end)
            elif not _in_flight:
                raise OSError(errno.EDEADLK, 'this would wait for ever: nothing else runs that could answer')
            poller.dispatch(native.gather(_own_set, True))
        return True


def _arm(end):
    """Has a timer ring at `end` at the latest. One that rings before is as good: whoever waits looks at the clock."""
    global _timer_at
    if _timer_at is not None and _timer_at <= end:
        return
    timer = native.timer(max(int((end - time.monotonic()) * 1e9), 1))
    if not timer:
        return
    _timer_at = end

    def rang(kind, code, data):
        global _timer_at
        native.subtask_drop(timer)
        if _timer_at == end:
            _timer_at = None

    expect(timer, rang)


def poll():
    """Takes the events that are there."""
    if _in_flight:
        with _Apart():
            native.yield_now()
            poller.dispatch(native.gather(_own_set, False))


def calls_in_flight():
    """Whether there are calls that must not outlive the program."""
    return bool(_calls)
