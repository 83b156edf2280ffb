"""What CPython's `_ssl` is, on the host's TLS. `ssl.py` is CPython's own.

The host has keys and authorities, and gives them names. So `load_cert_chain` takes the name of an identity that was granted, and
`load_verify_locations` the name of authorities; a path is taken for such a name as it is written, or by its last part.
"""

import errno
import os

from . import descriptor as descriptors

# Numbers of OpenSSL 3, as far as they mean something to programs. The host speaks TLS 1.2 and 1.3.
_CONSTANTS = {
    'PROTOCOL_SSLv23': 2, 'PROTOCOL_TLS': 2, 'PROTOCOL_TLSv1': 3, 'PROTOCOL_TLSv1_1': 4, 'PROTOCOL_TLSv1_2': 5,
    'PROTOCOL_TLS_CLIENT': 16, 'PROTOCOL_TLS_SERVER': 17,
    'PROTO_MINIMUM_SUPPORTED': -2, 'PROTO_MAXIMUM_SUPPORTED': -1,
    'PROTO_SSLv3': 768, 'PROTO_TLSv1': 769, 'PROTO_TLSv1_1': 770, 'PROTO_TLSv1_2': 771, 'PROTO_TLSv1_3': 772,
    'CERT_NONE': 0, 'CERT_OPTIONAL': 1, 'CERT_REQUIRED': 2,
    'OP_ALL': 0x80000050, 'OP_NO_SSLv2': 0, 'OP_NO_SSLv3': 0x2000000, 'OP_NO_TLSv1': 0x4000000, 'OP_NO_TLSv1_1': 0x10000000,
    'OP_NO_TLSv1_2': 0x8000000, 'OP_NO_TLSv1_3': 0x20000000, 'OP_NO_COMPRESSION': 0x20000, 'OP_NO_TICKET': 0x4000,
    'OP_NO_RENEGOTIATION': 0x40000000, 'OP_CIPHER_SERVER_PREFERENCE': 0x400000, 'OP_SINGLE_DH_USE': 0, 'OP_SINGLE_ECDH_USE': 0,
    'OP_ENABLE_MIDDLEBOX_COMPAT': 0x100000, 'OP_IGNORE_UNEXPECTED_EOF': 128, 'OP_LEGACY_SERVER_CONNECT': 4, 'OP_ENABLE_KTLS': 8,
    'VERIFY_DEFAULT': 0, 'VERIFY_CRL_CHECK_LEAF': 4, 'VERIFY_CRL_CHECK_CHAIN': 12, 'VERIFY_X509_STRICT': 32,
    'VERIFY_ALLOW_PROXY_CERTS': 64, 'VERIFY_X509_TRUSTED_FIRST': 0x8000, 'VERIFY_X509_PARTIAL_CHAIN': 0x80000,
    'HOSTFLAG_ALWAYS_CHECK_SUBJECT': 1, 'HOSTFLAG_NO_WILDCARDS': 2, 'HOSTFLAG_NO_PARTIAL_WILDCARDS': 4,
    'HOSTFLAG_MULTI_LABEL_WILDCARDS': 8, 'HOSTFLAG_SINGLE_LABEL_SUBDOMAINS': 16, 'HOSTFLAG_NEVER_CHECK_SUBJECT': 32,
    'SSL_ERROR_SSL': 1, 'SSL_ERROR_WANT_READ': 2, 'SSL_ERROR_WANT_WRITE': 3, 'SSL_ERROR_WANT_X509_LOOKUP': 4, 'SSL_ERROR_SYSCALL': 5,
    'SSL_ERROR_ZERO_RETURN': 6, 'SSL_ERROR_WANT_CONNECT': 7, 'SSL_ERROR_EOF': 8, 'SSL_ERROR_INVALID_ERROR_CODE': 10,
    'ENCODING_PEM': 1, 'ENCODING_DER': 2,
    'HAS_SNI': True, 'HAS_ECDH': True, 'HAS_NPN': False, 'HAS_ALPN': True, 'HAS_SSLv2': False, 'HAS_SSLv3': False, 'HAS_TLSv1': False,
    'HAS_TLSv1_1': False, 'HAS_TLSv1_2': True, 'HAS_TLSv1_3': True, 'HAS_PSK': False, 'HAS_PHA': False, 'HAS_TLS_UNIQUE': False,
    # No such library is here: the numbers say which one the names and errors are of.
    'OPENSSL_VERSION': "OpenSSL 3.0.0 (its names; wasyncio: the host's TLS)", 'OPENSSL_VERSION_NUMBER': 0x30000000,
    'OPENSSL_VERSION_INFO': (3, 0, 0, 0, 0), '_OPENSSL_API_VERSION': (3, 0, 0, 0, 0), '_DEFAULT_CIPHERS': '',
}
_ALERTS = {
    'CLOSE_NOTIFY': 0, 'UNEXPECTED_MESSAGE': 10, 'BAD_RECORD_MAC': 20, 'RECORD_OVERFLOW': 22, 'DECOMPRESSION_FAILURE': 30,
    'HANDSHAKE_FAILURE': 40, 'BAD_CERTIFICATE': 42, 'UNSUPPORTED_CERTIFICATE': 43, 'CERTIFICATE_REVOKED': 44, 'CERTIFICATE_EXPIRED': 45,
    'CERTIFICATE_UNKNOWN': 46, 'ILLEGAL_PARAMETER': 47, 'UNKNOWN_CA': 48, 'ACCESS_DENIED': 49, 'DECODE_ERROR': 50, 'DECRYPT_ERROR': 51,
    'PROTOCOL_VERSION': 70, 'INSUFFICIENT_SECURITY': 71, 'INTERNAL_ERROR': 80, 'USER_CANCELLED': 90, 'NO_RENEGOTIATION': 100,
    'UNSUPPORTED_EXTENSION': 110, 'CERTIFICATE_UNOBTAINABLE': 111, 'UNRECOGNIZED_NAME': 112, 'BAD_CERTIFICATE_STATUS_RESPONSE': 113,
    'BAD_CERTIFICATE_HASH_VALUE': 114, 'UNKNOWN_PSK_IDENTITY': 115,
}
globals().update(_CONSTANTS)
globals().update({f'ALERT_DESCRIPTION_{name}': number for name, number in _ALERTS.items()})

