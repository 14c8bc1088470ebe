"""Operation versions: what a function's source, and all that it names in its own package, come down to as one digest.

The version of an operation whose author declared none is made of its tokens (see `source_text`) and those of every
function, class and constant of its own package that they name, however far away. A package is the top-level one; for a
script or a module outside any package, the modules beside it; for a notebook, the notebook. The standard library and
what is installed are left out, as is what cannot be written down: of an object of one's own class the class counts.
A module imported inside a function counts whole, but not what it names in turn.

What a name stands for is looked up in the running program, so a version speaks of what would run. The text is what was
in the file when it was first read: a program whose files change under it should be started again.
Knows nothing of operations: it is given a function, and says what it comes down to.
Invariant: equal text and equal constants give an equal digest on every interpreter; bytecode never enters.
Source: Unison's definitions known by hash; redun's and joblib's hashing of functions, and the reruns that layout costs.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import inspect
import os.path
import re
import sys
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TypeAlias

from weft.errors import WeftError
from weft.source_text import Import, Piece, Text, Written, normalise, piece_of, text_of

Names: TypeAlias = Mapping[str, object]
_ABSENT = object()
_OUTSIDE = "outside"
_WRITTEN_AS_THEY_READ = frozenset({"datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid", "zoneinfo"})


class SourceUnavailable(WeftError):
    """The source of {name} cannot be read: {why}. Declare its version instead, as @op(version=1), and raise it whenever
    the function changes."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A digest, and what was looked up for it: (namespace, name, what it held)."""

    digest: str
    lookups: tuple[tuple[Names, str, object], ...]

    def is_current(self) -> bool:
        """Whether each name still stands for the same object; not so after a notebook cell was run again."""
        return all(names.get(name, _ABSENT) is held for names, name, held in self.lookups)


