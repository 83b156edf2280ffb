"""TLS that the program carries itself, or over what is no TCP connection of the loop's: `wrap_bio`, sockets, Unix sockets, `sendfile`.

Arguments: a certificate, its key, its authority; a path for a Unix socket; PEM.
"""

import asyncio
import socket
import ssl
import sys

certificate, key, authority, path = sys.argv[1:]


def to_server():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(['echo'])
    return context


def to_client():
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(['echo', 'other'])
    return context


def again(call, *carry):
    """Calls until there is an answer; what is to be sent is carried between."""
    for _ in range(100):
        try:
            return call()
        except ssl.SSLWantReadError:
            for outgoing, incoming in carry:
                incoming.write(outgoing.read())
    raise AssertionError('no answer')


def pair(client_context, name='localhost'):
    """Two sessions that shake hands in memory."""
    to, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    at_client, at_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(at_client, to, server_hostname=name)
    server = to_server().wrap_bio(at_server, back, server_side=True)
    done = set()
    for _ in range(20):
        for one in (client, server):
            try:
                if one not in done:
                    one.do_handshake()
                    done.add(one)
            except ssl.SSLWantReadError:
                pass
            at_server.write(to.read())
            at_client.write(back.read())
        if len(done) == 2:
            break
    return client, server, (to, at_server), (back, at_client)


def cut_short():
    """What came ends without saying so: only who reads is told."""
    _, server, there, _ = pair(to_client())
    there[1].write_eof()
    print(server.pending())
    for _ in range(2):
        try:
            server.read(10)
        except ssl.SSLError as error:
            print(type(error).__name__)
        print(server.pending())


def bios():
    client, server, there, back = pair(to_client())
    print(client.version(), client.cipher()[1:], client.selected_alpn_protocol(), server.selected_alpn_protocol())
    print(client.getpeercert()['subjectAltName'], server.getpeercert(), client.server_hostname, server.server_side)
    print(client.write(b'hello'), there[0].pending > 0)
    there[1].write(there[0].read())
    print(server.read(3), server.pending(), server.read(100))
    try:
        server.read(1)
    except ssl.SSLWantReadError as error:
        print(type(error).__name__, error.errno)
    data = bytes(range(256)) * 1000
    sent, got = 0, bytearray()
    while len(got) < len(data):
        if sent < len(data):
            sent += client.write(data[sent:sent + 50_000])
        there[1].write(there[0].read())
        try:
            while part := server.read(1000):
                got += part
        except ssl.SSLWantReadError:
            pass
    print(got == data)
    buffer = bytearray(10)
    server.write(b'in a buffer')
    back[1].write(back[0].read())
    print(client.read(10, buffer), bytes(buffer), client.read(10))
    try:
        client.unwrap()
    except ssl.SSLWantReadError:
        there[1].write(there[0].read())
    print(server.read(10))
    server.unwrap()
    back[1].write(back[0].read())
    client.unwrap()
    print('unwrapped')

    client, server, there, back = pair(to_client())
    back[1].write_eof()
    try:
        client.read(1)
    except ssl.SSLEOFError as error:
        print(type(error).__name__, error.reason)
    try:
        pair(to_client(), 'other.example')
    except ssl.SSLCertVerificationError as error:
        print(error.verify_code, error.verify_message)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = to_server().wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(b'GET / HTTP/1.0\r\n\r\n')
    try:
        server.do_handshake()
    except ssl.SSLError as error:
        print(error.reason)


seen = []


async def echo(reader, writer):
    info = writer.get_extra_info
    seen.append(('server', info('ssl_object').selected_alpn_protocol(), info('sslcontext') is not None))
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def asked(reader, writer):
    info = writer.get_extra_info
    print('client', info('ssl_object').version(), info('peercert')['subjectAltName'], info('cipher')[1])
    data = b'x' * 300_000
    writer.write(data)
    got = await reader.readexactly(len(data))
    print(got == data, seen.pop())
    writer.close()
    await writer.wait_closed()


async def connected(address):
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, address)
    return sock


async def over_sockets():
    listening = socket.create_server(('127.0.0.1', 0))
    async with await asyncio.start_server(echo, sock=listening, ssl=to_server()) as server:
        address = server.sockets[0].getsockname()
        await asked(*await asyncio.open_connection(sock=await connected(address), ssl=to_client(), server_hostname='localhost'))
        await asked(*await asyncio.open_connection(*address, ssl=to_client(), server_hostname='localhost'))
        reader, writer = await asyncio.open_connection(sock=await connected(address))
        await writer.start_tls(to_client(), server_hostname='localhost')
        await asked(reader, writer)
        try:
            await asyncio.open_connection(sock=await connected(address), ssl=to_client(), server_hostname='other')
        except ssl.SSLCertVerificationError as error:
            print(error.verify_code)
        try:
            await asyncio.open_connection(sock=await connected(address), ssl=to_client())
        except ValueError as error:
            print(error)


async def over_unix():
    async with await asyncio.start_unix_server(echo, path, ssl=to_server()):
        await asked(*await asyncio.open_unix_connection(path, ssl=to_client(), server_hostname='localhost'))
        try:
            await asyncio.open_unix_connection(path, ssl=to_client())
        except ValueError as error:
            print(error)
        try:
            await asyncio.open_unix_connection(path, server_hostname='localhost')
        except ValueError as error:
            print(error)


async def accepted():
    """A connection that the program has accepted itself, in the clear and by TLS."""
    loop = asyncio.get_running_loop()
    for context in (None, to_server()):
        listening = socket.create_server(('127.0.0.1', 0))
        listening.setblocking(False)

        async def serve():
            sock, _ = await loop.sock_accept(listening)
            reader = asyncio.StreamReader()
            protocol = asyncio.StreamReaderProtocol(reader)
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=context)
            transport.write(await reader.readline())
            transport.close()

        serving = asyncio.create_task(serve())
        secure = {'ssl': to_client(), 'server_hostname': 'localhost'} if context else {}
        reader, writer = await asyncio.open_connection(*listening.getsockname(), **secure)
        writer.write(b'line\n')
        print(await reader.read())
        writer.close()
        await serving
        listening.close()


async def files():
    loop = asyncio.get_running_loop()
    for context in (None, to_server()):
        got = loop.create_future()

        async def take(reader, writer):
            got.set_result(await reader.read())
            writer.close()

        async with await asyncio.start_server(take, '127.0.0.1', 0, ssl=context) as server:
            secure = {'ssl': to_client(), 'server_hostname': 'localhost'} if context else {}
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), **secure)
            with open(__file__, 'rb') as file:
                writer.write(b'first ')
                count = await loop.sendfile(writer.transport, file, 10, 2000)
                print(count, file.tell())
            writer.write(b' last')
            writer.close()
            with open(__file__, 'rb') as file:
                print(await got == b'first ' + file.read()[10:2010] + b' last')
    listening = socket.create_server(('127.0.0.1', 0))
    listening.setblocking(False)
    sock = await connected(listening.getsockname())
    other, _ = await loop.sock_accept(listening)
    with open(__file__, 'rb') as file:
        print(await loop.sock_sendfile(sock, file, 5, 1000))
        sock.close()
        data = b''
        while part := await loop.sock_recv(other, 65536):
            data += part
        file.seek(5)
        print(data == file.read(1000))
    other.close()
    listening.close()


bios()
cut_short()
asyncio.run(over_sockets())
asyncio.run(over_unix())
asyncio.run(accepted())
asyncio.run(files())
