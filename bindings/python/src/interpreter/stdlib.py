"""The standard library from memory: compiled and compressed while `python.wasm` is built, since it has no files when it runs."""

import importlib.machinery
import marshal
import os
import sys
import zlib

LEFT_OUT = {
    'test', 'idlelib', 'tkinter', 'turtledemo', 'ensurepip', 'lib2to3', 'pydoc_data', '__pycache__', 'site-packages', 'lib-dynload',
}
"""What is not in memory."""
_ROOT = '/python'
"""Where componentize-py has the library while it builds."""

_MODULES = {}
"""By name: whether it is a package, its code, and the path that tracebacks name."""


def build():
    """Compiles everything. To be called while `python.wasm` is built."""
    _take(_ROOT, '')


def _take(folder, prefix):
    for entry in sorted(os.listdir(folder)):
        path = f'{folder}/{entry}'
        if entry in LEFT_OUT:
            continue
        if os.path.isdir(path):
            if os.path.exists(f'{path}/__init__.py'):
                _add(prefix + entry, f'{path}/__init__.py', True)
                _take(path, f'{prefix}{entry}.')
        elif entry.endswith('.py') and entry != '__init__.py':
            _add(prefix + entry.removesuffix('.py'), path, False)


def _add(name, path, package):
    with open(path, 'rb') as file:
        source = file.read()
    try:
        code = compile(source, path, 'exec', dont_inherit=True)
    except SyntaxError:
        return  # Some are templates.
    _MODULES[name] = package, zlib.compress(marshal.dumps(code)), path


class _Finder:
    """Finds what was compiled."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        found = _MODULES.get(name)
        if found is None:
            return None
        package, _, origin = found
        spec = importlib.machinery.ModuleSpec(name, _Loader, origin=origin, is_package=package)
        spec.has_location = True
        return spec

    @staticmethod
    def invalidate_caches():
        """Nothing changes."""


class _Loader:
    """Loads what was compiled. There are no sources."""

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def get_code(name):
        return marshal.loads(zlib.decompress(_MODULES[name][1]))

    @staticmethod
    def is_package(name):
        return _MODULES[name][0]

    @staticmethod
    def get_source(name):
        return None

    @classmethod
    def exec_module(cls, module):
        exec(cls.get_code(module.__spec__.name), module.__dict__)


def install():
    """Has imports find the library in memory, before the folders of `sys.path`."""
    sys.path[:] = []
    sys.path_importer_cache.clear()
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(2, _Finder)
