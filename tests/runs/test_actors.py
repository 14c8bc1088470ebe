"""Who may fire a flow: those whom a node names, or the one whom a reference leads to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pytest

import weft
from weft import Entity, Field, NotFired, Ref, Run, Space, derive, field, items, on, ref
from weft.definition import WrongDefinition
from weft.flow_spec import FlowSpec

WAIT_S = 30.0
Status = Literal["draft", "published"]


class Person(Entity):
    actor: Field[str] = field()


def listed(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


class Post(Entity):
    status: Field[Status] = field(default="draft")
    author: Ref[Person] = ref()
    owner: Field[str] = field(default="ann")
    team = items(str)
    editors = derive(listed, team)

    @on(status.becomes("published"), actors=author)
    async def by_author(self, run: Run) -> str:
        return "done"

    @on(status.becomes("published"), actors=owner)
    async def by_owner(self, run: Run) -> str:
        return "done"

    @on(status.becomes("published"), actors=team)
    async def by_team(self, run: Run) -> str:
        return "done"

    @on(status.becomes("published"), actors=editors)
    async def by_editor(self, run: Run) -> str:
        return "done"

    @on(status.becomes("published"), actors="ann")
    async def by_ann(self, run: Run) -> str:
        return "done"

    @on(status.becomes("published"), actors=("ann", "ben"))
    async def by_two(self, run: Run) -> str:
        return "done"

    @on(editors.settles(), actors=team)
    async def by_whose_edit_settled(self, run: Run) -> str:
        return "done"


@pytest.fixture
def space() -> Iterator[Space]:
    with weft.open(types=[Person, Post], actor="zoe") as space:
        yield space


FLOWS = ["by_author", "by_owner", "by_team", "by_editor", "by_ann", "by_two"]


def published(space: Space, *, by: str) -> Any:
    """A post by Ann, whose team Ben and Ann are, published by somebody."""
    ann = space.create(Person, actor="ann")
    post = space.create(Post, author=ann)
    post.team.add("ben", "ann")
    with space.edit(by=by):
        post.status = "published"
    return post


@pytest.mark.parametrize(
    ("actor", "may"), [("ann", FLOWS), ("ben", ["by_team", "by_editor", "by_two"]), ("zoe", []), ("", []), ("an", [])]
)
def test_those_who_are_named_fire_a_flow_and_nobody_else(space: Space, actor: str, may: list[str]) -> None:
    post = published(space, by=actor)

    for name in FLOWS:
        flow = getattr(post, name)
        if name in may:
            assert flow.wait(WAIT_S) == "done"
        else:
            with pytest.raises(NotFired, match="who may fire it"):
                flow.wait(WAIT_S)


def test_what_settles_is_fired_by_who_edited(space: Space) -> None:
    post = space.create(Post, author=space.create(Person, actor="ann"))
    with space.edit(by="ben"):
        post.team.add("ben")
    assert post.editors.wait(WAIT_S) == ("ben",)
    assert post.by_whose_edit_settled.wait(WAIT_S) == "done"

    with space.edit(by="ann"):
        post.team.add("carl")
    assert post.editors.wait(WAIT_S) == ("ben", "carl")
    with pytest.raises(NotFired, match="ann is not among its team"):
        post.by_whose_edit_settled.wait(WAIT_S)


def test_a_node_that_names_nobody_is_refused_where_it_is_declared() -> None:
    with pytest.raises(WrongDefinition, match="which holds no names"):

        class Counted(Entity):
            count: Field[int] = field(default=0)

            @on(Entity.created, actors=count)
            async def greet(self, run: Run) -> None: ...

    with pytest.raises(WrongDefinition, match="which holds no names"):

        class Homeless(Entity):
            post: Ref[Post] = ref()

            @on(Entity.created, actors=post)
            async def greet(self, run: Run) -> None: ...


@pytest.mark.parametrize("actors", [3, (), "", ("ann", 4), b"ann", object])
def test_what_names_nobody_is_refused_in_words(actors: Any) -> None:
    with pytest.raises(TypeError, match="actors is a name, several, a node that holds such, or a reference to an"):
        on(Entity.created, actors=actors)


def test_a_guard_is_a_node() -> None:
    given: Any = bool
    with pytest.raises(TypeError, match="guard is a node of this class that holds yes or no, not <class 'bool'>"):
        on(Entity.created, guard=given)


def test_a_flow_that_names_who_may_fire_it_is_kept_as_it_was() -> None:
    spec = FlowSpec("announce", (), names=("ann", "ben"))

    assert FlowSpec.of_plain("announce", spec.plain()) == spec
    assert "names" not in FlowSpec("announce", ()).plain()
