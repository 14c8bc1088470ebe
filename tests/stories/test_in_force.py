"""What a program brings and is not in force is said, once, in a line: other services, and an older definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import weft
from tests.stories.operations import Echo, Model, answer
from weft import Entity, Field, derive, field
from weft.client import ClientDefines


class Chat(Entity):
    prompt: Field[str] = field(default="hi")
    reply = derive(answer, prompt)


def note(*, is_newer: bool) -> type[Any]:
    class Note(Entity):
        text: Field[str] = field(default="a")
        if is_newer:
            more: Field[int] = field(default=3)

    return Note


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "notes.weft")


def test_a_client_is_told_which_of_its_services_is_not_used(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with weft.open(path, types=[Chat], services={Model: Echo("one")}) as space:
        chat = space.create(Chat)
        assert chat.reply.wait(30) == "one: HI"

        with weft.open(path, types=[Chat], services={Model: Echo("one")}, engine=False):
            assert caplog.messages == []
        with weft.open(path, types=[Chat], engine=False):
            assert caplog.messages == []
        with weft.open(path, types=[Chat], services={Model: Echo("other")}, engine=False) as client:
            (said,) = caplog.messages
            assert said.startswith("Model is not used as it is offered here: another program computes this space, with")
            assert "another one" in said
            client.find(Chat)[0].prompt = "ho"
            assert client.find(Chat)[0].reply.wait(30) == "one: HO"


def test_a_client_is_told_that_the_engine_has_no_such_service(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with (
        weft.open(path, types=[Chat]) as space,
        weft.open(path, types=[Chat], services={Model: Echo("one")}, engine=False),
    ):
        assert space.is_engine
        (said,) = caplog.messages
        assert "with none" in said


def test_an_older_definition_that_is_put_in_force_again_is_named(path: str, caplog: pytest.LogCaptureFixture) -> None:
    older, newer = note(is_newer=False), note(is_newer=True)
    with weft.open(path, types=[older]) as space:
        space.create(older)
        first = 1
    with weft.open(path, types=[newer]) as space:
        second = space.position
    with weft.open(path, types=[newer]):
        assert caplog.messages == []

    with weft.open(path, types=[older]) as space:
        (said,) = caplog.messages
        assert f"the definition of Note that this program puts in force is that of position {first}," in said
        assert f"in force since {second}." in said
        assert space.find(older)[0].text == "a"
    with weft.open(path, types=[older]):
        assert len(caplog.messages) == 1


def test_beside_a_newer_engine_an_older_program_is_refused_and_may_look(path: str) -> None:
    older, newer = note(is_newer=False), note(is_newer=True)
    with weft.open(path, types=[newer]) as space:
        space.create(newer, text="b")
        with pytest.raises(ClientDefines, match="or without types= to look at it"):
            weft.open(path, types=[older], engine=False)

        with weft.open(path, engine=False) as client:
            (found,) = client.find(older)
            assert found.text == "b"
