"""Operations: plain functions, read once for what they take, need and return.

Positional parameters are inputs. Keyword-only ones are services, annotated with a Protocol and injected, or settings,
bound by `functools.partial` or defaulted, which belong to the operation's identity. A generator yields the whole value
so far, so it returns what it yields. What cannot be kept apart by name, or whose inputs cannot be counted, is refused
in words.

Knows nothing of entities, nodes or runners: whoever calls has the arguments.
Invariant: `function(*inputs, **services)` is a complete call; settings are bound in it already.
Source: pytest's fixtures and FastAPI's dependencies, where the signature says what is injected.
"""

from __future__ import annotations

import collections.abc
import enum
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from msgspec import Struct

from weft.content import Plain
from weft.errors import Unencodable, WeftError
from weft.policy import Debounce
from weft.source import SourceUnavailable, Trace, module_name, trace_source
from weft.value import shape_of

F = TypeVar("F", bound=Callable[..., object])
Kind: TypeAlias = Literal["sync", "async", "stream"]


class Missing(enum.Enum):
    """What stands where nothing was given, since None may be given."""

    MISSING = "missing"


MISSING = Missing.MISSING


class NotAnOperation(WeftError, TypeError):
    """{name} cannot be an operation: {why}. {next_step}."""

    name: str
    why: str
    next_step: str


class UnresolvedAnnotation(WeftError, TypeError):
    """An annotation of {name} names {missing}, which is not defined where the function is. Import it at run time, not
    under TYPE_CHECKING alone, or define it before the definition is compiled."""

    name: str
    missing: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after a failure: `attempts` in all, the first included, with growing pauses."""

    attempts: int
    delay_s: float
    factor: float = 2.0
    delay_s_max: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what could never be kept to."""
        if self.attempts < 1 or self.delay_s < 0 or self.factor < 1 or self.delay_s_max < 0:
            raise ValueError(f"{self}: attempts and factor are at least 1, delays are not negative")

    def delay_s_before(self, attempt: int) -> float:
        """The pause before this attempt, counted from 1; none before the first."""
        if attempt <= 1:
            return 0.0
        try:
            return float(min(self.delay_s * float(self.factor) ** (attempt - 2), self.delay_s_max))
        except OverflowError:
            return float(self.delay_s_max)


class Parameter(Struct, frozen=True):
    """An input or a service. `default` is `MISSING` where it must be given."""

    name: str
    annotation: object
    default: object = MISSING


class Operation(Struct, frozen=True, eq=False):
    """A function as the graph sees it. `identity` is what a call key holds of it."""

    name: str
    """`namespace/name`."""
    version: str
    """The declared number, or `h…`, a digest of the source."""
    function: Callable[..., object]
    """What to call, positionally with inputs and by keyword with services."""
    kind: Kind
    """`async`: what is called returns an awaitable; `stream`: an asynchronous iterator of the value so far."""
    inputs: tuple[Parameter, ...]
    services: tuple[Parameter, ...]
    """By name, annotated with the Protocol itself; None is the default of an optional one."""
    settings: Mapping[str, Plain]
    returns: object
    """The annotation of the value: of what is awaited, or of each value a generator yields."""
    pure: bool = False
    timeout_s: float | None = None
    retry: Retry | None = None
    may_pass: Callable[[BaseException], bool] | None = None
    runner: str | None = None
    restart: bool = False
    debounce: Debounce | None = None
    source_digest: str | None = None
    """What the version would be if none were declared; None where the source cannot be read."""

    @property
    def identity(self) -> tuple[str, str, Mapping[str, Plain]]:
        """Name, version and settings."""
        return self.name, self.version, self.settings

    def is_worth_a_retry(self, error: BaseException) -> bool:
        """Whether what a call raised may pass: as its author says, else as the error says of itself, by its attribute
        `may_pass`; else it may."""
        if self.may_pass is None:
            return bool(getattr(error, "may_pass", True))
        try:
            return bool(self.may_pass(error))
        except Exception:
            import logging  # whoever declares operations seldom needs it

            logging.getLogger("weft").exception(
                "whether what %s raised may pass could not be said: it is tried again", self.name
            )
            return True


class _Declared(Struct, frozen=True):
    version: int | None = None
    pure: bool = False
    timeout_s: float | None = None
    retry: Retry | None = None
    may_pass: Callable[[BaseException], bool] | None = None
    runner: str | None = None
    name: str | None = None
    restart: bool = False
    debounce: Debounce | None = None


