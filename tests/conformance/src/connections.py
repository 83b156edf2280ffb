"""Runs programs over the reader of a real connection, and reports what happens: oracle.py with sockets.

The arguments are two ports of the peer, which the harness plays (peer.rs): the first takes commands, the second connections.
Programs are those of program.rs: here `feed` has the peer send, `eof` has it end its side, and `raise` has it reset the
connection. The peer answers each command when that is done, so chunks arrive one by one.

Reader, transport, event loop and sockets are CPython's own. What is compared does not depend on what nobody promises: a `read(n)`
is repeated until it has n bytes or the stream ends; a reset that no read waits for is left out; `at_eof()` is not told between
the end and the read that shows it.
"""

import asyncio
import asyncio.streams
import re
import sys

import oracle

# As in the sandbox; see connected.rs. What a round leaves to be done needs some turns of the event loop.
ROUNDS = 3
BYTES_A_ROUND = 2048
TURNS = 5


class PullingReader(oracle.Reader):
    """A reader whose transport receives while a read waits, once for each time that one begins to.

    So wasyncio does, a documented difference: it shows in what a read over the limit finds in the buffer. Here asyncio's
    own pausing of the transport does it, and asyncio's code runs as it is. A wait that is cancelled leaves its reception
    in flight: what that brings is there for the next read that has to wait.
    """

    in_flight = b''

    def set_transport(self, transport):
        super().set_transport(transport)
        self.pause()

    def feed_data(self, data):
        if self._waiter is None:
            self.in_flight = data
        else:
            super().feed_data(data)
        self.pause()

    async def _wait_for_data(self, name):
        if self.in_flight:
            data, self.in_flight = self.in_flight, b''
            super().feed_data(data)
        else:
            await super()._wait_for_data(name)

    def pause(self):
        if self._transport is not None and not self._paused:
            self._transport.pause_reading()
            self._paused = True

    def _maybe_resume_transport(self):
        """Only waiting resumes it."""


class Peer:
    """The harness."""

    async def meet(self, commands, connections):
        self.reader, self.writer = await asyncio.open_connection('127.0.0.1', int(commands))
        self.port = int(connections)

    async def ask(self, command):
        """Has it do something; gives its answer once it has."""
        self.writer.write(f'{command}\n'.encode())
        answer = await self.reader.readline()
        if not answer:
            raise EOFError('the peer has ended')
        return answer.decode().removesuffix('\n')


async def read(reader, n):
    """read(n) again and again until there are n bytes or the stream ends."""
    data = await reader.read(n)
    while data and len(data) < n:
        more = await reader.read(n - len(data))
        if not more:
            break
        data += more
    return data


def show(error):
    """wasyncio's messages have no numbers of errors, which differ between systems."""
    return re.sub(r'\[Errno -?\d+\] ', '', oracle.show_exception(error))


class Run(oracle.Run):
    """One program, as it runs."""

    def __init__(self, reader, peer):
        super().__init__(asyncio.get_running_loop(), reader)
        self.peer = peer
        self.has_ended = False  # the peer has ended its side
        self.has_seen_end = False  # a read has shown it
        self.sent = 0  # the bytes that it was asked to send
        self.operations = {}  # the name of each read, and its n

    def start_read(self, name, fields):
        if name == 'read':
            told = self.start(read(self.reader, int(fields[0])))
        else:
            told = super().step(name, fields)
        if told.startswith('started '):
            self.operations[int(told.split()[1])] = name, fields
        return told

    async def act(self, step):
        name, *fields = step.split(':')
        if name == 'feed':
            self.sent += len(bytes.fromhex(fields[0])) * int(fields[1])
            return await self.peer.ask(step.replace('feed', 'send', 1))
        if name == 'eof':
            self.has_ended = True
            return await self.peer.ask('eof')
        if name == 'raise':
            return await self.peer.ask('reset') if self.pending else 'left out'
        if name == 'at_eof' and self.has_ended and not self.has_seen_end:
            return 'unknown'
        if name == 'exception':
            error = self.reader.exception()
            return 'none' if error is None else show(error)
        return self.start_read(name, fields)

    async def settle(self):
        """Lets everything run that can."""
        for _ in range(ROUNDS + self.sent // BYTES_A_ROUND):
            await self.peer.ask('ping')
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def told(self):
        told = []
        for number, task in list(self.pending.items()):
            if task.done():
                del self.pending[number]
                error = task.exception()
                self.has_seen_end |= self.shows_end(*self.operations[number], task)
                told.append(f'{number}={task.result().hex() if error is None else show(error)}')
        if self.pending:
            told.append('waiting ' + ','.join(map(str, self.pending)))
        return ' '.join(told)

    @staticmethod
    def shows_end(name, fields, task):
        if task.exception() is not None:
            return isinstance(task.exception(), asyncio.IncompleteReadError)
        data = task.result()
        if name == 'read':
            return int(fields[0]) < 0 or len(data) < int(fields[0])
        return name == 'readline' and not data.endswith(b'\n')

    async def end(self):
        """Cancels what waits, has the peer end its side, and tells the final state and what was left."""
        while self.pending:
            self.cancel(0)
        await self.settle()
        told = 'exception ' + await self.act('exception')
        await self.peer.ask('eof')
        try:
            rest = (await self.reader.read(-1)).hex()
        except Exception as error:
            rest = show(error)
        return f'{told}, rest {rest}, at_eof {oracle.show_bool(self.reader.at_eof())}'


async def run_program(peer, line):
    limit, *steps = line.split(' ')
    options = {} if limit == '-' else {'limit': int(limit)}
    try:
        reader, writer = await asyncio.open_connection('127.0.0.1', peer.port, **options)
    except ValueError as error:
        return show(error)
    await peer.ask('accept')
    run = Run(reader, peer)
    report = []
    for step in steps:
        told = await run.act(step.rstrip('!'))
        if not step.endswith('!'):
            await run.settle()
            told += '; ' + run.told()
        report.append(told)
    report.append(await run.end())
    writer.close()
    await peer.ask('close')
    return '\t'.join(report)


async def main(commands, connections):
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    peer = Peer()
    await peer.meet(commands, connections)
    # Found by `open_connection` under this name. The peer's own reader is asyncio's.
    asyncio.streams.StreamReader = PullingReader
    print('.'.join(map(str, sys.version_info[:3])), flush=True)
    # Whoever feeds this waits for the report of what it has sent: nothing else is to run meanwhile.
    for line in iter(sys.stdin.readline, ''):
        print(await run_program(peer, line.removesuffix('\n')), flush=True)


if __name__ == '__main__':
    asyncio.run(main(*sys.argv[1:]))
