"""hypercorn with quart, fetched by requests, whose sockets block."""

import asyncio

import hypercorn.asyncio
import hypercorn.config
import quart
import requests
import shared

app = quart.Quart(__name__)


@app.route('/', methods=['GET', 'POST'])
async def hello():
    return {'args': quart.request.args.getlist('a'), 'size': len(await quart.request.get_data())}


@app.route('/parts')
async def parts():
    async def those():
        for number in range(5):
            yield f'{number}\n'.encode()
    return those(), 200


@app.route('/plain')
def plain():
    return 'no coroutine'


class Config(hypercorn.config.Config):
    def create_sockets(self):
        sockets = super().create_sockets()
        for one in sockets.secure_sockets + sockets.insecure_sockets:
            one.listen(100)
            shared.serving(one.getsockname())
        return sockets


async def serve():
    config = Config()
    config.bind = ['127.0.0.1:0']
    config.accesslog = config.errorlog = None
    if len(shared.sys.argv) > 2:
        config.certfile, config.keyfile = shared.sys.argv[2:]
    await hypercorn.asyncio.serve(app, config, shutdown_trigger=asyncio.Event().wait)


async def fetch():
    with requests.Session() as session:
        # Given with each request, since a variable of the environment comes before what the session says.
        verify = shared.sys.argv[3] if len(shared.sys.argv) > 3 else True
        print(session.get(shared.url('http', '/'), params={'a': [1, 2]}, timeout=20, verify=verify).json())
        print(session.post(shared.url('http', '/'), data=b'x' * 200_000, timeout=20, verify=verify).json())
        print(list(session.get(shared.url('http', '/parts'), stream=True, timeout=20, verify=verify).iter_lines()))
        print(session.get(shared.url('http', '/plain'), timeout=20, verify=verify).text)
        print(session.get(shared.url('http', '/none'), timeout=20, verify=verify).status_code)
    try:
        requests.get('http://127.0.0.1:9/', timeout=20)
    except requests.ConnectionError as error:
        print(type(error).__name__)


shared.main(serve, fetch)
