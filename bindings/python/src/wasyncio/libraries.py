"""What libraries stand on that does not exist here, so that they work as they are.

A module is changed in memory after it was imported, and only where it would start a thread to call a function: there are none, so the
function is called at once, and nothing else runs meanwhile.
"""

import errno
import os
import posixpath
import sys
import types


def install():
    """To be called while `python.wasm` is built, or before a program's imports."""
    sys.modules.setdefault('_multiprocessing', _multiprocessing())
    if _Adapting not in sys.meta_path:
        sys.meta_path.insert(0, _Adapting)
        posixpath.realpath = _realpath


def _realpath(path, /, *, strict=False, _realpath=posixpath.realpath):
    """CPython's. Folders above one that was granted cannot be looked at, and are no links."""
    try:
        return _realpath(path, strict=strict)
    except OSError:
        if not os.path.exists(path):
            raise
        return _realpath(path)


def _multiprocessing():
    """So that `multiprocessing` can be imported, for the types in it. There are no processes."""

    class SemLock:
        """A semaphore of several processes, which cannot be made."""

        SEM_VALUE_MAX = 2**31 - 1

        def __new__(cls, *arguments, **named):
            raise OSError(errno.ENOSYS, 'there are no processes in the sandbox')

        @staticmethod
        def _rebuild(*arguments):
            return SemLock()

    module = types.ModuleType('_multiprocessing', 'What the sandbox has of `multiprocessing`: nothing that works.')
    module.SemLock, module.sem_unlink, module.flags = SemLock, lambda name: None, {}
    return module


def _executor(module):
    """`ThreadPoolExecutor.submit`."""
    from concurrent.futures import Future

    def submit(self, fn, /, *args, **kwargs):
        with self._shutdown_lock:
            if self._broken:
                raise module.BrokenThreadPool(self._broken)
            if self._shutdown:
                raise RuntimeError('cannot schedule new futures after shutdown')
        future = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            future.set_exception(error)
        return future

    module.ThreadPoolExecutor.submit = submit


def _anyio(module):
    """`anyio.to_thread.run_sync`, and with it what starlette calls that is no coroutine."""
    backend = module.AsyncIOBackend

    async def run_sync_in_worker_thread(cls, func, args, abandon_on_cancel=False, limiter=None):
        await cls.checkpoint()
        async with limiter or cls.current_default_thread_limiter():
            return func(*args)

    backend.run_sync_in_worker_thread = classmethod(run_sync_in_worker_thread)


_ADAPTED = {'anyio._backends._asyncio': _anyio, 'concurrent.futures.thread': _executor}


class _Adapting:
    """Finds the modules above, as they would be found without it."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        adapt = _ADAPTED.get(name)
        if adapt is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is _Adapting else finder.find_spec(name, path, target)
            if spec is not None:
                spec.loader = _Loader(spec.loader, adapt)
                return spec
        return None

    @staticmethod
    def invalidate_caches():
        """Nothing is kept."""


class _Loader:
    """Loads a module, and adapts it."""

    def __init__(self, loader, adapt):
        self._loader, self._adapt = loader, adapt

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def exec_module(self, module):
        self._loader.exec_module(module)
        self._adapt(module)
