"""Services: injected by their Protocol, named where they are missing, and part of what a call is known by."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from tests.stories.operations import Echo, Model, answer, doubled
from weft import Entity, Field, derive, field
from weft.attempt import NotOffered


class Chat(Entity):
    prompt: Field[str] = field(default="hi")
    x: Field[int] = field(default=1)
    reply = derive(answer, prompt)
    beside = derive(doubled, x)


def opened(path: Path, model: Echo | None, *, recompute: bool | None = None) -> weft.Space:
    services: dict[type, object] = {} if model is None else {Model: model}
    return weft.open(str(path), types=[Chat], services=services, recompute=recompute)


def test_a_service_is_injected_by_its_protocol() -> None:
    with weft.open(types=[Chat], services={Model: Echo("m")}) as space:
        assert space.create(Chat).reply.wait(10) == "m: HI"


def test_a_missing_service_is_named_by_whoever_waits_and_all_else_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path / "s", None) as space:
        chat = space.create(Chat)
        with pytest.raises(
            NotOffered,
            match=r"reply cannot be computed by this program: .*answer needs Model; open .* services=\{Model",
        ):
            chat.reply.wait(10)
        assert chat.beside.wait(10) == 2
    with opened(tmp_path / "s", Echo("late")) as space:
        (chat,) = space.find(Chat)
        assert chat.reply.wait(10) == "late: HI"


@pytest.mark.parametrize(
    ("recompute", "traits", "expected"),
    [
        (None, {}, "new: HI"),
        (True, {"cost": "paid"}, "new: HI"),
        (False, {}, "old: HI"),
        (None, {"cost": "paid", "deterministic": True}, "old: HI"),
        (None, {"cost": "free", "deterministic": False}, "old: HI"),
        (None, {"cost": "free", "deterministic": True}, "new: HI"),
    ],
)
def test_another_service_recomputes_what_it_is_told_to(
    tmp_path: Path, recompute: bool | None, traits: dict[str, object], expected: str
) -> None:
    if traits == {} and recompute is None:
        traits = {"cost": "free", "deterministic": True}
    with opened(tmp_path / "s", Echo("old")) as space:
        assert space.create(Chat).reply.wait(10) == "old: HI"
    model = Echo("new", **traits)

    with opened(tmp_path / "s", model, recompute=recompute) as space:
        (chat,) = space.find(Chat)
        assert chat.reply.wait(10) == expected
        chat.prompt = "you"  # what is called from here on is called with the new one
        assert chat.reply.wait(10) == "new: YOU"
    assert model.asked == (2 if expected.startswith("new") else 1)


@pytest.mark.parametrize("before", [None, False])
def test_what_was_left_standing_is_computed_again_when_that_is_asked_for_later(
    tmp_path: Path, before: bool | None
) -> None:
    with opened(tmp_path / "s", Echo("old", cost="paid")) as space:
        space.create(Chat).reply.wait(10)
    with opened(tmp_path / "s", Echo("new", cost="paid"), recompute=before) as space:
        assert space.find(Chat)[0].reply.wait(10) == "old: HI"
    positions = []

    for asked in (1, 0):  # and once is enough
        model = Echo("new", cost="paid")
        with opened(tmp_path / "s", model, recompute=True) as space:
            assert space.find(Chat)[0].reply.wait(10) == "new: HI"
            positions.append(space.position)
        assert model.asked == asked
    assert positions[0] == positions[1]


def test_the_same_service_again_calls_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "s", Echo("m")) as space:
        space.create(Chat).reply.wait(10)
    model = Echo("m")

    with opened(tmp_path / "s", model, recompute=True) as space:
        assert space.find(Chat)[0].reply.wait(10) == "m: HI"
    assert model.asked == 0


def test_going_back_to_a_former_service_takes_over_what_it_said(tmp_path: Path) -> None:
    for name, expected in [("one", 1), ("two", 1), ("one", 0)]:
        model = Echo(name)
        with opened(tmp_path / "s", model, recompute=True) as space:
            chat = (space.find(Chat) or [space.create(Chat)])[0]
            assert chat.reply.wait(10) == f"{name}: HI"
        assert model.asked == expected


def test_there_and_back_calls_the_model_twice() -> None:
    model = Echo()
    with weft.open(types=[Chat], services={Model: model}) as space:
        chat = space.create(Chat, prompt="a")
        for prompt in ("a", "b", "a"):
            chat.prompt = prompt
            assert chat.reply.wait(10) == f"echo: {prompt.upper()}"
        assert model.asked == 2
        assert space.counts()["tests.stories.operations/answer"] == {"executed": 2, "reused": 1}


def test_why_names_the_operation_the_service_and_the_person() -> None:
    with weft.open(types=[Chat], services={Model: Echo("m")}) as space:
        chat = space.create(Chat)
        with space.edit(by="ann"):
            chat.prompt = "because"
        chat.reply.wait(10)
        said = space.why(chat.reply)
    for part in (
        "by tests.stories.operations/answer, version h",
        "the service model: {name: 'm'}",
        "by ann",
        "'because'",
    ):
        assert part in said


class Broken(Echo):
    def complete(self, prompt: str) -> str:
        raise ConnectionError("the endpoint answered 401: the key is not valid")


def test_a_service_that_refuses_fails_its_node_with_its_own_words_and_heals_with_another(tmp_path: Path) -> None:
    with opened(tmp_path / "s", Broken("bad")) as space:
        chat = space.create(Chat)
        with pytest.raises(weft.NodeFailed, match="ConnectionError: the endpoint answered 401: the key is not valid"):
            chat.reply.wait(10)
    with opened(tmp_path / "s", Echo("good")) as space:
        assert space.find(Chat)[0].reply.wait(10) == "good: HI"  # what failed is tried again with another service
