"""What `python` does with its arguments: a script, `-c CODE`, `-m MODULE` or standard input; tracebacks and exit codes are CPython's."""

import atexit
import linecache
import os
import random
import runpy
import sys
import traceback
import types
import weakref

import encodings.idna  # noqa: F401  Found by name alone, when a name is looked up.
import encodings.unicode_escape  # noqa: F401

import componentize_py_runtime as runtime
import wasyncio
from wasyncio import compat36, sockets
from wit_world.imports import environment, exit

from . import missing

_LAST_WRITES = 2
"""How long what closed sockets have not sent yet may take at the end, in seconds."""

_INTERRUPTED = 130
"""As a shell has it: 128 and the number of the signal."""


def main():
    """Runs what the arguments say. Returns if the exit code is 0, else it exits."""
    _prepare()
    code = _status(_run, environment.get_arguments()[1:])
    _keep_handles()
    try:
        atexit._run_exitfuncs()
    except BaseException:
        code = code or 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    at_rest = all([sockets.leave(_LAST_WRITES), wasyncio.leave()])
    if code or not at_rest:
        exit.exit_with_code(code)


def _keep_handles():
    """Has finalizers of generated objects not run at exit: the host drops handles, and one that a call borrows must not be dropped."""
    ours = set(map(id, vars(runtime).values()))
    for finalizer in weakref.finalize._registry.values():
        if id(finalizer.func) in ours:
            finalizer.atexit = False


def _prepare():
    """Makes anew what was made while `python.wasm` was built and differs in every run."""
    os.environ.clear()
    os.environ.update(environment.get_environment())
    random.seed()
    # Where it can be written: folders that were granted without `:rw` refuse it, which imports take in silence.
    sys.dont_write_bytecode = bool(os.environ.get('PYTHONDONTWRITEBYTECODE'))
    sys.pycache_prefix = os.environ.get('PYTHONPYCACHEPREFIX') or None
    sys.orig_argv = environment.get_arguments()
    unbuffered = bool(os.environ.get('PYTHONUNBUFFERED'))
    # What it is connected with is not known here: lines are shown as on a terminal.
    sys.stdout.reconfigure(line_buffering=True, write_through=unbuffered)


def _run(arguments):
    what = arguments[0] if arguments else '-'
    sys.path[:] = [folder for folder in os.environ.get('PYTHONPATH', '').split(os.pathsep) if folder]
    main = types.ModuleType('__main__')
    main.__builtins__ = __builtins__
    sys.modules['__main__'] = main
    if what == '-m':
        if len(arguments) < 2:
            return _usage('Argument expected for the -m option')
        sys.argv[:] = arguments[1:]
        sys.path.insert(0, os.getcwd())
        _run_module(arguments[1])
        return
    if what == '-c':
        if len(arguments) < 2:
            return _usage('Argument expected for the -c option')
        sys.argv[:] = ['-c', *arguments[2:]]
        sys.path.insert(0, '')
        source, name = arguments[1].encode('utf-8', 'surrogateescape'), '<string>'
    elif what == '-':
        sys.argv[:] = ['-', *arguments[1:]]
        sys.path.insert(0, '')
        source, name = sys.stdin.buffer.read(), '<stdin>'
    else:
        sys.argv[:] = arguments
        if os.path.isdir(what):
            sys.path.insert(0, what)
            runpy._run_module_as_main('__main__', False)
            return
        try:
            with open(what, 'rb') as file:
                source = file.read()
        except OSError as error:
            return _usage(f"can't open file {os.path.abspath(what)!r}: [Errno {error.errno}] {error.strerror}")
        name = what
        sys.path.insert(0, os.path.dirname(os.path.abspath(what)))
        main.__file__ = what
        main.__cached__ = None
    if name.startswith('<'):
        lines = source.decode('utf-8', 'replace').splitlines(keepends=True)
        linecache.cache[name] = len(source), None, lines, name
    code, builtins = compat36.compiled(source, name)
    if builtins is not None:
        main.__builtins__ = builtins
    exec(code, main.__dict__)


def _run_module(name):
    try:
        runpy._run_module_as_main(name)
    except SystemExit as stop:
        # It says so in place of an exception.
        if isinstance(stop.code, str) and stop.code.endswith(f'No module named {name}'):
            stop.code += '\n' + (missing.of_module(name) or '')
        raise


def _usage(message):
    print(f'python: {message}', file=sys.stderr)
    raise SystemExit(2)


def _status(call, *arguments):
    """The exit code of a call; what it raises is shown as the interpreter does."""
    try:
        call(*arguments)
    except SystemExit as stop:
        if stop.code is None:
            return 0
        if isinstance(stop.code, int):
            return stop.code & 0xff
        sys.stdout.flush()
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException as error:
        _show(error)
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _show(error):
    """As the interpreter shows what nobody has caught, without the frames that lead to the program."""
    place = error.__traceback__
    while place is not None and place.tb_frame.f_code.co_filename in (__file__, runpy.__file__, '<frozen runpy>'):
        place = place.tb_next
    error.__traceback__ = place
    missing.explain(error)
    sys.stdout.flush()
    hook = sys.excepthook
    try:
        hook(type(error), error, place)
    except BaseException:
        traceback.print_exc()
