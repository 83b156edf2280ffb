"""Runs a module of CPython's own `test.test_asyncio` in the sandbox: a line of JSON for each test says its name, how it ended, and why.

    cpython_tests.py FOLDER MODULE [CLASS-OR-TEST-TO-BE-LEFT-OUT...]

FOLDER can be written to. The tests are those of an older CPython than the one that runs here: what it has and this one has not is
made good below, so that the tests that only pass by it are run.
"""

import asyncio
import gc
import json
import os
import sys
import types
import unittest

from test import support
from test.support import socket_helper


class NoWatcher:
    """Of child processes: CPython 3.14 has none any more, and the tests of 3.13 make one before every test of a loop."""

    def attach_loop(self, loop):
        pass

    def close(self):
        pass


def no_watcher(policy):
    raise NotImplementedError


def bind_port(socket, host=socket_helper.HOST):
    """That of `test.support` refuses sockets whose port can be bound again at once: here it always can."""
    socket.bind((host, 0))
    return socket.getsockname()[1]


def make_good():
    # It looks at the name of the platform alone.
    support.has_socket_support = True
    # The probe of `test.support` raises where there are no such sockets.
    socket_helper._bind_nix_socket_error = OSError('socket.AF_UNIX is not in the sandbox')
    socket_helper.bind_port = bind_port
    asyncio.SafeChildWatcher = NoWatcher
    asyncio.set_child_watcher = lambda watcher: None
    asyncio.events._BaseDefaultEventLoopPolicy.get_child_watcher = no_watcher
    # It needs `termios`; tests with pipes alone use it.
    sys.modules['tty'] = types.ModuleType('tty')


class Result(unittest.TestResult):
    """Prints how each test ended: the worst of its parts."""

    def startTest(self, test):
        super().startTest(test)
        self._ended = 'passed', ''

    def stopTest(self, test):
        super().stopTest(test)
        say(test.id(), *self._ended)
        # What it has left is not for the next one.
        gc.collect()

    def addError(self, test, error):
        self._ends(test, error)

    def addFailure(self, test, error):
        self._ends(test, error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self._ends(test, error)

    def addSkip(self, test, reason):
        if self._ended[0] == 'passed':
            self._ended = 'skipped', reason

    def addUnexpectedSuccess(self, test):
        self._ended = 'failed', 'it was expected to fail'

    def _ends(self, test, error):
        self._ended = 'failed', self._exc_info_to_string(error, test)
        if not isinstance(test, unittest.TestCase):
            say(test.id(), *self._ended)  # What a class or a module has in common.


def say(*line):
    print(json.dumps(line), flush=True)


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def main(folder, module, *left_out):
    make_good()
    os.chdir(folder)
    suite = unittest.defaultTestLoader.loadTestsFromName(f'test.test_asyncio.{module}')
    # What the tests are made of need not be walked through after each.
    gc.collect()
    gc.freeze()
    names = tuple(f'test.test_asyncio.{module}.{name}.' for name in left_out)
    unittest.TestSuite(test for test in tests_of(suite) if not f'{test.id()}.'.startswith(names)).run(Result())
    say('', 'end', '')


main(*sys.argv[1:])
