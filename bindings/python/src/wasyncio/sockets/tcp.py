"""A TCP socket over `wasi:sockets`, with the states and answers of the system's."""

import errno
import socket as names

import wit_world
from componentize_py_types import Err
from wit_world.imports import wasi_sockets_types as wasi

from . import errors
from .descriptor import failure
from .listening import Listener, start
from .streams import Streams, handle_of
from .waiting import Operation



def to_wasi(address, family):
    """The address of a tuple as Python has them, with a host that is a number."""
    if family == names.AF_INET6:
        host, port, flow, scope = (*address, 0, 0)[:4]
        packed = names.inet_pton(names.AF_INET6, host)
        groups = tuple(int.from_bytes(packed[i:i + 2]) for i in range(0, 16, 2))
        return wasi.IpSocketAddress_Ipv6(wasi.Ipv6SocketAddress(port, flow, groups, scope))
    host, port = address[:2]
    return wasi.IpSocketAddress_Ipv4(wasi.Ipv4SocketAddress(port, tuple(names.inet_pton(names.AF_INET, host))))


def from_wasi(address):
    """The tuple that Python has for an address."""
    value = address.value
    if isinstance(address, wasi.IpSocketAddress_Ipv4):
        return '.'.join(map(str, value.address)), value.port
    packed = b''.join(group.to_bytes(2) for group in value.address)
    return names.inet_ntop(names.AF_INET6, packed), value.port, value.flow_info, value.scope_id


