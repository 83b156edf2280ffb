"""What programs for Python 3.4 to 3.9 use of asyncio and today's has no more, for `__main__` alone.

The documents of those versions have `@asyncio.coroutine`, `loop=`, and `asyncio.get_event_loop()` before there is a loop. A program that
uses one of them gets an `asyncio` of its own, which has these and is otherwise today's; what it imports gets today's. Compared with
CPython 3.6.
"""

import ast
import builtins
import collections.abc
import functools
import inspect
import types
import warnings

# Functions and classes that took a loop and take none now.
_WITH_LOOP = frozenset([
    'open_connection', 'open_unix_connection', 'start_server', 'start_unix_server', 'sleep', 'wait_for', 'wait', 'gather', 'shield',
    'as_completed', 'Queue', 'LifoQueue', 'PriorityQueue', 'Lock', 'Event', 'Condition', 'Semaphore', 'BoundedSemaphore',
    'create_subprocess_exec', 'create_subprocess_shell',
])


class _Coroutine(collections.abc.Coroutine):
    """What calling a coroutine of that kind gave: to be awaited, or yielded from."""

    def __init__(self, generator):
        self._generator = generator

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self._generator.send(None)

    def send(self, value):
        return self._generator.send(value)

    def throw(self, *error):
        return self._generator.throw(*error)

    def close(self):
        return self._generator.close()

    def __getattr__(self, name):
        # `cr_frame` and the like, for tracebacks and `repr`.
        return getattr(self._generator, name.replace('cr_', 'gi_', 1))


def coroutine(function):
    """`@asyncio.coroutine`: a generator function, or any other, whose result can be awaited."""
    if inspect.iscoroutinefunction(function):
        return function
    if inspect.isgeneratorfunction(function):
        begin = types.coroutine(function)
    else:
        @types.coroutine
        def begin(*args, **kwargs):
            result = function(*args, **kwargs)
            if isinstance(result, (collections.abc.Awaitable, types.GeneratorType)):
                result = yield from result
            return result

    @functools.wraps(function)
    def coroutine(*args, **kwargs):
        return _Coroutine(begin(*args, **kwargs))

    return coroutine


def _without_loop(function):
    if isinstance(function, type):
        def __init__(self, *args, loop=None, **kwargs):
            function.__init__(self, *args, **kwargs)
        return type(function.__name__, (function,), {'__init__': __init__, '__module__': function.__module__})

    @functools.wraps(function)
    def called(*args, loop=None, **kwargs):
        return function(*args, **kwargs)

    return called


def _get_event_loop(asyncio):
    """The loop, which is made if there is none."""
    @functools.wraps(asyncio.get_event_loop)
    def get_event_loop():
        try:
            return asyncio.get_event_loop()
        except RuntimeError:
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            return loop

    return get_event_loop


class _Asyncio(types.ModuleType):
    """asyncio with what it had then. What is set here is set in asyncio."""

    def __init__(self, asyncio):
        super().__init__(asyncio.__name__, asyncio.__doc__)
        own = self.__dict__
        own.update({name: _without_loop(getattr(asyncio, name)) for name in _WITH_LOOP if hasattr(asyncio, name)})
        own.update(coroutine=coroutine, get_event_loop=_get_event_loop(asyncio), _now=asyncio)

    def __getattr__(self, name):
        return getattr(self.__dict__['_now'], name)

    def __setattr__(self, name, value):
        self.__dict__.pop(name, None)
        setattr(self._now, name, value)

    def __dir__(self):
        return sorted({*dir(self._now), *self.__dict__} - {'_now'})


def _is_old(tree):
    """Whether a program uses what was taken away."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name('asyncio'), 'coroutine' | 'get_event_loop'):
                return True
            case ast.Call(ast.Attribute(ast.Name('asyncio'), name), keywords=keywords) if name in _WITH_LOOP:
                if any(keyword.arg == 'loop' for keyword in keywords):
                    return True
            case ast.ImportFrom('asyncio', names) if any(name.name in ('coroutine', 'get_event_loop') for name in names):
                return True
    return False


class _Awaiting(ast.NodeTransformer):
    """Makes `@asyncio.coroutine def` with `await` in it an `async def`: so one of the documents has it, which no Python has run."""

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        marked = any(isinstance(one, ast.Attribute) and one.attr == 'coroutine' for one in node.decorator_list)
        if marked and any(isinstance(part, ast.Await) for part in _own(node)):
            return ast.copy_location(ast.AsyncFunctionDef(**dict(ast.iter_fields(node))), node)
        return node


def _own(function):
    """The parts of a function that are of no function within."""
    left = list(function.body)
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            left += ast.iter_child_nodes(node)


def compiled(source, filename):
    """The code of a program, and what its `__builtins__` are to be; `None` if it needs no others.

    Raises `SyntaxError` as `compile` does.
    """
    if b'asyncio' not in source:
        return compile(source, filename, 'exec', dont_inherit=True), None
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        tree = compile(source, filename, 'exec', ast.PyCF_ONLY_AST, dont_inherit=True)
    if not _is_old(tree):
        return compile(source, filename, 'exec', dont_inherit=True), None
    tree = ast.fix_missing_locations(_Awaiting().visit(tree))
    return compile(tree, filename, 'exec', dont_inherit=True), _builtins()


def _builtins():
    """The built-in functions, with an `import` that gives the other asyncio."""
    own = types.ModuleType('builtins')
    own.__dict__.update(builtins.__dict__)
    made = []

    def __import__(name, globals=None, locals=None, fromlist=(), level=0):
        module = builtins.__import__(name, globals, locals, fromlist, level)
        if level or name.partition('.')[0] != 'asyncio' or fromlist and name != 'asyncio':
            return module
        if not made:
            made.append(_Asyncio(module))
        return made[0]

    own.__import__ = __import__
    return own
