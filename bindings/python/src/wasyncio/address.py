"""Addresses as the `socket` module has them."""

import os
import socket

from wit_world.imports import wasyncio_streams_types as types

AF_UNIX = getattr(socket, 'AF_UNIX', 1)

_FAMILIES = {'INET': socket.AF_INET, 'INET6': socket.AF_INET6, 'UNIX': AF_UNIX}


def family(component):
    """The number of an `address-family`."""
    return _FAMILIES[component.name]


def component_family(number):
    """The `address-family` for a number; None for any."""
    match number:
        case socket.AF_INET:
            return types.AddressFamily.INET
        case socket.AF_INET6:
            return types.AddressFamily.INET6
        case 0:
            return None
    raise ValueError(f'the address family {number} is not supported')


def of_component(address):
    """The tuple, or path, for a `socket-address`."""
    match address.family.name:
        case 'INET':
            return address.host, address.port
        case 'INET6':
            return address.host, address.port, address.flowinfo, address.scope_id
    path = bytes(address.path or b'')
    return path if path.startswith(b'\0') else os.fsdecode(path)
