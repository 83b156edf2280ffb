"""A connection of the component, opened: two streams, two futures, and what is known of it. It knows no loop."""

import asyncio

import _wasyncio as native
from wit_world.imports import raw
from wit_world.imports import wasyncio_streams_types as types

from . import address, errors


class Connection:
    """The handles of one connection. Whoever has it calls `close`; a handle that is 0 is dropped already. What is known of it can
    be asked as long as this lives.

    `read_ahead` was received before: it comes before what `incoming` brings. `below` is the connection that a session of TLS is on, if
    it was one before.
    """

    __slots__ = ('handle', 'outgoing', 'incoming', 'received', 'sent', 'read_ahead', 'below', '__weakref__')

    def __init__(self, handle):
        """Opens the connection with this handle. `ConnectionAbortedError` if it was ended before."""
        self.handle = self.outgoing = self.incoming = self.received = self.sent = 0
        opened = native.open(handle)
        if opened is None:
            native.drop_connection(handle)
            raise ConnectionAbortedError('the connection was ended')
        self.outgoing, self.incoming, self.received, self.sent, self.read_ahead = opened
        self.handle = handle

    @classmethod
    async def connect(cls, call):
        """Of a reader and a writer that this call of an import brings."""
        reader, writer = await errors.raising(call)
        resource = await errors.raising(raw.take(reader, writer))
        return cls(disown(resource))

    def get_extra_info(self, name):
        """What the component knows: addresses as the `socket` module has them, a `socket-info` as it is. None if nothing."""
        info = raw.Connection.get_extra_info(self, name)
        if info is None:
            return None
        value = info.value
        return address.of_component(value) if isinstance(value, types.SocketAddress) else value

    def names(self):
        """The address of this end and of the peer, None for what is not known, and the family."""
        info = raw.Connection.get_extra_info(self, 'socket')
        if info is None:
            return None, None, 0
        info = info.value
        own, peer = (None if one is None else address.of_component(one) for one in (info.sockname, info.peername))
        return own, peer, address.family(info.family)

    def end_sending(self):
        """Ends the sending side. No write is in flight."""
        if self.outgoing:
            native.drop_outgoing(self.outgoing)
            self.outgoing = 0

    def end_receiving(self):
        """Receives nothing more; a read in flight is ended."""
        if self.incoming:
            native.cancel_read(self.incoming)
            native.drop_incoming(self.incoming)
            self.incoming = 0

    def close(self):
        """Drops everything. What was not sent yet is lost."""
        if self.outgoing:
            native.cancel_write(self.outgoing)
        self.end_sending()
        self.end_receiving()
        if self.received:
            native.drop_ended(self.received)
            native.drop_ended(self.sent)
            self.received = self.sent = 0

    def __del__(self):
        if self.handle:
            self.close()
            native.drop_connection(self.handle)
            self.handle = 0


def disown(resource):
    """The handle of a generated object, which does not drop it any more."""
    finalizer = resource.finalizer
    if finalizer is not None:
        finalizer.detach()
    return resource.handle
