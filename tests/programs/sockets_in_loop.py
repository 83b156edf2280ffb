"""Sockets of the program in an event loop: `sock_*`, `add_reader`, transports and servers over them."""

import asyncio
import socket


async def accepting():
    loop = asyncio.get_running_loop()
    with socket.socket() as server, socket.socket() as client:
        server.bind(('127.0.0.1', 0))
        server.listen()
        server.setblocking(False)
        client.setblocking(False)
        accepting = asyncio.create_task(loop.sock_accept(server))
        await loop.sock_connect(client, server.getsockname())
        accepted, name = await accepting
        print(name == client.getsockname())
        sending = asyncio.create_task(loop.sock_sendall(client, b'x' * 500_000))
        count = 0
        while count < 500_000:
            count += len(await loop.sock_recv(accepted, 65536))
        await sending
        view = bytearray(5)
        await loop.sock_sendall(client, b'into')
        print(count, await loop.sock_recv_into(accepted, view), bytes(view))
        try:
            await asyncio.wait_for(loop.sock_recv(accepted, 1), 0.05)
        except TimeoutError:
            print('nothing')
        await loop.sock_sendall(client, b'later')
        print(await loop.sock_recv(accepted, 10))
        accepted.close()
        print(await loop.sock_recv(client, 10))


async def streams_over_a_socket():
    loop = asyncio.get_running_loop()
    for kind in ('pair', 'connection'):
        if kind == 'pair':
            one, other = socket.socketpair()
        else:
            with socket.create_server(('127.0.0.1', 0)) as server:
                one = socket.create_connection(server.getsockname())
                other, _ = server.accept()
        other.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=one)
        await loop.sock_sendall(other, b'a line\nrest')
        print(await reader.readline())
        writer.write(b'w' * 300_000)
        count = 0
        while count < 300_000:
            count += len(await loop.sock_recv(other, 65536))
        await writer.drain()
        print(count, writer.can_write_eof())
        writer.write_eof()
        print(await loop.sock_recv(other, 10))
        other.close()
        print(await reader.read())
        writer.close()
        await writer.wait_closed()


async def a_server_over_a_socket():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    bound = socket.socket()
    bound.bind(('127.0.0.1', 0))
    name = bound.getsockname()
    server = await asyncio.start_server(echo, sock=bound)
    print([one.getsockname() for one in server.sockets] == [name])
    reader, writer = await asyncio.open_connection(*name)
    writer.write(b'hello\n')
    print(await reader.read())
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


async def watching():
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)
    got = asyncio.Queue()
    loop.add_reader(one, lambda: got.put_nowait(one.recv(10)))
    for data in (b'1', b'2'):
        other.send(data)
        print(await got.get())
    print(loop.remove_reader(one), loop.remove_reader(one))
    ready = loop.create_future()
    loop.add_writer(one, lambda: ready.done() or ready.set_result('writable'))
    print(await ready, loop.remove_writer(one), loop.remove_writer(one))
    one.close()
    other.close()


async def refused():
    loop = asyncio.get_running_loop()
    with socket.create_server(('127.0.0.1', 0)) as server:
        name = server.getsockname()
    for call in (lambda one: loop.sock_connect(one, name), lambda one: asyncio.open_connection(*name)):
        with socket.socket() as one:
            one.setblocking(False)
            try:
                await call(one)
            except OSError as error:
                print(type(error).__name__, str(error).partition('] ')[2].replace(str(name[1]), 'PORT'))


async def main():
    for case in (accepting, streams_over_a_socket, a_server_over_a_socket, watching, refused):
        print(f'- {case.__name__}')
        await asyncio.wait_for(case(), 20)


asyncio.run(main())
