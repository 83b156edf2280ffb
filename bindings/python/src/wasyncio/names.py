"""Names of hosts, looked up by the component's side of WASI, where the policy decides."""

import ipaddress
import socket

from componentize_py_types import Err
from wit_world.imports import ip_name_lookup

from . import errors


async def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    """As `socket.getaddrinfo`, for TCP alone."""
    number = _number(port, flags)
    if type not in (0, socket.SOCK_STREAM):
        raise socket.gaierror(socket.EAI_SOCKTYPE, 'ai_socktype not supported')
    if isinstance(host, (bytes, bytearray)):
        host = host.decode('idna')
    if not host:
        passive = flags & socket.AI_PASSIVE
        found = ['0.0.0.0', '::'] if passive else ['127.0.0.1', '::1']
    else:
        found = await _addresses(host, flags)
    entries = [_entry(each, number) for each in found]
    entries = [each for each in entries if family in (0, each[0])]
    if not entries:
        raise socket.gaierror(getattr(socket, 'EAI_ADDRFAMILY', socket.EAI_NONAME), 'Address family for hostname not supported')
    return entries


def _number(port, flags):
    try:
        return int(port or 0)
    except ValueError:
        raise socket.gaierror(socket.EAI_SERVICE, 'Servname not supported for ai_socktype') from None


async def _addresses(host, flags):
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    if flags & socket.AI_NUMERICHOST:
        raise socket.gaierror(socket.EAI_NONAME, 'Name or service not known')
    try:
        found = await ip_name_lookup.resolve_addresses(host)
    except Err as error:
        raise errors.of_lookup(error.value) from None
    return [_literal(each.value) for each in found]


def _literal(parts):
    if len(parts) == 4:
        return '.'.join(map(str, parts))
    return str(ipaddress.IPv6Address(b''.join(part.to_bytes(2) for part in parts)))


def _entry(literal, port):
    if ':' in literal:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, '', (literal, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, '', (literal, port)
