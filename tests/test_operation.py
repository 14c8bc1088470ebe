"""What a function has to say to be an operation, what is read from it, and in which words it is refused."""

from __future__ import annotations

import asyncio
import functools
import linecache
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, ParamSpec, Protocol, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import Unencodable
from weft.operation import (
    MISSING,
    NotAnOperation,
    Operation,
    Parameter,
    Retry,
    UnresolvedAnnotation,
    op,
    operation_of,
)
from weft.source import SourceUnavailable

if TYPE_CHECKING:
    from decimal import Decimal

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Ocr(Protocol):
    def read(self, photo: str) -> str: ...


class Completion(Protocol[T_co]):
    async def complete(self, prompt: str) -> T_co: ...


class Reader:
    def read(self, photo: str) -> str:
        return photo


class Mode(Enum):
    FAST = "fast"


@dataclass(frozen=True)
class Size:
    width: int
    height: int = 1
    tags: list[str] = field(default_factory=list)


def read_spines(photo: str, *, ocr: Ocr) -> tuple[str, ...]:
    return (ocr.read(photo),)


async def find_books(spines: Sequence[str], limit: int = 3, *, model: Completion[str] | None) -> list[Book]:
    return []


async def compare(topic: str, *, length: int = 100) -> AsyncIterator[str]:
    yield topic


@dataclass(frozen=True)
class Book:
    """Stands below the functions that name it."""

    title: str
    author: str | None = None


# What is read.


def test_positional_parameters_are_inputs_and_protocols_behind_the_star_are_services() -> None:
    found = operation_of(read_spines)

    assert found.inputs == (Parameter("photo", str),)
    assert found.services == (Parameter("ocr", Ocr),)
    assert found.settings == {}
    assert found.returns == tuple[str, ...]
    assert found.kind == "sync"


def test_an_optional_service_has_none_as_its_default_and_an_input_keeps_its_own() -> None:
    found = operation_of(find_books)

    assert found.services == (Parameter("model", Completion, None),)
    assert found.inputs == (Parameter("spines", Sequence[str]), Parameter("limit", int, 3))
    assert found.returns == list[Book]
    assert found.kind == "async"


def test_a_generator_returns_what_it_yields() -> None:
    assert operation_of(compare).kind == "stream"
    assert operation_of(compare).returns is str


def test_a_function_that_returns_an_awaitable_or_a_stream_is_of_that_kind() -> None:
    def later(topic: str) -> Awaitable[int]:
        return asyncio.sleep(0, 1)

    def stream(topic: str) -> AsyncGenerator[str, None]:
        return compare(topic)  # type: ignore[return-value]

    assert (operation_of(later).kind, operation_of(later).returns) == ("async", int)
    assert (operation_of(stream).kind, operation_of(stream).returns) == ("stream", str)


def test_what_partial_binds_and_what_has_a_default_are_settings() -> None:
    def cut(text: str, *, length: int, mode: Mode = Mode.FAST, sizes: tuple[Size, ...] = (Size(1),)) -> str:
        return text[:length]

    found = operation_of(functools.partial(functools.partial(cut, length=3), length=4))

    assert found.inputs == (Parameter("text", str),)
    assert found.settings == {"length": 4, "mode": "fast", "sizes": [{"width": 1, "height": 1, "tags": []}]}
    assert found.function("weaving") == "weav"
    assert found.name == operation_of(functools.partial(cut, length=9)).name


def test_a_setting_bound_to_its_default_is_the_same_operation() -> None:
    bound, plain = operation_of(functools.partial(compare, length=100)), operation_of(compare)

    assert bound.identity == plain.identity
    assert operation_of(functools.partial(compare, length=99)).identity != plain.identity


def test_an_input_that_partial_binds_by_position_is_a_setting() -> None:
    def join(mark: str, one: str, two: str) -> str:
        return mark.join((one, two))

    found = operation_of(functools.partial(join, "-"))

    assert [each.name for each in found.inputs] == ["one", "two"]
    assert found.settings == {"mark": "-"}
    assert found.function("a", "b") == "a-b"