def op(
    *,
    version: int | None = None,
    pure: bool = False,
    timeout_s: float | None = None,
    retry: Retry | None = None,
    may_pass: Callable[[BaseException], bool] | None = None,
    runner: str | None = None,
    name: str | None = None,
    restart: bool = False,
    debounce: Debounce | None = None,
) -> Callable[[F], F]:
    """Say more about an operation; the function stays the same object.

    `version`: its author says when results change, by raising it; without it any change of source reruns the operation.
    `pure`: its author says that equal inputs give equal values. `timeout_s`: seconds per attempt.
    `retry`: how often it is tried again after a failure, for which `may_pass` says whether that can help, where the
    call was made; without it the error's own attribute `may_pass` does, if it has one.
    `name`: `name` or `namespace/name`, to be known by wherever the function moves.
    `restart`: a changed input cancels the call under way, and another is made. `debounce`: when to begin one.
    """
    if version is not None and (isinstance(version, bool) or version < 0):
        raise ValueError(f"version is {version!r}, and counts from 0")
    if name is not None and not _is_name(name):
        raise ValueError(f"name is {name!r}, and should read name or namespace/name, without spaces")
    if timeout_s is not None and timeout_s <= 0:
        raise ValueError(f"timeout_s is {timeout_s}, and should be greater than 0")
    declared = _Declared(version, pure, timeout_s, retry, may_pass, runner, name, restart, debounce)

    def declare(function: F) -> F:
        try:
            function.__weft_declared__ = declared  # type: ignore[attr-defined]
        except (AttributeError, TypeError):
            raise _refused(function, "it takes no attributes", "Wrap it in a function with def") from None
        return function

    return declare


def operation_of(fn: Callable[..., object], /) -> Operation:
    """The operation that `fn` is. Raises `NotAnOperation`, `UnresolvedAnnotation`, `SourceUnavailable`, `Unencodable`.

    Kept on `fn`, and read anew when a function, class or constant that its source names was replaced meanwhile, as when
    a notebook cell runs again. Call it when the module is complete: annotations may name what stands below.
    """
    kept = getattr(fn, "__dict__", {}).get("__weft_operation__")
    # functools.wraps copies what is kept to the wrapper, which is another function.
    if isinstance(kept, _Kept) and kept.operation.function is fn and kept.is_current():
        return kept.operation
    kept = _read(fn)
    try:
        fn.__weft_operation__ = kept  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        pass  # not kept, then
    return kept.operation


def injected_into(fn: Callable[..., object], /) -> tuple[tuple[Parameter, ...], object]:
    """The services that a flow is given by keyword, and the annotation of what it returns: it is no operation, as an
    entity and its run are no inputs. Raises as `operation_of` does."""
    hints = _hints(fn)
    services, _ = _keywords(fn, _parameters(fn), hints)
    return services, hints.get("return", object)


class _Kept(Struct, frozen=True):
    operation: Operation
    trace: Trace | None

    def is_current(self) -> bool:
        return self.trace is None or self.trace.is_current()


def _read(fn: Callable[..., object]) -> _Kept:
    parameters = _parameters(fn)
    bare = _bare(fn)
    declared = _declared(fn)
    hints = _hints(bare)
    kind, returns = _outcome(bare, hints)
    services, settings = _keywords(fn, parameters, hints)
    trace = _trace(bare, declared)
    digest = None if trace is None else trace.digest
    operation = Operation(
        name=_name(bare, declared),
        version=str(digest if declared.version is None else declared.version),
        function=fn,
        kind=kind,
        inputs=tuple(
            Parameter(each.name, hints.get(each.name, Any), _default(each)) for each in parameters if _is_input(each)
        ),
        services=services,
        settings=types.MappingProxyType(settings),
        returns=returns,
        pure=declared.pure,
        timeout_s=declared.timeout_s,
        retry=declared.retry,
        may_pass=declared.may_pass,
        runner=declared.runner,
        restart=declared.restart,
        debounce=declared.debounce,
        source_digest=digest,
    )
    return _Kept(operation, trace)


def _trace(bare: Callable[..., object], declared: _Declared) -> Trace | None:
    try:
        return trace_source(bare, apart_from=(op,))
    except SourceUnavailable:
        if declared.version is None:
            raise
        return None