_EOF = 8


class SSLError(OSError):
    """An error of TLS. `reason` is OpenSSL's name of it."""

    __module__ = 'ssl'
    library = reason = None

    def __str__(self):
        return self.strerror if isinstance(self.strerror, str) else str(self.args)


def _subclass(name, doc, *more):
    return type(name, (SSLError, *more), {'__doc__': doc, '__module__': 'ssl'})


SSLZeroReturnError = _subclass('SSLZeroReturnError', 'SSL/TLS session closed cleanly.')
SSLWantReadError = _subclass('SSLWantReadError', 'Non-blocking SSL socket needs to read more data before the requested operation can be completed.')
SSLWantWriteError = _subclass('SSLWantWriteError', 'Non-blocking SSL socket needs to write more data before the requested operation can be completed.')
SSLSyscallError = _subclass('SSLSyscallError', 'System error when attempting SSL operation.')
SSLEOFError = _subclass('SSLEOFError', 'SSL/TLS connection terminated abruptly.')
SSLCertVerificationError = _subclass('SSLCertVerificationError', 'A certificate could not be verified.', ValueError)


def failure(message, reason=None):
    """The exception for what the host says of TLS."""
    if reason is None and message.startswith('[SSL: '):
        reason = message[len('[SSL: '):].partition(']')[0]
    if reason == 'CERTIFICATE_VERIFY_FAILED':
        return certificate_failure(message, 1, message.rpartition(': ')[2])
    kind, number = (SSLEOFError, _EOF) if reason == 'UNEXPECTED_EOF_WHILE_READING' else (SSLError, 1)
    error = kind(number, message)
    error.library, error.reason = 'SSL', reason
    return error


def certificate_failure(message, verify_code, verify_message):
    error = SSLCertVerificationError(1, message)
    error.library, error.reason = 'SSL', 'CERTIFICATE_VERIFY_FAILED'
    error.verify_code, error.verify_message = verify_code, verify_message
    return error


def _no(what):
    raise NotImplementedError(f'{what}: TLS is done by the host, outside of the sandbox')