def trace_source(
    definition: Callable[..., object], *, apart_from: Sequence[object] = (), with_called: bool = True
) -> Trace:
    """The digest of a function or class as the program stands now. Raises `SourceUnavailable`.

    Decorators in `apart_from` do not count, nor do their arguments. A constant that can change in place, as a list or
    a dict, counts with what it held when it was first seen. Without `with_called` what is handed to a method `call`
    counts by its name alone: what a flow has called is told by the version that it was of then.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python finds odd in the text it has said when it was imported
        return _Walk(definition, apart_from, with_called=with_called).trace()


def module_name(names: Names) -> str:
    """The module whose globals these are, by its true name also when it is run as `__main__`.

    A script is its file's stem, `python -m a.b` is `a.b`, and what has no file is `notebook`.
    """
    name = names.get("__name__")
    if name not in ("__main__", None):
        return str(name)
    if (spec := names.get("__spec__")) is not None:
        return str(getattr(spec, "name", "notebook"))
    file = str(names.get("__file__") or "")
    return os.path.splitext(os.path.basename(file))[0] if file else "notebook"


class _Walk:
    """Follows names from one definition to all it stands on; a queue, so that cycles and depth cost nothing."""

    def __init__(self, root: Callable[..., object], apart_from: Sequence[object], *, with_called: bool) -> None:
        self.root = inspect.unwrap(root)
        self.home = _globals_of(self.root)
        self.apart_from, self.with_called = apart_from, with_called
        self.found: list[Callable[..., object]] = []
        self.places: dict[int, int] = {}
        self.lookups: list[tuple[Names, str, object]] = []
        self.open: set[int] = set()
        self.texts: dict[str, Text | None] = {}
        self.start = self.refer(root)

    def trace(self) -> Trace:
        digest = hashlib.sha256(self.start.encode())
        for definition in self.found:  # which grows meanwhile
            for line in self.describe(definition):
                digest.update(b"\0" + line.encode())
        return Trace("h" + digest.hexdigest()[:16], tuple(self.lookups))

    def describe(self, definition: Callable[..., object]) -> Iterator[str]:
        try:
            written = self.written(definition)
        except SourceUnavailable:
            if definition is self.root or not isinstance(definition, type):
                raise
            yield from self.describe_class(definition)
            return
        scope = _Scope(_globals_of(definition), _closure_of(definition))
        for piece in map(piece_of, written.decorators):
            head = _reach(piece.head, scope)
            if not any(head is one for one in self.apart_from):
                yield from self.describe_piece(piece, scope)
        yield from self.describe_piece(piece_of(written.body), scope)

    def describe_piece(self, piece: Piece, scope: _Scope) -> Iterator[str]:
        yield piece.tokens
        for name in piece.names if self.with_called else (one for one in piece.names if one not in piece.handed):
            seen = self.refer(self.resolve(name, scope))
            if seen != _OUTSIDE:
                yield f"{name} is {seen}"
        for each in piece.imports:
            yield from self.describe_import(each, scope.names)

    def describe_import(self, each: Import, names: Names) -> Iterator[str]:
        """A module of one's own that only a function imports may not be loaded yet: its text counts, whole."""
        package = str(names.get("__package__") or "")
        above = package.split(".")[: len(package.split(".")) - each.level + 1] if each.level else []
        base = ".".join([*above, each.module] if each.module else above)
        for module in (base, *(f"{base}.{name}" for name in each.names)):
            text = text_of(self.file_of(module))
            if text is not None:
                yield f"{module} is {normalise(text.text)}"

    def written(self, definition: Callable[..., object]) -> Written:
        names = _globals_of(definition)
        file, line = _place_of(definition, names)
        name = f"{module_name(names)}/{definition.__qualname__}"
        try:
            if file not in self.texts:
                self.texts[file] = text_of(file, dict(names))
            text = self.texts[file]
        except SyntaxError as error:
            raise SourceUnavailable(name=name, why=f"{file} changed since it was loaded ({error.msg})") from None
        if text is None:
            raise SourceUnavailable(name=name, why="no file and no notebook cell holds it")
        if isinstance(definition, types.FunctionType):
            found = text.function(definition.__code__.co_name, line)
        else:
            found = text.class_(definition.__qualname__, line)
        if found is None:
            raise SourceUnavailable(
                name=name, why=f"{file} changed since it was loaded, or its text is made at run time"
            )
        return found

    def file_of(self, module: str) -> str:
        """The file of a module of one's own, imported or not; empty where there is none."""
        top, *rest = module.split(".")
        if _is_loose(self.home):
            return _existing([os.path.join(_folder(self.home), top)]) if not rest else ""
        if top != module_name(self.home).partition(".")[0] or top not in sys.modules:
            return ""
        folders = getattr(sys.modules[top], "__path__", ())
        return _existing([os.path.join(folder, *rest) for folder in folders])

    def describe_class(self, definition: type) -> Iterator[str]:
        """A class whose text is gone, as one without methods in a notebook: what it holds says what it is."""
        yield f"class {definition.__name__}"
        yield from map(self.refer, definition.__bases__)
        if is_dataclass(definition):
            yield from (f"{each.name} is made by {self.refer(each.default_factory)}" for each in fields(definition))
        for name, held in sorted(vars(definition).items()):
            if name == "__annotations__" or not name.startswith("__"):
                yield f"{name} is {self.refer(_function_in(held))}"

    # What a name stands for.

    def resolve(self, dotted: str, scope: _Scope) -> object:
        root, *rest = dotted.split(".")
        value = scope.closure[root] if root in scope.closure else self.look(scope.names, root)
        for name in rest:
            if not isinstance(value, types.ModuleType) or not self.is_own(vars(value)):
                break
            value = self.look(vars(value), name)
        return value

    def look(self, names: Names, name: str) -> object:
        value = names.get(name, _ABSENT)
        self.lookups.append((names, name, value))
        return value

    def is_own(self, names: Names) -> bool:
        if names is self.home:
            return True
        if module_name(self.home).partition(".")[0] == module_name(names).partition(".")[0]:
            return True
        return _is_loose(self.home) and _is_loose(names) and _folder(self.home) == _folder(names)

    def refer(self, value: object) -> str:
        """What a value counts as: a place for a definition of one's own, a text for what can be written down."""
        if _is_proxy(value):
            return _OUTSIDE
        if isinstance(value, type) and value.__module__ == "builtins":
            return value.__name__
        if isinstance(value, types.FunctionType | type):
            if self.is_own(_globals_of(value)):
                return self.place(value)
            # A wrapper from elsewhere around a function of one's own.
            return self.refer(vars(value).get("__wrapped__", _ABSENT))
        if value is _ABSENT or isinstance(value, types.ModuleType):
            return _OUTSIDE
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            return self.refer_plain(value)
        return self.refer_whole(value)

    def place(self, definition: Callable[..., object]) -> str:
        place = self.places.setdefault(id(definition), len(self.found))
        if place == len(self.found):
            self.found.append(definition)
        return f"#{place}"

    def refer_plain(self, value: object) -> str:
        if isinstance(value, enum.Enum):
            return f"{self.refer(type(value))}.{value.name}"
        plain = next(kind for kind in (*_PLAIN, type(value)) if isinstance(value, kind))
        text = ascii(str(value)) if plain is str else plain.__repr__(value)
        return text if plain is type(value) else f"{self.refer(type(value))}({text})"

    def refer_whole(self, value: object) -> str:
        """What has parts; one that holds itself is written once."""
        if id(value) in self.open:
            return "itself"
        self.open.add(id(value))
        try:
            kind, parts = self.parts(value)
            return f"{kind}({', '.join(map(self.refer, parts))})" if parts is not None else kind
        finally:
            self.open.discard(id(value))

    def parts(self, value: object) -> tuple[str, Iterable[object] | None]:
        kind = self.refer(type(value))
        if isinstance(value, list | tuple):
            return kind, value
        if isinstance(value, set | frozenset):
            return f"{kind}({', '.join(sorted(map(self.refer, value)))})", None
        if isinstance(value, dict | types.MappingProxyType):
            return kind, (part for pair in value.items() for part in pair)
        if isinstance(value, enum.Enum):
            return f"{kind}.{value.name}", None
        if isinstance(value, functools.partial):
            return "partial", (value.func, value.args, value.keywords)
        if isinstance(value, re.Pattern):
            return "pattern", (value.pattern, value.flags)
        if is_dataclass(value):
            return kind, [getattr(value, each.name, None) for each in fields(value)]
        return self.other_parts(value, kind)

    def other_parts(self, value: object, kind: str) -> tuple[str, Iterable[object] | None]:
        if (origin := typing.get_origin(value)) is not None:
            is_union = origin in (typing.Union, types.UnionType)
            name = "Union" if is_union else str(origin).rpartition(".")[2]
            return name, (() if is_union else (origin,)) + typing.get_args(value)
        if isinstance(value, typing.NewType):
            return value.__name__, (value.__supertype__,)
        is_written = type(value).__module__.partition(".")[0] in _WRITTEN_AS_THEY_READ
        if is_written or isinstance(value, range | slice):
            return repr(value), None
        wrapped = inspect.getattr_static(value, "__wrapped__", None)  # as functools.cache has it
        return (self.refer(wrapped) if callable(wrapped) else kind), None


