"""Laws of definitions: kept and read back they are the same, on every interpreter; call keys know no names (L16)."""

from __future__ import annotations

import keyword
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import missing_part
from weft import (
    Entity,
    Field,
    Node,
    Ref,
    Retry,
    choose,
    counter,
    derive,
    element,
    entries,
    field,
    fold,
    items,
    ref,
    text,
)
from weft.content import cid_text, decode, encode
from weft.definition import compile_type
from weft.spec import TypeSpec
from weft.testing.world import World

ROOT = Path(__file__).resolve().parent.parent.parent


def inc(a: int) -> int:
    return a + 1


def less(a: int, b: int) -> int:
    return a - b


def more(last: int, a: int) -> int:
    return last + a


def is_even(a: int) -> bool:
    return a % 2 == 0


def total(numbers: Sequence[int]) -> int:
    return sum(numbers)


def join(key: str, value: int) -> int:
    return len(key) + value


@dataclass(frozen=True)
class Bought:
    pieces: int


@element(key="name")
class Keyed:
    name: str


def stocked(stock: int, event: Bought) -> int:
    return stock + event.pieces


RETRIES = st.none() | st.builds(Retry, attempts=st.integers(1, 5), delay_s=st.floats(0, 3))
NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,5}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name) and name not in ("id", "created", "tell")
)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """A class body: fields, and nodes of every kind over those before them."""
    names = draw(st.lists(NAMES, min_size=9, max_size=16, unique=True))
    told = {names[0]: Field[int], names[4]: Ref[Bought], names[5]: Field[tuple[int, ...]]}
    body: dict[str, Any] = {"__module__": __name__, "__annotations__": told}
    body |= {names[0]: field(default=draw(st.integers(-3, 3))), names[1]: items(int), names[2]: entries(str, int)}
    body |= {names[3]: counter(), names[4]: ref(), names[5]: field(), names[6]: items(Keyed), names[7]: text()}
    body[names[8]] = fold(0).on(Bought, stocked)
    numbers: list[Node[Any]] = [body[names[0]], body[names[3]]]
    lists: list[Node[Any]] = [body[names[1]]]
    for name in names[9:]:
        number, other, many = (draw(st.sampled_from(some)) for some in (numbers, numbers, lists))
        how: dict[str, Any] = {"eager": draw(st.booleans()), "was": draw(st.sampled_from(["", "old"]))}
        retry = draw(RETRIES)
        how |= {} if retry is None else {"retry": retry, "timeout_s": draw(st.floats(0.1, 9))}
        makers: list[tuple[list[Node[Any]] | None, Callable[[], Node[Any]]]] = [
            (numbers, lambda: derive(inc, number, **how)),  # noqa: B023  called before the next round
            (numbers, lambda: derive(less, number, other, **how)),  # noqa: B023
            (numbers, lambda: derive(less, derive(inc, number), other.partials, **how)),  # noqa: B023
            (numbers, lambda: derive(more, number, initial=3, **how)),  # noqa: B023
            (numbers, lambda: derive(total, many, **how)),  # noqa: B023
            (numbers, lambda: choose(derive(is_even, number), number, other)),  # noqa: B023
            (numbers, lambda: many.count()),  # noqa: B023
            (numbers, lambda: many.reduce(less, 0)),  # noqa: B023
            (lists, lambda: many.each(inc, **how)),  # noqa: B023
            (lists, lambda: many.filter(is_even)),  # noqa: B023
            (lists, lambda: many.order(inc)),  # noqa: B023
            (None, lambda: many.group(inc)),  # noqa: B023
            (None, lambda: body[names[2]].each(join)),
        ]
        into, make = draw(st.sampled_from(makers))
        body[name] = make()
        if into is not None:
            into.append(body[name])
    return body


@given(bodies())
def test_a_definition_read_back_is_the_same(body: dict[str, Any]) -> None:
    spec = compile_type(type("Made", (Entity,), body))

    kept = decode(encode(spec.plain()))

    assert isinstance(kept, dict)
    again = TypeSpec.of_plain(kept)
    assert again == spec
    assert again.content() == spec.content()
    assert list(again.nodes) == list(spec.nodes)


@given(bodies())
def test_inputs_name_nodes_of_the_type(body: dict[str, Any]) -> None:
    spec = compile_type(type("Made", (Entity,), body))

    for node in spec.nodes.values():
        for entry in node.inputs:
            assert entry.node in spec.nodes
            assert node in spec.readers_of(entry.node)


@given(bodies())
def test_the_same_class_compiled_again_is_the_same(body: dict[str, Any]) -> None:
    kind = type("Made", (Entity,), body)
    sub = type("Made", (kind,), {"__module__": __name__})

    assert compile_type(kind).content() == compile_type(kind).content() == compile_type(sub).content()


