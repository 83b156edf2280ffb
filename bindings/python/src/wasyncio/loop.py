"""`EventLoop`: CPython's `BaseEventLoop`, whose selector is a waitable set.

Everything of tasks, futures, timers and servers is CPython's own. What is ours: how it waits (`select`), how it connects and listens, and
the transports.
"""

import asyncio
import collections.abc
import contextvars
import functools
import os
import signal
import socket
import sys
import time
from asyncio import base_events, events, futures
from asyncio.log import logger

import _wasyncio as native
from wit_world.imports import connect, ip_name_lookup, server, unix

from . import address, errors, poller, unix_streams
from .connection import Connection
from .listener import Listener
from .sockets.in_loop import SocketMethods
from .transport import Transport, flush

_TURNS = 16
"""So many turns of a loop that always has something to do, then it looks for what has happened outside."""


class _Handle(events.Handle):
    """A call of a loop that is not in debug mode, and is not asked for that."""

    __slots__ = ()

    def __init__(self, callback, args, loop, context):
        self._context = contextvars.copy_context() if context is None else context
        self._loop, self._callback, self._args = loop, callback, args
        self._cancelled, self._repr, self._source_traceback = False, None, None


class EventLoop(SocketMethods, base_events.BaseEventLoop):
    """The loop. Without threads there is one that runs at a time."""

    def __init__(self, selector=None):
        super().__init__()
        poller.start()
        self._selector = self
        self._clock_resolution = 1e-6
        self._asks = []  # Transports that the next flush is for.
        if self.__class__.create_future is base_events.BaseEventLoop.create_future:
            # Without a call in between.
            self.create_future = functools.partial(futures.Future, loop=self)
        self._busy = 0
        self._listeners = set()

    def time(self):
        return time.monotonic()

    def call_soon(self, callback, *args, context=None):
        if self._closed or self._debug:
            handle = super().call_soon(callback, *args, context=context)
            if handle._source_traceback:
                del handle._source_traceback[-1]
            return handle
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def close(self):
        if self.is_running():
            raise RuntimeError('Cannot close a running event loop')
        if self.is_closed():
            return
        for listener in self._listeners:
            listener.close()
        self._unwatch_all()
        super().close()

    def _process_events(self, event_list):
        """They were told in `select`."""

    def _write_to_self(self):
        """Nobody could call from another thread."""

    # Waiting.

    def select(self, timeout):
        """Sends and reads what transports have, then waits at most so many seconds for events, None for ever, and tells of them."""
        if self._asks:
            flush(self)
        if timeout == 0 or self._ready:
            self._busy += 1
            if self._busy % _TURNS == 0:
                native.yield_now()
                poller.dispatch(native.gather(poller.SET, False))
                if self._asks:
                    flush(self)
            return ()
        if timeout is not None and not poller.wake_in(timeout):
            return ()
        handlers = poller.HANDLERS
        turns = 0
        while True:
            turns += 1
            block = not self._asks
            if not block and turns % _TURNS == 0:
                native.yield_now()
            for event, waitable, code, data in native.gather(poller.SET, block):
                handler = handlers.get(waitable)
                if handler is not None:
                    handler(event, code, data)
            if self._ready or timeout is not None:
                return ()
            if self._asks:
                flush(self)
                if self._ready:
                    return ()

    # The end.

    def _stopped(self):
        """The host has the program stop: that is what Ctrl-C is natively."""
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):
            self.call_soon(handler, signal.SIGINT, None)

    def add_signal_handler(self, sig, callback, *args):
        raise NotImplementedError('there are no signals in the sandbox; a graceful stop comes as Ctrl-C does')

    def remove_signal_handler(self, sig):
        return False

    # Threads, which do not exist.

    def run_in_executor(self, executor, func, *args):
        """Calls it at once, in the loop's own thread: nothing else runs meanwhile."""
        self._check_closed()
        if self.get_debug():
            self._check_callback(func, 'run_in_executor')
            logger.warning('run_in_executor() blocks the loop: there are no threads in the sandbox: %r', func)
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            future.set_exception(exc)
        return future

    async def shutdown_default_executor(self, timeout=None):
        """There is none."""

    # Names.

    async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):
        from . import names

        return await names.getaddrinfo(host, port, family, type, proto, flags)

    async def getnameinfo(self, sockaddr, flags=0):
        from .sockets import lookup

        return lookup.getnameinfo(sockaddr, flags)

    # Connecting.

    async def create_connection(
        self, protocol_factory, host=None, port=None, *, ssl=None, family=0, proto=0, flags=0, sock=None,
        local_addr=None, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
        happy_eyeballs_delay=None, interleave=None, all_errors=False,
    ):
        _need_tls(
            ssl, server_hostname=server_hostname, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout
        )
        if sock is not None:
            if host is not None or port is not None:
                raise ValueError('host/port and sock can not be specified at the same time')
            if ssl and server_hostname is None:
                raise ValueError('You must set server_hostname when using ssl without a host')
            return await self._over_socket(sock, protocol_factory, ssl, False, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
        if host is None and port is None:
            raise ValueError('host and port was not specified and no sock specified')
        options = connect.ConnectionOptions(
            None, address.component_family(family), proto or None, flags or None,
            None if local_addr is None else (local_addr[0], _port(local_addr[1])),
            happy_eyeballs_delay, interleave, all_errors or None,
        )
        extra = None
        if ssl:
            from . import secure  # Not at the top: it stands on this package.

            ssl = secure.context_of(ssl)
            extra = {'sslcontext': ssl}
            call = secure.open_connection(_text(host), _port(port), ssl, server_hostname, ssl_handshake_timeout,
                                          ssl_shutdown_timeout, options)
        else:
            call = connect.open_connection(_text(host), _port(port), options)
        return await self._connected(await Connection.connect(call), protocol_factory, extra)

    async def create_unix_connection(
        self, protocol_factory, path=None, *, ssl=None, sock=None, server_hostname=None,
        ssl_handshake_timeout=None, ssl_shutdown_timeout=None,
    ):
        if ssl and server_hostname is None:
            raise ValueError('you have to pass server_hostname when using ssl')
        _need_tls(
            ssl, server_hostname=server_hostname, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout
        )
        if path is None:
            if sock is None:
                raise ValueError('no path and sock were specified')
            return await self._over_socket(sock, protocol_factory, ssl, False, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
        if sock is not None:
            raise ValueError('path and sock can not be specified at the same time')
        extra = None
        if ssl:
            from . import secure

            ssl = secure.context_of(ssl)
            extra = {'sslcontext': ssl}
            call = secure.open_unix_connection(os.fsencode(path), ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
        else:
            call = unix.open_unix_connection(os.fsencode(path), None)
        return await self._connected(await Connection.connect(call), protocol_factory, extra)

    async def _connected(self, connection, protocol_factory, extra=None):
        """A transport for it, once the protocol knows."""
        try:
            protocol = protocol_factory()
        except BaseException:
            connection.close()
            raise
        waiter = self.create_future()
        transport = Transport(self, connection, protocol, waiter, extra)
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return transport, protocol

    async def _over_socket(self, sock, protocol_factory, ssl, server_side, server_hostname, *times):
        """Of a stand-in of `socket`, which knows how it becomes a transport. By TLS its ciphertext is the program's: CPython's
        `SSLProtocol` is above it."""
        over = getattr(sock, '_wasyncio_transport', None)
        if over is None:
            raise ValueError(f'A Stream Socket was expected, got {sock!r}')
        return await over(self, protocol_factory, ssl, server_side, server_hostname, *times)

    async def connect_accepted_socket(
        self, protocol_factory, sock, *, ssl=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None
    ):
        _need_tls(ssl, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
        return await self._over_socket(sock, protocol_factory, ssl, True, '', ssl_handshake_timeout, ssl_shutdown_timeout)

    async def start_tls(
        self, transport, protocol, sslcontext, *, server_side=False, server_hostname=None, ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None,
    ):
        from . import secure

        if not isinstance(transport, Transport):
            # Of a socket of the program's, or TLS that the program carries already: CPython's is above any transport.
            return await super().start_tls(
                transport, protocol, sslcontext, server_side=server_side, server_hostname=server_hostname,
                ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout,
            )
        return await secure.start_tls(
            self, transport, protocol, sslcontext, server_side, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout
        )

    # Listening.

    async def create_server(
        self, protocol_factory, host=None, port=None, *, family=socket.AF_UNSPEC, flags=socket.AI_PASSIVE, sock=None,
        backlog=100, ssl=None, reuse_address=None, reuse_port=None, keep_alive=None, ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None, start_serving=True,
    ):
        if isinstance(ssl, bool):
            raise TypeError('ssl argument must be an SSLContext or None')
        _need_tls(ssl, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
        if host is not None or port is not None:
            if sock is not None:
                raise ValueError('host/port and sock can not be specified at the same time')
            if host is None or host == '':
                hosts = []
            elif isinstance(host, (str, bytes)) or not isinstance(host, collections.abc.Iterable):
                hosts = [host]
            else:
                hosts = list(host)
            options = server.ServerOptions(
                None, address.component_family(family), None if flags == socket.AI_PASSIVE else flags, backlog,
                None if reuse_address else reuse_address, reuse_port or None, keep_alive, start_serving,
            )
            hosts = [_text(each) for each in hosts]
            if ssl is not None:
                from . import secure

                call = secure.start_server(hosts, _port(port), ssl, ssl_handshake_timeout, ssl_shutdown_timeout, options)
            else:
                call = server.start_server(hosts, _port(port), options)
            resource = await errors.raising(call)
        elif sock is None:
            raise ValueError('Neither host/port nor sock were specified')
        else:
            listening = getattr(sock, '_wasyncio_server', None)
            if listening is None:
                raise ValueError(f'A Stream Socket was expected, got {sock!r}')
            resource = await listening(backlog, start_serving)
            if ssl is not None:
                from . import secure

                protocol_factory = secure.above(self, protocol_factory, ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
                ssl = None
        return await self._serving(resource, protocol_factory, backlog, start_serving, ssl)

    async def create_unix_server(
        self, protocol_factory, path=None, *, sock=None, backlog=100, ssl=None, ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None, start_serving=True, cleanup_socket=True,
    ):
        if isinstance(ssl, bool):
            raise TypeError('ssl argument must be an SSLContext or None')
        _need_tls(ssl, ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
        if path is not None and sock is not None:
            raise ValueError('path and sock can not be specified at the same time')
        if path is None:
            raise ValueError('path was not specified, and no sock specified')
        options = unix.UnixServerOptions(None, backlog, start_serving, cleanup_socket)
        if ssl is not None:
            from . import secure

            call = secure.start_unix_server(os.fsencode(path), ssl, ssl_handshake_timeout, ssl_shutdown_timeout, options)
        else:
            call = unix.start_unix_server(os.fsencode(path), options)
        return await self._serving(await errors.raising(call), protocol_factory, backlog, start_serving, ssl)

    async def _serving(self, resource, protocol_factory, backlog, start_serving, ssl=None):
        listener = Listener(self, resource, None if ssl is None else {'sslcontext': ssl})
        self._listeners.add(listener)
        made = base_events.Server(self, listener.sockets, protocol_factory, None, backlog, None, None)
        if start_serving:
            made._start_serving()
            # As CPython: the listeners are there when the caller goes on.
            await asyncio.sleep(0)
        return made

    def _start_serving(self, protocol_factory, sock, sslcontext=None, server=None, *arguments, **keywords):
        sock.listener.start(protocol_factory, server)

    def _stop_serving(self, sock):
        sock.listener.close()
        if not sock.listener.waits():
            self._listeners.discard(sock.listener)

    # What does not exist.

    async def create_datagram_endpoint(self, *arguments, **keywords):
        raise NotImplementedError('there are no datagrams in the sandbox')

    async def subprocess_exec(self, *arguments, **keywords):
        raise NotImplementedError('there are no processes in the sandbox')

    async def subprocess_shell(self, *arguments, **keywords):
        raise NotImplementedError('there are no processes in the sandbox')

    async def connect_read_pipe(self, protocol_factory, pipe):
        raise NotImplementedError('there are no pipes in the sandbox')

    async def connect_write_pipe(self, protocol_factory, pipe):
        raise NotImplementedError('there are no pipes in the sandbox')


def _text(host):
    return host.decode('ascii') if isinstance(host, (bytes, bytearray)) else host


def _need_tls(ssl, **options):
    """Raises `ValueError` for what is given without TLS."""
    for name, value in options.items():
        if value is not None and not ssl:
            raise ValueError(f'{name} is only meaningful with ssl')


def _port(port):
    """A port as the component has it: a number, or the text of one."""
    if port is None:
        return 0
    try:
        number = int(port)
    except ValueError:
        raise socket.gaierror(socket.EAI_SERVICE, 'Servname not supported for ai_socktype') from None
    if not 0 <= number <= 65535:
        raise OverflowError('getsockaddrarg: port must be 0-65535.')
    return number


class _Policy(events._BaseDefaultEventLoopPolicy):
    """Makes this loop."""

    _loop_factory = EventLoop


def install():
    """Has `asyncio` use this loop: `asyncio.run`, `asyncio.new_event_loop`, `asyncio.Runner`."""
    unix_streams.install()
    events._event_loop_policy = _Policy()
    for module in (asyncio, sys.modules.get('asyncio.unix_events'), sys.modules.get('asyncio.selector_events')):
        for name, new in (
            ('SelectorEventLoop', EventLoop), ('EventLoop', EventLoop),
            ('DefaultEventLoopPolicy', _Policy), ('_DefaultEventLoopPolicy', _Policy),
        ):
            if hasattr(module, name):
                setattr(module, name, new)