def _granted(given, flag, check):
    """The name that the policy has for what a program calls by a path or a name."""
    written = os.fspath(given)
    written = written.decode() if isinstance(written, bytes) else written
    refusal = None
    for name in dict.fromkeys([written, os.path.basename(written)]):
        try:
            check(name)
        except PermissionError as error:
            refusal = refusal or error
        else:
            return name
    raise PermissionError(errno.EACCES, f'{refusal.strerror}; see {flag}', written)


_WELL_KNOWN = 'certifi/cacert.pem'
"""How the path of that package's list ends."""


class _SSLContext:
    """Settings of sessions, kept until there is one."""

    def __new__(cls, protocol):
        self = super().__new__(cls)
        if protocol not in (2, 3, 4, 5, 16, 17):
            raise ValueError('invalid or unsupported protocol version')
        if protocol in (3, 4):
            _no('TLS 1.0 and 1.1 are not spoken')
        self._protocol = protocol
        self._verify_mode = 2 if protocol == 16 else 0
        self._check_hostname = protocol == 16
        self._options = _CONSTANTS['OP_ALL'] | _CONSTANTS['OP_NO_SSLv3']
        self._verify_flags = _CONSTANTS['VERIFY_X509_TRUSTED_FIRST']
        self._minimum, self._maximum = 771, (771 if protocol == 5 else -1)
        self._identity = self._trust = None
        self._alpn = []
        self._host_flags = 4
        self.post_handshake_auth = False
        self.keylog_filename = None
        self._sni_callback = self._callback = None
        self.num_tickets = 2
        return self

    protocol = property(lambda self: self._protocol)
    security_level = property(lambda self: 2)

    @property
    def options(self):
        return self._options

    @options.setter
    def options(self, value):
        self._options = int(value)

    @property
    def verify_flags(self):
        return self._verify_flags

    @verify_flags.setter
    def verify_flags(self, value):
        if int(value) & _CONSTANTS['VERIFY_CRL_CHECK_CHAIN']:
            _no('revocation lists are not looked at')
        self._verify_flags = int(value)

    @property
    def verify_mode(self):
        return self._verify_mode

    @verify_mode.setter
    def verify_mode(self, value):
        if value not in (0, 1, 2):
            raise ValueError('invalid value for verify_mode')
        if value == 0 and self._check_hostname:
            raise ValueError('Cannot set verify_mode to CERT_NONE when check_hostname is enabled.')
        self._verify_mode = int(value)

    @property
    def check_hostname(self):
        return self._check_hostname

    @check_hostname.setter
    def check_hostname(self, value):
        self._check_hostname = bool(value)
        if value and self._verify_mode == 0:
            self._verify_mode = 2

    @property
    def minimum_version(self):
        return self._minimum

    @minimum_version.setter
    def minimum_version(self, value):
        self._minimum = int(value)

    @property
    def maximum_version(self):
        return self._maximum

    @maximum_version.setter
    def maximum_version(self, value):
        self._maximum = int(value)

    @property
    def sni_callback(self):
        return self._sni_callback

    @sni_callback.setter
    def sni_callback(self, callback):
        if callback is not None:
            _no('a program is not asked for another certificate in the handshake')
        self._sni_callback = callback

    @property
    def _msg_callback(self):
        return self._callback

    @_msg_callback.setter
    def _msg_callback(self, callback):
        if callback is not None:
            _no('messages of the handshake are not told')
        self._callback = callback

    def load_cert_chain(self, certfile, keyfile=None, password=None):
        """Takes the identity that the policy has under this name; its key never enters the sandbox."""
        from . import session
        self._identity = _granted(certfile, '--tls-identity', session.check_identity)

    def load_verify_locations(self, cafile=None, capath=None, cadata=None):
        """Takes the authorities that the policy has under this name."""
        from . import session
        if cafile is None and capath is None and cadata is None:
            raise TypeError('cafile, capath and cadata cannot be all omitted')
        if cadata is not None:
            _no('authorities are those that the policy has: cadata cannot be taken, cafile with a name of --tls-trust can')
        if cafile is None:
            # The name of a folder is as good as that of a file.
            cafile = capath
        # That package is the list of what everybody trusts. The host has one, and takes it where no name is given.
        if not os.fsdecode(cafile).endswith(_WELL_KNOWN):
            self._trust = _granted(cafile, '--tls-trust', session.check_trust)

    def set_default_verify_paths(self):
        """Those of the host's system are taken where none are named."""

    def cert_store_stats(self):
        return {'x509': 0, 'crl': 0, 'x509_ca': 0}

    def get_ca_certs(self, binary_form=False):
        return []

    def session_stats(self):
        return dict.fromkeys(['number', 'connect', 'connect_good', 'connect_renegotiate', 'accept', 'accept_good', 'accept_renegotiate',
                              'hits', 'misses', 'timeouts', 'cache_full'], 0)

    def set_ciphers(self, ciphers):
        """Has no effect: the host offers good ones alone."""

    def get_ciphers(self):
        return []

    def set_ecdh_curve(self, name):
        """Has no effect: the host chooses."""

    def load_dh_params(self, path):
        _no('there is no key exchange that needs them')

    def set_psk_client_callback(self, callback):
        _no('there are no pre-shared keys')

    set_psk_server_callback = set_psk_client_callback

    def _set_alpn_protocols(self, packed):
        self._alpn, at = [], 0
        while at < len(packed):
            self._alpn.append(bytes(packed[at + 1:at + 1 + packed[at]]).decode('ascii'))
            at += 1 + packed[at]

    def _settings(self):
        """`(identity, trust, verify mode, whether the name is checked, ALPN, whether TLS 1.3 alone)`."""
        if self._maximum not in (-1, 772) or self._options & _CONSTANTS['OP_NO_TLSv1_3']:
            _no('TLS 1.3 cannot be left out')
        only13 = self._minimum == 772 or bool(self._options & _CONSTANTS['OP_NO_TLSv1_2'])
        return self._identity, self._trust, self._verify_mode, self._check_hostname, list(self._alpn), only13

    def _wrap_socket(self, sock, server_side, server_hostname=None, *, owner=None, session=None):
        from .session import Session
        return Session(self, descriptors.get(sock.fileno()), sock, server_side, server_hostname, owner)

    def _wrap_bio(self, incoming, outgoing, server_side, server_hostname=None, *, owner=None, session=None):
        from .buffered import BufferedSession
        return BufferedSession(self, incoming, outgoing, server_side, server_hostname, owner)


