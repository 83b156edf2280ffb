"""What CPython's asyncio does with Unix sockets; tests/guests/shared/unix is the same program on wasyncio.

Called with the name of a case and its arguments; `@` at the beginning of a path stands for a NUL. Prints a transcript.
"""

import asyncio
import logging
import os
import socket
import struct
import sys

# asyncio logs that it could not look for a stale socket; the error that follows says it too.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def say(*words):
    print(*words, flush=True)


def told(error):
    words = getattr(error, "strerror", None) or str(error)
    return f"{type(error).__name__}: {words}"


def named(path):
    return "\0" + path[1:] if path.startswith("@") else path


def path(index):
    return named(sys.argv[index + 2])


async def attempt(name, awaitable):
    try:
        await awaitable
        say(name, "ok")
    except Exception as error:
        say(name, told(error))


def shown(value):
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, bool):
        return str(value).lower()
    return '"' + value.replace("\n", "\\n") + '"' if isinstance(value, str) else str(value)


def show(name, value):
    say(name, shown(value))


def credentials(writer):
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, uid, gid = struct.unpack("3i", peer)
    return f"pid {str(pid > 0).lower()} uid {uid} gid {gid}"


def nothing(reader, writer):
    pass


async def connect_errors():
    folder = sys.argv[2]
    for name in ["missing", "missing/x", "file", "file/x", "file/", "folder", "folder/", "nobody", "to-nobody"]:
        await attempt(name, asyncio.open_unix_connection(f"{folder}/{name}"))
    await attempt("empty", asyncio.open_unix_connection(""))
    await attempt("107 bytes", asyncio.open_unix_connection("a" * 107))
    await attempt("108 bytes", asyncio.open_unix_connection("a" * 108))
    await attempt("a name", asyncio.open_unix_connection("\0wasyncio-nobody-has-this"))
    await attempt("a name of 107 bytes", asyncio.open_unix_connection("\0" + "a" * 107))
    await attempt("a name of 108 bytes", asyncio.open_unix_connection("\0" + "a" * 108))
    await attempt("limit", asyncio.open_unix_connection(f"{folder}/missing", limit=0))


async def names_of_a_client():
    reader, writer = await asyncio.open_unix_connection(path(0))
    say("peername", writer.get_extra_info("peername"))
    say(f"sockname '{writer.get_extra_info('sockname')}'")
    say(credentials(writer))
    show("can_write_eof", writer.can_write_eof())
    show("line", await reader.readline())
    writer.close()
    await writer.wait_closed()


async def half_close():
    reader, writer = await asyncio.open_unix_connection(path(0))
    writer.write(b"question")
    writer.write_eof()
    show("answer", await reader.read())
    show("at_eof", reader.at_eof())
    show("is_closing", writer.is_closing())
    writer.close()
    await attempt("wait_closed", writer.wait_closed())


async def echo_client():
    reader, writer = await asyncio.open_unix_connection(path(0))
    for length in range(int(sys.argv[3])):
        line = b"a" * (length * 100) + b"\n"
        writer.write(line)
        await writer.drain()
        echo = await reader.readline()
        if echo != line:
            say(f"line {length} came back as {len(echo)} bytes")
    writer.write_eof()
    show("rest", len(await reader.read()))
    writer.close()
    await attempt("wait_closed", writer.wait_closed())


async def reset():
    reader, writer = await asyncio.open_unix_connection(path(0))
    writer.write(b"unread\n")
    await writer.drain()
    say("sent")
    await attempt("readline", reader.readline())
    await attempt("wait_closed", writer.wait_closed())


