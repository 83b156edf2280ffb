"""uvicorn with starlette: requests, streams, forms, websockets, events, background tasks, start and end of the application."""

import asyncio
import contextlib
import logging
import sys

import httpx
import shared
import uvicorn
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect

done = []


async def hello(request):
    return JSONResponse({'method': request.method, 'query': dict(request.query_params), 'size': len(await request.body())})


def inline(request):
    """Not a coroutine: starlette calls it in a thread where there are some."""
    return PlainTextResponse('inline', background=BackgroundTask(done.append, 'background'))


async def stream(request):
    async def parts():
        for number in range(5):
            yield f'{number}\n'
            await asyncio.sleep(0)
    return StreamingResponse(parts())


async def events(request):
    async def those():
        for number in range(3):
            yield {'event': 'tick', 'data': str(number)}
    return EventSourceResponse(those())


async def what_was_done(request):
    return PlainTextResponse(' '.join(done))


async def echo(socket):
    await socket.accept()
    async for message in socket.iter_text():
        await socket.send_text('got ' + message)


@contextlib.asynccontextmanager
async def lifespan(app):
    done.append('started')
    yield


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        shared.serving(self.servers[0].sockets[0].getsockname())


def serve():
    app = Starlette(routes=[Route('/', hello, methods=['GET', 'POST']), Route('/inline', inline), Route('/stream', stream), Route('/events', events),
                            Route('/done', what_was_done), WebSocketRoute('/ws', echo)],
                    middleware=[Middleware(GZipMiddleware, minimum_size=10)], lifespan=lifespan)
    secure = dict(zip(('ssl_certfile', 'ssl_keyfile'), sys.argv[2:]))
    Server(uvicorn.Config(app, host='127.0.0.1', port=0, log_level=logging.WARNING, **secure)).run()


async def fetch():
    context = shared.client_context()
    async with httpx.AsyncClient(base_url=shared.url('http'), verify=True if context is None else context) as client:
        print((await client.get('/', params={'a': '1'})).json())
        print((await client.post('/', content=b'x' * 200_000)).json())
        answer = await client.get('/inline')
        print(answer.status_code, answer.text)
        async with client.stream('GET', '/stream') as answer:
            print([line async for line in answer.aiter_lines()])
        print((await client.get('/events')).text.replace('\r\n', '|'))
        print((await client.get('/done')).text)
        print((await client.get('/none')).status_code)
        answers = await asyncio.gather(*(client.get('/', params={'n': number}) for number in range(20)))
        print([answer.json()['query']['n'] for answer in answers])
        try:
            await client.get('/', timeout=1e-6)
        except httpx.TimeoutException as error:
            print(isinstance(error, httpx.TimeoutException))
    async with connect(shared.url('ws', '/ws'), ssl=context) as socket:
        await socket.send('one')
        print(await socket.recv())


if sys.argv[1] == 'serve':
    serve()
else:
    shared.main(None, fetch)