def _is_proxy(value: object) -> bool:
    """Whether it pretends to be of another class, and does something at every question: a mock, a lazy object."""
    return any("__class__" in vars(base) for base in type(value).__mro__ if base is not object)


_PLAIN = (bool, int, float, complex, str, bytes)


class _Scope(typing.NamedTuple):
    names: Names
    closure: Names


def _reach(dotted: str, scope: _Scope) -> object:
    """What a decorator's name stands for, in whatever package it is."""
    root, *rest = dotted.split(".")
    value = scope.closure.get(root, scope.names.get(root, _ABSENT))
    for name in rest:
        value = getattr(value, name, _ABSENT)
    return value


# Where a definition stands.


def _globals_of(definition: Callable[..., object]) -> Names:
    # Not by __module__ for functions: functools.wraps copies it from what is wrapped.
    if isinstance(definition, types.FunctionType):
        return definition.__globals__
    module = sys.modules.get(definition.__module__)
    return {"__name__": definition.__module__} if module is None else vars(module)


def _closure_of(definition: Callable[..., object]) -> Names:
    functions = [definition] if isinstance(definition, types.FunctionType) else _methods(definition)
    closure: dict[str, object] = {}
    for function in functions:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                closure[name] = cell.cell_contents
            except ValueError:  # not assigned yet
                closure[name] = _ABSENT
    return closure


def _methods(definition: Callable[..., object]) -> list[types.FunctionType]:
    held = map(_function_in, vars(definition).values())
    return [function for function in held if isinstance(function, types.FunctionType)]


def _function_in(held: object) -> object:
    if isinstance(held, staticmethod | classmethod):
        return held.__func__
    return held.fget if isinstance(held, property) else held


def _place_of(definition: Callable[..., object], names: Names) -> tuple[str, int]:
    if isinstance(definition, types.FunctionType):
        return definition.__code__.co_filename, definition.__code__.co_firstlineno
    for method in _methods(definition):
        # What dataclass makes comes from "<string>", and one of its methods from its own module.
        if method.__globals__ is names and method.__code__.co_filename != "<string>":
            return method.__code__.co_filename, method.__code__.co_firstlineno
    return str(names.get("__file__") or ""), 0


def _is_loose(names: Names) -> bool:
    """Whether the module is a single file outside any package, and not an installed one."""
    is_single = not names.get("__package__") and bool(names.get("__file__"))
    return is_single and os.path.basename(_folder(names)) not in ("site-packages", "dist-packages", _LIBRARY)


_LIBRARY = os.path.basename(os.path.dirname(os.__file__))


def _folder(names: Names) -> str:
    return os.path.dirname(os.path.abspath(str(names["__file__"])))


def _existing(stems: Iterable[str]) -> str:
    for stem in stems:
        for file in (f"{stem}.py", os.path.join(stem, "__init__.py")):
            if os.path.isfile(file):
                return file
    return ""
