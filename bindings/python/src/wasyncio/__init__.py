"""asyncio in the sandbox: CPython's own, on a loop that waits in the component model.

`python.wasm` calls `install` before it runs a program, which so uses `asyncio` as everywhere. A component of one's own by
componentize-py calls it in its `run`. Importing this has componentize-py's generated code call and be called in this package's way: an export runs to its
end before anything else does.
"""

from . import calls
from .loop import EventLoop, install as _install_loop

__all__ = ['EventLoop', 'install', 'leave']

calls.install()


def install():
    """Has `asyncio` and generated bindings wait in this package's way. To be called in an export, once."""
    from . import poller

    poller.start()
    calls.leave_other_loop()
    _install_loop()


def leave():
    """Waits, for half a second at most, until nothing is in flight that must not outlive the program. To be called last in an
    export that returns. False if calls are in flight all the same: then the export must not return but exit."""
    from . import poller

    return poller.settle(0.5)