def test_settings_are_kept_as_their_annotation_says() -> None:
    def since(
        text: str, *, day: date, pause: timedelta = timedelta(hours=1), stop: frozenset[str] = frozenset("ab")
    ) -> str:
        return text

    found = operation_of(functools.partial(since, day=date(2024, 2, 29)))

    assert found.settings["day"] == "2024-02-29"
    assert found.settings["stop"] == ["a", "b"]
    assert found.settings.keys() == {"day", "pause", "stop"}


def test_a_default_that_is_not_plain_is_no_setting_and_no_obstacle() -> None:
    def show(text: str, *, how: Callable[[str], str] = str.upper) -> str:
        return how(text)

    assert operation_of(show).settings == {}


def test_a_service_may_have_a_default() -> None:
    reader = Reader()

    def read(photo: str, *, ocr: Ocr = reader) -> str:
        return ocr.read(photo)

    assert operation_of(read).services == (Parameter("ocr", Ocr, reader),)


def test_an_input_without_annotation_takes_anything() -> None:
    def count(things) -> int:  # type: ignore[no-untyped-def]
        return len(things)

    assert operation_of(count).inputs == (Parameter("things", Any),)


def test_a_dataclass_is_an_operation_named_after_it() -> None:
    found = operation_of(Book)

    assert found.name == f"{__name__}/Book"
    assert found.inputs == (Parameter("title", str), Parameter("author", str | None, None))
    assert found.returns is Book
    assert found.function("Ulysses") == Book("Ulysses")


def test_a_class_with_an_init_of_its_own_is_an_operation_too() -> None:
    class Shelf:
        def __init__(self, books: tuple[Book, ...], *, ocr: Ocr) -> None:
            self.books = books

    found = operation_of(Shelf)

    assert found.inputs == (Parameter("books", tuple[Book, ...]),)
    assert found.services == (Parameter("ocr", Ocr),)
    assert found.returns is Shelf


def test_annotations_may_name_what_is_defined_beside_the_function_inside_another_one() -> None:
    @dataclass
    class Inner:
        x: int

    def make(x: Inner) -> tuple[Inner, ...]:
        return (x,)

    def outer() -> Operation:
        def middle(x: Inner) -> Innermost:
            return Innermost()

        class Innermost: ...

        return operation_of(middle)

    assert operation_of(make).returns == tuple[Inner, ...]
    assert outer().inputs == (Parameter("x", Inner),)


def test_an_annotated_service_and_generic_protocols_are_known_by_the_protocol() -> None:
    def ask(text: str, *, model: Annotated[Completion[int], "small"], ocr: Ocr | None = None) -> str:
        return text

    assert operation_of(ask).services == (Parameter("model", Completion), Parameter("ocr", Ocr, None))


