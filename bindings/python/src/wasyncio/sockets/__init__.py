"""Sockets for programs in the sandbox: CPython's own `socket`, `selectors` and `ssl`, on stand-ins for the modules below them.

`_socket` and `select` of CPython call the C library, whose sockets are those of WASI 0.2: one thread, a look-up that fails, and hundreds
of messages a second. The stand-ins are on `wasi:sockets` 0.3, and a program waits for them together with everything else.
"""

import importlib
import sys


def install():
    """Puts the stand-ins below `socket`, `select` and `selectors`. To be called
    while `python.wasm` is built, as the sources of CPython are there then."""
    import _socket
    import select
    import selectors
    import socket

    from . import descriptor, lookup, polling, sock, tls

    sock.constants(_socket)
    for name in ('socket', 'SocketType', 'socketpair', 'close', 'dup', 'gethostname', 'getdefaulttimeout', 'setdefaulttimeout'):
        setattr(_socket, name, getattr(sock, name))
    for name in ('getaddrinfo', 'gethostbyname', 'gethostbyname_ex', 'gethostbyaddr', 'getnameinfo', 'getservbyname', 'getservbyport'):
        setattr(_socket, name, getattr(lookup, name))
    importlib.reload(socket)
    for name in ('select', 'poll', 'POLLIN', 'POLLPRI', 'POLLOUT', 'POLLERR', 'POLLHUP', 'POLLNVAL'):
        setattr(select, name, getattr(polling, name))
    importlib.reload(selectors)
    descriptor.install()
    sys.modules['_ssl'] = tls
    import ssl
    # They looked for it before it was there.
    for name, module in list(sys.modules.items()):
        if name.startswith('asyncio') and getattr(module, 'ssl', ssl) is None:
            module.ssl = ssl
    if 'asyncio.sslproto' in sys.modules:
        importlib.reload(sys.modules['asyncio.sslproto'])

    # What is imported when it is needed: there are no files then.
    from . import buffered, certificate, in_loop, session, tcp  # noqa: F401


def leave(seconds):
    """Closes what the program has left open, as the system does at its end, and waits at most so long until everything is sent.

    False if calls are in flight all the same: then the program must not return but exit.
    """
    from . import descriptor, streams, waiting

    for one in descriptor.all_open():
        one.close()
    waiting.wait(lambda: not streams.sending() and not waiting.calls_in_flight(), seconds)
    return not waiting.calls_in_flight()
