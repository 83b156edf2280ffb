"""What CPython's `select` is, for stand-in sockets. Anything else, such as a file, is always ready, as it is natively."""

import errno

from . import descriptor as descriptors
from . import waiting
from .descriptor import failure

POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20


def _number(one):
    if isinstance(one, int):
        number = one
    elif hasattr(one, 'fileno'):
        number = one.fileno()
        if not isinstance(number, int):
            raise TypeError('fileno() returned a non-integer')
    else:
        raise TypeError('argument must be an int, or have a fileno() method.')
    if number < 0:
        raise ValueError(f'file descriptor cannot be a negative integer ({number})')
    return number


def _readable(number):
    return not descriptors.known(number) or descriptors.get(number).readable()


def _writable(number):
    return not descriptors.known(number) or descriptors.get(number).writable()


def select(rlist, wlist, xlist, timeout=None):
    if timeout is not None:
        timeout = float(timeout)
        if timeout < 0:
            raise ValueError('timeout must be non-negative')
    reading, writing = [(one, _number(one)) for one in rlist], [(one, _number(one)) for one in wlist]
    for one in xlist:
        _number(one)
    found = [], []

    def look():
        found[0][:] = [one for one, number in reading if _readable(number)]
        found[1][:] = [one for one, number in writing if _writable(number)]
        return bool(found[0] or found[1])

    if not reading and not writing:
        import time
        if timeout is None:
            raise OSError(errno.EDEADLK, 'this would wait for ever')
        time.sleep(timeout)
        return [], [], []
    waiting.poll()
    waiting.wait(look, timeout)
    return found[0], found[1], []


class poll:
    """`select.poll()`: sockets by their numbers, and what is waited for."""

    def __init__(self):
        self._events = {}

    def register(self, fd, eventmask=POLLIN | POLLPRI | POLLOUT):
        self._events[_number(fd)] = int(eventmask)

    def modify(self, fd, eventmask):
        number = _number(fd)
        if number not in self._events:
            raise failure(errno.ENOENT)
        self._events[number] = int(eventmask)

    def unregister(self, fd):
        del self._events[_number(fd)]

    def poll(self, timeout=None):
        """`timeout` is in milliseconds; negative or `None`: for ever."""
        found = []

        def look():
            found.clear()
            for number, mask in self._events.items():
                events = POLLIN if mask & POLLIN and _readable(number) else 0
                events |= POLLOUT if mask & POLLOUT and _writable(number) else 0
                if events:
                    found.append((number, events))
            return bool(found)

        seconds = None if timeout is None or timeout < 0 else timeout / 1000
        waiting.poll()
        waiting.wait(look, seconds)
        return found
