"""A socket that listens, and the connections that it has accepted: those of the component, whose server can be closed while it waits."""

import errno
import signal
from asyncio import events

import wit_world
from wit_world.imports import raw, sockets
from wit_world.imports import server as servers

from . import waiting
from ..errors import exception
from .descriptor import failure
from .streams import Streams, handle_of
from .waiting import Operation


def _name(info):
    """The address in what `get-extra-info` tells; `None` if it is not known."""
    return None if info is None else _tuple(info.value)


def _tuple(address):
    """The tuple that Python has for an address of the component."""
    if address.family.name == 'INET6':
        return address.host, address.port, address.flowinfo, address.scope_id
    return address.host, address.port


class Accepted(Streams):
    """A connection that somebody else has begun."""

    def __init__(self, family, connection):
        super().__init__()
        self.family = family
        self._connection = connection
        self._connected = True
        self._begun = False

    def local_name(self):
        return _name(self._connection.get_extra_info('sockname')) or ('0.0.0.0', 0)

    def remote_name(self):
        name = _name(self._connection.get_extra_info('peername'))
        if name is None:
            raise failure(errno.ENOTCONN)
        return name

    def connect(self, address):
        raise failure(errno.EISCONN)

    def bind(self, address):
        raise failure(errno.EINVAL)

    def listen(self, backlog):
        raise failure(errno.EINVAL)

    def accept(self):
        raise failure(errno.EINVAL)

    def take_error(self):
        return 0

    def _open(self):
        if not self._begun:
            self._begun = True
            writer, outgoing = wit_world.byte_stream()
            directions = self._connection.open(outgoing)
            self._stands(handle_of(writer), handle_of(directions.incoming), directions.received, directions.sent,
                         directions.read_ahead)

    def give(self, securing):
        if self._begun:
            super().give(securing)
            return
        self._begun = True
        directions = self._connection.open(securing.outgoing())
        securing.receive(directions.incoming, directions.read_ahead)
        self._kept = directions.sent, directions.received

    def close(self):
        self._open()
        super().close()
        self._connection.finished()


def stopped():
    """The host has the program stop: that is what Ctrl-C is natively, in the loop or in a call that blocks."""
    loop = events._get_running_loop()
    if loop is not None:
        loop._stopped()
        return
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, None)


def start(socket, backlog, serving):
    """A server of the component on a bound socket of WASI, which is given away. Raises `OSError`."""
    options = servers.ServerOptions(None, None, None, max(int(backlog), 1), None, None, None, serving)
    outcome = []
    Operation(sockets.start_server(socket, options), lambda *answer: outcome.append(answer))
    waiting.wait(lambda: bool(outcome))
    server, error = outcome[0]
    if error is not None:
        raise exception(error)
    return server


class Listener:
    """What listens, and who has connected."""

    def __init__(self, family, socket, backlog, changed):
        """Raises `OSError`; the socket is given away."""
        self._family = family
        self._changed = changed
        self._waiting = []
        self._accepting = False
        self.ended = False
        self._server = start(socket, backlog, True)

    def name(self):
        """The address that it listens at, once it does."""
        found = self._server.sockets()
        return _tuple(found[0]) if found else None

    def begin(self):
        """Has connections be accepted, as far as none waits."""
        if not self._waiting and not self._accepting and not self.ended:
            self._accepting = True
            Operation(raw.accept(self._server), self._has_accepted)

    def _has_accepted(self, connections, error):
        self._accepting = False
        if self._server is None:
            connections = []
        elif error is not None or not connections:
            # Nobody here has closed it: the host has the program stop.
            self.ended = True
            stopped()
        self._waiting += connections or []
        self._changed()

    def give(self):
        """The server, which is the caller's from now on. Nobody waits in it."""
        if self._accepting or self._server is None:
            raise failure(errno.EINVAL)
        server, self._server, self.ended = self._server, None, True
        return server

    @property
    def ready(self):
        return bool(self._waiting) or self.ended

    def take(self):
        """A connection, or `None`."""
        self.begin()
        return Accepted(self._family, self._waiting.pop(0)) if self._waiting else None

    def close(self):
        server, self._server = self._server, None
        if server is not None:
            server.close()
            waiting.wait(lambda: not self._accepting)
            server.__exit__(None, None, None)
        self._waiting.clear()
