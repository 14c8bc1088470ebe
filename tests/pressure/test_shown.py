"""What nodes showed at a pinned cut: kept when they change, and only while somebody needs it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field, items
from weft.content import decode
from weft.graph import Source
from weft.slot import Ok


def plus(a: int, b: int) -> int:
    return a * 100 + b


class Kept(Entity):
    x: Field[int] = field(default=0)
    y: Field[int] = field(default=0)
    xs = items(int)
    sum = derive(plus, x, y)


def shown(node: Source | None) -> object:
    outcome = node.outcome() if node is not None else None
    return decode(outcome.encoded) if isinstance(outcome, Ok) else None


steps = st.lists(st.sampled_from(("x", "y", "pin", "unpin", "add", "remove", "compute")), min_size=3, max_size=25)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(steps)
def test_at_a_pinned_cut_all_is_read_as_it_was_or_not_at_all(steps: list[str]) -> None:  # noqa: C901  a step each
    world = Runs(Kept, inline=True)
    world.create(Kept, watch="sum")
    world.rest()
    seen, pinned, told = world.engine.cuts.shown, {}, {"x": 0, "y": 0, "xs": ()}
    for number, step in enumerate(steps, 1):
        match step:
            case "x" | "y":
                told = {**told, step: number}
                world.set(**{step: number})
            case "add":
                told = {**told, "xs": (*told["xs"], number)}  # type: ignore[misc]
                world.add("a", "xs", number)
            case "remove" if told["xs"]:
                world.remove("a", "xs", told["xs"][0])  # type: ignore[index]
                told = {**told, "xs": told["xs"][1:]}  # type: ignore[index]
            case "pin":
                seen.pin(world.engine.cut)
                pinned[world.engine.cut] = told
            case "unpin" if pinned:
                cut = next(iter(pinned))
                del pinned[cut]
                while seen.is_pinned(cut):
                    seen.unpin(cut)
            case "compute":
                slot = world.slot("a", "sum")
                if slot.due is not None:
                    world.attempts._begin_at(slot, world.engine.cut, None)
            case _:
                pass
        for cut, then in pinned.items():
            thing = world.engine.graph.thing("a")
            assert thing is not None
            for name in ("x", "y"):
                assert shown(seen.at(thing.nodes[name], cut)[0]) == then[name]
            assert shown(seen.at(thing.nodes["xs"], cut)[0]) == list(then["xs"])  # type: ignore[call-overload]
            assert shown(seen.at(world.slot("a", "sum"), cut)[0]) in (None, then["x"] * 100 + then["y"])  # type: ignore[operator]
    for cut in list(pinned):
        while seen.is_pinned(cut):
            seen.unpin(cut)
    assert not seen.pins


def test_an_entity_is_not_read_at_a_cut_before_it_was_there() -> None:
    world = Runs(Kept)
    world.create(Kept)
    cut = world.engine.cut
    world.engine.cuts.shown.pin(cut)

    world.create(Kept, "b", x=5)

    node = world.engine.node("b", "x")
    assert node is not None
    assert world.engine.cuts.shown.at(node, cut) == (None, False)


def test_what_is_kept_goes_when_nobody_computes_any_more() -> None:
    world = Runs(Kept, inline=True)
    world.create(Kept, watch="sum")
    world.rest()
    seen = world.engine.cuts.shown
    seen.pin(world.engine.cut)
    for number in range(200):
        world.set(x=number)
    assert seen._past

    world.step()

    assert not seen.pins
    assert not seen._past
