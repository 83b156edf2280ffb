"""Runs programs over a hand-fed asyncio.StreamReader and reports what happens.

A program is a line, described in program.rs. Its report is a line too: a field per step and one for the end, separated by
tabs. A step's field is its answer and, where everything settles afterwards, which reads ended how and which wait:
`ok; 0=6162 waiting 1`. Natively this reads programs from the standard input until its end; under Pyodide, pyodide.mjs
calls `run_lines`.

Reader, tasks and futures are CPython's own. The event loop is the smallest that they run on: a queue of callbacks, first
in, first out, as in asyncio's loops. So "everything has settled" is exact: the queue is empty.
"""

import asyncio
import collections
import socket
import sys


class Loop(asyncio.AbstractEventLoop):
    """Callbacks in their order, no clock and no sockets."""

    def __init__(self):
        self.ready = collections.deque()

    def call_soon(self, callback, *args, context=None):
        self.ready.append((callback, args, context))

    def settle(self):
        ready = self.ready
        while ready:
            callback, args, context = ready.popleft()
            if context is None:
                callback(*args)
            else:
                context.run(callback, *args)

    def get_debug(self):
        return False

    def create_future(self):
        return asyncio.Future(loop=self)

    def call_exception_handler(self, context):
        """Exceptions that nobody looked at are of no interest."""


