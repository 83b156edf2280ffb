"""`threading.Lock` where there are no threads: to wait for one for ever is an error, where CPython's would trap.

Everything of `threading` and `queue` that blocks stands on it: conditions, events, semaphores, barriers, queues, `concurrent.futures`.
"""

import _queue
import _thread
import queue
import threading

_allocate = _thread.allocate_lock


class Lock:
    """As CPython's, which it has."""

    __slots__ = '_lock', 'release', 'locked', '__weakref__'

    def __init__(self):
        self._lock = lock = _allocate()
        self.release = lock.release
        self.locked = lock.locked

    def acquire(self, blocking=True, timeout=-1):
        if not blocking or timeout != -1:
            return self._lock.acquire(blocking, timeout)
        if self._lock.acquire(False):
            return True
        raise RuntimeError('this would wait for ever: there is no other thread in the sandbox that could end it')

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *error):
        self.release()

    def __repr__(self):
        return f'<{"locked" if self.locked() else "unlocked"} {__name__}.Lock at {id(self):#x}>'


def install():
    """Before anything makes a lock that could be waited for."""
    _thread.allocate_lock = _thread.allocate = _thread.LockType = Lock
    threading.Lock = threading._allocate_lock = Lock
    # That of C blocks below what can be changed.
    queue.SimpleQueue = _queue.SimpleQueue = queue._PySimpleQueue
