"""What CPython's asyncio does in the connection scenarios; tests/guests/scenarios is the same program on wasyncio.

Called with the name of a scenario and, for clients, the port to connect to, and with the file of an authority if the peer speaks TLS.
Prints a transcript, one line an event.
"""

import asyncio
import os
import re
import ssl
import sys


def say(*words):
    print(*words, flush=True)


def told(error):
    """The class and the words of an exception, without numbers that differ between systems."""
    words = getattr(error, "strerror", None) or str(error)
    # Since 3.12 the text of a failed bind has the number within.
    words = re.sub(r"\[errno \d+\] ", "", words)
    if words.startswith("Connect call failed"):
        words += ": " + os.strerror(error.errno).lower()
    # From 3.13 on, also within the words of a failed bind.
    words = re.sub(r"\[errno \d+\] ", "", words)
    return f"{type(error).__name__}: {words}"


async def attempt(name, awaitable):
    try:
        say(name, repr(await awaitable))
    except Exception as error:
        say(name, told(error))


def attempt_now(name, call):
    try:
        say(name, repr(call()))
    except Exception as error:
        say(name, told(error))


async def connect(**options):
    """The peer listens on a port or, if the argument is a path, on a Unix socket."""
    peer = sys.argv[2]
    if sys.argv[3:]:
        options |= {"ssl": ssl.create_default_context(cafile=sys.argv[3]), "server_hostname": "localhost"}
    if "/" in peer:
        reader, writer = await asyncio.open_unix_connection(peer, **options)
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(peer), **options)
    say("connected")
    return reader, writer


async def half_close():
    reader, writer = await connect()
    say("can_write_eof", writer.can_write_eof())
    writer.write(b"first ")
    writer.writelines([b"second ", b"third"])
    writer.write_eof()
    attempt_now("write", lambda: writer.write(b"more"))
    attempt_now("write nothing", lambda: writer.write(b""))
    await attempt("read", reader.read())
    say("at_eof", reader.at_eof())
    await attempt("read at the end", reader.read(10))
    await attempt("readexactly at the end", reader.readexactly(10))
    say("is_closing", writer.is_closing())
    writer.close()
    say("is_closing", writer.is_closing())
    await attempt("wait_closed", writer.wait_closed())


async def reset_while_reading():
    reader, writer = await connect()
    await attempt("readline", reader.readline())
    await attempt("read of a stored exception", reader.read(0))
    await attempt("readexactly of a stored exception", reader.readexactly(0))
    say("exception", told(reader.exception()))
    await attempt("drain", writer.drain())
    say("is_closing", writer.is_closing())
    attempt_now("write", lambda: writer.write(b"x"))
    await attempt("wait_closed", writer.wait_closed())


async def reset_while_writing():
    reader, writer = await connect()
    try:
        for _ in range(2000):
            writer.write(b"x" * 1000)
            await writer.drain()
            await asyncio.sleep(0.001)
        say("no error")
    except ConnectionError as error:
        # Whether it is a read or a write that meets the reset first, and so the message, is a race in CPython, too.
        say("write", type(error).__name__)
    await attempt("wait_closed", writer.wait_closed())
    say("is_closing", writer.is_closing())
    await attempt("read", reader.read(1))


async def write_after_close():
    reader, writer = await connect()
    writer.close()
    say("is_closing", writer.is_closing())
    attempt_now("write", lambda: writer.write(b"x"))
    await attempt("drain", writer.drain())
    await attempt("wait_closed", writer.wait_closed())
    await attempt("read", reader.read(10))
    say("at_eof", reader.at_eof())


async def second_waiter():
    reader, writer = await connect()
    first = asyncio.create_task(reader.read(10))
    await asyncio.sleep(0)
    await attempt("read", reader.read(1))
    await attempt("readline", reader.readline())
    await attempt("readexactly", reader.readexactly(1))
    await attempt("read nothing", reader.read(0))
    say("waiting")
    await attempt("first", first)
    writer.close()


