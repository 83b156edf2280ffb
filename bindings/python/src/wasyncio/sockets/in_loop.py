"""What an event loop does with stand-in sockets: `add_reader`, `sock_recv` and the like, and transports over them.

The functions above the watching are CPython's own, of `asyncio.selector_events`: they ask for readiness and call the socket.
"""

import errno
import weakref
from asyncio import events, selector_events

from . import descriptor as descriptors

_Selector = selector_events.BaseSelectorEventLoop


class _Watch:
    """The callbacks of one descriptor, called in every turn in which it is ready."""

    def __init__(self, loop, number):
        self._loop = loop
        self._descriptor = descriptors.get(number)
        self.reader = self.writer = None
        self._turn = None
        self._descriptor.watch(self.look)

    def look(self):
        """Has what is ready be called in the next turn."""
        if self._turn is None and not self._loop.is_closed():
            self._turn = self._loop.call_soon(self._go)

    def _go(self):
        self._turn = None
        again = False
        for handle, ready in ((self.reader, self._descriptor.readable), (self.writer, self._descriptor.writable)):
            # It may have gone away meanwhile.
            if handle is not None and not handle.cancelled() and ready():
                self._loop._add_callback(handle)
                again = True
        if again:
            self.look()

    def end(self):
        self._descriptor.unwatch(self.look)
        if self._turn is not None:
            self._turn.cancel()


class SocketMethods:
    """To be inherited by a loop, before `BaseEventLoop`."""

    _watches = None
    _open_transports = None

    @property
    def _transports(self):
        if self._open_transports is None:
            self._open_transports = weakref.WeakValueDictionary()
        return self._open_transports

    def get_key(self, fd):
        """Of the loop as its own selector; transports ask it when they are shown."""
        raise KeyError(fd)

    def _watch(self, fd):
        number = fd if isinstance(fd, int) else fd.fileno()
        if self._watches is None:
            self._watches = {}
        watch = self._watches.get(number)
        if watch is None:
            watch = self._watches[number] = _Watch(self, number)
        return watch

    def _add(self, kind, fd, callback, args):
        self._check_closed()
        watch = self._watch(fd)
        before = getattr(watch, kind)
        if before is not None:
            before.cancel()
        handle = events.Handle(callback, args, self, None)
        setattr(watch, kind, handle)
        watch.look()
        return handle

    def _remove(self, kind, fd):
        number = fd if isinstance(fd, int) else fd.fileno()
        watch = (self._watches or {}).get(number)
        handle = watch and getattr(watch, kind)
        if handle is None:
            return False
        setattr(watch, kind, None)
        handle.cancel()
        if watch.reader is None and watch.writer is None:
            del self._watches[number]
            watch.end()
        return True

    def _unwatch_all(self):
        """The loop is closed."""
        watches, self._watches = self._watches or {}, None
        for watch in watches.values():
            watch.end()

    def _add_reader(self, fd, callback, *args):
        return self._add('reader', fd, callback, args)

    def _add_writer(self, fd, callback, *args):
        return self._add('writer', fd, callback, args)

    def _remove_reader(self, fd):
        return self._remove('reader', fd)

    def _remove_writer(self, fd):
        return self._remove('writer', fd)

    def _add_callback(self, handle):
        """Has it run in this turn, or in the next."""
        if not handle.cancelled():
            self._ready.append(handle)

    def add_reader(self, fd, callback, *args):
        self._ensure_fd_no_transport(fd)
        self._add('reader', _checked(fd), callback, args)

    def add_writer(self, fd, callback, *args):
        self._ensure_fd_no_transport(fd)
        self._add('writer', _checked(fd), callback, args)

    def remove_reader(self, fd):
        self._ensure_fd_no_transport(fd)
        return self._remove('reader', fd)

    def remove_writer(self, fd):
        self._ensure_fd_no_transport(fd)
        return self._remove('writer', fd)


for _name in (
    'sock_recv', '_sock_recv', 'sock_recv_into', '_sock_recv_into', 'sock_sendall', '_sock_sendall', 'sock_connect', '_sock_connect',
    '_sock_connect_cb', '_sock_write_done', '_sock_read_done', 'sock_accept', '_sock_accept', '_ensure_fd_no_transport',
    '_make_ssl_transport',
):
    setattr(SocketMethods, _name, vars(_Selector)[_name])


def _checked(fd):
    number = fd if isinstance(fd, int) else fd.fileno()
    if not descriptors.known(number):
        raise OSError(errno.EPERM, 'only sockets can be watched in the sandbox')
    return number


async def transport(sock, loop, protocol_factory, ssl=None, server_side=False, server_hostname=None, handshake=None, shutdown=None):
    """A transport over a connected socket, and its protocol."""
    sock.setblocking(False)
    protocol = protocol_factory()
    waiter = loop.create_future()
    if ssl:
        made = loop._make_ssl_transport(
            sock, protocol, None if isinstance(ssl, bool) else ssl, waiter, server_side=server_side,
            server_hostname=server_hostname, ssl_handshake_timeout=handshake, ssl_shutdown_timeout=shutdown,
        )
    else:
        made = selector_events._SelectorSocketTransport(loop, sock, protocol, waiter)
    try:
        await waiter
    except BaseException:
        made.close()
        raise
    return made, protocol
