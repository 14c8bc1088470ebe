"""Origins: where a function or class is defined, so that another process finds the same one.

A module is imported by its name. A script that runs as `__main__` has no name to be imported by: it is loaded from its
file, under its stem as a name, so what stands under `if __name__ == "__main__":` does not run again.

Knows nothing of operations or of versions; whoever loads compares those.
Invariant: `origin_of` gives an origin only for what stands there now, under its name.
Source: multiprocessing's spawn, which finds functions in the same way.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from weft.errors import WeftError, text_of


class NotFindable(WeftError):
    """{name} cannot be found from another process: {why}. Define it at the top level of a module or of a script, or use
    runner="thread"."""

    name: str
    why: str


class ScriptFailed(WeftError):
    """{file} did its work when a worker process loaded it to find a function. Put what a script does, as opposed to
    defines, under `if __name__ == "__main__":`. What it raised there: {kind}: {text}"""

    file: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A module's name, its file if it has one, the name within the module, and whether it ran as `__main__`."""

    module: str
    file: str | None
    qualname: str
    is_script: bool


def origin_of(thing: Callable[..., object]) -> Origin:
    """Where `thing` can be found. Raises `NotFindable` with the reason."""
    module_name = getattr(thing, "__module__", None) or "?"
    qualname = getattr(thing, "__qualname__", None) or repr(thing)
    name = f"{module_name}.{qualname}"
    if "<locals>" in qualname:
        raise NotFindable(name=name, why="it is defined inside a function")
    module = sys.modules.get(module_name)
    if module is None:
        raise NotFindable(name=name, why=f"there is no module {module_name}")
    origin = _within(module, qualname, name)
    if _attribute(module, qualname) is not thing:
        raise NotFindable(name=name, why="that name does not stand for it (any more)")
    return origin


def origin_named(target: str) -> Origin:
    """Where "module:ClassName" can be found; "__main__" is the script that runs. Raises `NotFindable`."""
    module_name, colon, qualname = target.partition(":")
    if not (module_name and colon and qualname):
        raise NotFindable(name=target, why='it does not read "module:ClassName"')
    module = sys.modules.get(module_name)
    if module is None:
        return Origin(module_name, None, qualname, is_script=False)
    if _attribute(module, qualname) is None:
        raise NotFindable(name=target, why=f"{module_name} has no such name")
    return _within(module, qualname, target)


def load(origin: Origin) -> object:
    """What stands at `origin` in this process. Raises `NotFindable`, `ScriptFailed`, or as the import does."""
    module = _script(origin) if origin.is_script else _module(origin)
    found = _attribute(module, origin.qualname)
    if found is None:
        place = origin.file or origin.module
        raise NotFindable(name=f"{origin.module}.{origin.qualname}", why=f"{place} has no such name")
    return found


def _within(module: ModuleType, qualname: str, name: str) -> Origin:
    file = getattr(module, "__file__", None)
    path = None if file is None else os.path.abspath(file)
    if module.__name__ != "__main__":
        return Origin(module.__name__, path, qualname, is_script=False)
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.name != "__main__":  # python -m
        return Origin(spec.name, path, qualname, is_script=False)
    if path is None:
        raise NotFindable(name=name, why="it is defined in a notebook or at a prompt, which has no file")
    return Origin(Path(path).stem, path, qualname, is_script=True)


def _module(origin: Origin) -> ModuleType:
    loaded = sys.modules.get(origin.module)
    if loaded is not None:
        return loaded
    try:
        return importlib.import_module(origin.module)
    except ModuleNotFoundError as error:
        # Of a module that the parent loaded by its path, as test runners do. That one of the module's own imports is
        # missing is another matter, and told as it is.
        is_it = error.name is not None and (origin.module + ".").startswith(error.name + ".")
        if origin.file is None or not is_it:
            raise
    return _load_file(origin.module, origin.file)


def _script(origin: Origin) -> ModuleType:
    """The script's module, by its stem as for operations, unless a module has that name: a script may be `json.py`."""
    assert origin.file is not None
    for name in (origin.module, f"__script_{origin.module}__"):
        known = sys.modules.get(name)
        if known is None:
            return _run_script(name, origin.file)
        if getattr(known, "__file__", None) == origin.file:
            return known
    raise NotFindable(name=f"{origin.module}.{origin.qualname}", why=f"other modules have the name of {origin.file}")


def _run_script(name: str, file: str) -> ModuleType:
    try:
        return _load_file(name, file)
    except BaseException as error:
        # Of a failed node the cause alone: what to do about it is said once, by the one that fails for this.
        cause = getattr(error, "cause", error) if isinstance(error, WeftError) else error
        text = cause if isinstance(cause, str) else text_of(cause)
        raise ScriptFailed(file=file, kind=type(error).__name__, text=text) from error


def _load_file(name: str, file: str) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader(name, file)
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _attribute(module: ModuleType, qualname: str) -> object:
    found: object = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found
