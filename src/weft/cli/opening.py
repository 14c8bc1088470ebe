"""How commands open a space: to read it, whoever computes it; and how they load a script that declares types.

Knows nothing of what is printed. Invariant: a command that only reads takes no lease, computes nothing, and makes no
file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from weft.errors import WeftError, text_of

if TYPE_CHECKING:
    from weft.entity import Entity
    from weft.space import Space


class _SpaceThere(click.Path):
    """A file that is there; of one that is missing beside its mark, the mark is told."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, as it was given. Raises `SpaceMissing`."""
        if not Path(value).exists():
            from weft.stores.mark import Mark
            from weft.stores.opening import real_path, refuse_missing

            path = real_path(value)
            refuse_missing(path, Mark(f"{path}-mark"))
        return super().convert(value, param, ctx)


SPACE = _SpaceThere(exists=True, dir_okay=False)
SCRIPT = click.Path(exists=True, dir_okay=False)
NEIGHBOURS = ("-mark", "-lease", "-wal", "-shm")
"""What the files beside a space are called, after its own name."""


class NotAScript(WeftError):
    """{path} could not be loaded: {why}."""

    exit_code = 2
    path: str
    why: str


class NoSpaceThere(WeftError):
    """{path} is not a Weft space: {why}. {next}"""

    exit_code = 4
    path: str
    why: str
    next: str


class NoSuchType(WeftError):
    """{path} declares no type {name}: {nearest}"""

    exit_code = 2
    path: str
    name: str
    nearest: str


class WhichType(WeftError):
    """{path} declares the types {names}: say which, as {path}:{first}."""

    exit_code = 2
    path: str
    names: str
    first: str


@contextmanager
def existing(path: str) -> Iterator[None]:
    """Say of what is not a space, in words for a command that makes none, where a space may be."""
    from weft.store import NotASpace

    try:
        yield
    except NotASpace as found:
        for ending in NEIGHBOURS:
            space = path.removesuffix(ending)
            if space != path and Path(space).is_file():
                why, next = f"it belongs to the space {space}", "Give the path of that."
                raise NoSpaceThere(path=path, why=why, next=next) from None
        raise NoSpaceThere(path=path, why=found.why, next="Give the path of a space.") from None


@contextmanager
def reading(path: str) -> Iterator[Space]:
    """A space to look at, also while another program computes it."""
    from weft.opening import open as open_space

    with existing(path):
        space = open_space(path, engine=False)
    try:
        yield space
    finally:
        space.close()


def load(path: str) -> ModuleType:
    """The script at `path` as a module, as `import` would load it from its folder. Raises `NotAScript`."""
    place = Path(path).resolve()
    spec = spec_from_file_location(place.stem, place)
    if spec is None or spec.loader is None:
        raise NotAScript(path=path, why="it is not a Python file")
    module = module_from_spec(spec)
    sys.path.insert(0, str(place.parent))
    sys.modules[place.stem] = module
    try:
        spec.loader.exec_module(module)
    except SystemExit as ended:
        raise NotAScript(path=path, why=f"it ended by itself ({ended}); guard what it runs by __name__") from None
    except Exception as why:
        at = _line_of(why)
        said = text_of(why).rstrip(".") if at else text_of(why)
        refused = NotAScript(path=path, why=f"{type(why).__name__}: {said}" + (f", at {at}" if at else ""))
        if isinstance(why, WeftError):
            refused.exit_code = why.exit_code
        raise refused from why
    return module


def _line_of(error: Exception) -> str:
    """FILE:LINE of the innermost frame that is neither of Python, nor of a library, nor of Weft; nothing if there is
    none. A syntax error's own text names its line."""
    from weft.failure import is_own, relative_file

    if isinstance(error, SyntaxError):
        return ""
    frames = [frame for frame in extract_tb(error.__traceback__) if is_own(frame.filename)]
    return f"{relative_file(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def types_in(module: ModuleType) -> dict[str, type[Entity]]:
    """The types that a module declares itself, in order."""
    from weft.entity import Entity

    return {
        name: found
        for name, found in vars(module).items()
        if isinstance(found, type) and issubclass(found, Entity) and found.__module__ == module.__name__
    }


def pick(types: dict[str, type[Entity]], name: str | None, path: str) -> type[Entity]:
    """One of a script's types: by name, or the only one."""
    from weft.spelling import nearest

    if name is not None and name in types:
        return types[name]
    if name is not None or not types:
        raise NoSuchType(path=path, name=name or "at all", nearest=nearest(name or "", types))
    if len(types) > 1:
        raise WhichType(path=path, names=", ".join(types), first=next(iter(types)))
    return next(iter(types.values()))
