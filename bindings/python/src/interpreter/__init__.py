"""`python.wasm`: a program from outside, run by CPython with asyncio on this package's loop.

The top level of every module here runs while `python.wasm` is built, and what it has made is there when it starts.
"""

import gc

import wasyncio.locks
import wasyncio.sockets

# Before anything that makes locks, or imports `socket` or `ssl`.
wasyncio.locks.install()
wasyncio.sockets.install()

import wasyncio.compat36
import wasyncio.hashes
import wasyncio.libraries
import wasyncio.names
import wasyncio.secure

from wit_world import exports

from . import command, stdlib

wasyncio.hashes.install()
wasyncio.libraries.install()
stdlib.build()
# What is here now stays: collections need not walk through it in every run.
gc.collect()
gc.freeze()


class Run(exports.Run):
    """`wasi:cli/run`."""

    async def run(self):
        wasyncio.install()
        stdlib.install()
        command.main()
