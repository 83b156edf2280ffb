"""What a program sees of streams, case by case: run by CPython and in the sandbox, which print the same. No port, no number of an error."""

import asyncio
import errno
import inspect
import socket
import sys


async def connected(handle=None, **options):
    """A server on a free port with one connection: both ends, and the server."""
    accepted = asyncio.get_running_loop().create_future()

    async def callback(reader, writer):
        if handle is not None:
            return await handle(reader, writer)
        accepted.set_result((reader, writer))

    server = await asyncio.start_server(callback, '127.0.0.1', 0, **options)
    port = server.sockets[0].getsockname()[1]
    client = await asyncio.open_connection('127.0.0.1', port)
    if handle is None:
        return client, await accepted, server
    return client, None, server


async def lines_in_one_segment():
    (reader, writer), (peer, answer), server = await connected()
    writer.writelines([b'one\n', b'two\n', b'three'])
    writer.write_eof()
    return [await peer.readline() for _ in range(4)], peer.at_eof()


async def half_close():
    async def handle(reader, writer):
        data = await reader.read()
        writer.write(b'got %d' % len(data))
        writer.close()

    (reader, writer), _, server = await connected(handle)
    writer.write(b'x' * 100_000)
    writer.write_eof()
    return await reader.read(), writer.can_write_eof(), writer.is_closing()


async def write_after_eof():
    (reader, writer), _, server = await connected()
    writer.write_eof()
    writer.write(b'more')


async def write_no_bytes():
    (reader, writer), _, server = await connected()
    writer.write('text')


