"""Errors of the component and of WASI as CPython's exceptions, with `errno`."""

import asyncio
import errno
import os
import re
import socket

from componentize_py_types import Err
from wit_world.imports import wasyncio_streams_types as types

# What a call of an import raises. It is a frozen dataclass, which Python cannot raise twice: it sets the traceback.
if '__setattr__' in vars(Err):
    del Err.__setattr__

_KINDS = {
    'ACCESS_DENIED': errno.EACCES,
    'ADDRESS_IN_USE': errno.EADDRINUSE,
    'ADDRESS_NOT_AVAILABLE': errno.EADDRNOTAVAIL,
    'BROKEN_PIPE': errno.EPIPE,
    'CONNECTION_ABORTED': errno.ECONNABORTED,
    'CONNECTION_REFUSED': errno.ECONNREFUSED,
    'CONNECTION_RESET': errno.ECONNRESET,
    'FILE_NOT_FOUND': errno.ENOENT,
    'INVALID_ARGUMENT': errno.EINVAL,
    'NOT_A_DIRECTORY': errno.ENOTDIR,
    'NOT_CONNECTED': errno.ENOTCONN,
    'NOT_SUPPORTED': errno.EOPNOTSUPP,
    'OUT_OF_RESOURCES': errno.EMFILE,
    'TIMED_OUT': errno.ETIMEDOUT,
    'UNREACHABLE': errno.EHOSTUNREACH,
}

# The cases of `error-code` of `wasi:sockets`, in order.
_CODES = (
    errno.EACCES, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOMEM, errno.ETIMEDOUT, errno.EINVAL, errno.EADDRNOTAVAIL,
    errno.EADDRINUSE, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED,
    errno.EMSGSIZE, errno.EIO,
)


def of_code(code):
    """The exception for how a direction of a connection has ended: the number of a case of `error-code`."""
    number = _CODES[code] if 0 <= code < len(_CODES) else errno.EIO
    return OSError(number, os.strerror(number))


def of_os_error(error):
    """The exception for an `os-error`."""
    kind = error.kind.name
    if kind == 'NAME_NOT_RESOLVED':
        return socket.gaierror(socket.EAI_NONAME, 'Name or service not known')
    if kind == 'TEMPORARY_RESOLVER_FAILURE':
        return socket.gaierror(socket.EAI_AGAIN, 'Temporary failure in name resolution')
    message = error.message
    # The component adds the reason in words, for which Python has the number.
    refused = re.fullmatch(r'(Connect call failed \(.*\)): [^()]*', message)
    if refused is not None and kind != 'ACCESS_DENIED':
        message = refused[1]
    number = _KINDS.get(kind)
    # As CPython, which has the text of the exception there.
    message = re.sub(r'(error while attempting to bind on address \(.*\)): (?=[^()]*$)', rf'\1: [errno {number}] ', message)
    if kind == 'ACCESS_DENIED' and error.address:
        flag = '--allow-connect' if message.startswith('Connect call failed') else '--allow-listen'
        message += f'; unless it is the system that denies it, {flag} {error.address} grants it'
    return OSError(message) if number is None else OSError(number, message)


def exception(error):
    """The exception for a `types.error`."""
    value = error.value
    match type(error):
        case types.Error_ValueError:
            return ValueError(value)
        case types.Error_RuntimeError:
            return RuntimeError(value)
        case types.Error_AssertionError:
            return AssertionError(value)
        case types.Error_IncompleteReadError:
            return asyncio.IncompleteReadError(value.partial, value.expected)
        case types.Error_LimitOverrunError:
            return asyncio.LimitOverrunError(value.message, value.consumed)
        case types.Error_OsError:
            return of_os_error(value)
        case types.Error_ExceptionGroup:
            return ExceptionGroup('create_connection failed', [of_os_error(each) for each in value])
        case types.Error_NotImplementedError:
            return NotImplementedError(value)
    return _of_tls(error, value) or OSError(str(value))


def _of_tls(error, value):
    from .sockets import tls  # Not at the top: it stands on this module.

    match type(error):
        case types.Error_SslError:
            return tls.failure(value.message, value.reason)
        case types.Error_SslCertVerificationError:
            return tls.certificate_failure(value.message, value.verify_code, value.verify_message)
    return None


async def raising(call):
    """Awaits a call of an import; its error is raised as CPython's exception."""
    try:
        return await call
    except Err as error:
        raise exception(error.value) from None
