"""Stories of live spaces, over real sockets."""

from __future__ import annotations

import weft
from tests.server.charms import TYPES, Sum
from tests.server.serving import served
from weft import Entity, Space
from weft.content import cid_text
from weft.slot import Ok


def shown(space: Space, entity: Entity, node: str) -> str:
    """The content id of what a node shows."""
    with space.view() as engine:
        found = engine.node(entity.id, node)
        assert found is not None
        outcome = found.outcome()
        assert isinstance(outcome, Ok)
        return cid_text(outcome.content)


def test_whoever_looks_at_an_entity_is_told_what_it_comes_to_and_when_that_is_all() -> None:
    with weft.open(types=TYPES) as space, served(space) as server, server.client() as ann:
        sum_ = space.create(Sum, number=2)
        ann.say("open", entity=sum_.id)
        ann.say("sub", channel="space")
        ann.until(lambda: ann.state.channels and f"{sum_.id}.both" in ann.state.channels["space"].nodes)

        sum_.number = 5
        told = space.seen
        ann.until(lambda: ann.completed)

        (done,) = ann.completed
        assert done.traversal == told
        assert done.nodes == {f"{sum_.id}.{node}": shown(space, sum_, node) for node in ("twice", "thrice", "both")}
        nodes = ann.state.channels["space"].nodes
        assert {node: nodes[node].content_id for node in done.nodes} == done.nodes
        assert nodes[f"{sum_.id}.both"].preview == "25"
