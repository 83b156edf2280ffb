"""A session between two buffers, whose ciphertext the program carries: `SSLContext.wrap_bio`, and so `SSLObject`."""

from componentize_py_types import Err
from wit_world.imports import tls_buffers
from wit_world.imports import wasyncio_host_tls as host

from ..calls import block
from . import errors
from .session import Known, Told, check_names
from .tls import SSLEOFError, SSLWantReadError, SSLWantWriteError, certificate_failure, failure

_CHUNK = 65536
# The program keeps time itself.
_HANDSHAKE, _SHUTDOWN = 60.0, 30.0


def _settings(context, server_side, server_hostname):
    identity, trust, mode, check_hostname, alpn, only13 = context._settings()
    if server_side:
        if identity is None:
            raise failure('[SSL: NO_SHARED_CIPHER] no shared cipher: load_cert_chain was not called')
        side = host.Side_Server(host.Server([
            host.ClientCertificates.NONE, host.ClientCertificates.OPTIONAL, host.ClientCertificates.REQUIRED][mode]))
    else:
        verification = host.Verification.NOTHING if not mode else host.Verification.NAME if check_hostname else host.Verification.AUTHORITY
        side = host.Side_Client(host.Client(server_hostname, verification))
    return host.Settings(side, identity, trust, alpn, only13, _HANDSHAKE, _SHUTDOWN, b'')


def _exception(error):
    """The exception for a `tls.error` of the host."""
    value = getattr(error, 'value', None)
    match type(error):
        case host.Error_Ssl:
            return failure(value.message, value.reason)
        case host.Error_Certificate:
            return certificate_failure(value.message, value.verify_code, value.verify_message)
        case host.Error_Denied:
            return PermissionError(2, value)
        case host.Error_Invalid:
            return ValueError(value)
        case host.Error_Connection:
            return errors.os_error(value)
    return OSError(value)


class BufferedSession(Known):
    """What CPython's `_ssl._SSLSocket` is over two of `MemoryBIO`. Whatever it is asked, it takes what came and leaves what is to be sent."""

    def __init__(self, context, incoming, outgoing, server_side, server_hostname, owner):
        check_names(context, server_side, server_hostname)
        self.context, self.server_side, self.server_hostname, self.owner = context, server_side, server_hostname, owner
        self.session = None
        self._incoming, self._outgoing = incoming, outgoing
        self._ended = self._said_end = self._heard_end = False
        self._ahead = b''
        self._known = None
        try:
            self._session = block(tls_buffers.Buffered.begin(_settings(context, server_side, server_hostname)))
        except Err as error:
            raise _exception(error.value) from None

    def _pump(self):
        """Takes what came, as far as it can be, and leaves what is to be sent. Raises what is wrong with it."""
        incoming, session = self._incoming, self._session
        try:
            while incoming._data:
                count = session.feed(bytes(incoming._data[:_CHUNK]))
                if not count:
                    break
                del incoming._data[:count]
            if incoming.eof and not self._ended:
                self._ended = True
                session.feed(b'')
        except Err as error:
            raise _exception(error.value) from None
        finally:
            self._send()

    def _send(self):
        while data := self._session.take(_CHUNK):
            self._outgoing._data += data

    def _want_read(self, what):
        if self._incoming.eof:
            raise SSLEOFError(8, '[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol')
        raise SSLWantReadError(2, f'The operation did not complete ({what})')

    # -- the handshake

    def do_handshake(self):
        if self._told() is None:
            self._pump()
            if self._told() is None:
                self._want_read('handshake')

    # -- bytes

    def _read(self, size):
        """At most so many bytes; None if there are none yet, empty at the end."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        if self._heard_end:
            return b''
        data = self._session.read(min(size, _CHUNK))
        if data is not None and not data:
            self._heard_end = True
        return data

    def _take(self, size):
        try:
            data = self._read(size)
            if data is None:
                self._pump()
                data = self._read(size)
        except Err as error:
            raise _exception(error.value) from None
        return data

    def read(self, size, buffer=None):
        self.do_handshake()
        if buffer is not None:
            view = memoryview(buffer).cast('B')
            size = min(size, len(view)) if size > 0 else len(view)
        if size < 0:
            raise ValueError('size should not be negative')
        data = self._take(size) if size else b''
        if data is None:
            self._want_read('read')
        if buffer is None:
            return bytes(data)
        view[:len(data)] = data
        return len(data)

    def write(self, data):
        self.do_handshake()
        view, sent = memoryview(data).cast('B'), 0
        try:
            while sent < len(view):
                count = self._session.write(bytes(view[sent:sent + _CHUNK]))
                self._send()
                if not count:
                    break
                sent += count
        except Err as error:
            self._send()
            raise _exception(error.value) from None
        if len(view) and not sent:
            raise SSLWantWriteError(3, 'The operation did not complete (write)')
        return sent

    def pending(self):
        if self._told() is None or self._ahead or self._heard_end:
            return len(self._ahead)
        try:
            self._ahead = bytes(self._session.read(_CHUNK) or b'')
        except Err:
            # It stays so: who reads is told.
            pass
        return len(self._ahead)

    def shutdown(self):
        """Says the end, and is done when the peer has."""
        if not self._said_end:
            self._said_end = True
            self._session.close()
        self._pump()
        # What the peer has still said is lost, as by OpenSSL.
        while not self._heard_end:
            if self._take(_CHUNK) is None:
                self._want_read('shutdown')
        self._send()

    # -- what is known

    def _told(self):
        if self._known is None:
            info = self._session.info()
            if info is not None:
                cipher = info.cipher.name, info.cipher.protocol, info.cipher.bits
                self._known = Told(info.version, cipher, info.alpn, info.peer_certificate, info.reused)
        return self._known
