"""`socketpair`: a connection in memory."""

import errno

from .descriptor import Descriptor, failure

# What one end holds for the other, in bytes, as much as a system's would.
_ROOM = 256 * 1024


class PairEnd(Descriptor):
    """One end. What it receives is kept here."""

    def __init__(self):
        super().__init__()
        self._received = bytearray()
        self._peer = None
        # Nothing more comes; nothing more may be sent.
        self._ended = False
        self._closed = False

    def local_name(self):
        return ''

    def remote_name(self):
        return ''

    def readable(self):
        return bool(self._received) or self._ended

    def writable(self):
        return self._peer is None or self._peer._ended or len(self._peer._received) < _ROOM

    def recv(self, size, peek=False):
        """Up to `size` bytes, empty at the end; `None` if it would have to wait."""
        if not self._received:
            return b'' if self._ended or not size else None
        data = bytes(self._received[:size])
        if not peek:
            del self._received[:size]
            if self._peer is not None:
                self._peer.changed()
        return data

    def send(self, data):
        """How many bytes were sent; `None` if it would have to wait."""
        peer = self._peer
        if peer is None or peer._ended:
            raise failure(errno.EPIPE)
        room = _ROOM - len(peer._received)
        if room <= 0:
            return None
        peer._received += data[:room]
        peer.changed()
        return min(len(data), room)

    def shutdown(self, reading, writing):
        if writing and self._peer is not None:
            self._peer._end()
        if reading:
            self._end()

    def _end(self):
        if not self._ended:
            self._ended = True
            self.changed()

    def close(self):
        peer, self._peer = self._peer, None
        self._end()
        if peer is not None:
            peer._peer = None
            peer._end()
            peer.changed()

    def take_error(self):
        return 0


def pair():
    """Two ends that are connected."""
    one, other = PairEnd(), PairEnd()
    one._peer, other._peer = other, one
    return one, other
