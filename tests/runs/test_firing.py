"""What fires is told in the very batch that fired it, and chains of causes end."""

from __future__ import annotations

import pytest

from tests.runs.test_triggers import CREATED, Post
from weft.content import Plain
from weft.definition import compile_type
from weft.engine import Engine, Settling
from weft.flow_spec import Firing
from weft.folding import DEPTH_MAX, event_plain
from weft.graph import ToldNode
from weft.runs.firing import tell_fired
from weft.slot import Ok
from weft.store import entry_at
from weft.stores.memory import MemoryStore
from weft.told_runs import RunsCell


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def opened(store: MemoryStore) -> Engine:
    spec = compile_type(Post)
    engine = Engine(store, epoch=store.acquire(), types={"Post": spec}, now=lambda: "2026-01-01T00:00:00Z")
    engine.define(spec)
    engine.commit()
    return engine


def tell(engine: Engine, id: str, *intents: list[Plain], cause: int = 0, depth: int = 0) -> int:
    event = event_plain(id, [*intents], actor="ann", base=engine.cut, time="t", cause=cause, depth=depth)
    return engine.tell(event)


def runs(engine: Engine, flow: str) -> RunsCell:
    node = engine.node("p", flow)
    assert isinstance(node, ToldNode) and isinstance(node.cell, RunsCell)
    return node.cell


def test_what_fired_is_told_with_what_fired_it(store: MemoryStore) -> None:
    engine = opened(store)
    position = tell(engine, "e1", CREATED)

    assert tell_fired(engine) == [Firing("p", "greet", position)]
    assert tell_fired(engine) == []
    engine.commit()

    (run,) = runs(engine, "greet").runs.values()
    assert (run.cause, run.fired, run.began, run.ending) == (position, position + 1, 0, "")
    found = entry_at(store, position + 1)
    assert found is not None
    assert (found.said["cause"], found.said["depth"]) == (position, 1)


def test_neither_is_there_where_the_batch_was_refused(store: MemoryStore) -> None:
    engine = opened(store)
    tell(engine, "e1", CREATED)
    engine.forget()

    assert tell_fired(engine) == []
    assert engine.graph.thing("p") is None


def test_a_chain_of_causes_ends(store: MemoryStore) -> None:
    engine = opened(store)
    tell(engine, "e1", CREATED)
    tell_fired(engine)
    position = tell(engine, "e2", ["p", "status", "set", "published"], cause=3, depth=DEPTH_MAX)

    assert tell_fired(engine) == []
    engine.commit()

    found = entry_at(store, position + 1)
    assert found is not None and found.kind == "refused"
    assert "in a chain" in str(found.said["why"])
    (run,) = runs(engine, "announce").runs.values()
    assert run.ending == "skipped" and "in a chain" in str(run.outcome), "whoever waits for it is told why"


def test_a_result_fires_as_deep_as_what_it_was_made_at(store: MemoryStore) -> None:
    engine = opened(store)
    at = tell(engine, "e1", CREATED, cause=2, depth=7)
    tell_fired(engine)
    slot = engine.node("p", "long")
    assert slot is not None
    engine.settle(slot, Settling(at, Ok.of_bytes(b"\xf5")))  # type: ignore[arg-type]

    (fired,) = tell_fired(engine)

    assert fired.flow == "shorten"
    assert runs(engine, "shorten").runs.keys() == {fired.run}
    told = engine.batch.records[-1].content()
    assert (told["cause"], told["depth"]) == (fired.cause, 8)


def test_what_is_rebuilt_fires_nothing_again(store: MemoryStore) -> None:
    engine = opened(store)
    tell(engine, "e1", CREATED)
    tell_fired(engine)
    engine.commit()
    store.release()

    again = opened(store)

    assert again.fired == []
    assert len(runs(again, "greet").runs) == 1