# The same on every interpreter -------------------------------------------------------------------------------------

SAID = """
from tests.laws.test_definitions import Pinned
from tests.typing.kitchen import Kitchen, Guest
from weft.content import cid_text
from weft.definition import compile_type
print(*(cid_text(compile_type(kind).content()) for kind in (Pinned, Kitchen, Guest)))
"""


class Pinned(Entity):
    start: Field[int] = field(default=1)
    numbers = items(int)
    low = derive(inc, start)
    high = derive(less, low, derive(inc, low))
    own = derive(more, high, initial=0)
    each = numbers.each(inc)
    groups = numbers.group(is_even)


def said_by(python: str | Path, **environment: str) -> list[str]:
    done = subprocess.run(
        [str(python), "-c", SAID],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_content_ids_of_definitions_are_those_of_any_process() -> None:
    here = cid_text(compile_type(Pinned).content())

    first = said_by(sys.executable, PYTHONHASHSEED="1")
    second = said_by(sys.executable, PYTHONHASHSEED="2", PYTHONOPTIMIZE="1")

    assert first == second
    assert first[0] == here


def test_content_ids_of_definitions_are_those_of_the_newest_python() -> None:
    others = [path for path in sorted(ROOT.glob(".venv*/bin/python")) if _has_weft(path)]
    if not others:
        missing_part("newest", "there is no environment of another Python beside this one")

    for python in others:
        assert said_by(python) == said_by(sys.executable)


def _has_weft(python: Path) -> bool:
    asked = "import sys, weft, cbrrr, msgspec, hypothesis, pytest; sys.exit(sys.version_info[:2] == (%d, %d))"
    command = [str(python), "-c", asked % sys.version_info[:2]]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=60).returncode == 0


# L16: call keys know operations and inputs, not names and places ----------------------------------------------------


def keys_of(nodes: dict[str, Any], *, entity: str = "a") -> set[bytes]:
    """The keys of all calls that an entity of this class makes."""
    body = {"__module__": __name__, "__annotations__": {"x": Field[int], "y": Field[int]}, **nodes}
    world = World(type("Made", (Entity,), body))
    world.tell([entity, "", "create", "Made"], [entity, "x", "set", 5], [entity, "y", "set", 3])
    computed = [name for name, node in world.engine.types["Made"].nodes.items() if not node.is_told]
    for name in computed:
        world.engine.watch(entity, name)
    world.rest()
    results = [world.slot(entity, name).result for name in computed]
    return {bytes(result.call_key) for result in results if result is not None and result.call_key is not None}


def graph(*, low: str = "low", high: str = "high", swapped: bool = False, turned: bool = False) -> dict[str, Any]:
    x, y = field(default=0), field(default=0)
    one = derive(inc, x)
    two = derive(less, *((y, one) if swapped else (one, y)))
    nodes = [("x", x), ("y", y), (low, one), (high, two)]
    return dict(reversed(nodes) if turned else nodes)


@given(st.permutations(["p", "q", "r"]))
def test_renaming_nodes_leaves_call_keys_alone(names: list[str]) -> None:
    assert keys_of(graph()) == keys_of(graph(low=names[0], high=names[1]))


def test_reordering_nodes_leaves_call_keys_alone() -> None:
    assert keys_of(graph()) == keys_of(graph(turned=True))


def test_another_entity_makes_the_same_calls() -> None:
    assert keys_of(graph()) == keys_of(graph(), entity="b")


def test_swapping_two_inputs_changes_the_call_key() -> None:
    here, there = keys_of(graph()), keys_of(graph(swapped=True))

    assert len(here) == len(there) == 2
    assert len(here & there) == 1  # the call below the swap is the same


def test_definitions_are_told_apart_by_what_changes_what_they_are() -> None:
    ids = {
        cid_text(compile_type(type("Made", (Entity,), graph_of(**how))).content())
        for how in ({}, {"low": "lower"}, {"swapped": True}, {"turned": True})
    }

    assert len(ids) == 4


def graph_of(**how: Any) -> dict[str, Any]:
    return {"__module__": __name__, "__annotations__": {"x": Field[int], "y": Field[int]}, **graph(**how)}


@pytest.mark.parametrize("count", [2, 40])
def test_a_long_chain_compiles_without_recursion(count: int) -> None:
    body: dict[str, Any] = {"__module__": __name__, "__annotations__": {"x": Field[int]}, "x": field(default=0)}
    node: Node[Any] = body["x"]
    for _ in range(count * 100):
        node = derive(inc, node)
    body["last"] = node

    assert len(compile_type(type("Chain", (Entity,), body)).nodes) == count * 100 + 1