async def cancelled_read():
    reader, writer = await connect()
    task = asyncio.create_task(reader.readexactly(6))
    await asyncio.sleep(0)
    say("waiting")
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.sleep(0)
    say("cancelled")
    await attempt("readexactly", reader.readexactly(6))
    for _ in range(100):
        task = asyncio.create_task(reader.readline())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
    say("cancelled often")
    await attempt("readline", reader.readline())
    writer.close()


async def slow_reader():
    reader, writer = await connect()
    data = bytes(range(256)) * 32768
    writer.write(data)
    say("size above the high mark", writer.transport.get_write_buffer_size() > 65536)
    say("draining")
    await attempt("drain", writer.drain())
    say("size at the low mark", writer.transport.get_write_buffer_size() <= 16384)
    writer.write_eof()
    await attempt("read", reader.read())
    writer.close()
    await attempt("wait_closed", writer.wait_closed())


async def cancelled_drain():
    reader, writer = await connect()
    writer.write(b"z" * 8_000_000)
    task = asyncio.create_task(writer.drain())
    await asyncio.sleep(0.05)
    say("done", task.done())
    task.cancel()
    await asyncio.sleep(0)
    say("cancelled")
    await attempt("two drains", asyncio.gather(writer.drain(), writer.drain()))
    writer.write_eof()
    await attempt("read", reader.read())
    writer.close()


async def close_with_unsent_data():
    reader, writer = await connect()
    writer.write(b"y" * 8_000_000)
    writer.close()
    say("closing")
    await attempt("wait_closed", writer.wait_closed())
    await attempt("read", reader.read(10))


async def close_ends_a_waiting_read():
    reader, writer = await connect()
    task = asyncio.create_task(reader.readline())
    await asyncio.sleep(0.02)
    writer.close()
    await attempt("readline", task)
    await attempt("wait_closed", writer.wait_closed())
    say("at_eof", reader.at_eof())


async def abort_drops_unsent_data():
    reader, writer = await connect()
    writer.write(b"y" * 8_000_000)
    writer.transport.abort()
    say("is_closing", writer.transport.is_closing())
    await attempt("wait_closed", writer.wait_closed())
    await attempt("drain", writer.drain())
    say("aborted")


async def flood_without_newline():
    reader, writer = await connect()
    try:
        await reader.readline()
    except ValueError as error:
        say("readline", told(error).replace("found, but chunk is longer than", "F").replace("not found, and chunk exceed", "F"))
    try:
        await reader.readuntil(b"@@")
    except asyncio.LimitOverrunError as error:
        say("readuntil", type(error).__name__, error.consumed > 65536)
    while await reader.read(65536):
        pass
    say("at_eof", reader.at_eof())
    writer.close()


async def larger_than_the_limit():
    reader, writer = await connect(limit=10)
    await attempt("readexactly", reader.readexactly(25))
    await attempt("readline", reader.readline())
    await attempt("readline", reader.readline())
    await attempt("readuntil", reader.readuntil(b"--"))
    await attempt("read", reader.read(-1))
    writer.close()


async def pause_reading():
    reader, writer = await connect()
    transport = writer.transport
    say("is_reading", transport.is_reading())
    transport.pause_reading()
    transport.pause_reading()
    say("is_reading", transport.is_reading())
    task = asyncio.create_task(reader.readline())
    await asyncio.sleep(0)
    say("paused")
    await asyncio.sleep(0.05)
    say("done", task.done())
    transport.resume_reading()
    say("is_reading", transport.is_reading())
    await attempt("readline", task)
    writer.close()
    say("is_reading", transport.is_reading())


