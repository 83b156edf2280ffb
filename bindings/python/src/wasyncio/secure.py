"""Connecting and listening by TLS, for the loop: an `ssl.SSLContext` as the component has it."""

import ssl as _ssl

from wit_world.imports import tls

from .sockets.session import options as record


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
