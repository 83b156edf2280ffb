"""The error numbers of what `wasi:sockets` says."""

import errno

from .descriptor import failure

_NUMBERS = {
    'AccessDenied': errno.EACCES,
    'NotSupported': errno.EOPNOTSUPP,
    'InvalidArgument': errno.EINVAL,
    'OutOfMemory': errno.ENOMEM,
    'Timeout': errno.ETIMEDOUT,
    'InvalidState': errno.EINVAL,
    'AddressNotBindable': errno.EADDRNOTAVAIL,
    'AddressInUse': errno.EADDRINUSE,
    'RemoteUnreachable': errno.EHOSTUNREACH,
    'ConnectionRefused': errno.ECONNREFUSED,
    'ConnectionBroken': errno.EPIPE,
    'ConnectionReset': errno.ECONNRESET,
    'ConnectionAborted': errno.ECONNABORTED,
    'DatagramTooLarge': errno.EMSGSIZE,
}


def number(code):
    """The number of an `error-code`."""
    return _NUMBERS.get(type(code).__name__.removeprefix('ErrorCode_'), errno.EIO)


def os_error(code):
    """The exception for an `error-code`, with the words that came with it."""
    words = getattr(code, 'value', None)
    if words and words.startswith('[SSL'):
        from . import tls
        return tls.failure(words)
    return OSError(errno.EIO, words) if words else failure(number(code))


def denied(flag, address):
    """What a program is told whom the policy refuses an address."""
    host, port = address[0], address[1]
    shown = f'[{host}]:{port}' if ':' in host else f'{host}:{port}'
    return OSError(errno.EACCES, f'Permission denied; unless it is the system that denies it, {flag} {shown} grants it')