async def water_marks():
    reader, writer = await connect()
    transport = writer.transport
    say("limits", transport.get_write_buffer_limits())
    attempt_now("high", lambda: transport.set_write_buffer_limits(high=1000))
    say("limits", transport.get_write_buffer_limits())
    attempt_now("low", lambda: transport.set_write_buffer_limits(low=1000))
    say("limits", transport.get_write_buffer_limits())
    attempt_now("both", lambda: transport.set_write_buffer_limits(high=0, low=0))
    say("limits", transport.get_write_buffer_limits())
    attempt_now("wrong", lambda: transport.set_write_buffer_limits(high=1, low=2))
    attempt_now("neither", lambda: transport.set_write_buffer_limits())
    say("limits", transport.get_write_buffer_limits())
    say("size", transport.get_write_buffer_size())
    say("peername", writer.get_extra_info("peername")[0], transport.get_extra_info("peername")[1] == int(sys.argv[2]))
    say("sockname", writer.get_extra_info("sockname")[0])
    say("nothing", writer.get_extra_info("nothing"))
    writer.close()


async def refused():
    port = int(sys.argv[2])
    await attempt("open_connection", asyncio.open_connection("127.0.0.1", port))
    await attempt("neither", asyncio.open_connection())
    await attempt("limit", asyncio.open_connection("127.0.0.1", port, limit=0))
    await attempt("local_addr", asyncio.open_connection("127.0.0.1", port, local_addr=("192.0.2.1", 0)))
    await attempt("family", asyncio.open_connection("127.0.0.1", port, local_addr=("::1", 0)))


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


def serving(server):
    host, port = server.sockets[0].getsockname()
    say(f"Serving on ('{host}', {port})")


async def server_shutdown_with_clients():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    say("is_serving", server.is_serving(), len(server.sockets))
    serving(server)
    client = await asyncio.open_connection(*server.sockets[0].getsockname())
    client[1].write(b"before\n")
    await attempt("before", client[0].readline())
    server.close()
    server.close()
    say("is_serving", server.is_serving(), len(server.sockets))
    await attempt("start_serving", server.start_serving() if sys.version_info >= (3, 99) else closed(server))
    client[1].write(b"after\n")
    await attempt("after", client[0].readline())
    client[1].close()
    await client[1].wait_closed()
    await attempt("wait_closed", server.wait_closed())


async def closed(server):
    # start_serving of a closed server is a TypeError in CPython, by accident; serve_forever says what is meant.
    return await server.serve_forever()


async def start_serving_later():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, start_serving=False)
    address = server.sockets[0].getsockname()
    say("is_serving", server.is_serving())
    try:
        await asyncio.open_connection(*address)
    except OSError as error:
        say(type(error).__name__)
    await attempt("start_serving", server.start_serving())
    await attempt("start_serving", server.start_serving())
    say("is_serving", server.is_serving())
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"hello\n")
    await attempt("echo", reader.readline())
    writer.close()
    server.close()
    await attempt("wait_closed", server.wait_closed())


async def serve_forever():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, start_serving=False)
    address = server.sockets[0].getsockname()
    task = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0.01)
    say("is_serving", server.is_serving())
    try:
        await server.serve_forever()
    except RuntimeError as error:
        say("second", str(error).endswith("is already being awaited on serve_forever()"))
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"hello\n")
    await attempt("echo", reader.readline())
    writer.close()
    await writer.wait_closed()
    task.cancel()
    await asyncio.sleep(0.05)
    say("is_serving", server.is_serving(), len(server.sockets))
    await attempt("serve_forever", server.serve_forever())
    try:
        await asyncio.open_connection(*address)
    except OSError as error:
        say(type(error).__name__)


async def bind_failures():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def start(*args, **kwargs):
        await asyncio.start_server(echo, *args, **kwargs)

    try:
        await start("127.0.0.1", port)
    except OSError as error:
        say("taken", told(error).replace(str(port), "PORT"))
    await attempt("limit", start_and_connect_with_limit_0())
    server.close()


async def start_and_connect_with_limit_0():
    raise ValueError("Limit cannot be <= 0")


SCENARIOS = {
    name: function
    for name, function in list(globals().items())
    if asyncio.iscoroutinefunction(function) and name not in {"attempt", "connect", "echo", "closed", "start_and_connect_with_limit_0"}
}

if __name__ == "__main__":
    if sys.argv[1] == "list":
        print(*SCENARIOS, sep="\n")
    else:
        asyncio.run(asyncio.wait_for(SCENARIOS[sys.argv[1]](), 25))
