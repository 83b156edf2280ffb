"""aiohttp: requests, streams, forms, cookies, websockets, static files, time-outs, keep-alive."""

import asyncio
import pathlib

import aiohttp
import shared
from aiohttp import web


async def hello(request):
    return web.json_response({'method': request.method, 'query': dict(request.query), 'body': (await request.read()).decode()})


async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(5):
        await response.write(f'{number}\n'.encode())
        await asyncio.sleep(0)
    await response.write_eof()
    return response


async def echo(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str('got ' + message.data)
    return socket


async def form(request):
    fields = await request.post()
    response = web.Response(text=' '.join(f'{name}={value if isinstance(value, str) else value.file.read()}' for name, value in fields.items()))
    response.set_cookie('seen', 'yes')
    return response


async def slow(request):
    await asyncio.sleep(60)


async def broken(request):
    raise web.HTTPNotFound(text='nothing')


async def serve():
    app = web.Application()
    app.router.add_route('*', '/', hello)
    app.add_routes([web.get('/stream', stream), web.get('/ws', echo), web.post('/form', form), web.get('/slow', slow),
                    web.get('/none', broken), web.static('/files', pathlib.Path(__file__).parent)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0, ssl_context=shared.server_context())
    await site.start()
    shared.serving(runner.addresses[0])
    await asyncio.Event().wait()


async def fetch():
    context = shared.client_context()
    connector = aiohttp.TCPConnector(ssl=True if context is None else context)
    async with aiohttp.ClientSession(shared.url('http'), connector=connector) as session:
        async with session.get('/', params={'a': '1'}) as answer:
            print(answer.status, await answer.json())
        async with session.put('/', data=b'x' * 200_000) as answer:
            print(len((await answer.json())['body']))
        async with session.get('/stream') as answer:
            print([line async for line in answer.content])
        async with session.ws_connect('/ws') as socket:
            await socket.send_str('one')
            print(await socket.receive_str())
            await socket.close()
            print(socket.close_code)
        data = aiohttp.FormData({'field': 'value'})
        data.add_field('file', b'content', filename='f.txt')
        async with session.post('/form', data=data) as answer:
            print(await answer.text(), answer.cookies['seen'].value)
        async with session.get('/none') as answer:
            print(answer.status, await answer.text())
        async with session.get('/files/with_aiohttp.py') as answer:
            print(await answer.read() == pathlib.Path(__file__).read_bytes())
        try:
            await session.get('/slow', timeout=aiohttp.ClientTimeout(total=0.2))
        except TimeoutError as error:
            print(type(error).__name__)

        async def one(number):
            async with session.post('/', data=str(number)) as answer:
                return (await answer.json())['body']

        print(await asyncio.gather(*map(one, range(20))))


shared.main(serve, fetch)
