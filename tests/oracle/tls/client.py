"""A client of CPython's, by `ssl` and by `asyncio`: CAFILE PORT WHAT, or PATH for PORT. Prints what it sees."""

import asyncio
import contextlib
import re
import select
import socket
import ssl
import sys

cafile, port, what, *more = sys.argv[1:]
ADDRESS = port if "/" in port else ("127.0.0.1", int(port))


def context(*, tls12=False, trust=cafile):
    made = ssl.create_default_context(cafile=trust)
    if tls12:
        made.maximum_version = ssl.TLSVersion.TLSv1_2
    return made


def dial():
    """A socket in plain text."""
    if "/" not in port:
        return socket.create_connection(ADDRESS, 30)
    plain = socket.socket(socket.AF_UNIX)
    plain.settimeout(30)
    plain.connect(ADDRESS)
    return plain


def open_connection(**options):
    """Of asyncio's."""
    if "/" in port:
        return asyncio.open_unix_connection(ADDRESS, **options)
    return asyncio.open_connection(*ADDRESS, **options)


def told(error):
    kind = type(error).__name__
    code = f" ({error.verify_code})" if isinstance(error, ssl.SSLCertVerificationError) else ""
    return f"{kind}: {re.sub(r' [(]_ssl[.]c:[0-9]+[)]', '', str(error))}{code}"


def there_and_back(tls, sent):
    """In one thread: two may not use a session at once before CPython 3.13.1."""
    tls.setblocking(False)
    left, back = memoryview(sent), b""
    while len(back) < len(sent):
        if left:
            with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
                left = left[tls.send(left[:16384]) :]
        try:
            back += tls.recv(65536)
        except ssl.SSLWantReadError:
            if not tls.pending():
                readable = select.select([tls], [tls] if left else [], [], 30)
                if not any(readable):
                    raise TimeoutError(f"{len(back)} bytes of {len(sent)}") from None
    tls.setblocking(True)
    tls.settimeout(30)
    return back == sent


def echo():
    for tls12 in False, True:
        settings = context(tls12=tls12)
        with dial() as plain:
            with settings.wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(b"hello\n")
                print(tls.version(), tls.recv(100), tls.session_reused)
                session = tls.session
                print(there_and_back(tls, bytes(range(256)) * 12_000))
                tls.unwrap()
                print("unwrapped")
        with dial() as plain:
            with settings.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
                tls.sendall(b"again\n")
                print(tls.recv(100), tls.session_reused)
                tls.unwrap()


async def streams():
    reader, writer = await open_connection(ssl=context(), server_hostname="localhost")
    writer.write(b"a line\n")
    print(await reader.readline())
    writer.close()
    await writer.wait_closed()
    print("closed")


async def connect(hostname):
    try:
        trust = None if more[1:] == ["system"] else cafile
        settings = context(trust=trust)
        reader, writer = await open_connection(ssl=settings, server_hostname=hostname)
    except OSError as error:
        print("failed", told(error))
    else:
        print("connected")
        writer.close()


async def start_tls(first):
    """Plain text, an answer to it if there is one, and TLS."""
    reader, writer = await open_connection()
    writer.write(first)
    if first == b"STARTTLS\n":
        print(await reader.readline())
    await writer.start_tls(context(), server_hostname="localhost")
    writer.write(b"hello\n")
    print(await reader.readline())
    writer.close()
    await writer.wait_closed()


def hello(before):
    """`before` and a ClientHello in one segment, and then TLS."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with dial() as plain:
        sent = before

        def step(call, *arguments):
            nonlocal sent
            while True:
                try:
                    result = call(*arguments)
                except ssl.SSLWantReadError:
                    result = None
                sent += outgoing.read()
                if sent:
                    plain.sendall(sent)
                    sent = b""
                if result is not None or call == tls.do_handshake and tls.version() and tls.cipher():
                    return result
                received = plain.recv(65536)
                if not received:
                    raise ConnectionResetError("the server has ended the connection")
                incoming.write(received)

        try:
            step(tls.do_handshake)
            step(tls.write, b"hello\n")
            print(step(tls.read, 100))
        except OSError as error:
            print("failed", type(error).__name__)


match what:
    case "echo":
        echo()
        asyncio.run(streams())
    case "streams":
        asyncio.run(streams())
    case "connect":
        asyncio.run(connect(more[0]))
    case "starttls":
        asyncio.run(start_tls(b"STARTTLS\n"))
    case "hello":
        hello(more[0].encode().decode("unicode_escape").encode())
