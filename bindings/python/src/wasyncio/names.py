"""Names of hosts in the loop: what `sockets.lookup` does, awaited."""

from componentize_py_types import Err
from wit_world.imports import ip_name_lookup

from .sockets import lookup


async def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    """As `socket.getaddrinfo`, for TCP alone."""
    found = lookup.known(host, port, family, type, proto, flags)
    if found is not None:
        return found
    name = lookup.question(host)
    try:
        addresses = await ip_name_lookup.resolve_addresses(name)
    except Err as error:
        raise lookup.refused(name, error.value) from None
    return lookup.answers(addresses, lookup.port_number(port), family, type, proto)
