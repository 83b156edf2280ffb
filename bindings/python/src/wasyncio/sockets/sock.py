"""What CPython's `_socket` is: the class under `socket.socket`, and the functions beside it. `socket.py` is CPython's own."""

import errno
import os
import warnings

from . import lookup, waiting
from . import descriptor as descriptors
from .descriptor import failure
from .pair import pair

# The numbers of WASI's C library, where `_socket` has none.
AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX = 0, 1, 2, 3
SOCK_DGRAM, SOCK_STREAM = 5, 6
SHUT_RD, SHUT_WR, SHUT_RDWR = 1, 2, 3
IPPROTO_TCP = 6
# `SOCK_NONBLOCK` and `SOCK_CLOEXEC` of WASI.
_TYPE_FLAGS = 0x6000

_default_timeout = None


def getdefaulttimeout():
    return _default_timeout


def setdefaulttimeout(timeout):
    global _default_timeout
    _default_timeout = _checked_timeout(timeout)


def _checked_timeout(timeout):
    if timeout is None:
        return None
    timeout = float(timeout)
    if timeout < 0:
        raise ValueError('Timeout value out of range')
    return timeout


def _bytes(data):
    """The bytes of anything that has some."""
    return data if type(data) is bytes else memoryview(data).cast('B')


class socket:
    """A socket of the system, as CPython's C code has it. What cannot be had here is an `OSError` that says why."""

    # As the C class has none; `socket.socket` adds those that it needs.
    __slots__ = ('_fd', '_family', '_type', '_proto', '_timeout')

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        self._timeout = _default_timeout
        if fileno is not None:
            kept = descriptors.get(fileno)
            self._fd = fileno
            self._family = kept.family if family == -1 else int(family)
            self._type = SOCK_STREAM if type == -1 else int(type)
            self._proto = 0 if proto == -1 else int(proto)
            return
        self._fd = -1
        self._family = AF_INET if family == -1 else int(family)
        kind = SOCK_STREAM if type == -1 else int(type)
        self._type = kind & ~_TYPE_FLAGS
        self._proto = 0 if proto == -1 else int(proto)
        if self._type == SOCK_DGRAM:
            raise OSError(errno.EPROTONOSUPPORT, 'datagrams are not supported: the sandbox has no UDP')
        if self._type != SOCK_STREAM or self._proto not in (0, IPPROTO_TCP):
            raise failure(errno.EPROTONOSUPPORT)
        if self._family not in (AF_INET, AF_INET6):
            if self._family == AF_UNIX:
                raise OSError(errno.EAFNOSUPPORT, 'Unix sockets are those of asyncio alone, such as open_unix_connection')
            raise failure(errno.EAFNOSUPPORT)
        from .tcp import TcpDescriptor
        self._fd = descriptors.add(TcpDescriptor(self._family))

    def __del__(self):
        if getattr(self, '_fd', -1) >= 0 and descriptors is not None:
            try:
                warnings.warn(f'unclosed {self!r}', ResourceWarning, source=self)
            finally:
                socket.close(self)

    def __repr__(self):
        return f'<socket object, fd={self._fd}, family={self._family}, type={self._type}, proto={self._proto}>'

    @property
    def family(self):
        return self._family

    @property
    def type(self):
        return self._type

    @property
    def proto(self):
        return self._proto

    @property
    def _of(self):
        return descriptors.get(self._fd)

    def fileno(self):
        return self._fd

    def detach(self):
        number, self._fd = self._fd, -1
        return number

    def close(self):
        number, self._fd = self._fd, -1
        if number >= 0:
            descriptors.close(number)

    # -- blocking

    def setblocking(self, blocking):
        self._timeout = None if blocking else 0.0

    def getblocking(self):
        return self._timeout != 0.0

    def settimeout(self, timeout):
        self._timeout = _checked_timeout(timeout)

    def gettimeout(self):
        return self._timeout

    timeout = property(gettimeout)

    def _until(self, attempt, ready):
        """What `attempt` gives once that is not `None`, as far as this socket waits."""
        answer = attempt()
        if answer is None and self._timeout == 0.0:
            waiting.poll()
            answer = attempt()
            if answer is None:
                raise failure(errno.EAGAIN)
        while answer is None:
            if not waiting.wait(ready, self._timeout):
                raise TimeoutError('timed out')
            answer = attempt()
        return answer

    # -- connecting and accepting

    def bind(self, address):
        self._of.bind(lookup.address(address, self._family, passive=True))

    def listen(self, backlog=128):
        self._of.listen(int(backlog))

    def _accept(self):
        of = self._of
        accepted = self._until(of.accept, of.readable)
        return descriptors.add(accepted), accepted.remote_name()

    def connect(self, address):
        number = self._connect(address)
        if number == errno.ETIMEDOUT and self._timeout:
            raise TimeoutError('timed out')
        if number:
            raise self._of.refusal(number)

    def connect_ex(self, address):
        return self._connect(address)

    def _connect(self, address):
        of = self._of
        of.connect(lookup.address(address, self._family))
        if of.connecting:
            if self._timeout == 0.0:
                return errno.EINPROGRESS
            if not waiting.wait(lambda: not of.connecting, self._timeout):
                return errno.ETIMEDOUT
        return of.take_error()

    def getsockname(self):
        return self._of.local_name()

    def getpeername(self):
        return self._of.remote_name()

    # -- bytes

    def recv(self, size, flags=0):
        if size < 0:
            raise ValueError('negative buffersize in recv')
        of, peek = self._of, bool(flags & _MSG_PEEK)
        return self._until(lambda: of.recv(size, peek), of.readable)

    def recv_into(self, buffer, size=0, flags=0):
        view = memoryview(buffer).cast('B')
        if size < 0:
            raise ValueError('negative buffersize in recv_into')
        if size > len(view):
            raise ValueError('buffer too small for requested bytes')
        data = socket.recv(self, size or len(view), flags)
        view[:len(data)] = data
        return len(data)

    def recvfrom(self, size, flags=0):
        return socket.recv(self, size, flags), None

    def recvfrom_into(self, buffer, size=0, flags=0):
        return socket.recv_into(self, buffer, size, flags), None

    def send(self, data, flags=0):
        of, view = self._of, _bytes(data)
        return self._until(lambda: of.send(view), of.writable)

    def sendall(self, data, flags=0):
        of, view = self._of, memoryview(_bytes(data))
        while view:
            view = view[self._until(lambda: of.send(view), of.writable):]
        # Whoever waits for it to be sent may wait for the answer next, so nothing is left behind here.

    def sendto(self, data, *flags_and_address):
        raise failure(errno.EISCONN)

    def sendmsg(self, buffers, ancdata=(), flags=0, address=None):
        if ancdata or address is not None:
            raise failure(errno.EOPNOTSUPP)
        return socket.send(self, b''.join(buffers), flags)

    def shutdown(self, how):
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise failure(errno.EINVAL)
        self._of.shutdown(bool(how & SHUT_RD), bool(how & SHUT_WR))

    # -- asyncio

    async def _wasyncio_transport(self, loop, protocol_factory, *tls):
        """A transport and its protocol over this connected socket, for the event loop."""
        from .in_loop import transport
        return await transport(self, loop, protocol_factory, *tls)

    async def _wasyncio_server(self, backlog, start_serving):
        """The component's server on this bound socket, for the event loop. The socket is given away."""
        return self._of.to_server(backlog, start_serving)

    # -- options

    def getsockopt(self, level, option, size=0):
        of = self._of
        if level == _SOL_SOCKET:
            if option == _SO_ERROR:
                return of.take_error()
            if option == _SO_TYPE:
                return self._type
        value = of.option(level, option) if hasattr(of, 'option') else None
        if value is None:
            value = _IGNORED.get((level, option))
        if value is None:
            raise failure(errno.ENOPROTOOPT)
        return value

    def setsockopt(self, level, option, value=0, size=0):
        of = self._of
        if hasattr(of, 'set_option') and isinstance(value, int) and of.set_option(level, option, value):
            return
        if (level, option) not in _IGNORED:
            raise failure(errno.ENOPROTOOPT)


