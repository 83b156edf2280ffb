"""Sockets without an event loop, blocking and not: what a program sees is the same natively and in the sandbox."""

import errno
import select
import selectors
import socket


# Some systems have several names for one number.
NAMES = ('EBADF', 'EAGAIN', 'EPIPE', 'EADDRINUSE', 'ENOTCONN', 'ECONNREFUSED')


def failure(call, *arguments):
    """What a call fails with, without numbers, which differ between systems."""
    try:
        return call(*arguments)
    except OSError as error:
        return type(error).__name__, next((name for name in NAMES if getattr(errno, name) == error.errno), error.errno is None)


def listening():
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(('127.0.0.1', 0))
    server.listen(5)
    return server


def connected(server):
    client = socket.create_connection(server.getsockname(), timeout=10)
    accepted, name = server.accept()
    print('names', name == client.getsockname(), accepted.getpeername() == name, client.getpeername() == server.getsockname())
    return client, accepted


def blocking():
    with listening() as server:
        client, accepted = connected(server)
        client.sendall(b'hello')
        print(accepted.recv(3), accepted.recv(10, socket.MSG_PEEK), accepted.recv(10))
        view = bytearray(4)
        client.sendall(b'into')
        print(accepted.recv_into(view), bytes(view))
        accepted.sendall(b'x' * 100_000)
        accepted.shutdown(socket.SHUT_WR)
        count = 0
        while data := client.recv(65536):
            count += len(data)
        print('received', count)
        client.close()
        print(accepted.recv(1))
        accepted.close()
        print(accepted.fileno(), failure(accepted.recv, 1))


def timeouts():
    with listening() as server:
        client, accepted = connected(server)
        client.settimeout(0.05)
        print(failure(client.recv, 1), client.gettimeout(), client.getblocking())
        accepted.send(b'2')
        client.settimeout(10)
        print(client.recv(1))
        server.settimeout(0.05)
        print(failure(server.accept))
        client.setblocking(False)
        print(failure(client.recv, 1), client.gettimeout())
        with client, accepted:
            pass


def not_blocking():
    with listening() as server, socket.socket() as client:
        client.setblocking(False)
        print(client.connect_ex(server.getsockname()) in (0, errno.EINPROGRESS))
        print(select.select([server], [client], [], 10)[0] == [server])
        print(select.select([], [client], [], 10)[1] == [client], client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        accepted, _ = server.accept()
        print(failure(client.recv, 1))
        accepted.send(b'1')
        print(select.select([client], [], [], 10)[0] == [client], client.recv(5))
        with selectors.DefaultSelector() as selector:
            selector.register(accepted, selectors.EVENT_READ, 'kept')
            print(selector.select(0))
            client.close()
            ((key, events),) = selector.select(10)
            print(key.data, events == selectors.EVENT_READ, accepted.recv(4))
        accepted.close()


def files():
    with listening() as server:
        client, accepted = connected(server)
        with client.makefile('rwb') as file:
            accepted.sendall(b'a line\nmore')
            print(file.readline())
            file.write(b'out\n')
            file.flush()
            print(accepted.recv(9))
        accepted.close()
        again = client.dup()
        client.close()
        print(again.recv(10), again.recv(10))
        again.close()


def pairs():
    one, other = socket.socketpair()
    one.send(b'abc')
    print(other.recv(10), one.getpeername() == other.getsockname())
    one.setblocking(False)
    sent = 0
    try:
        while True:
            sent += one.send(bytes(65536))
    except BlockingIOError:
        print(sent > 0, select.select([], [one], [], 0)[1])
    while sent:
        sent -= len(other.recv(65536))
    print(select.select([], [one], [], 0)[1] == [one])
    other.close()
    print(one.recv(1), failure(one.send, b'x'))
    one.close()
    detached, kept = socket.socketpair()
    number = detached.detach()
    with socket.socket(fileno=number) as taken, kept:
        taken.send(b'taken')
        print(kept.recv(9), detached.fileno())


def refusals():
    server = listening()
    name = server.getsockname()
    print(failure(socket.socket().bind, name))
    server.close()
    client = socket.socket()
    print(failure(client.recv, 1), failure(client.getpeername))
    print(failure(client.connect, name))
    client.close()
    client = socket.socket()
    print(client.connect_ex(name) == errno.ECONNREFUSED)
    client.close()
    print(failure(socket.create_connection, name, 10))
    for wrong in [('127.0.0.1',), 'text', ('127.0.0.1', 'port'), ('127.0.0.1', 70000)]:
        with socket.socket() as client:
            try:
                client.connect(wrong)
            except (TypeError, OverflowError) as error:
                print(type(error).__name__)


def names():
    print(socket.getaddrinfo('127.0.0.1', 80, type=socket.SOCK_STREAM)[0][4], socket.getaddrinfo('::1', 'http', type=socket.SOCK_STREAM)[0][4])
    print([one[4] for one in socket.getaddrinfo(None, 80, family=socket.AF_INET, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)])
    for wrong in [('name', 1, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST), (None, None), ('127.0.0.1', 1, socket.AF_INET6)]:
        try:
            socket.getaddrinfo(*wrong)
        except socket.gaierror as error:
            print(type(error).__name__)
    print(socket.gethostbyname('localhost'), socket.getservbyname('https'))


def options():
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0, one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)
        print(one.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM, one.family.name, one.type.name)


for case in (blocking, timeouts, not_blocking, files, pairs, refusals, names, options):
    print(f'- {case.__name__}')
    case()