def test_decorated_functions_are_read_through_what_they_wrap() -> None:
    def logged(fn: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(fn)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            return fn(*args, **kwargs)

        return wrapper

    @logged
    @op(timeout_s=3)
    async def fetch(url: str, *, ocr: Ocr) -> bytes:
        return url.encode()

    @functools.cache
    def square(x: int) -> int:
        return x * x

    inner = operation_of(fetch.__wrapped__)  # type: ignore[attr-defined]
    found = operation_of(fetch)

    assert (found.kind, found.timeout_s, found.function) == ("async", 3, fetch)
    assert (found.inputs, found.services) == (inner.inputs, inner.services)
    assert found.version != inner.version  # the wrapper is of this package, so it counts
    assert operation_of(square).name.endswith("/test_decorated_functions_are_read_through_what_they_wrap.square")


# What is refused, and in which words.


def spread(*photos: str) -> str:
    return photos[0]


def keywords(**photos: str) -> str:
    return photos["x"]


def each_half(text: str) -> Iterator[str]:
    yield text


def halves(text: str) -> Iterator[str]:
    return iter(text)


def unsaid(text: str):  # type: ignore[no-untyped-def]
    return text


def unbound(text: str, *, length: int) -> str:
    return text[:length]


def many(one: str, two: str, three: str) -> str:
    return one + two + three


async def awaited_stream(text: str) -> AsyncIterator[str]:
    return compare(text)


class Counter(Generic[T]):
    def __call__(self, text: str) -> str:
        return text

    def count(self, text: str) -> str:
        return text


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (lambda x: x, "a lambda has no name to be known by. Give it one with def."),
        (spread, "the inputs behind *photos cannot be counted. Name each; take many as one Sequence."),
        (keywords, "the inputs behind **photos cannot be counted."),
        (each_half, "it is a generator without async. Write async def to yield the value so far, or return it whole."),
        (halves, "it returns an iterator, which can be read once. Return a tuple."),
        (unsaid, "it does not say what it returns, so its value could not be read back. Annotate it, as -> str."),
        (unbound, "its keyword-only length is neither a service nor a setting. Annotate it with a Protocol class"),
        (functools.partial(many, two="x"), "its input three comes after one that a partial binds by name."),
        (
            functools.partial(many, four="x"),  # type: ignore[call-arg]
            "its partial binds what it does not take. Bind parameters that it has.",
        ),
        (awaited_stream, "it is a coroutine that returns a stream. Yield the values, or leave out async."),
        (len, "it is built in and does not say what it takes or returns. Call it from an annotated function."),
        (str, "it is built in"),
        (
            Counter(),
            "it is an object of class Counter, whose state is an input that nobody sees.",
        ),
        (
            Counter().count,
            "it is a bound method, whose object is an input that nobody sees.",
        ),
        (3, "it is an object of class int"),
    ],
)
def test_what_cannot_be_an_operation_is_refused_with_the_next_step(fn: Any, words: str) -> None:
    with pytest.raises(NotAnOperation) as refused:
        operation_of(fn)

    assert f"cannot be an operation: {words}" in str(refused.value)
    assert isinstance(refused.value, TypeError)


def test_a_name_that_annotations_cannot_resolve_is_told() -> None:
    def price(book: str) -> Decimal:
        raise NotImplementedError

    with pytest.raises(UnresolvedAnnotation, match=r"price names Decimal, .* Import it at run time"):
        operation_of(price)


@pytest.mark.parametrize("value", [object(), Reader(), len, float("nan"), {1: 2}, 1 << 70])
def test_a_setting_that_cannot_be_kept_is_refused_by_name(value: Any) -> None:
    with pytest.raises(Unencodable, match=r"^unbound\(length=…\) holds .* settings are part"):
        operation_of(functools.partial(unbound, length=value))


def test_a_function_without_source_needs_a_declared_version() -> None:
    names: dict[str, Any] = {"__name__": "nowhere", "op": op}
    exec("def f(x: int) -> int:\n    return x\n", names)

    with pytest.raises(SourceUnavailable, match=r"Declare its version instead, as @op\(version=1\)"):
        operation_of(names["f"])
    declared = operation_of(op(version=1)(names["f"]))

    assert (declared.name, declared.version, declared.source_digest) == ("nowhere/f", "1", None)


# What @op says.


def test_op_returns_the_function_itself_and_its_words_are_found_again() -> None:
    def f(x: int) -> int:
        return x

    retry = Retry(attempts=3, delay_s=1)

    same = op(version=2, pure=True, timeout_s=5, retry=retry, runner="process", name="books/find")(f)
    found = operation_of(f)

    assert same is f
    assert (found.name, found.version, found.pure, found.timeout_s) == ("books/find", "2", True, 5)
    assert (found.retry, found.runner) == (retry, "process")


def test_a_declared_name_without_a_namespace_stays_in_its_module() -> None:
    @op(name="find")
    def f(x: int) -> int:
        return x

    assert operation_of(f).name == f"{__name__}/find"


