"""A flow's code reads where its run stands, whatever was told since, and what it says is staged for its next step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import weft
from weft import Entity, Field, Ref, Space, derive, field, items, ref
from weft.entity import entity_at
from weft.handle import Seat
from weft.run_desk import RunDesk, RunEdit, SaysOutside, WaitsInRun
from weft.runs.replay import Asking
from weft.told import counter


def shout(title: str) -> str:
    return title.upper()


class Person(Entity):
    name: Field[str] = field()


class Post(Entity):
    title: Field[str] = field(default="one")
    seen = counter()
    tags = items(str)
    author: Ref[Person] = ref()
    loud = derive(shout, title)


@pytest.fixture
def space() -> Iterator[Space]:
    with weft.open(types=[Post, Person]) as space:
        yield space


class Going:
    """A run's code between two steps, driven by hand."""

    def __init__(self, space: Space, post: Post, position: int) -> None:
        self.space, self.desk = space, RunDesk(space)
        self.desk.enter(position)
        self.post = entity_at(Post, Seat(self.desk, post.id))
        self.edit = RunEdit(self.desk, id="run 1", actor="weft", cause=position)

    def go(self, code: Callable[[Post], Any]) -> Any:
        token = self.space._staged.set(self.edit)
        try:
            with self.space._host.view():
                return code(self.post)
        finally:
            self.space._staged.reset(token)


def filled(space: Space) -> tuple[Post, Going]:
    """A run that stands where a post had its first title, two tags, and an author; since then all of it is another."""
    ann = space.create(Person, name="ann")
    post = space.create(Post, author=ann)
    post.tags.add("a", "b")
    post.seen.increment(2)
    position = space.position
    post.title = "two"
    post.tags.add("c")
    post.tags.remove("a")
    post.seen.increment(5)
    post.author = space.create(Person, name="bob")
    return post, Going(space, post, position)


def read(post: Post) -> tuple[object, ...]:
    return post.title, tuple(post.tags), int(post.seen)


def test_a_run_reads_what_was_there_where_it_stands(space: Space) -> None:
    post, going = filled(space)

    assert going.go(read) == ("one", ("a", "b"), 2)

    going.desk.enter(space.position)
    assert going.go(read) == read(post) == ("two", ("b", "c"), 7)


def test_what_a_run_says_is_read_at_once_over_what_was_there(space: Space) -> None:
    post, going = filled(space)

    def code(mine: Post) -> tuple[object, ...]:
        mine.seen.increment(1)
        mine.tags.add("z")
        mine.title = f"{mine.title} more"
        return read(mine)

    assert going.go(code) == ("one more", ("a", "b", "z"), 3)
    assert read(post) == ("two", ("b", "c"), 7)  # it is told with the next step
    assert [intent[2] for intent in going.edit.intents if isinstance(intent, list)] == ["increment", "add", "set"]


def test_a_node_that_is_awaited_is_a_step_named_by_its_place(space: Space) -> None:
    post, going = filled(space)

    (step,) = going.go(lambda mine: [mine.loud.__await__().send(None)])

    assert isinstance(step, Asking)
    assert (step.kind, step.name, step.said) == ("node", "Post.loud", [post.id, "loud", ""])


def test_a_reference_leads_where_it_led_and_stays_within_the_run(space: Space) -> None:
    _, going = filled(space)

    def code(mine: Post) -> object:
        asked = mine.author.__await__()
        with pytest.raises(StopIteration) as found:
            asked.send(None)
        return found.value.value.name

    assert going.go(code) == "ann"


@pytest.mark.parametrize("call", [lambda post: post.loud.wait(1), lambda post: post.loud.state], ids=["wait", "state"])
def test_what_a_replay_could_not_repeat_is_refused(space: Space, call: Callable[[Post], object]) -> None:
    _, going = filled(space)

    with pytest.raises(WaitsInRun, match=r"Await it: await entity\.loud"):
        going.go(call)


def test_an_entity_of_a_run_says_nothing_outside_of_its_steps(space: Space) -> None:
    _, going = filled(space)

    with pytest.raises(SaysOutside, match=r"Post\.title was edited by a flow's entity while its run did not go on"):
        going.post.title = "late"
