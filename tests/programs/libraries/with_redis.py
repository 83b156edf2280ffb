"""redis-py's asyncio client with a small server of its protocol: commands, pipelines, subscriptions, a pool, errors."""

import asyncio

import redis.asyncio
import shared

values, subscribed = {}, {}


def bulk(value):
    return b'$-1\r\n' if value is None else b'$%d\r\n%s\r\n' % (len(value), value)


def array(items):
    return b'*%d\r\n%s' % (len(items), b''.join(items))


async def request(reader):
    count = int((await reader.readline())[1:] or 0)
    parts = []
    for _ in range(count):
        size = int((await reader.readline())[1:])
        parts.append((await reader.readexactly(size + 2))[:-2])
    return parts


def answer(name, arguments, writer):
    match name.upper(), arguments:
        case b'PING', _:
            return b'+PONG\r\n'
        case b'SET', [key, value, *_]:
            values[key] = value
            return b'+OK\r\n'
        case b'GET', [key]:
            return bulk(values.get(key))
        case b'INCR' | b'INCRBY', [key, *_]:
            values[key] = b'%d' % (int(values.get(key, b'0')) + 1)
            return b':%s\r\n' % values[key]
        case (b'SUBSCRIBE', channels):
            for channel in channels:
                subscribed.setdefault(channel, set()).add(writer)
            return b''.join(array([bulk(b'subscribe'), bulk(channel), b':1\r\n']) for channel in channels)
        case b'PUBLISH', [channel, message]:
            for other in subscribed.get(channel, ()):
                other.write(array([bulk(b'message'), bulk(channel), bulk(message)]))
            return b':%d\r\n' % len(subscribed.get(channel, ()))
        case b'CLIENT', _:
            return b'+OK\r\n'
    return b'-ERR unknown command\r\n'


async def handle(reader, writer):
    try:
        while parts := await request(reader):
            writer.write(answer(parts[0], parts[1:], writer))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve():
    async with await asyncio.start_server(handle, '127.0.0.1', 0, ssl=shared.server_context()) as server:
        shared.serving(server.sockets[0].getsockname())
        await server.serve_forever()


async def fetch():
    secure = {} if shared.client_context() is None else {'ssl': True, 'ssl_ca_certs': shared.sys.argv[3]}
    client = redis.asyncio.Redis(host='localhost', port=shared.port(), protocol=2, **secure)
    print(await client.ping())
    print(await client.set('key', b'x' * 100_000), len(await client.get('key')), await client.get('none'))
    print(sorted(await asyncio.gather(*(client.incr('count') for _ in range(20)))))
    async with client.pipeline(transaction=False) as pipe:
        print(await pipe.set('a', '1').get('a').incr('a').execute())
    try:
        await client.execute_command('NONSENSE')
    except redis.ResponseError as error:
        print(error)
    async with client.pubsub() as channel:
        await channel.subscribe('news')
        print((await channel.get_message(timeout=10))['type'])
        print(await client.publish('news', 'hello'))
        print((await channel.get_message(timeout=10))['data'])
        print(await channel.get_message(timeout=0.05))
    await client.aclose()


shared.main(serve, fetch)
