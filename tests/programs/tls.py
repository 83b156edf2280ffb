"""TLS by `ssl`: contexts, sockets and streams. Arguments: a certificate, its key, its authority, another authority; all PEM."""

import asyncio
import select
import socket
import ssl
import sys

certificate, key, authority, other = sys.argv[1:]


def to_server():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def to_client(trusted=authority):
    return ssl.create_default_context(cafile=trusted)


def contexts():
    context = to_client()
    print(context.verify_mode, context.check_hostname, context.minimum_version.name, context.protocol.name)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    print(context.verify_mode)
    try:
        context.check_hostname = True
        context.verify_mode = ssl.CERT_NONE
    except ValueError as error:
        print(error)
    print(ssl.HAS_ALPN, ssl.HAS_SNI, ssl.HAS_TLSv1_3, ssl.Purpose.SERVER_AUTH.oid)
    print(issubclass(ssl.SSLCertVerificationError, (ssl.SSLError, ValueError)), ssl.CertificateError is ssl.SSLCertVerificationError)


async def served(client, connected):
    """Serves one line with ALPN, by a context, and gives the outcome of the client."""
    async def echo(reader, writer):
        info = writer.get_extra_info
        line = await reader.readline()
        # After the client has printed.
        print('server', info('ssl_object').selected_alpn_protocol(), info('cipher')[1], info('sslcontext') is not None, info('peercert'))
        writer.write(line)
        await writer.drain()
        writer.close()

    context = to_server()
    context.set_alpn_protocols(['other', 'echo'])
    server = await asyncio.start_server(echo, '127.0.0.1', 0, ssl=context)
    async with server:
        return await connected(server.sockets[0].getsockname()[1], client)


async def streams(port, context):
    reader, writer = await asyncio.open_connection('127.0.0.1', port, ssl=context, server_hostname='localhost')
    info = writer.get_extra_info
    print('client', info('ssl_object').selected_alpn_protocol(), info('ssl_object').version(), info('cipher')[1])
    print(info('peercert')['subjectAltName'], info('peername')[1] == port, info('compression'))
    writer.write(b'by streams\n')
    print(await reader.readline())
    writer.close()


async def failing(port, context):
    try:
        await asyncio.open_connection('127.0.0.1', port, ssl=context, server_hostname='localhost')
    except ssl.SSLCertVerificationError as error:
        print(error.reason, error.verify_code, error.verify_message)


async def start_tls():
    async def upgrade(reader, writer):
        print(await reader.readline())
        writer.write(b'go on\n')
        await writer.drain()
        await writer.start_tls(to_server())
        writer.write(b'enciphered ' + await reader.readline())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(upgrade, '127.0.0.1', 0) as server:
        name = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*name)
        writer.write(b'STARTTLS\n')
        print(await reader.readline())
        await writer.start_tls(to_client(), server_hostname='localhost')
        print(writer.get_extra_info('cipher')[1], writer.get_extra_info('peername') == name)
        writer.write(b'line\n')
        print(await reader.readline())
        writer.close()


def blocking():
    """Both ends in one thread: what one does must not wait for the other, so one of them does not block."""
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port = listening.getsockname()[1]
        plain = socket.create_connection(('127.0.0.1', port))
        accepted, _ = listening.accept()
        accepted.setblocking(False)
        plain.setblocking(False)
        server = to_server().wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        client = to_client().wrap_socket(plain, server_hostname='localhost', do_handshake_on_connect=False)
        left = [client, server]
        while left:
            for one in list(left):
                try:
                    one.do_handshake()
                    left.remove(one)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    select.select([one], [], [], 0.05)
        client.setblocking(True)
        server.setblocking(True)
        print(client.version(), client.cipher()[1], client.getpeercert()['subject'], server.getpeercert())
        client.sendall(b'by sockets')
        print(server.recv(100), server.pending())
        server.sendall(b'answer')
        print(client.recv(3), client.pending(), client.recv(3))
        client.close()
        server.close()


async def main():
    for trusted, connected in ((authority, streams), (other, failing)):
        client = to_client(trusted)
        client.set_alpn_protocols(['echo'])
        await asyncio.wait_for(served(client, connected), 20)
    await asyncio.wait_for(start_tls(), 20)


contexts()
asyncio.run(main())
blocking()