class Reader(asyncio.StreamReader):
    """asyncio's reader, without its one loss of bytes.

    A read(-1) that is cancelled, or fails, has thrown away what it had taken until then. wasyncio puts it back in front
    of the buffer: a documented difference. Here asyncio's code runs as it is; only what it took is remembered, and put
    back when the read raises. read(-1) calls read(limit) until the end, so those calls are where the bytes pass by.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.taken = {}  # per task inside read(-1): the blocks so far

    async def read(self, n=-1):
        task = asyncio.current_task(self._loop)
        if n >= 0:
            data = await super().read(n)
            if task in self.taken:
                self.taken[task].append(data)
            return data
        self.taken[task] = []
        try:
            return await super().read(n)
        except BaseException:
            self.put_back(task)
            raise
        finally:
            del self.taken[task]

    def put_back(self, task):
        self._buffer[:0] = b''.join(self.taken.get(task, ()))
        if task in self.taken:
            self.taken[task] = []


# The cases of WIT's `os-error-kind` that have a class in Python.
OS_ERRORS = {
    'access-denied': PermissionError,
    'broken-pipe': BrokenPipeError,
    'connection-aborted': ConnectionAbortedError,
    'connection-refused': ConnectionRefusedError,
    'connection-reset': ConnectionResetError,
    'name-not-resolved': socket.gaierror,
    'timed-out': TimeoutError,
    'other': OSError,
}
OS_ERROR_KINDS = {kind: name for name, kind in OS_ERRORS.items()}
TEXT_ERRORS = {
    'value': ValueError,
    'runtime': RuntimeError,
    'assertion': AssertionError,
    'not-implemented': NotImplementedError,
    'exception': Exception,
}
TEXT_ERROR_KINDS = {kind: name for name, kind in TEXT_ERRORS.items()}


def text(field):
    return bytes.fromhex(field).decode()


def make_exception(kind, first, second=None):
    """The exception that `set_exception` is called with."""
    if kind == 'incomplete':
        return asyncio.IncompleteReadError(bytes.fromhex(first), None if second == '-' else int(second))
    if kind == 'overrun':
        return asyncio.LimitOverrunError(text(first), int(second))
    if kind == 'os':
        return OS_ERRORS[first](text(second))
    if kind == 'group':
        errors = [OSError(text(field)) for field in first.split(',')]
        return ExceptionGroup('create_connection failed', errors)
    return TEXT_ERRORS[kind](text(first))


def show_exception(error):
    kind = type(error)
    if kind is asyncio.IncompleteReadError:
        expected = '-' if error.expected is None else error.expected
        return f'incomplete({error}, partial {error.partial.hex()}, expected {expected})'
    if kind is asyncio.LimitOverrunError:
        return f'overrun({error}, consumed {error.consumed})'
    if kind in TEXT_ERROR_KINDS:
        return f'{TEXT_ERROR_KINDS[kind]}({error})'
    if kind in OS_ERROR_KINDS:
        return f'os({OS_ERROR_KINDS[kind]}, {error})'
    # Last, because CPython has had the class since 3.11 only.
    if kind.__name__ == 'ExceptionGroup':
        return f"group({', '.join(map(str, error.exceptions))})"
    return f'{kind.__name__}({error})'


def show_bool(value):
    return 'true' if value else 'false'


class Run:
    """One program, as it runs."""

    def __init__(self, loop, reader):
        self.loop = loop
        self.reader = reader
        self.started = 0
        self.pending = {}

    def start(self, coroutine):
        # Whoever was woken before goes on first, in asyncio as here: its step is in the queue already.
        number = self.started
        self.started += 1
        self.pending[number] = asyncio.Task(coroutine, loop=self.loop)
        return f'started {number}'

    def cancel(self, which):
        if not self.pending:
            return 'none'
        number = list(self.pending)[which % len(self.pending)]
        task = self.pending.pop(number)
        task.cancel()
        # wasyncio puts back as soon as a read is dropped, not when a task is run to its end.
        self.reader.put_back(task)
        return f'cancelled {number}'

    def settle(self):
        """Lets everything run that can, and tells which reads ended how and which have not."""
        self.loop.settle()
        return self.told()

    def told(self):
        told = []
        for number, task in list(self.pending.items()):
            if task.done():
                del self.pending[number]
                error = task.exception()
                outcome = task.result().hex() if error is None else show_exception(error)
                told.append(f'{number}={outcome}')
        if self.pending:
            told.append('waiting ' + ','.join(map(str, self.pending)))
        return ' '.join(told)

    def step(self, name, fields):
        reader = self.reader
        if name == 'feed':
            try:
                reader.feed_data(bytes.fromhex(fields[0]) * int(fields[1]))
            except AssertionError as error:
                return show_exception(error)
        elif name == 'eof':
            reader.feed_eof()
        elif name == 'raise':
            reader.set_exception(make_exception(*fields))
        elif name == 'read':
            return self.start(reader.read(int(fields[0])))
        elif name == 'readline':
            return self.start(reader.readline())
        elif name == 'readexactly':
            return self.start(reader.readexactly(int(fields[0])))
        elif name == 'readuntil':
            separators = tuple(map(bytes.fromhex, fields))
            return self.start(reader.readuntil(separators[0] if len(separators) == 1 else separators))
        elif name == 'cancel':
            return self.cancel(int(fields[0]))
        elif name == 'at_eof':
            return show_bool(reader.at_eof())
        elif name == 'exception':
            error = reader.exception()
            return 'none' if error is None else show_exception(error)
        else:
            raise ValueError(f'unknown operation {name}')
        return 'ok'

    def end(self):
        """Cancels what waits, and tells the final state."""
        while self.pending:
            self.cancel(0)
        self.loop.settle()
        reader = self.reader
        told = 'at_eof ' + self.step('at_eof', []) + ', exception ' + self.step('exception', [])
        # The component cannot look into the buffer: it reads it out, which works without a stored exception only.
        told += ', rest ' + (bytes(reader._buffer).hex() if reader.exception() is None else 'unknown')
        was_empty = not reader._buffer
        return f'{told}, empty {show_bool(was_empty)}'


def run_program(loop, line):
    limit, *steps = line.split(' ')
    try:
        reader = Reader(loop=loop) if limit == '-' else Reader(limit=int(limit), loop=loop)
    except ValueError as error:
        return show_exception(error)
    run = Run(loop, reader)
    report = []
    for step in steps:
        settles = not step.endswith('!')
        name, *fields = step.rstrip('!').split(':')
        told = run.step(name, fields)
        if settles:
            told += '; ' + run.settle()
        report.append(told)
    report.append(run.end())
    return '\t'.join(report)


def run_lines(lines):
    """The reports of programs, one a line, in their order."""
    loop = Loop()
    # Pyodide has a loop running already, from which this is called.
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        return ''.join(run_program(loop, line) + '\n' for line in lines.splitlines())
    finally:
        asyncio._set_running_loop(outer)


def main():
    # No readahead: whoever feeds this waits for the reports of what it has sent.
    print('.'.join(map(str, sys.version_info[:3])), flush=True)
    for line in iter(sys.stdin.readline, ''):
        sys.stdout.write(run_lines(line))
        sys.stdout.flush()


if __name__ == '__main__':
    main()
