"""Loops: refused when the class is made, with the path named; between entities, at the edit that would close one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reactive.operations import add, inc
from tests.reactive.runs import Runs
from weft import Entity, Field, Ref, choose, derive, field, ref
from weft.content import Plain
from weft.definition import WrongDefinition
from weft.made import Applied
from weft.reduce import Refused


def knot(count: int) -> dict[str, Any]:
    """Nodes n0 ← n1 ← … ← n0, which no class body can write down, but late binding can come to."""
    body: dict[str, Any] = {"x": field(default=0)}
    nodes = [derive(inc, body["x"]) for _ in range(count)]
    for place, node in enumerate(nodes):
        node.made = Applied(inc, (nodes[place - 1],))
        body[f"n{place}"] = node
    return body


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_cycle_is_refused_when_the_class_is_made_with_its_path_named(count: int) -> None:
    with pytest.raises(WrongDefinition) as refused:
        type("Loop", (Entity,), {"__module__": __name__, "__annotations__": {"x": Field[int]}, **knot(count)})

    path = str(refused.value).split("form a loop: ")[1].rstrip(".").split(" ← ")
    assert path[0] == path[-1] and len(path) == count + 1
    assert sorted(path[1:]) == [f"n{place}" for place in range(count)]


def test_a_subclass_that_closes_a_loop_by_overriding_is_refused() -> None:
    class Base(Entity):
        x: Field[int] = field(default=0)
        low = derive(inc, x)
        high = derive(inc, low)

    with pytest.raises(WrongDefinition, match=r"Closed cannot be defined: its nodes form a loop: .*low.*high"):

        class Closed(Base):
            low = derive(inc, Base.high)


def test_a_node_that_reads_two_ways_to_one_source_is_no_loop() -> None:
    class Fine(Entity):
        x: Field[int] = field(default=0)
        a = derive(inc, x)
        b = derive(add, a, x)
        c = derive(add, b, a)

    world = Runs(Fine)
    world.create(Fine, watch="c")
    assert world.settled() == ["a", "b", "c"]


class Leaf(Entity):
    x: Field[int] = field(default=1)
    is_last: Field[bool] = field(default=False)
    value = derive(inc, x)


class Linked(Leaf):
    up: Ref[Leaf] = ref()
    value = derive(inc, up.at(Leaf.value))


class Chosen(Leaf):
    """Reads through its reference only while it is not the last."""

    up: Ref[Leaf] = ref()
    own = derive(inc, Leaf.x)
    value = choose(Leaf.is_last, own, up.at(Leaf.value))


def chain_of_three(kind: type[Leaf]) -> Runs:
    """leaf ← a ← b ← c"""
    world = Runs(Leaf, kind)
    world.create(Leaf, "leaf")
    for id, above in (("a", "leaf"), ("b", "a"), ("c", "b")):
        world.tell([id, "", "create", kind.__name__], [id, "up", "set", target(above)])
    world.watch("value", "c")
    world.settled()
    return world


def target(entity: str) -> Plain:
    return {"entity": entity, "node": "", "element": ""}


@pytest.mark.parametrize("kind", [Linked, Chosen])
@pytest.mark.parametrize("to", ["a", "b", "c"])
def test_a_loop_of_references_is_refused_at_the_edit_with_its_path_named(kind: type[Leaf], to: str) -> None:
    world = chain_of_three(kind)
    shown = world.value("c", "value")

    with pytest.raises(Refused, match=r"it would close a loop: .*a\.value") as refused:
        world.point("a", "up", to)

    for id in ("a", "b", "c")[: "abc".index(to) + 1]:
        assert f"{id}.value" in str(refused.value)
    world.set("leaf", x=50)
    world.settled()
    assert world.value("c", "value") == shown + 49  # all goes on as before the refused edit


@pytest.mark.parametrize("kind", [Linked, Chosen])
@given(orders=st.lists(st.permutations("abcd"), min_size=2, max_size=4), data=st.data())
def test_references_that_trade_places_in_one_edit_never_go_round_in_a_circle(
    kind: type[Leaf], orders: list[list[str]], data: st.DataObject
) -> None:
    """While the references of an edit are followed one by one, those of before and those of after may form a loop."""
    world = Runs(Leaf, kind)
    world.create(Leaf, "leaf")
    for id in "abcd":
        world.tell([id, "", "create", kind.__name__], [id, "up", "set", target("leaf")])
        world.watch("value", id)

    for x, order in enumerate(orders):
        intents: list[list[Plain]] = [["leaf", "x", "set", x]]
        intents += [[id, "up", "set", target(above)] for above, id in zip(["leaf", *order], order, strict=False)]
        world.tell(*data.draw(st.permutations(intents)))
        if data.draw(st.booleans()):
            world.settled()

    world.settled()
    step = 1 if kind is Linked else 0
    assert [world.value(id, "value") for id in orders[-1]] == [len(orders) + step * place for place in range(1, 5)]


def test_a_loop_closed_by_several_references_of_one_edit_is_refused() -> None:
    world = Runs(Leaf, Linked)
    world.create(Leaf, "leaf")
    for id in "ab":
        world.tell([id, "", "create", "Linked"], [id, "up", "set", target("leaf")])

    with pytest.raises(Refused, match="it would close a loop"):
        world.tell(["a", "up", "set", target("b")], ["b", "up", "set", target("a")])

    world.tell(["a", "up", "set", target("b")], ["a", "up", "set", target("leaf")], ["b", "up", "set", target("a")])
    world.watch("value", "b")
    world.settled()
    assert world.value("b", "value") == 4


def test_a_loop_closed_where_it_is_created_is_refused_and_nothing_of_it_is_created() -> None:
    world = Runs(Leaf, Linked)

    with pytest.raises(Refused, match="it would close a loop"):
        world.tell(
            ["a", "", "create", "Linked"],
            ["b", "", "create", "Linked"],
            ["a", "up", "set", target("b")],
            ["b", "up", "set", target("a")],
        )

    assert world.engine.node("a", "value") is None and world.engine.node("b", "value") is None


def test_a_loop_through_a_branch_that_is_not_taken_now_is_refused_too() -> None:
    world = Runs(Leaf, Chosen)
    for id in "ab":
        world.tell([id, "", "create", "Chosen"], [id, "is_last", "set", True])
    world.tell(["b", "up", "set", target("a")])

    with pytest.raises(Refused, match="it would close a loop"):
        world.tell(["a", "up", "set", target("b")])


def test_a_long_chain_of_references_is_built_and_followed_without_recursion() -> None:
    world = Runs(Leaf, Linked)
    world.create(Leaf, "n0")
    links: list[list[Plain]] = []
    for place in range(1, 2000):
        links += [[f"n{place}", "", "create", "Linked"], [f"n{place}", "up", "set", target(f"n{place - 1}")]]
    world.tell(*links)
    world.watch("value", "n1999")

    assert len(world.settled()) == 2000
    with pytest.raises(Refused, match="it would close a loop"):
        world.point("n1", "up", "n1999")
