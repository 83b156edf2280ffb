"""Numbers that stand for sockets, as the system's descriptors do, so that `dup`, `detach` and `selectors` are CPython's."""

import errno
import os

# Above every number that a file of WASI gets.
_FIRST = 1 << 16

_table = {}
_free = []


def failure(code, *more):
    """The `OSError` of an error number, of the class that Python has for it."""
    return OSError(code, os.strerror(code), *more)


class Descriptor:
    """What a number stands for. Those who watch it are called whenever it may have become ready."""

    def __init__(self):
        self._numbers = 0
        self._watchers = []

    # -- what there is in every kind

    def readable(self):
        """Whether a read, or an accept, has an answer at once. What it needs to find out is begun."""
        raise NotImplementedError

    def writable(self):
        """Whether a write, or a connect, has an answer at once."""
        raise NotImplementedError

    def close(self):
        """The last number is gone."""
        raise NotImplementedError

    # -- watching

    def watch(self, callback):
        self._watchers.append(callback)

    def unwatch(self, callback):
        if callback in self._watchers:
            self._watchers.remove(callback)

    def changed(self):
        for callback in list(self._watchers):
            callback()


def add(descriptor):
    """Gives a descriptor a number, besides those that it has."""
    number = _free.pop() if _free else _FIRST + len(_table)
    _table[number] = descriptor
    descriptor._numbers += 1
    return number


def get(number):
    """The descriptor of a number.

    Raises `OSError`, `EBADF`, if it is none of ours.
    """
    descriptor = _table.get(number)
    if descriptor is None:
        raise failure(errno.EBADF)
    return descriptor


def known(number):
    return number in _table


def close(number):
    """Takes a number back, and closes what it stood for if that has no other."""
    descriptor = get(number)
    del _table[number]
    _free.append(number)
    descriptor._numbers -= 1
    if not descriptor._numbers:
        descriptor.close()


def all_open():
    """What has a number, once each."""
    return list(dict.fromkeys(_table.values()))


def install():
    """Has what `os` does with any descriptor know ours, which no other process could inherit."""
    for name, ours in (('get_inheritable', lambda number: False), ('set_inheritable', lambda number, value: None), ('close', close)):
        setattr(os, name, _or_ours(getattr(os, name, None), ours, name))


def _or_ours(theirs, ours, name):
    def call(fd, *arguments):
        if fd in _table or theirs is None:
            get(fd)
            return ours(fd, *arguments)
        return theirs(fd, *arguments)

    call.__name__ = call.__qualname__ = name
    return call
