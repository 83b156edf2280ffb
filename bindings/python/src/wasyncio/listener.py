"""What accepts for a `Server`: one server of the component, with all its listening sockets."""

import _wasyncio as native
from wit_world.imports import raw  # noqa: F401  The native module calls it.

from . import address, calls, poller
from .connection import Connection
from .stand_ins import DescribedSocket
from .transport import Transport

_TURNS = 4
"""How often in a row it takes connections that are there, before others have their turn."""


class Listener:
    """Owns a server of the component. It accepts from `start` on, until `close`."""

    def __init__(self, loop, resource, extra=None):
        self._loop, self._resource, self._extra = loop, resource, extra
        self._server = self._factory = None
        self._subtask = 0
        self._closed = False
        self.sockets = [
            DescribedSocket(address.family(each.family), address.of_component(each), None, self)
            for each in resource.sockets()
        ]

    def start(self, factory, server):
        """Begins to accept: each connection gets a protocol of `factory`."""
        if self._server is None and not self._closed:
            self._factory, self._server = factory, server
            self._accept()

    def _accept(self):
        for _ in range(_TURNS):
            if self._closed or self._subtask:
                return
            got = native.accept(self._resource.handle)
            if got.__class__ is int:
                self._subtask = got
                poller.register(got, self._answered)
                poller.BORROWING.add(got)
                poller.CALLS.add(got)
                return
            self._took(got)
        self._loop.call_soon(self._accept)

    def _answered(self, event, code, data):
        if code != calls.RETURNED:
            return
        subtask, self._subtask = self._subtask, 0
        poller.unregister(subtask)
        poller.BORROWING.discard(subtask)
        poller.CALLS.discard(subtask)
        self._took(native.accepted(subtask))
        if not self._closed:
            self._accept()

    def _took(self, connections):
        if not connections and not self._closed:
            # Nobody here has closed it: the host has the program stop.
            self._closed = True
            self._loop._stopped()
        for handle in connections:
            if self._closed or self._loop.is_closed():
                native.drop_connection(handle)
                continue
            try:
                connection = Connection(handle)
            except ConnectionAbortedError:
                continue
            self._serve(connection)

    def _serve(self, connection):
        try:
            protocol = self._factory()
            Transport(self._loop, connection, protocol, extra=self._extra and dict(self._extra), server=self._server)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            connection.close()
            if self._loop.get_debug():
                self._loop.call_exception_handler(
                    {'message': 'Error on transport creation for incoming connection', 'exception': exc}
                )

    def close(self):
        """Stops listening. What was accepted goes on."""
        if not self._closed:
            self._closed = True
            self._resource.close()

    def waits(self):
        """A call is in flight that borrows the server: it must have answered before the program ends."""
        return self._subtask != 0