class TcpDescriptor(Streams):
    """A TCP socket: fresh, then connecting and connected, or listening."""

    def __init__(self, family, socket=None):
        super().__init__()
        self.family = family
        if socket is None:
            kind = wasi.IpAddressFamily.IPV6 if family == names.AF_INET6 else wasi.IpAddressFamily.IPV4
            socket = _called(wasi.TcpSocket.create, kind)
        self._socket = socket
        self._connecting = False
        self._listener = None
        self._name = None
        # What connecting failed with, until somebody has asked.
        self._error = 0
        self._address = None
        self._begun = False

    # -- names

    def local_name(self):
        if self._name is not None:
            return self._name
        try:
            return from_wasi(self._socket.get_local_address())
        except Err:
            return ('::', 0, 0, 0) if self.family == names.AF_INET6 else ('0.0.0.0', 0)

    def remote_name(self):
        if not self._connected:
            raise failure(errno.ENOTCONN)
        return from_wasi(_called(self._socket.get_remote_address))

    # -- becoming something

    def bind(self, address):
        try:
            self._socket.bind(to_wasi(address, self.family))
        except Err as error:
            raise _refused(error.value, '--allow-listen', address) from None

    def listen(self, backlog):
        if self._listener is not None:
            return
        if self._connected or self._connecting:
            raise failure(errno.EINVAL)
        self._name = self.local_name()
        socket, self._socket = self._socket, None
        try:
            self._listener = Listener(self.family, socket, backlog, self.changed)
        except PermissionError:
            raise errors.denied('--allow-listen', self._name) from None
        self._name = self._listener.name() or self._name

    def to_server(self, backlog, start_serving):
        """The component's server that this listens with, or is to listen with."""
        if self._connected or self._connecting:
            raise ValueError('A Stream Socket was expected that is bound')
        if self._listener is not None:
            return self._listener.give()
        self._name = self.local_name()
        socket, self._socket = self._socket, None
        return start(socket, backlog, start_serving)

    def connect(self, address):
        """Begins to connect; the outcome is `take_error`'s, once this is writable."""
        if self._connected:
            raise failure(errno.EISCONN)
        if self._connecting:
            raise failure(errno.EALREADY)
        if self._listener is not None:
            raise failure(errno.EOPNOTSUPP)
        self._connecting = True
        self._address = address
        Operation(self._socket.connect(to_wasi(address, self.family)), self._has_connected)

    def _has_connected(self, value, code):
        self._connecting = False
        if code is None:
            self._connected = True
        else:
            self._error = errors.number(code)
        if self._closed:
            self._release()
        else:
            self.changed()

    def _open(self):
        # Not before: a socket that is used by TLS from the first byte gives its streams away as they are.
        if self._connected and not self._begun:
            self._begun = True
            writer, outgoing = wit_world.byte_stream()
            sent = self._socket.send(outgoing)
            incoming, received = self._socket.receive()
            self._stands(handle_of(writer), handle_of(incoming), received, sent)

    def give(self, securing):
        if self._begun:
            super().give(securing)
            return
        self._begun = True
        sent = self._socket.send(securing.outgoing())
        incoming, received = self._socket.receive()
        securing.receive(incoming, b'')
        self._kept = sent, received

    @property
    def connecting(self):
        return self._connecting

    def take_error(self):
        """The number of what has failed since this was asked, 0 for nothing."""
        error, self._error = self._error, 0
        return error

    def refusal(self, number):
        """The exception for what connecting failed with."""
        if number == errno.EACCES:
            return errors.denied('--allow-connect', self._address)
        return failure(number)

    def accept(self):
        """A descriptor of a connection; `None` if it would have to wait."""
        if self._listener is None:
            raise failure(errno.EINVAL)
        accepted = self._listener.take()
        if accepted is None and self._listener.ended:
            raise failure(errno.EINVAL)
        return accepted

    # -- bytes, for which a socket that is connecting has to be waited for

    def recv(self, size, peek=False):
        return None if self._connecting else super().recv(size, peek)

    def send(self, data):
        return None if self._connecting else super().send(data)

    # -- readiness

    def readable(self):
        if self._listener is not None:
            self._listener.begin()
            return self._listener.ready
        if not self._connected:
            return not self._connecting  # What a read would say is an error.
        return super().readable()

    def writable(self):
        if not self._connected:
            return not self._connecting
        return super().writable()

    # -- the end

    def close(self):
        super().close()
        self._release()

    def _release(self):
        """Lets go of the socket, once no call in flight borrows it. Streams that were taken go on."""
        if self._connecting:
            return
        if self._listener is not None:
            self._listener.close()
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.__exit__(None, None, None)

    # -- options

    def option(self, level, option):
        get = _OPTIONS.get((level, option))
        if get is not None and self._socket is None:
            raise failure(errno.EINVAL)
        return None if get is None else int(_called(getattr(self._socket, f'get_{get[0]}')) // get[1])

    def set_option(self, level, option, value):
        """Sets it, and returns whether there is such an option."""
        found = _OPTIONS.get((level, option))
        if found is None:
            return False
        name, unit = found
        if self._socket is None:
            # It listens: WASI has given it away. Sizes are hints, which nobody can tell from those that were followed.
            if not name.endswith('_buffer_size'):
                raise failure(errno.EINVAL)
            return True
        _called(getattr(self._socket, f'set_{name}'), bool(value) if name == 'keep_alive_enabled' else value * unit)
        return True


# The options that WASI has, and the unit of their value there.
_OPTIONS = {
    (level, getattr(names, option)): (name, unit)
    for level, option, name, unit in [
        (names.SOL_SOCKET, 'SO_KEEPALIVE', 'keep_alive_enabled', 1),
        (names.SOL_SOCKET, 'SO_RCVBUF', 'receive_buffer_size', 1),
        (names.SOL_SOCKET, 'SO_SNDBUF', 'send_buffer_size', 1),
        (names.IPPROTO_TCP, 'TCP_KEEPIDLE', 'keep_alive_idle_time', 1_000_000_000),
        (names.IPPROTO_TCP, 'TCP_KEEPINTVL', 'keep_alive_interval', 1_000_000_000),
        (names.IPPROTO_TCP, 'TCP_KEEPCNT', 'keep_alive_count', 1),
        (names.IPPROTO_IP, 'IP_TTL', 'hop_limit', 1),
    ]
    if hasattr(names, option)
}


def _called(function, *arguments):
    try:
        return function(*arguments)
    except Err as error:
        raise errors.os_error(error.value) from None


def _refused(code, flag, address):
    if isinstance(code, wasi.ErrorCode_AccessDenied):
        return errors.denied(flag, address)
    return errors.os_error(code)
