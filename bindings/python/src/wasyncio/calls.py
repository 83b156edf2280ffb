"""Asynchronous imports of generated bindings: awaited in the running loop, or waited for where none runs.

componentize-py's own way needs its own loop; `install` puts this one in its place.
"""

import asyncio
import sys
from asyncio import events

import _wasyncio as native
import componentize_py_async_support as support
import componentize_py_runtime as runtime
from componentize_py_types import Ok

from . import poller

RETURNED = 2

_blocking = 0
_left = {}
"""By subtask: what calls that were given up borrow. A resource cannot be dropped before, and a call cannot be cancelled."""


async def _await_result(result):
    if isinstance(result, Ok):
        return result.value
    waitable, promise = result.value
    # A method's resource, in the frame of the generated function.
    owner = sys._getframe(1).f_locals.get('self')
    loop = events._get_running_loop()
    if _blocking or loop is None:
        return runtime.promise_get_result(_block(waitable), promise)
    answered = loop.create_future()

    def told(event, code, data):
        if event == native.SUBTASK and code < RETURNED:
            return
        poller.unregister(waitable)
        poller.BORROWING.discard(waitable)
        poller.CALLS.discard(waitable)
        if event == native.SUBTASK:
            native.subtask_drop(waitable)
        if answered.cancelled() or loop.is_closed():
            _left.pop(waitable, None)
            # Whatever it is, it is closed by being dropped.
            runtime.promise_get_result(code, promise)
        else:
            answered.set_result(code)

    poller.register(waitable, told)
    poller.CALLS.add(waitable)
    if owner is not None:
        poller.BORROWING.add(waitable)
    try:
        code = await answered
    except BaseException:
        if answered.done() and not answered.cancelled():
            # It had answered, in the same turn.
            runtime.promise_get_result(answered.result(), promise)
        else:
            answered.cancel()
            _left[waitable] = owner
        raise
    return runtime.promise_get_result(code, promise)


_set = 0


def _block(waitable):
    """Waits for one waitable alone: its code."""
    global _set
    _set = _set or native.set_new()
    native.join(waitable, _set)
    while True:
        for event, which, code, _ in native.gather(_set, True):
            if which == waitable and not (event == native.SUBTASK and code < RETURNED):
                native.join(waitable, 0)
                if event == native.SUBTASK:
                    native.subtask_drop(waitable)
                return code


def block(coroutine):
    """Runs a coroutine that awaits nothing but calls of imports, to its end. The loop, if one runs, stands still meanwhile."""
    global _blocking
    _blocking += 1
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    finally:
        _blocking -= 1
        coroutine.close()
    raise RuntimeError('it waits for something else than a call')


def _first_poll(export, borrows, coroutine):
    """Runs an export, which waits by `native.gather` alone, to its end."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value = stop.value
    else:
        raise RuntimeError('an export must not wait')
    runtime.call_task_return(export, borrows, value if isinstance(value, Ok) or type(value).__name__ == 'Err' else Ok(value))
    return 0


def install():
    """Has generated code use this. Before an export is called: also while a component is built."""
    support.await_result = _await_result
    support.first_poll = _first_poll


def leave_other_loop():
    """componentize-py marks its own loop as the running one."""
    asyncio._set_running_loop(None)
