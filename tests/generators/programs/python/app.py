"""The generators' test in Python, as tests/generators/programs.rs describes it."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import connect, environment, server, streams
from wit_world.imports.wasyncio_streams_types import Error_IncompleteReadError, Error_ValueError


async def echo_a_line(listening):
    reader, writer = await listening.accept()
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def lines_fed_by_hand():
    reader = streams.StreamReader.create(None)
    reader.feed_data(b'one\ntwo')
    reader.feed_eof()
    lines = [await reader.readline() for _ in range(3)]
    return b'readline: ' + b' '.join(b'[' + line + b']' for line in lines) + b'\n'


def limit_of_zero():
    try:
        streams.StreamReader.create(0)
    except Err as error:
        assert isinstance(error.value, Error_ValueError)
        return f'create: value-error: {error.value.value}\n'.encode()
    return b'create: no error\n'


async def more_than_there_is():
    reader = streams.StreamReader.create(2**32 - 1)
    reader.feed_data(b'345')
    reader.feed_eof()
    try:
        await reader.readexactly(2**31 - 1)
    except Err as error:
        assert isinstance(error.value, Error_IncompleteReadError)
        found = error.value.value
        return b'readexactly: incomplete-read-error: [%s] of %d\n' % (found.partial, found.expected)
    return b'readexactly: no error\n'


class Run(exports.Run):
    async def run(self) -> None:
        port = int(environment.get_arguments()[-1])
        _, report = await connect.open_connection('127.0.0.1', port, None)
        listening = await server.start_server(['127.0.0.1'], 0, None)
        report.write(f'{listening.sockets()[0].port}\n'.encode())
        await echo_a_line(listening)
        report.write(await lines_fed_by_hand() + limit_of_zero() + await more_than_there_is())
        report.close()
        await report.wait_closed()
