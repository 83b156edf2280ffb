"""anyio: task groups, cancel scopes, memory streams, TCP and TLS both ends, files."""

import pathlib
import ssl
import sys

import anyio
import shared
from anyio.abc import SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSAttribute, TLSListener, TLSStream


async def echo(stream):
    try:
        async with stream:
            while True:
                await stream.send(await stream.receive())
    # A peer that is gone in the handshake is an error of `ssl`.
    except (anyio.EndOfStream, anyio.BrokenResourceError, ssl.SSLError):
        pass


async def serve():
    listener = await anyio.create_tcp_listener(local_host='127.0.0.1', local_port=0)
    shared.serving(listener.extra(SocketAttribute.local_address))
    context = shared.server_context()
    if context is not None:
        listener = TLSListener(listener, context)
    await listener.serve(echo)


async def connected():
    context = shared.client_context()
    if context is None:
        return await anyio.connect_tcp('localhost', shared.port())
    return await anyio.connect_tcp('localhost', shared.port(), ssl_context=context)


async def fetch():
    async with await connected() as stream:
        await stream.send(b'hello')
        print(await stream.receive())
        data = bytes(range(256)) * 2000
        async with anyio.create_task_group() as group:
            group.start_soon(stream.send, data)
            got = await BufferedByteReceiveStream(stream).receive_exactly(len(data))
        print(got == data, stream.extra(SocketAttribute.remote_port) == shared.port())
        if isinstance(stream, TLSStream):
            assert stream.extra(TLSAttribute.tls_version) == 'TLSv1.3'

    results = []

    async def one(number):
        async with await connected() as stream:
            await stream.send(b'%d' % number)
            results.append(int(await stream.receive()))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(one, number)
    print(sorted(results) == list(range(20)))

    with anyio.move_on_after(0.05) as scope:
        async with await connected() as stream:
            await stream.receive()
    print(scope.cancelled_caught)
    try:
        with anyio.fail_after(0.05):
            await anyio.sleep_forever()
    except TimeoutError:
        print('timed out')

    sender, receiver = anyio.create_memory_object_stream(2)
    async with anyio.create_task_group() as group:
        async def produce():
            async with sender:
                for number in range(5):
                    await sender.send(number)
        group.start_soon(produce)
        print([item async for item in receiver])
    print((await anyio.Path(__file__).read_bytes()) == pathlib.Path(__file__).read_bytes())
    print(await anyio.to_thread.run_sync(lambda: 'no thread'))
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            raise KeyError('group')
    except* KeyError as errors:
        print(errors.exceptions)


def main():
    if sys.argv[1] == 'serve':
        anyio.run(serve)
    else:
        anyio.run(fetch)
        print('done')


main()
