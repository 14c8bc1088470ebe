"""Laws of results: whatever order calls come back in, whatever dies in between, the graph shows what it should.

The oracle is a from-scratch evaluation of the same small graph over the told state at each cut, written apart from the
engine. Values of operations that are not deterministic are taken from what was first recorded of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from weft import Entity, Field, Ref, choose, derive, field, items, ref
from weft.call import Call, Finished
from weft.content import Link, Plain, content_id, encode
from weft.graph import Slot
from weft.schedule import mark_of
from weft.slot import Err, Gone, Ok, Result, dominates, is_same, rank
from weft.store import Fenced, entries_of
from weft.testing.rules import mark_below
from weft.testing.world import World
from weft.value import shape_of

V = st.integers(0, 2)
KEYS = (10, 11, 12)


def mix(a: int, *, tag: int) -> int:
    return (a * 7 + tag * 3) % 4


def mix_two(a: int, b: int, *, tag: int) -> int:
    return (a * 5 + b * 3 + tag) % 4


def dice(a: int, *, tag: int) -> int:
    raise AssertionError("its value is the test's to say")


def total(xs: Sequence[int], *, tag: int) -> int:
    return sum((place + 1) * x for place, x in enumerate(xs)) + tag


def is_odd(a: int) -> bool:
    return a % 2 == 1


def keep(last: int, a: int, *, tag: int) -> int:
    return (last * 3 + a + tag) % 7


IMPURE = "dice"


def make_types(seed: int) -> tuple[type[Entity], type[Entity]]:
    """Two small types: one with a random graph, one that reads it through references."""
    rnd = random.Random(seed)
    body: dict[str, Any] = {
        "__annotations__": {"x": Field[int], "y": Field[int]},
        "__module__": __name__,
        "x": field(default=0),
        "y": field(default=0),
        "xs": items(int),
    }
    body["each"] = body["xs"].each(partial(mix, tag=9))
    body["twice"] = body["each"].each(partial(mix, tag=8))
    body["sum"] = derive(partial(total, tag=0), body["each"])
    body["few"] = body["each"].filter(is_odd)
    ints = [body["x"], body["y"], body["sum"]]
    for number in range(rnd.randint(2, 6)):
        kind = rnd.choice(["one", "two", "two", "impure", "choose", "count"])
        name = f"n{number}"
        if kind == "one":
            made = derive(partial(mix, tag=number), rnd.choice(ints))
        elif kind == "impure":
            made = derive(partial(dice, tag=number), rnd.choice(ints))
        elif kind == "two":
            made = derive(partial(mix_two, tag=number), rnd.choice(ints), rnd.choice(ints))
        elif kind == "count":
            made = body["few"].count()
        else:
            body[f"odd{number}"] = derive(is_odd, rnd.choice(ints))
            made = choose(body[f"odd{number}"], rnd.choice(ints), rnd.choice(ints))
        body[name] = made
        ints.append(made)
    last = ints[-1]
    left = type("Left", (Entity,), body)
    watched: Any = ref()
    seen = watched.at(last if last.name else body["x"])
    right = type(
        "Right",
        (Entity,),
        {
            "__annotations__": {"left": Ref[left]},  # type: ignore[valid-type]
            "__module__": __name__,
            "left": watched,
            "seen": derive(partial(mix, tag=77), seen),
            "all": derive(partial(total, tag=5), watched.at(body["each"])),
        },
    )
    return left, right


class Oracle:
    """The graph by its definition, over one snapshot of what was told."""

    def __init__(self, machine: Laws, state: dict[str, Any]) -> None:
        self.machine, self.state = machine, state

    def value(self, entity: str, node: str, element: int | None = None) -> Any:
        spec = self.machine.specs[entity].nodes[node]
        told = self.state[entity]
        if node in told and spec.is_told:
            return tuple(told[node]) if node == "xs" else told[node]
        inputs = [self._input(entity, entry) for entry in spec.inputs]
        if spec.kind == "each":
            source = inputs[0]
            made = [None if x is None else self._call(spec, [x]) for x in source] if source is not None else None
            if made is None or None in made:
                return made if element is None else None
            return tuple(made)
        if spec.kind == "choose":
            return None if inputs[0] is None else inputs[1] if inputs[0] else inputs[2]
        if any(one is None or (isinstance(one, list) and None in one) for one in inputs):
            return None
        if spec.kind == "filter":
            return tuple(x for x in inputs[0] if x % 2 == 1)
        if spec.kind == "count":
            return len(inputs[0])
        return self._call(spec, inputs)

    def _input(self, entity: str, entry: Any) -> Any:
        target = self.state[entity][entry.ref] if entry.ref else entity
        return None if target is None else self.value(target, entry.node)

    def _call(self, spec: Any, inputs: list[Any]) -> Any:
        operation = spec.code.operation
        if getattr(operation.function, "func", None) is dice:
            return self.machine.ledger.get((operation.settings["tag"], *inputs))
        return operation.function(*inputs)


class Laws(RuleBasedStateMachine):
    """Events, calls and crashes in any order."""

    @initialize(seed=st.integers(0, 10_000), watch_all=st.booleans())
    def start(self, seed: int, watch_all: bool) -> None:
        left, right = make_types(seed)
        self.world = World(left, right)
        self.left, self.right, self.other = "left", "right", "other"
        self.ledger: dict[tuple[int, ...], int] = {}
        self.specs = {}
        types = self.world.engine.in_force
        for id, name in ((self.left, "Left"), (self.other, "Left"), (self.right, "Right")):
            self.specs[id] = types[name]
        self.state: dict[str, Any] = {
            "left": {"x": 0, "y": 0, "xs": []},
            "other": {"x": 1, "y": 2, "xs": []},
            "right": {"left": "left"},
        }
        self.cuts: dict[int, dict[str, Any]] = {}
        self.at: dict[Any, int] = {}
        self.done: list[Call] = []
        self.tell(
            ["left", "", "create", "Left"],
            ["other", "", "create", "Left"],
            ["other", "x", "set", 1],
            ["other", "y", "set", 2],
            ["right", "", "create", "Right"],
            ["right", "left", "set", {"entity": "left", "node": "", "element": ""}],
        )
        for entity in ("left", "right") if not watch_all else ("left", "other", "right"):
            for spec in self.specs[entity].nodes.values():
                if not spec.is_told:
                    self.world.engine.watch(entity, spec.name)

    # ---- events ----
    def tell(self, *intents: list[Plain]) -> None:
        position = self.world.tell(*intents)
        snapshot = {
            id: {name: list(v) if isinstance(v, list) else v for name, v in told.items()}
            for id, told in self.state.items()
        }
        self.cuts[position] = snapshot

    @rule(entity=st.sampled_from(["left", "other"]), name=st.sampled_from("xy"), v=V)
    def set(self, entity: str, name: str, v: int) -> None:
        self.state[entity][name] = v
        self.tell([entity, name, "set", v])

    @rule(v=V, w=V)
    def batch(self, v: int, w: int) -> None:
        self.state["left"] |= {"x": v, "y": w}
        self.tell(["left", "x", "set", 1 - min(v, 1)], ["left", "x", "set", v], ["left", "y", "set", w])

    @rule(entity=st.sampled_from(["left", "other"]), key=st.sampled_from(KEYS))
    def add(self, entity: str, key: int) -> None:
        if key not in self.state[entity]["xs"]:
            self.state[entity]["xs"].append(key)
        self.tell([entity, "xs", "add", f"{len(self.cuts):012x}", key])

    @rule(entity=st.sampled_from(["left", "other"]), key=st.sampled_from(KEYS))
    def remove(self, entity: str, key: int) -> None:
        if key in self.state[entity]["xs"]:
            self.state[entity]["xs"].remove(key)
        self.tell([entity, "xs", "remove", element_of(key)])

    @rule(entity=st.sampled_from(["left", "other"]), key=st.sampled_from(KEYS))
    def move_to_end(self, entity: str, key: int) -> None:
        xs = self.state[entity]["xs"]
        if key in xs:
            xs.remove(key)
            xs.append(key)
        self.tell([entity, "xs", "move", element_of(key), f"{len(self.cuts):012x}"])

    @rule(entity=st.sampled_from(["left", "other"]))
    def point(self, entity: str) -> None:
        self.state["right"]["left"] = entity
        self.tell(["right", "left", "set", {"entity": entity, "node": "", "element": ""}])

    @rule()
    def retry_failed(self) -> None:
        failed = [slot for slot in self.slots() if isinstance(slot.outcome(), Err)]
        if failed:
            key = failed[0].key
            self.tell([key.entity, key.node, "retry", key.element])

    @rule(v=V)
    def say_twice(self, v: int) -> None:
        self.state["left"]["x"] = v
        name = f"once{len(self.cuts)}"
        first = self.world.tell(["left", "x", "set", v], id=name)
        self.cuts[first] = {
            id: {n: list(x) if isinstance(x, list) else x for n, x in t.items()} for id, t in self.state.items()
        }
        before = (self.world.engine.head, self.view())
        assert self.world.tell(["left", "x", "set", v], id=name) == first, "L5, L10"
        assert before == (self.world.engine.head, self.view()), "L5, L10"

    # ---- calls ----
    @rule()
    def step(self) -> None:
        for call in self.world.step():
            key = self.world.attempts.open[call.id].what.key
            assert self.world.engine.recall(key) is None, "L9: a recorded call ran again"

    @rule(place=st.integers(0, 99), v=V, how=st.sampled_from(["ok"] * 6 + ["error"]))
    def come_back(self, place: int, v: int, how: str) -> None:
        held = self.world.held()
        if held:
            self.answer(held[place % len(held)], v, how)

    def answer(self, call: Call, v: int, how: str = "ok") -> None:
        before, attempt = self.view(), self.world.attempts.open.get(call.id)
        if how == "error":
            self.world.fail(call)
        elif is_impure(call):
            if attempt is not None:
                self.ledger.setdefault((call.operation.settings["tag"], *call.arguments), v)  # type: ignore[arg-type]
            self.world.finish(call, v)
        else:
            self.world.finish(call)
        self.done.append(call)
        if attempt is None:
            assert before == self.view(), "a call of a closed attempt changed something"
        changed = {key for key, now in self.view().items() if before.get(key) != now}
        assert attempt is not None or not changed
        assert changed <= ({attempt.slot} if attempt is not None else set()), "a result changed another slot"

    @precondition(lambda self: hasattr(self, "world") and self.done)
    @rule(place=st.integers(0, 99), v=V)
    def come_back_twice(self, place: int, v: int) -> None:
        call = self.done[place % len(self.done)]
        before = (self.world.engine.head, self.view())
        self.world.report(Finished(call.id, encode(v), 0.0))
        assert before == (self.world.engine.head, self.view()), "L5"

    @rule(rnd=st.randoms(use_true_random=False), v=V)
    def drain(self, rnd: random.Random, v: int) -> None:
        for _ in range(300):
            self.step()
            mine = [call for call in self.world.held() if call.id in self.world.attempts.open]
            if not mine:
                return
            self.answer(rnd.choice(mine), v)
        raise AssertionError("it does not come to rest")

    @rule()
    def crash(self) -> None:
        old = self.world.engine
        self.world.crash()
        old.record("event", {})
        with pytest.raises(Fenced):
            old.commit()

    # ---- laws ----
    def slots(self) -> list[Slot]:
        return [slot for thing in self.world.engine.graph.things.values() for slot in thing.slots()]

    def view(self) -> dict[Any, Any]:
        return {slot.key: (slot.result.at, slot.result.outcome) for slot in self.slots() if slot.result is not None}

    def expected(self, slot: Slot, cut: int) -> Any:
        state = self.cuts[cut]
        oracle = Oracle(self, state)
        if not slot.key.element:
            return oracle.value(slot.key.entity, slot.key.node)
        xs = state[slot.key.entity]["xs"]
        places = [place for place, key in enumerate(xs) if element_of(key) == slot.key.element]
        values = oracle.value(slot.key.entity, slot.key.node)
        return values[places[0]] if places and values is not None else None

    @invariant()
    def every_value_is_right_at_its_cut(self) -> None:
        if not hasattr(self, "world"):
            return
        for slot in self.slots():
            result = slot.result
            if result is None:
                continue
            assert result.at >= self.at.get(slot.key, 0), "L3"
            self.at[slot.key] = result.at
            if isinstance(result.outcome, Ok):
                shown = shape_of(slot.spec.code.shape.annotation).decode(result.outcome.encoded)  # type: ignore[union-attr]
                assert shown == self.expected(slot, result.at), f"L7 {slot.key} at {result.at}"

    @invariant()
    def marks_do_not_overclaim(self) -> None:
        if not hasattr(self, "world"):
            return
        engine = self.world.engine
        assert engine.settled_mark() == mark_below(engine, engine.demanded()), "the short way is the long one"
        for slot in engine.demanded():
            mark, result = mark_of(engine.cut, [engine.graph.first(slot)]), slot.result
            if result is None or not isinstance(result.outcome, Ok):
                continue
            shown = shape_of(slot.spec.code.shape.annotation).decode(result.outcome.encoded)  # type: ignore[union-attr]
            later = [cut for cut in self.cuts if cut >= mark] + [max((c for c in self.cuts if c <= mark), default=0)]
            assert not mark or any(cut in self.cuts and shown == self.expected(slot, cut) for cut in later), (
                f"mark of {slot.key}"
            )

    @invariant()
    def counts_agree_with_a_walk(self) -> None:
        if not hasattr(self, "world"):
            return
        for slot in self.slots():
            assert slot.pending == sum(not edge.source.current for edge in slot.edges)
            assert slot.current == (slot.due is None and slot.pending == 0)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.crash()
        self.drain(random.Random(1), 1)
        for _ in range(20):
            failed = [slot for slot in self.slots() if isinstance(slot.outcome(), Err) and slot.demand]
            if not failed:
                break
            for slot in failed:
                self.tell([slot.key.entity, slot.key.node, "retry", slot.key.element])
            self.drain(random.Random(2), 1)
        for call in list(self.world.held()):
            self.answer(call, 2)
        self.drain(random.Random(3), 1)
        engine = self.world.engine
        newest = max(self.cuts)
        for slot in engine.demanded():
            assert slot.due is None and slot.current, f"L6 {slot.key}"
            shown = slot.outcome()
            value = shape_of(slot.spec.code.shape.annotation).decode(shown.encoded) if isinstance(shown, Ok) else None  # type: ignore[union-attr]
            assert value == self.expected(slot, newest), f"L8 L11 L15 {slot.key}"
        assert mark_below(engine, engine.demanded()) == engine.settled_mark() == engine.cut, "L6: the mark"
        self.replayed_in_any_order()

    def replayed_in_any_order(self) -> None:
        results: list[tuple[Any, Result]] = []
        for position, kind, said in entries_of(self.world.store):
            if kind == "result":
                place, at, attempt, key = said["slot"], said["at"], said["attempt"], said.get("key")
                assert isinstance(place, list) and isinstance(at, int) and isinstance(attempt, list)
                outcome = self.world.engine.outcome_of(said["outcome"])
                cid = key.cid if isinstance(key, Link) else None
                numbers = (attempt[0], attempt[1])
                results.append((tuple(place), Result(at, outcome, cid, numbers, position)))  # type: ignore[arg-type]
            elif kind == "removed":
                place, at = said["slot"], said["at"]
                assert isinstance(place, list) and isinstance(at, int)
                results.append((tuple(place), Result(at, Gone("its element was removed"), None, (0, 0), position)))
        for seed in range(3):
            shuffled = results * 2
            random.Random(seed).shuffle(shuffled)
            top: dict[Any, Result] = {}
            for place, result in shuffled:
                if place not in top or dominates(result, top[place]):
                    top[place] = result
            for slot in self.slots():
                if slot.result is not None:
                    assert top[tuple(slot.key)].at == slot.result.at, f"L2 {slot.key}"
                    assert is_same(top[tuple(slot.key)].outcome, slot.result.outcome), f"L2 {slot.key}"


def element_of(key: int) -> str:
    from weft.reduce import element_identity

    return element_identity(key, None)


def is_impure(call: Call) -> bool:
    return getattr(call.operation.function, "func", None) is dice


TestLaws = Laws.TestCase
TestLaws.settings = settings(stateful_step_count=30, deadline=None, report_multiple_bugs=False)

results = st.builds(
    Result,
    st.integers(1, 4),
    st.sampled_from([Gone("a"), Err("E", "m"), Err("F", "n"), Ok(content_id(b"\x01"), b"\x01")]),
    st.none(),
    st.tuples(st.integers(0, 1), st.integers(1, 3)),
    st.integers(1, 9),
)


@given(st.lists(results, max_size=6, unique_by=lambda r: r.position), st.randoms(use_true_random=False))
def test_merging_results_is_commutative_associative_idempotent_and_only_moves_up(
    some: list[Result], rnd: random.Random
) -> None:
    def merged(arriving: list[Result]) -> list[Result | None]:
        top: Result | None = None
        steps: list[Result | None] = []
        for result in arriving:
            if top is None or dominates(result, top):
                top = result
            steps.append(top)
        return steps

    mixed = some * 2
    rnd.shuffle(mixed)

    steps = merged(mixed)

    assert (steps[-1:] or [None]) == (merged(some)[-1:] or [None])
    ranks = [rank(step) for step in steps if step is not None]
    assert ranks == sorted(ranks)