async def large_both_ways():
    async def handle(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    (reader, writer), _, server = await connected(handle)
    sent = bytes(range(256)) * 20_000

    async def send():
        for at in range(0, len(sent), 70_001):
            writer.write(sent[at:at + 70_001])
            await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    back = await reader.read()
    await sending
    return back == sent, len(back)


async def drain_waits_for_a_slow_reader():
    (reader, writer), (peer, answer), server = await connected()
    writer.write(b'z' * 50_000_000)
    waited = False
    try:
        await asyncio.wait_for(writer.drain(), 0.05)
    except TimeoutError:
        waited = True
    size = writer.transport.get_write_buffer_size() > 65536
    got = 0
    while got < 50_000_000:
        got += len(await peer.read(1 << 20))
    await writer.drain()
    return waited, size, got, writer.transport.get_write_buffer_size()


async def refused():
    taken = socket.socket() if sys.platform != 'wasi' else None
    server = await asyncio.start_server(lambda reader, writer: None, '127.0.0.1', 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    if taken is not None:
        taken.close()
    try:
        await asyncio.open_connection('127.0.0.1', port)
    except OSError as error:
        return type(error).__name__, errno.errorcode[error.errno], str(port) in str(error)


async def address_in_use():
    server = await asyncio.start_server(lambda reader, writer: None, '127.0.0.1', 0)
    port = server.sockets[0].getsockname()[1]
    try:
        await asyncio.start_server(lambda reader, writer: None, '127.0.0.1', port)
    except OSError as error:
        return type(error).__name__, errno.errorcode[error.errno], str(error).split('] ')[1].replace(str(port), 'PORT')


async def peer_aborts():
    (reader, writer), (peer, answer), server = await connected()
    answer.write(b'last')
    await answer.drain()
    answer.transport.abort()
    first = await reader.read(100)
    return first, await reader.read(100)


async def closed_while_reading():
    (reader, writer), (peer, answer), server = await connected()
    reading = asyncio.create_task(reader.read(10))
    await asyncio.sleep(0.01)
    writer.close()
    await writer.wait_closed()
    return await reading, reader.at_eof(), writer.is_closing()


async def write_after_close():
    (reader, writer), (peer, answer), server = await connected()
    writer.write(b'kept')
    writer.close()
    writer.write(b'dropped')
    await writer.wait_closed()
    return await peer.read()


async def drain_after_loss():
    (reader, writer), (peer, answer), server = await connected()
    writer.close()
    await writer.wait_closed()
    await writer.drain()


async def cancelled_read():
    (reader, writer), (peer, answer), server = await connected()
    for _ in range(50):
        reading = asyncio.create_task(peer.readexactly(4))
        await asyncio.sleep(0)
        reading.cancel()
        try:
            await reading
        except asyncio.CancelledError:
            pass
    writer.write(b'data')
    return await peer.readexactly(4)


async def second_waiter():
    (reader, writer), (peer, answer), server = await connected()
    first = asyncio.create_task(reader.read(1))
    await asyncio.sleep(0)
    try:
        await reader.read(1)
    finally:
        first.cancel()


async def incomplete():
    (reader, writer), (peer, answer), server = await connected()
    writer.write(b'abc')
    writer.close()
    try:
        await peer.readexactly(5)
    except asyncio.IncompleteReadError as error:
        return error.partial, error.expected


async def overrun():
    (reader, writer), (peer, answer), server = await connected(limit=16)
    writer.write(b'y' * 40 + b'\n')
    try:
        await peer.readuntil(b'\n')
    except asyncio.LimitOverrunError as error:
        return str(error), error.consumed, await peer.readexactly(41)


async def pausing():
    (reader, writer), (peer, answer), server = await connected()
    peer._transport.pause_reading()
    writer.write(b'first')
    await asyncio.sleep(0.05)
    before = bytes(peer._buffer)
    states = [peer._transport.is_reading()]
    peer._transport.resume_reading()
    states.append(peer._transport.is_reading())
    return before, states, await peer.read(100)


async def extra_info():
    (reader, writer), (peer, answer), server = await connected()
    own, other = writer.get_extra_info('sockname'), writer.get_extra_info('peername')
    crossed = own == answer.get_extra_info('peername') and other == answer.get_extra_info('sockname')
    sock = writer.get_extra_info('socket')
    same = sock.getsockname() == own
    writer.close()
    await writer.wait_closed()
    return (
        crossed, own[0], type(sock).__name__, same, writer.get_extra_info('peername') == other,
        writer.get_extra_info('nothing'), writer.get_extra_info('nothing', 3), writer.get_extra_info('ssl_object'),
    )


async def water_marks():
    (reader, writer), _, server = await connected()
    transport = writer.transport
    marks = [transport.get_write_buffer_limits()]
    transport.set_write_buffer_limits(high=1000)
    marks.append(transport.get_write_buffer_limits())
    transport.set_write_buffer_limits(low=10)
    marks.append(transport.get_write_buffer_limits())
    try:
        transport.set_write_buffer_limits(high=1, low=2)
    except ValueError as error:
        marks.append(str(error))
    return marks


async def failing_callback():
    told = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.set_result(context))

    async def handle(reader, writer):
        raise LookupError('in the callback')

    (reader, writer), _, server = await connected(handle)
    context = await asyncio.wait_for(told, 5)
    asyncio.get_running_loop().set_exception_handler(None)
    return context['message'], repr(context['exception']), await reader.read()


async def server_life():
    server = await asyncio.start_server(lambda reader, writer: None, '127.0.0.1', 0, start_serving=False)
    port = server.sockets[0].getsockname()[1]
    seen = [server.is_serving(), len(server.sockets)]
    forever = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0.01)
    seen.append(server.is_serving())
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    forever.cancel()
    try:
        await asyncio.wait_for(asyncio.shield(forever), 0.05)
    except TimeoutError:
        seen.append('waits for its connection')
    except asyncio.CancelledError:
        seen.append('cancelled')
    writer.close()
    try:
        await forever
    except asyncio.CancelledError:
        seen.append('cancelled')
    return seen, server.is_serving(), server.sockets


async def several_hosts():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), ['127.0.0.1', '127.0.0.2'], 0)
    hosts = sorted(each.getsockname()[0] for each in server.sockets)
    for each in server.sockets:
        reader, writer = await asyncio.open_connection(*each.getsockname())
        hosts.append(await reader.read())
    server.close()
    return hosts