async def server_errors():
    folder = sys.argv[2]
    for name in ["file", "file/x", "missing/x", "folder", "dangling", "to-nobody"]:
        await attempt(name, asyncio.start_unix_server(nothing, f"{folder}/{name}"))
    await attempt("107 bytes", asyncio.start_unix_server(nothing, "missing/" + "a" * 99))
    await attempt("108 bytes", asyncio.start_unix_server(nothing, "a" * 108))
    await attempt("a NUL", asyncio.start_unix_server(nothing, f"{folder}/a\0b"))
    server = await asyncio.start_unix_server(nothing, f"{folder}/nobody")
    await attempt("connect", asyncio.open_unix_connection(f"{folder}/nobody"))
    server.close()
    await attempt("connect", asyncio.open_unix_connection(f"{folder}/nobody"))
    name = "\0wasyncio-test-server-errors"
    server = await asyncio.start_unix_server(nothing, name)
    say("sockname", server.sockets[0].getsockname().decode().replace("\0", "@"))
    await attempt("a name that is taken", asyncio.start_unix_server(nothing, name))
    await attempt("connect", asyncio.open_unix_connection(name))
    server.close()
    await attempt("connect", asyncio.open_unix_connection(name))


class Accepting:
    """A server with `accept`, which asyncio's has not."""

    @classmethod
    async def start(cls, path, **options):
        self = cls()
        self.accepted = asyncio.Queue()
        self.server = await asyncio.start_unix_server(lambda *pair: self.accepted.put_nowait(pair), path, **options)
        return self

    async def accept(self):
        return await self.accepted.get()


async def names_of_a_server():
    accepting = await Accepting.start(path(0))
    server = accepting.server
    say("Serving on", server.sockets[0].getsockname())
    reader, writer = await accepting.accept()
    say(f"peername '{writer.get_extra_info('peername')}'")
    say("sockname", writer.get_extra_info("sockname"))
    say(credentials(writer))
    show("line", await reader.readline())
    writer.close()
    server.close()
    await server.wait_closed()
    show("sockets", len(server.sockets))


async def serve_one():
    await serve()


async def keep_the_file():
    # `cleanup_socket` is there since 3.13; before, no file was ever removed.
    await serve(**({"cleanup_socket": False} if sys.version_info >= (3, 13) else {}))


async def serve(**options):
    accepting = await Accepting.start(path(0), **options)
    say("Serving on", accepting.server.sockets[0].getsockname())
    reader, writer = await accepting.accept()
    accepting.server.close()
    say("closed")
    show("rest", await reader.read())
    writer.close()
    await accepting.server.wait_closed()


async def start_serving_later():
    accepting = await Accepting.start(path(0), start_serving=False, limit=4)
    server = accepting.server
    show("is_serving", server.is_serving())
    await attempt("connect", asyncio.open_unix_connection(path(0)))
    await attempt("start_serving", server.start_serving())
    show("is_serving", server.is_serving())
    _, writer = await asyncio.open_unix_connection(path(0))
    writer.write(b"longer than the limit\n")
    await writer.drain()
    reader, _ = await accepting.accept()
    await attempt("readline", reader.readline())
    server.close()


async def taken_over():
    first = await Accepting.start(path(0))
    second = await Accepting.start(path(0))
    first.server.close()
    _, writer = await asyncio.open_unix_connection(path(0))
    reader, _ = await second.accept()
    writer.write(b"to the second\n")
    await writer.drain()
    show("line", await reader.readline())
    second.server.close()
    await attempt("connect", asyncio.open_unix_connection(path(0)))


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def echo_server():
    accepting = await Accepting.start(path(0))
    say("Serving on", accepting.server.sockets[0].getsockname())
    tasks = [asyncio.create_task(echo(*await accepting.accept())) for _ in range(int(sys.argv[3]))]
    accepting.server.close()
    await asyncio.gather(*tasks)
    say("done")


CASES = [
    connect_errors, names_of_a_client, half_close, echo_client, reset,
    server_errors, names_of_a_server, serve_one, keep_the_file, start_serving_later, taken_over, echo_server,
]

if __name__ == "__main__":
    asyncio.run({case.__name__: case for case in CASES}[sys.argv[1]]())
    # What goes out of scope now complains to standard error, in some versions.
    sys.stdout.flush()
    os._exit(0)
