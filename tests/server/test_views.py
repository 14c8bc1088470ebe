"""What views demand, after any history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import weft
from tests.server.charms import GATE, TYPES, Slow, Story
from weft.errors import WeftError
from weft.server.views import NotViewed, Place, Views, computed

ENTITIES = st.sampled_from("ab")
VIEWERS = st.sampled_from(["tab", "phone", "wall"])


class Host:
    """Who is asked, and refuses when told to."""

    def __init__(self) -> None:
        self.held: Counter[Place] = Counter()
        self.refuses = False

    def watch(self, place: Place, /) -> None:
        if self.refuses:
            raise WeftError(reason="the disk is full")
        self.held[place] += 1

    def let_go(self, place: Place, /) -> None:
        self.held[place] -= 1
        assert self.held[place] >= 0
        if not self.held[place]:
            del self.held[place]


class Machine(RuleBasedStateMachine):
    """Views beside a model that is nothing but who has what open, and who has paused what."""

    def __init__(self) -> None:
        super().__init__()
        self.host = Host()
        self.nodes: dict[str, bool] = {"plain": False, "stream": True}
        self.views = Views(self.host, self.nodes_of)
        self.open: dict[str, list[str]] = {"tab": [], "phone": [], "wall": []}
        self.paused: set[tuple[str, str]] = set()

    def nodes_of(self, entity: str) -> Mapping[str, bool]:
        return self.nodes

    @rule(viewer=VIEWERS, entity=ENTITIES)
    def opens(self, viewer: str, entity: str) -> None:
        self.views.open(viewer, entity)
        self.open[viewer].append(entity)

    @rule(viewer=VIEWERS, entity=ENTITIES)
    def opens_in_vain(self, viewer: str, entity: str) -> None:
        self.host.refuses = True
        before = self.host.held.copy()
        try:
            self.views.open(viewer, entity)
            self.open[viewer].append(entity)  # others have it open already, so nothing was asked for
        except WeftError:
            assert self.host.held == before
        self.host.refuses = False

    @rule(viewer=VIEWERS, entity=ENTITIES)
    def closes(self, viewer: str, entity: str) -> None:
        if entity in self.open[viewer]:
            self.views.close(viewer, entity)
            self.open[viewer].remove(entity)
        else:
            with pytest.raises(NotViewed, match=f"entity {entity} is not open"):
                self.views.close(viewer, entity)

    @rule(viewer=VIEWERS, entity=ENTITIES)
    def pauses(self, viewer: str, entity: str) -> None:
        self.views.pause(viewer, entity)
        self.paused.add((viewer, entity))

    @rule(viewer=VIEWERS, entity=ENTITIES)
    def plays(self, viewer: str, entity: str) -> None:
        self.views.play(viewer, entity)
        self.paused.discard((viewer, entity))

    @rule(viewer=VIEWERS)
    def is_lost(self, viewer: str) -> None:
        self.views.leave(viewer)
        self.open[viewer].clear()
        self.paused = {one for one in self.paused if one[0] != viewer}

    @rule(nodes=st.dictionaries(st.sampled_from(["plain", "stream", "new"]), st.booleans(), max_size=3))
    def is_redefined(self, nodes: dict[str, bool]) -> None:
        self.nodes = nodes
        self.views.renew()

    @invariant()
    def what_is_demanded_is_what_the_open_views_say(self) -> None:
        wanted = {
            (entity, node, "")
            for viewer, mine in self.open.items()
            for entity in mine
            for node, is_stream in self.nodes.items()
            if not is_stream or (viewer, entity) not in self.paused
        }
        assert self.host.held == Counter(wanted)
        assert all(self.views.count(viewer) == len(mine) for viewer, mine in self.open.items())


TestViews = Machine.TestCase


def test_an_open_view_demands_what_is_computed_and_a_paused_one_no_stream() -> None:
    GATE.set()
    with weft.open(types=TYPES) as space:
        story, slow = space.create(Story), space.create(Slow)

        def nodes_of(entity: str) -> Mapping[str, bool]:
            with space.view() as engine:
                thing = engine.graph.thing(entity)
                assert thing is not None
                return computed(thing.type.nodes.values())

        def demanded(entity: str) -> set[str]:
            with space.view() as engine:
                return {node for node, _ in nodes_of(entity).items() if getattr(engine.node(entity, node), "demand", 0)}

        views = Views(space._host, nodes_of)
        assert demanded(story.id) == set()

        views.open("tab", story.id)
        views.open("tab", slow.id)
        assert demanded(story.id) == {"tale", "size"}

        views.pause("tab", story.id)
        assert nodes_of(story.id) == {"tale": True, "size": False}
        assert demanded(slow.id) == {"late", "later"}
        views.leave("tab")
        assert demanded(story.id) == demanded(slow.id) == set()