SocketType = socket

_SOL_SOCKET = 0x7FFFFFFF
_SO_ERROR, _SO_TYPE, _SO_REUSEADDR, _SO_LINGER = 4, 3, 2, 13
_MSG_PEEK = 1
# Options that are so already, or mean nothing here, and their values: the host sends at once, and a port can be bound again.
_IGNORED = {}


def constants(real):
    """Takes the numbers that the C library has from CPython's own `_socket`, and gives it those that it lacks."""
    values = globals()
    for name in ('AF_UNSPEC', 'AF_INET', 'AF_INET6', 'AF_UNIX', 'SOCK_DGRAM', 'SOCK_STREAM', 'SHUT_RD', 'SHUT_WR', 'SHUT_RDWR',
                 'IPPROTO_TCP'):
        values[name] = getattr(real, name, values[name])
        setattr(real, name, values[name])
    values['_SOL_SOCKET'] = real.SOL_SOCKET
    for name in ('SO_ERROR', 'SO_TYPE', 'SO_REUSEADDR', 'SO_LINGER', 'MSG_PEEK'):
        values[f'_{name}'] = getattr(real, name, values[f'_{name}'])
    _IGNORED.update({(real.SOL_SOCKET, _SO_REUSEADDR): 1, (real.SOL_SOCKET, _SO_LINGER): 0})
    for level, option, value in [('IPPROTO_TCP', 'TCP_NODELAY', 1), ('IPPROTO_IPV6', 'IPV6_V6ONLY', 1)]:
        if hasattr(real, option):
            _IGNORED[getattr(real, level), getattr(real, option)] = value


def socketpair(family=None, type=SOCK_STREAM, proto=0):
    """Two sockets that are connected, in memory."""
    family = AF_UNIX if family is None else int(family)
    if int(type) & ~_TYPE_FLAGS != SOCK_STREAM or family != AF_UNIX:
        raise failure(errno.EOPNOTSUPP)
    ends = pair()
    for end in ends:
        end.family = family
    return tuple(socket(family, SOCK_STREAM, 0, descriptors.add(end)) for end in ends)


def close(fd):
    descriptors.close(fd)


def dup(fd):
    return descriptors.add(descriptors.get(fd))


def gethostname():
    return os.environ.get('HOSTNAME', 'localhost')
