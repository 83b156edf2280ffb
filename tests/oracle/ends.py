"""What CPython's asyncio does in the cases of tests/guests/shared/ends, function by function.

Called with the name of a case and its arguments. Prints a transcript, one line an event.
"""

import asyncio
import inspect
import os
import select
import socket
import sys

# More than the system buffers for a peer that does not read.
MUCH = 8_000_000


def say(*words):
    print(*words, flush=True)


def number(index):
    return int(sys.argv[1 + index])


def told(error):
    """The class and the words of an exception, without numbers that differ between systems."""
    return f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}"


async def outcome(call):
    try:
        await call
        return "None"
    except Exception as error:
        return told(error)


async def attempt(name, call):
    say(name, await outcome(call))


def serving(server):
    for socket in server.sockets:
        say("Serving on", socket.getsockname()[:2])


async def serve(connections, handler):
    """Serves so many connections, each with its number from 1 on, then closes the server and waits for its end."""
    handlers = []
    all_there = asyncio.Event()

    async def serve_one(reader, writer):
        handlers.append(asyncio.current_task())
        if len(handlers) == connections:
            all_there.set()
        await handler(handlers.index(asyncio.current_task()) + 1, reader, writer)

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    serving(server)
    await all_there.wait()
    await asyncio.gather(*handlers)
    server.close()
    await attempt("server.wait_closed", server.wait_closed())


async def reset_while_closing():
    async def handle(of, _, writer):
        if number(2) < MUCH:
            # The command is told to have small buffers.
            peer = writer.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
        writer.write(b"x" * number(2))
        writer.close()
        say("closing", of)
        await attempt(f"wait_closed {of}", writer.wait_closed())

    await serve(number(1), handle)


async def reset_while_draining():
    async def handle(of, _, writer):
        writer.write(b"x" * MUCH)
        say("draining", of)
        await attempt(f"drain {of}", writer.drain())
        say("is_closing", of, str(writer.is_closing()).lower())
        await attempt(f"drain again {of}", writer.drain())
        writer.close()
        await attempt(f"wait_closed {of}", writer.wait_closed())

    await serve(number(1), handle)


def waiters(writer):
    """Three tasks that drain and three that wait for the end."""
    tasks = []
    for _ in range(3):
        tasks.append(("drain", asyncio.create_task(outcome(writer.drain()))))
        tasks.append(("wait_closed", asyncio.create_task(outcome(writer.wait_closed()))))
    return tasks


async def say_all(of, tasks):
    await asyncio.sleep(0)
    say("waiting", of)
    for name, task in tasks:
        say(name, await task)


async def reset_wakes_every_waiter():
    async def handle(of, _, writer):
        writer.write(b"x" * MUCH)
        await say_all(of, waiters(writer))
        writer.close()

    await serve(number(1), handle)


async def reset_wakes_a_read_too():
    async def handle(of, reader, writer):
        writer.write(b"x" * MUCH)
        await say_all(of, [*waiters(writer), ("read", asyncio.create_task(outcome(reader.read(1))))])
        writer.close()

    await serve(number(1), handle)


async def reset_while_write_eof_is_pending():
    async def handle(of, _, writer):
        writer.write(b"x" * MUCH)
        writer.write_eof()
        say("ending", of)
        await attempt("drain", writer.drain())
        await attempt("wait_closed", writer.wait_closed())

    await serve(1, handle)


async def reset_while_write_eof_and_close_are_pending():
    async def handle(of, _, writer):
        writer.write(b"x" * MUCH)
        writer.write_eof()
        writer.close()
        say("closing", of)
        await attempt("wait_closed", writer.wait_closed())

    await serve(1, handle)


async def reset_after_close_while_a_send_is_awaited():
    async def handle(of, _, writer):
        writer.write(b"x" * MUCH)
        drain = asyncio.create_task(outcome(writer.drain()))
        await asyncio.sleep(0)
        writer.close()
        say("closing", of)
        say("drain", await drain)
        await attempt("wait_closed", writer.wait_closed())

    await serve(1, handle)


async def reset_after_all_was_dropped():
    async def handle(of, _, writer):
        writer.write(b"x" * MUCH)
        # There, what is dropped is closed, in CPython at some time or never.
        writer.close()
        say("dropped", of)

    await serve(number(1), handle)


async def abort_while_closing():
    async def handle(of, _, writer):
        writer.write(b"x" * MUCH)
        drain = asyncio.create_task(outcome(writer.drain()))
        await asyncio.sleep(0)
        writer.close()
        closed = asyncio.create_task(outcome(writer.wait_closed()))
        await asyncio.sleep(0)
        say("closing", of)
        writer.transport.abort()
        say("drain", await drain)
        say("wait_closed", await closed)

    await serve(1, handle)


async def reset_while_reading():
    async def handle(of, reader, writer):
        async def read():
            await reader.read(1)

        say("reading", of)
        await attempt(f"read {of}", read())
        await attempt(f"read again {of}", read())
        writer.close()
        await attempt(f"wait_closed {of}", writer.wait_closed())

    await serve(number(1), handle)


async def peername_after_reset():
    async def handle(of, reader, writer):
        say("accepted", of)
        await outcome(reader.read(1))
        say("peername", of, writer.get_extra_info("peername"))
        writer.close()
        say("peername closing", of, writer.get_extra_info("peername"))
        await outcome(writer.wait_closed())
        say("peername closed", of, writer.get_extra_info("peername"))

    await serve(number(1), handle)


def wait_for_a_line(writer):
    """Keeps the whole loop from running until the peer has written, so that nothing is accepted meanwhile."""
    select.select([writer.get_extra_info("socket").fileno()], [], [])


async def peername_of_a_peer_gone_before_accept():
    gone = asyncio.Event()
    seen = []

    def connected(_, writer):
        if not seen:
            seen.append(writer)
            wait_for_a_line(writer)
            return
        seen.append(writer)
        of = len(seen) - 1
        say("peername", of, writer.get_extra_info("peername"))
        writer.close()
        say("peername closing", of, writer.get_extra_info("peername"))
        if of == number(1):
            gone.set()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    serving(server)
    await gone.wait()


async def serves(*hosts):
    """Prints where a server of these hosts listens, in the order of the text, and that it can be reached there."""

    async def hello(_, writer):
        writer.write(b"hello\n")
        await writer.drain()

    try:
        server = await asyncio.start_server(hello, hosts or None, 0)
    except OSError as error:
        say(told(error))
        return
    for host, port, *_ in sorted(socket.getsockname() for socket in server.sockets):
        reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        reader, writer = await asyncio.open_connection(reached, port)
        say(host, (await reader.readline()).decode().rstrip())
        writer.close()


async def the_first_address_is_lacking():
    await serves("203.0.113.1", "127.0.0.1")


async def the_only_address_is_lacking():
    await serves("203.0.113.1")


async def one_family_cannot_be_bound():
    await serves("::1", "127.0.0.1")
    await serves("::1")


async def one_family_does_not_exist():
    await serves("::1", "127.0.0.1")
    await serves()
    await serves("::1")


HELPERS = {"outcome", "attempt", "say_all", "serve", "serves"}
CASES = {
    name: function
    for name, function in list(globals().items())
    if inspect.iscoroutinefunction(function) and name not in HELPERS
}

if __name__ == "__main__":
    if sys.argv[1] == "list":
        print(*CASES, sep="\n")
    else:
        asyncio.run(asyncio.wait_for(CASES[sys.argv[1]](), 25))