def test_under_a_declared_version_changed_source_shows_in_the_digest_alone() -> None:
    def version(body: str) -> Operation:
        cell = "<ipython-input-1>"
        text = f"def f(x: int) -> int:\n    return {body}\n"
        linecache.cache[cell] = (len(text), None, text.splitlines(keepends=True), cell)
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(text, cell, "exec"), names)
        return operation_of(op(version=1)(names["f"]))

    one, other = version("x"), version("x + 1")

    assert one.identity == other.identity
    assert one.source_digest != other.source_digest


def test_what_op_says_is_not_inherited_and_does_not_reach_another_function() -> None:
    @op(version=7)
    class Base:
        def __init__(self, x: int) -> None: ...

    class Derived(Base): ...

    assert operation_of(Base).version == "7"
    assert operation_of(Derived).version.startswith("h")


@pytest.mark.parametrize(
    "said", [{"version": -1}, {"version": True}, {"name": "a b"}, {"name": "/a"}, {"timeout_s": 0}]
)
def test_op_refuses_what_makes_no_sense(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        op(**said)


def test_op_cannot_be_said_of_what_takes_no_attributes() -> None:
    with pytest.raises(NotAnOperation, match="takes no attributes"):
        op(version=1)(len)


# Kept, and read anew.


def test_an_operation_is_read_once() -> None:
    partial = functools.partial(unbound, length=3)

    assert operation_of(compare) is operation_of(compare)
    assert operation_of(partial) is operation_of(partial)
    assert operation_of(Book) is operation_of(Book)


LIMIT = 3


def limited(text: str) -> str:
    return text[:LIMIT]


def test_an_operation_is_read_anew_when_what_it_names_was_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    before = operation_of(limited)
    monkeypatch.setitem(globals(), "LIMIT", 4)

    assert operation_of(limited).version != before.version
    monkeypatch.undo()
    assert operation_of(limited).version == before.version


# Names.


def test_a_script_and_the_same_file_imported_name_and_version_their_operations_alike(tmp_path: Path) -> None:
    text = "from weft.operation import operation_of\nLIMIT = 3\ndef f(x: int) -> int:\n    return x + LIMIT\n"
    (tmp_path / "bookshelf.py").write_text(f"{text}print(*operation_of(f).identity)\n", encoding="utf-8")
    ways = (["bookshelf.py"], ["-m", "bookshelf"], ["-c", "import bookshelf"])

    printed = {
        subprocess.run(
            [sys.executable, *way], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
        ).stdout
        for way in ways
    }

    assert len(printed) == 1
    assert printed.pop().startswith("bookshelf/f h")


# Retries.


def test_pauses_grow_by_their_factor_up_to_their_limit() -> None:
    retry = Retry(attempts=9, delay_s=1, factor=3, delay_s_max=20)

    assert [retry.delay_s_before(attempt) for attempt in range(1, 7)] == [0, 1, 3, 9, 20, 20]


@given(st.integers(1, 10**9), st.floats(0, 1e9), st.floats(1, 1e9), st.floats(0, 1e9), st.integers(1, 10**6))
def test_a_pause_never_shrinks_and_never_passes_its_limit(
    attempts: int, delay_s: float, factor: float, delay_s_max: float, attempt: int
) -> None:
    retry = Retry(attempts, delay_s, factor, delay_s_max)

    assert 0 <= retry.delay_s_before(attempt) <= retry.delay_s_before(attempt + 1) <= delay_s_max


@pytest.mark.parametrize("wrong", [(0, 1), (1, -1), (1, 1, 0.5), (1, 1, 2, -1)])
def test_a_retry_that_could_not_be_kept_to_is_refused(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="attempts and factor are at least 1"):
        Retry(*wrong)


def test_what_is_missing_is_not_none() -> None:
    assert Parameter("x", int).default is MISSING
    assert Parameter("x", int).default is not None
