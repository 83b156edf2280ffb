"""What `TransportSocket` stands around where there is no descriptor: the description of a socket."""

import errno
import os
import socket


class DescribedSocket:
    """Addresses and options of a socket that the host has."""

    __slots__ = ('family', '_own', '_peer', 'listener', '__weakref__')
    type = socket.SOCK_STREAM

    def __init__(self, family, own, peer=None, listener=None):
        self.family, self._own, self._peer, self.listener = socket.AddressFamily(family), own, peer, listener

    @property
    def proto(self):
        return socket.IPPROTO_TCP if self.family in (socket.AF_INET, socket.AF_INET6) else 0

    def getsockname(self):
        return self._own

    def getpeername(self):
        if self._peer is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._peer

    def fileno(self):
        return -1

    def setsockopt(self, *arguments):
        """Without effect: options are the host's."""

    def getsockopt(self, level, option, *arguments):
        return self.type if option == getattr(socket, 'SO_TYPE', None) else 0

    def setblocking(self, flag):
        """Without effect."""

    def settimeout(self, timeout):
        """Without effect."""

    def gettimeout(self):
        return 0

    def listen(self, backlog=0):
        """Without effect: the loop listens."""

    def close(self):
        """Without effect: the transport or the server closes."""

    def __repr__(self):
        peer = '' if self._peer is None else f', raddr={self._peer}'
        return f'<socket.socket fd=-1, family={self.family}, type={self.type}, proto={self.proto}, laddr={self._own}{peer}>'
