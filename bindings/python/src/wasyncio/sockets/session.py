"""A session of TLS on a socket: the handshake, and what is known afterwards."""

import collections
import errno

from componentize_py_types import Err
from wit_world.imports import raw_tls
from wit_world.imports import wasyncio_streams_tls as tls

from . import waiting
from ..errors import exception
from .descriptor import failure as os_failure
from .tls import Certificate, SSLWantReadError, SSLWantWriteError
from .waiting import Operation

_MODES = [tls.VerifyMode.NONE, tls.VerifyMode.OPTIONAL, tls.VerifyMode.REQUIRED]


def options(context, server_hostname, handshake_timeout=None, shutdown_timeout=None):
    """The record of an `SSLContext` and the keyword arguments beside it, for every function of `tls` and `raw-tls`."""
    identity, trust, mode, check_hostname, alpn, only13 = context._settings()
    minimum = tls.TlsVersion.TLS13 if only13 else None
    return tls.SslOptions(identity, trust, _MODES[mode], check_hostname, alpn, minimum, server_hostname, handshake_timeout, shutdown_timeout)


def _check(record, server_side):
    try:
        raw_tls.Securing.begin(record, server_side).__exit__(None, None, None)
    except Err as error:
        raise exception(error.value) from None


def check_identity(name):
    """Raises `PermissionError` unless the policy has this identity."""
    _check(tls.SslOptions(name, None, None, None, [], None, None, None, None), True)


def check_trust(name):
    """Raises `PermissionError` unless the policy has these authorities."""
    _check(tls.SslOptions(None, name, None, None, [], None, 'localhost', None, None), False)


Told = collections.namedtuple('Told', 'version cipher alpn peercert reused')
"""What is known of a session: the cipher is a tuple as `SSLObject.cipher` has it, the certificate DER."""


class Known:
    """What a session tells of itself, by what `_told` gives: a `Told`, None before the handshake is over. It has a `context`."""

    @property
    def session_reused(self):
        told = self._told()
        return told is not None and told.reused

    def version(self):
        told = self._told()
        return None if told is None else told.version

    def cipher(self):
        told = self._told()
        return None if told is None else told.cipher

    def selected_alpn_protocol(self):
        told = self._told()
        return None if told is None else told.alpn

    def getpeercert(self, binary_form=False):
        told = self._told()
        if told is None:
            raise ValueError('handshake not done yet')
        der = None if told.peercert is None else bytes(told.peercert)
        if der is None or binary_form:
            return der
        if not self.context.verify_mode:
            return {}
        from .certificate import decoded
        return decoded(der)

    def get_unverified_chain(self):
        der = self.getpeercert(True)
        return None if der is None else [Certificate(der)]

    def get_verified_chain(self):
        raise NotImplementedError('the chain is verified by the host, which tells the certificate alone')

    def shared_ciphers(self):
        return None

    def compression(self):
        return None

    def get_channel_binding(self, cb_type='tls-unique'):
        raise ValueError(f'{cb_type!r} channel binding type not implemented')

    def verify_client_post_handshake(self):
        raise os_failure(errno.EOPNOTSUPP)


def check_names(context, server_side, server_hostname):
    """Raises `ValueError` for a server's name that CPython refuses."""
    if server_hostname == '' or server_hostname is not None and server_hostname.startswith('.'):
        raise ValueError('server_hostname cannot be an empty string or start with a leading dot.')
    if not server_side and context.check_hostname and not server_hostname:
        raise ValueError('check_hostname requires server_hostname')


class Session(Known):
    """What CPython's `_ssl._SSLSocket` is: the session under an `ssl.SSLSocket`."""

    def __init__(self, context, descriptor, sock, server_side, server_hostname, owner):
        check_names(context, server_side, server_hostname)
        self.context = context
        self.server_side = server_side
        self.server_hostname = server_hostname
        self.owner = owner
        self.session = None
        self._descriptor = descriptor
        self._sock = sock
        self._begun = False
        self._connection = None
        self._failed = None

    # -- the handshake

    def do_handshake(self):
        self._descriptor.shaken = False
        if not self._begun:
            self._begin()
        if self._connection is None and self._failed is None:
            self._wait(lambda: not self._descriptor.busy, SSLWantReadError, 'handshake')
        if self._failed is not None:
            raise self._failed

    def _begin(self):
        self._begun = True
        record = options(self.context, self.server_hostname or '')
        try:
            securing = raw_tls.Securing.begin(record, self.server_side)
        except Err as error:
            raise exception(error.value) from None
        self._descriptor.give(securing)
        self._descriptor.busy = True
        Operation(raw_tls.Securing.finish(securing), self._finished)

    def _finished(self, connection, error):
        self._descriptor.busy = False
        # Who has waited for the peer's part of the handshake is to come again, and would hear of nothing to read.
        self._descriptor.shaken = True
        if error is None:
            self._connection = connection
            self._descriptor.replace(connection)
        else:
            self._failed = exception(error)
        self._descriptor.changed()

    def _wait(self, ready, wanted, what):
        timeout = self._sock.gettimeout()
        if timeout == 0.0:
            waiting.poll()
            if not ready():
                raise wanted(2 if wanted is SSLWantReadError else 3, f'The operation did not complete ({what})')
        elif not waiting.wait(ready, timeout):
            raise TimeoutError(f'The {what} operation timed out')

    # -- bytes

    def read(self, size, buffer=None):
        self.do_handshake()
        if buffer is not None:
            view = memoryview(buffer).cast('B')
            size = min(size or len(view), len(view)) if size > 0 or not size else len(view)
        while (data := self._descriptor.recv(size)) is None:
            self._wait(self._descriptor.readable, SSLWantReadError, 'read')
        if buffer is None:
            return data
        view[:len(data)] = data
        return len(data)

    def write(self, data):
        self.do_handshake()
        view = memoryview(data).cast('B')
        while (count := self._descriptor.send(view)) is None:
            self._wait(self._descriptor.writable, SSLWantWriteError, 'write')
        return count

    def pending(self):
        return self._descriptor.buffered

    def shutdown(self):
        self._descriptor.shutdown(False, True)
        return self._sock

    # -- what is known

    def _told(self):
        if self._connection is None:
            return None
        known, cipher = (self._connection.get_extra_info(name).value for name in ('ssl_object', 'cipher'))
        cipher = cipher.name, cipher.protocol, cipher.bits
        return Told(known.version, cipher, known.alpn_protocol, known.peercert, known.session_reused)
