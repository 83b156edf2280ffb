"""`asyncio.open_unix_connection` and `asyncio.start_unix_server`, which CPython leaves out where `socket` has no `AF_UNIX`, as on WASI."""

import asyncio
from asyncio import events, streams


async def open_unix_connection(path=None, *, limit=streams._DEFAULT_LIMIT, **kwds):
    """Similar to `open_connection` but works with UNIX Domain Sockets."""
    loop = events.get_running_loop()
    reader = streams.StreamReader(limit=limit, loop=loop)
    protocol = streams.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_unix_connection(lambda: protocol, path, **kwds)
    return reader, streams.StreamWriter(transport, protocol, reader, loop)


async def start_unix_server(client_connected_cb, path=None, *, limit=streams._DEFAULT_LIMIT, **kwds):
    """Similar to `start_server` but works with UNIX Domain Sockets."""
    loop = events.get_running_loop()

    def factory():
        reader = streams.StreamReader(limit=limit, loop=loop)
        return streams.StreamReaderProtocol(reader, client_connected_cb, loop=loop)

    return await loop.create_unix_server(factory, path, **kwds)


def install():
    """Adds them, unless they are there."""
    for function in (open_unix_connection, start_unix_server):
        for module in (asyncio, streams):
            if not hasattr(module, function.__name__):
                setattr(module, function.__name__, function)