def _bare(fn: Callable[..., object]) -> Callable[..., object]:
    """The function or class beneath partials."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return fn


def _declared(fn: Callable[..., object]) -> _Declared:
    """What `@op` said, of the outermost thing that it was said of. A class does not inherit it."""
    while True:
        found = getattr(fn, "__dict__", {}).get("__weft_declared__")
        if isinstance(found, _Declared):
            return found
        if not isinstance(fn, functools.partial):
            return _Declared()
        fn = fn.func


def _refused(fn: object, why: str, next_step: str) -> NotAnOperation:
    name = getattr(_bare(fn), "__qualname__", None) if callable(fn) else None
    return NotAnOperation(name=name or repr(fn), why=why, next_step=next_step)


# What may be one.


def _parameters(fn: Callable[..., object]) -> Sequence[inspect.Parameter]:
    """The parameters still open, once everything that needs no annotation is found to be in order."""
    _check_form(fn)
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (ValueError, TypeError):
        if isinstance(fn, functools.partial):
            raise _refused(fn, "its partial binds what it does not take", "Bind parameters that it has") from None
        raise _refused(fn, "its parameters cannot be read", "Call it from an annotated function") from None
    for each in parameters:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            stars = "*" if each.kind is each.VAR_POSITIONAL else "**"
            raise _refused(
                fn, f"the inputs behind {stars}{each.name} cannot be counted", "Name each; take many as one Sequence"
            )
    return parameters


def _check_form(fn: Callable[..., object]) -> None:
    bare = _bare(fn)
    if isinstance(bare, types.MethodType):
        raise _refused(
            fn, "it is a bound method, whose object is an input that nobody sees", "Use a function that takes it"
        )
    if isinstance(bare, types.BuiltinFunctionType) or getattr(bare, "__module__", "") == "builtins":
        raise _refused(
            fn, "it is built in and does not say what it takes or returns", "Call it from an annotated function"
        )
    inner = inspect.unwrap(bare)
    if not isinstance(inner, types.FunctionType | type):
        why = f"it is an object of class {type(bare).__name__}, whose state is an input that nobody sees"
        raise _refused(fn, why, "Use a function with def, and bind settings with functools.partial")
    if inner.__name__ == "<lambda>":
        raise _refused(fn, "a lambda has no name to be known by", "Give it one with def")
    if inspect.isgeneratorfunction(inner):
        raise _refused(
            fn, "it is a generator without async", "Write async def to yield the value so far, or return it whole"
        )


def _is_input(each: inspect.Parameter) -> bool:
    return each.kind is not each.KEYWORD_ONLY


def _default(each: inspect.Parameter) -> object:
    return MISSING if each.default is each.empty else each.default


# What it is called.


def _is_name(name: str) -> bool:
    parts = name.split("/")
    return len(parts) <= 2 and all(part and part.isprintable() and not any(map(str.isspace, part)) for part in parts)


def _name(bare: Callable[..., object], declared: _Declared) -> str:
    inner = inspect.unwrap(bare)
    name = declared.name or inner.__qualname__.replace("<locals>.", "")
    return name if "/" in name else f"{module_name(_globals(inner))}/{name}"


def _globals(inner: Callable[..., object]) -> Mapping[str, object]:
    if isinstance(inner, types.FunctionType):
        return inner.__globals__
    module = sys.modules.get(inner.__module__)
    return {"__name__": inner.__module__} if module is None else vars(module)


# What its annotations say.


def _hints(bare: Callable[..., object]) -> dict[str, object]:
    inner = inspect.unwrap(bare)
    places = dict(_local_names(inner))
    try:
        if isinstance(inner, type):
            return _class_hints(inner, places)
        return typing.get_type_hints(inner, localns={**_globals(inner), **places}, include_extras=True)
    except NameError as error:
        raise UnresolvedAnnotation(name=inner.__qualname__, missing=error.name or str(error)) from None
    except (TypeError, SyntaxError, AttributeError) as error:
        raise _refused(bare, f"an annotation cannot be read ({error})", "Correct the annotation") from error


def _class_hints(kind: type, places: Mapping[str, object]) -> dict[str, object]:
    """A dataclass, Struct or model is annotated on the class, any other class on its `__init__`."""
    hints = typing.get_type_hints(kind, localns={**_globals(kind), **places}, include_extras=True)
    if isinstance(vars(kind).get("__init__"), types.FunctionType) and not is_dataclass(kind):
        hints |= typing.get_type_hints(kind.__dict__["__init__"], localns=dict(places) or None, include_extras=True)
    if is_dataclass(kind):
        hints = {each.name: hints.get(each.name, Any) for each in fields(kind)}
    return {**hints, "return": kind}


def _local_names(inner: Callable[..., object]) -> Mapping[str, object]:
    """Names of the functions around it: from the closure and, while those still run, from their frames.

    An annotation that is only a text leaves nothing in the closure, so a function in a test, with a class beside it,
    could not be read otherwise.
    """
    if not isinstance(inner, types.FunctionType):
        return _frame_names(inner.__qualname__, None)
    found = dict(_frame_names(inner.__qualname__, inner.__code__))
    for name, cell in zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    found.update({each.__name__: each for each in getattr(inner, "__type_params__", ())})
    return found


def names_around(qualname: str) -> Mapping[str, object]:
    """The local names of the functions that a class or function of this name was defined in, while those run."""
    return _frame_names(qualname, None)


def _frame_names(qualname: str, code: types.CodeType | None) -> Mapping[str, object]:
    around, inside, _ = qualname.rpartition(".<locals>.")
    frame = sys._getframe() if inside else None
    found: list[Mapping[str, object]] = []
    while frame is not None:
        if frame.f_code.co_qualname == around and (code is None or frame.f_code.co_filename == code.co_filename):
            found.append(frame.f_locals)
            around, inside, _ = around.rpartition(".<locals>.")
        frame = frame.f_back
    return {name: value for names in reversed(found) for name, value in names.items()}


def _outcome(bare: Callable[..., object], hints: Mapping[str, object]) -> tuple[Kind, object]:
    inner = inspect.unwrap(bare)
    if "return" not in hints:
        raise _refused(
            bare, "it does not say what it returns, so its value could not be read back", "Annotate it, as -> str"
        )
    returns = hints["return"]
    origin = typing.get_origin(returns) or returns
    arguments = typing.get_args(returns)
    is_stream = origin in _STREAMS
    if inspect.isasyncgenfunction(bare) or inspect.isasyncgenfunction(inner):
        return "stream", arguments[0] if is_stream and arguments else returns if not is_stream else Any
    if inspect.iscoroutinefunction(bare) or inspect.iscoroutinefunction(inner):
        if is_stream:
            raise _refused(bare, "it is a coroutine that returns a stream", "Yield the values, or leave out async")
        return "async", returns
    if is_stream:
        return "stream", arguments[0] if arguments else Any
    if origin in _AWAITABLES:
        return "async", arguments[-1] if arguments else Any
    if origin in _ITERATORS:
        raise _refused(bare, "it returns an iterator, which can be read once", "Return a tuple")
    return "sync", returns


_STREAMS = frozenset({collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator})
_AWAITABLES = frozenset({collections.abc.Awaitable, collections.abc.Coroutine})
_ITERATORS = frozenset({collections.abc.Iterator, collections.abc.Generator})


# Services and settings.


def _keywords(
    fn: Callable[..., object], parameters: Sequence[inspect.Parameter], hints: Mapping[str, object]
) -> tuple[tuple[Parameter, ...], dict[str, Plain]]:
    bound = _bound(fn)
    services: list[Parameter] = []
    settings: dict[str, Plain] = {}
    for name, value in bound.items():
        settings[name] = _setting(value, hints.get(name, type(value)), f"{_bare(fn).__qualname__}({name}=…)")
    for each in parameters:
        if _is_input(each) or each.name in bound:
            continue
        protocol, is_optional = _protocol(hints.get(each.name))
        if protocol is not None:
            default = None if is_optional and each.default is each.empty else _default(each)
            services.append(Parameter(each.name, protocol, default))
        elif each.default is each.empty:
            raise _neither(fn, each.name)
        else:
            _default_setting(settings, each, hints.get(each.name, type(each.default)))
    return tuple(services), settings


def _neither(fn: Callable[..., object], name: str) -> NotAnOperation:
    if inspect.signature(_bare(fn)).parameters[name].kind is not inspect.Parameter.KEYWORD_ONLY:
        why = f"its input {name} comes after one that a partial binds by name"
        return _refused(fn, why, "Make what is bound keyword-only, or bind it by position")
    return _refused(
        fn,
        f"its keyword-only {name} is neither a service nor a setting",
        "Annotate it with a Protocol class to have it injected, bind it with functools.partial, or give it a default;"
        " an input comes before the *",
    )


def _bound(fn: Callable[..., object]) -> dict[str, object]:
    """What partials bound, inner first, positional arguments by their parameter's name."""
    if not isinstance(fn, functools.partial):
        return {}
    given = inspect.signature(_bare(fn)).bind_partial(*fn.args, **fn.keywords)
    return dict(given.arguments)


def _default_setting(settings: dict[str, Plain], each: inspect.Parameter, annotation: object) -> None:
    """A default counts as if it had been bound; one that cannot be kept stands in the source, and so in the version."""
    try:
        settings[each.name] = _setting(each.default, annotation, each.name)
    except Unencodable:
        return


def _protocol(annotation: object) -> tuple[type | None, bool]:
    """The Protocol class of `P`, `P[…]`, `Annotated[P, …]` or `P | None`, and whether None is allowed."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [each for each in typing.get_args(annotation) if each is not type(None)]
        protocol = _protocol(members[0])[0] if len(members) == 1 else None
        return protocol, protocol is not None
    found = typing.get_origin(annotation) or annotation
    is_protocol = isinstance(found, type) and getattr(found, "_is_protocol", False)
    return (typing.cast(type, found) if is_protocol else None), False


def _setting(value: object, annotation: object, where: str) -> Plain:
    try:
        shape = shape_of(annotation)
        shape.encode(value)
        return shape.to_plain(value)
    except Unencodable as refused:
        why = "settings are part of an operation's identity, so they are kept; services are given to the space"
        raise Unencodable(where=where, what=refused.what, why=why) from None
