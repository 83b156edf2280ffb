"""tornado: a server and its client, streams, websockets, periodic callbacks."""

import asyncio

import shared
import tornado.httpclient
import tornado.httpserver
import tornado.ioloop
import tornado.netutil
import tornado.web
import tornado.websocket


class Hello(tornado.web.RequestHandler):
    def get(self):
        self.write({'args': self.get_arguments('a')})

    def post(self):
        self.write(str(len(self.request.body)))


class Parts(tornado.web.RequestHandler):
    async def get(self):
        for number in range(5):
            self.write(f'{number}\n')
            await self.flush()


class Echo(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message('got ' + message)


async def serve():
    app = tornado.web.Application([('/', Hello), ('/parts', Parts), ('/ws', Echo)])
    sockets = tornado.netutil.bind_sockets(0, '127.0.0.1')
    server = tornado.httpserver.HTTPServer(app, ssl_options=shared.server_context())
    server.add_sockets(sockets)
    shared.serving(sockets[0].getsockname())
    await asyncio.Event().wait()


async def fetch():
    context = shared.client_context()
    client = tornado.httpclient.AsyncHTTPClient(defaults={'ssl_options': context})
    print((await client.fetch(shared.url('http', '/?a=1&a=2'))).body)
    print((await client.fetch(shared.url('http', '/'), method='POST', body=b'x' * 200_000)).body)
    print((await client.fetch(shared.url('http', '/parts'))).body)
    try:
        await client.fetch(shared.url('http', '/none'))
    except tornado.httpclient.HTTPClientError as error:
        print(error.code)
    print([answer.body for answer in await asyncio.gather(*(client.fetch(shared.url('http', f'/?a={n}')) for n in range(5)))])
    socket = await tornado.websocket.websocket_connect(tornado.httpclient.HTTPRequest(shared.url('ws', '/ws'), ssl_options=context))
    await socket.write_message('one')
    print(await socket.read_message())
    socket.close()
    ticked = asyncio.Event()
    callback = tornado.ioloop.PeriodicCallback(ticked.set, 10)
    callback.start()
    await ticked.wait()
    callback.stop()
    print(await tornado.ioloop.IOLoop.current().run_in_executor(None, lambda: 'called'))


shared.main(serve, fetch)