async def clients_are_closed():
    (reader, writer), (peer, answer), server = await connected()
    server.close()
    server.close_clients()
    await server.wait_closed()
    return await reader.read()


async def two_hundred_at_once():
    async def handle(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(handle, '127.0.0.1', 0, backlog=300)
    address = server.sockets[0].getsockname()

    async def one(number):
        reader, writer = await asyncio.open_connection(*address)
        for turn in range(5):
            line = b'%d %d\n' % (number, turn)
            writer.write(line)
            assert await reader.readline() == line
        writer.close()
        await writer.wait_closed()
        return number

    return sum(await asyncio.gather(*(one(number) for number in range(200))))


async def a_busy_task_lets_others_go_on():
    ended = False

    async def busy():
        while not ended:
            await asyncio.sleep(0)

    task = asyncio.create_task(busy())
    (reader, writer), (peer, answer), server = await connected()
    for _ in range(20):
        writer.write(b'ping')
        answer.write(await peer.readexactly(4))
        assert await reader.readexactly(4) == b'ping'
    await asyncio.sleep(0.01)
    ended = True
    await task
    return 'served'


async def times():
    loop = asyncio.get_running_loop()
    begin = loop.time()
    order = []
    for delay in (0.3, 0.1, 0.2):
        loop.call_later(delay, order.append, delay)
    cancelled = loop.call_later(0.01, order.append, 'cancelled')
    cancelled.cancel()
    await asyncio.sleep(0.4)
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(5)
    except TimeoutError:
        order.append('timeout')
    return order, 0.4 <= loop.time() - begin < 5


async def groups():
    async def fails():
        await asyncio.sleep(0.01)
        raise ValueError('one')

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            waiting = group.create_task(asyncio.sleep(10))
    except ExceptionGroup as group:
        return repr(group.exceptions), waiting.cancelled()


async def a_protocol():
    loop = asyncio.get_running_loop()
    log = []

    class Echo(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            log.append(data)
            self.transport.write(data.upper())

        def eof_received(self):
            log.append('eof')

        def connection_lost(self, exc):
            log.append(exc)

    server = await loop.create_server(Echo, '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b'shout')
    answer = await reader.readexactly(5)
    writer.write_eof()
    rest = await reader.read()
    writer.close()
    server.close()
    await server.wait_closed()
    return answer, rest, log


async def a_buffered_protocol():
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    class Collects(asyncio.BufferedProtocol):
        def __init__(self):
            self.buffer, self.all = bytearray(7), b''

        def get_buffer(self, sizehint):
            return self.buffer

        def buffer_updated(self, count):
            self.all += self.buffer[:count]

        def eof_received(self):
            done.set_result(self.all)

    server = await loop.create_server(Collects, '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b'in pieces of seven bytes')
    writer.write_eof()
    return await done


async def wrong_arguments():
    seen = []
    for arguments, options in (
        ((None, None), {}), (('127.0.0.1', 1), {'server_hostname': 'x'}), (('127.0.0.1', 1), {'ssl_handshake_timeout': 1}),
        (('127.0.0.1', 1), {'limit': 0}),
    ):
        try:
            await asyncio.open_connection(*arguments, **options)
        except Exception as error:
            seen.append(f'{type(error).__name__}: {error}')
    return seen


async def in_an_executor():
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, sum, [1, 2]), await asyncio.to_thread(max, 3, 4)


async def main():
    for case in CASES:
        try:
            answer = await asyncio.wait_for(case(), 20)
        except BaseException as error:
            answer = f'{type(error).__name__}: {error}'
        print(f'{case.__name__}: {answer}', flush=True)


CASES = [value for name, value in list(globals().items()) if inspect.iscoroutinefunction(value) and name not in ('main', 'connected')]
if len(sys.argv) > 1:
    CASES = [case for case in CASES if case.__name__ in sys.argv[1:]]
asyncio.run(main())
