"""Connecting, listening and going on by TLS, for the loop: an `ssl.SSLContext` as the component has it."""

import ssl as _ssl
from asyncio import sslproto

from componentize_py_types import Err
from wit_world.imports import raw_tls
from wit_world.imports import wasyncio_streams_tls as tls
from wit_world.imports import wasyncio_streams_types as types

from . import errors
from .connection import Connection, disown
from .sockets.certificate import decoded
from .sockets.session import options as record
from .sockets.streams import Pump, handle_of, reader_of


def context_of(ssl):
    """The context of an argument `ssl`, which may be `True`.

    Raises `TypeError` as CPython.
    """
    if ssl is True:
        return _ssl.create_default_context()
    if not isinstance(ssl, _ssl.SSLContext):
        raise TypeError(f'ssl argument must be an SSLContext or None, got {ssl!r}')
    return ssl


def _positive(**times):
    for name, value in times.items():
        if value is not None and value <= 0:
            raise ValueError(f'{name} should be a positive number, got {value}')


def open_connection(host, port, ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout, options):
    """The call that connects and shakes hands.

    Raises `ValueError` for what CPython refuses before it connects.
    """
    context = context_of(ssl)
    if server_hostname is None and not host:
        raise ValueError('You must set server_hostname when using ssl without a host')
    _positive(ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
    named = record(context, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
    return tls.open_connection(host, port, named, options)


def start_server(hosts, port, ssl, ssl_handshake_timeout, ssl_shutdown_timeout, options):
    """The call that listens; who connects shakes hands before it is accepted."""
    context = context_of(ssl)
    _positive(ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
    return tls.start_server(hosts, port, record(context, None, ssl_handshake_timeout, ssl_shutdown_timeout), options)


def open_unix_connection(path, ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout):
    """As `open_connection`, to a Unix socket."""
    _positive(ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
    named = record(context_of(ssl), server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
    return tls.open_unix_connection(path, named, None)


def start_unix_server(path, ssl, ssl_handshake_timeout, ssl_shutdown_timeout, options):
    """As `start_server`, on a Unix socket."""
    _positive(ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
    named = record(context_of(ssl), None, ssl_handshake_timeout, ssl_shutdown_timeout)
    return tls.start_unix_server(path, named, options)


def above(loop, protocol_factory, ssl, ssl_handshake_timeout, ssl_shutdown_timeout):
    """A factory of protocols that serve those of another by TLS, for a server on a socket of the program's."""
    context = context_of(ssl)
    _positive(ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout)
    return lambda: sslproto.SSLProtocol(
        loop, protocol_factory(), context, None, True, None,
        ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout,
    )


class SessionInfo:
    """What `get_extra_info('ssl_object')` gives: what is known of a session, by the methods of `ssl.SSLObject` that tell it."""

    def __init__(self, info, cipher, context):
        self._info, self._cipher = info, cipher
        self.context = context
        self.server_side, self.server_hostname = info.server_side, info.server_hostname
        self.session, self.session_reused = None, info.session_reused

    def version(self):
        return self._info.version

    def cipher(self):
        return self._cipher

    def selected_alpn_protocol(self):
        return self._info.alpn_protocol

    def compression(self):
        return None

    def shared_ciphers(self):
        return None

    def getpeercert(self, binary_form=False):
        der = self._info.peercert
        if der is None or binary_form:
            return der
        if self.context is not None and self.context.verify_mode == _ssl.CERT_NONE:
            return {}
        return decoded(bytes(der))


def known(name, value, ask, context):
    """What `get_extra_info` gives for what the component knows; `ask` asks it for something else."""
    match value:
        case types.Cipher():
            return value.name, value.protocol, value.bits
        case types.SslInfo():
            cipher = ask('cipher')
            return SessionInfo(value, cipher and (cipher.name, cipher.protocol, cipher.bits), context)
        case bytes() if name == 'peercert':
            return {} if context is not None and context.verify_mode == _ssl.CERT_NONE else decoded(value)
    return value


async def start_tls(loop, transport, protocol, context, server_side, server_hostname, handshake_timeout, shutdown_timeout):
    """A transport that goes on where another was, by TLS. What was written before is sent first; what was received and not told to
    the protocol belongs to the handshake. Whatever fails, or cancelling, closes the connection.
    """
    if not isinstance(context, _ssl.SSLContext):
        raise TypeError(f'sslcontext is expected to be an instance of ssl.SSLContext, got {context!r}')
    if not getattr(transport, '_start_tls_compatible', False):
        raise TypeError(f'transport {transport!r} is not supported by start_tls()')
    _positive(ssl_handshake_timeout=handshake_timeout, ssl_shutdown_timeout=shutdown_timeout)
    # No name, and not the component's choice of one, which knows no host here.
    named = record(context, server_hostname or '', handshake_timeout, shutdown_timeout)
    extra = {name: transport.get_extra_info(name) for name in ('peername', 'sockname', 'socket')}
    transport.pause_reading()
    try:
        await transport._make_empty_waiter()
    finally:
        transport._reset_empty_waiter()
    connection, ahead, server = transport._hand_over()
    try:
        try:
            securing = raw_tls.Securing.begin(named, server_side)
        except Err as error:
            raise errors.exception(error.value) from None
        incoming, connection.incoming = connection.incoming, 0
        securing.receive(reader_of(incoming), ahead)
        outgoing, connection.outgoing = connection.outgoing, 0
        # The host cannot take the place of a stream that was begun: what it enciphers passes through here.
        Pump(handle_of(securing.outgoing()), outgoing)
        secured = Connection(disown(await errors.raising(raw_tls.Securing.finish(securing))))
    except BaseException as error:
        connection.close()
        transport._handed_over(error if isinstance(error, OSError) else None)
        raise
    # It tells how the streams below have ended, and its server that it is there.
    secured.below = connection
    return type(transport)(loop, secured, protocol, extra=extra | {'sslcontext': context}, server=server, made=False)
