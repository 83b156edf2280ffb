"""Why a module cannot be imported here: a line below the traceback says whether it needs native code, processes, or a grant."""

import errno
import os
import sys

from .stdlib import LEFT_OUT

_PROCESSES = {'_multiprocessing', '_posixshmem', '_posixsubprocess', '_winapi'}
_SUFFIXES = '.so', '.pyd', '.dylib'


def explain(error):
    """Adds the reason to an error, and to those that have led to it."""
    seen = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ImportError):
            reason = _reason(error)
            if reason is not None:
                error.add_note(reason)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _reason(error):
    if isinstance(error, ModuleNotFoundError):
        name = error.name
        return None if name is None else of_module(name)
    # `from package import _native`.
    part = getattr(error, 'name_from', None)
    package = sys.modules.get(error.name)
    if part is None or not hasattr(package, '__path__'):
        return None
    return _native(part, package.__path__)


def of_module(name):
    """Why there is no module of this name."""
    top, _, _ = name.partition('.')
    if name in _PROCESSES:
        return f'{name} needs processes or threads: there are none in the sandbox'
    if top in LEFT_OUT:
        return f'{top} is of the standard library, but not in the sandbox'
    if top in sys.stdlib_module_names:
        return f'{name} is native code of the standard library, for a library or a system that is not in the sandbox'
    package, _, last = name.rpartition('.')
    folders = sys.path if not package else getattr(sys.modules.get(package), '__path__', ())
    native = _native(last, folders)
    if native is not None or package:
        return native
    for folder in folders:
        # That it starts in is there without a grant, and empty.
        if folder not in ('', os.getcwd()) and not _granted(folder):
            return f'{folder} of sys.path is not granted to the program, or is not there: --site {folder} grants it'
    return f'{top} is in no directory that is granted to the program: --site DIR grants one of packages'


def _native(name, folders):
    """A file of native code of this name."""
    for folder in folders:
        try:
            files = os.listdir(folder or '.')
        except OSError:
            continue
        for file in files:
            if file.partition('.')[0] == name and file.endswith(_SUFFIXES):
                path = os.path.join(folder, file)
                return f'{path} is native code of another system: the sandbox runs packages that are Python alone'
    return None


def _granted(folder):
    try:
        os.stat(folder)
    except NotADirectoryError:
        return True
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTCAPABLE, errno.EBADF, errno.EACCES, errno.EPERM)
    return True
