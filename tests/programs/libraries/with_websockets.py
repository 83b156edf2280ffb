"""websockets: echo both ways, long messages, pings, concurrent clients, and how they close."""

import asyncio

import shared
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed, InvalidStatus


async def echo(socket):
    async for message in socket:
        if message == 'bye':
            await socket.close(4000, 'as you wish')
            return
        await socket.send(message)


def check(connection, request):
    if request.path == '/no':
        return connection.respond(403, 'no\n')


async def serve():
    async with listen(echo, '127.0.0.1', 0, ssl=shared.server_context(), process_request=check) as server:
        shared.serving(server.sockets[0].getsockname())
        await server.serve_forever()


async def one(number):
    async with connect(shared.url('ws'), ssl=shared.client_context()) as socket:
        for turn in range(20):
            await socket.send(f'{number} {turn}')
            assert await socket.recv() == f'{number} {turn}'


async def fetch():
    context = shared.client_context()
    async with connect(shared.url('ws'), ssl=context) as socket:
        await socket.send('text')
        print(await socket.recv())
        await socket.send(b'bytes' * 100_000)
        print(len(await socket.recv()))
        await socket.send(['in ', 'parts'])
        print(await socket.recv())
        await (await socket.ping())
        await socket.send('bye')
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            print(closed.rcvd.code, closed.rcvd.reason)
    await asyncio.gather(*map(one, range(10)))
    try:
        async with connect(shared.url('ws', '/no'), ssl=context):
            print('connected')
    except InvalidStatus as refused:
        print(refused.response.status_code, refused.response.body)
    async with connect(shared.url('ws'), ssl=context) as socket:
        await socket.send('last')
        await socket.recv()
    print(socket.close_code)


shared.main(serve, fetch)