class MemoryBIO:
    """A buffer, for a session that the program carries itself."""

    def __init__(self):
        self._data = bytearray()
        self._ended = False

    @property
    def pending(self):
        return len(self._data)

    @property
    def eof(self):
        return self._ended and not self._data

    def read(self, size=-1):
        size = len(self._data) if size < 0 else size
        data = bytes(self._data[:size])
        del self._data[:size]
        return data

    def write(self, data):
        if self._ended:
            raise SSLError('cannot write() after write_eof()')
        data = memoryview(data).cast('B')
        self._data += data
        return len(data)

    def write_eof(self):
        self._ended = True


class SSLSession:
    """The host keeps sessions to go on with; programs have none."""


class Certificate:
    """A certificate in DER."""

    def __init__(self, der):
        self._der = der

    def public_bytes(self, format=1):
        if format == _CONSTANTS['ENCODING_DER']:
            return self._der
        import ssl
        return ssl.DER_cert_to_PEM_cert(self._der)


_OBJECTS = [(129, 'serverAuth', 'TLS Web Server Authentication', '1.3.6.1.5.5.7.3.1'),
            (130, 'clientAuth', 'TLS Web Client Authentication', '1.3.6.1.5.5.7.3.2')]


def txt2obj(txt, name=False):
    for found in _OBJECTS:
        if txt == found[3] or name and txt in found:
            return found
    raise ValueError(f"unknown object '{txt[:100]}'")


def nid2obj(nid):
    for found in _OBJECTS:
        if nid == found[0]:
            return found
    raise ValueError(f'unknown NID {nid}')


def get_default_verify_paths():
    return 'SSL_CERT_FILE', '', 'SSL_CERT_DIR', ''


def RAND_status():
    return True


def RAND_add(data, entropy):
    """The system has enough."""


def RAND_bytes(n):
    return os.urandom(n)
