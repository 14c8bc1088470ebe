"""What questions say of themselves where people read them, and what people may type in answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

import weft as library
from tests.cli.conftest import Weft
from tests.cli.pseudo_terminal import in_terminal
from tests.until import until
from weft import Effect, Entity, Field, Run, field, on
from weft.questions import SeveralQuestions

BY = ("--by", "boss")


@dataclass(frozen=True)
class Pay(Effect[str]):
    needs_approval: ClassVar[bool] = True
    to: str
    euros: int


@dataclass(frozen=True)
class Trip:
    days: tuple[int, ...]
    towns: tuple[str, ...] = ()
    pace: Literal["slow", "fast"] | None = None


class Bank:
    effects = (Pay,)

    async def carry_out(self, effect: Pay, key: str) -> str:
        if effect.euros < 0:
            raise OSError("the line went dead")
        return f"{effect.euros} to {effect.to}"


class Errand(Entity):
    what: Field[str] = field()

    @on(Entity.created)
    async def go(self, run: Run) -> str:
        if self.what == "trip":
            return str(await run.ask("trip", Trip, about="all of Italy, " * 40))
        return await run.perform(Pay("the printer", int(self.what)), approved_by="boss")


@pytest.fixture
def begun(tmp_path: Path) -> Callable[..., Path]:
    """Makes a space in which each of these asks something."""

    def begin(*works: str) -> Path:
        with library.open(str(tmp_path / "errands.weft"), types=[Errand], drivers=[Bank()]) as space:
            for work in works:
                space.create(Errand, what=work)
            until(lambda: len(space.questions()) == len(works))
        return tmp_path / "errands.weft"

    return begin


def outcome(space: Path) -> str:
    """What the only errand comes to."""
    with library.open(str(space), types=[Errand], drivers=[Bank()]) as opened:
        (errand,) = opened.find(Errand)
        return str(errand.go.wait(20))


def asked(weft: Weft, space: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(weft("questions", space, "--json").stdout)["questions"]
    return found


@pytest.mark.parametrize(("typed", "came"), [("y", "300 to the printer"), ("no", "it was not approved")])
def test_who_approves_is_shown_what_and_says_yes_or_no(begun: Callable[..., Path], typed: str, came: str) -> None:
    space = begun("300")

    with in_terminal("answer", space, "approve Pay", *BY, folder=space.parent) as terminal:
        terminal.read_to("approve Pay: an Approval")
        terminal.read_to("about: to: 'the printer', euros: 300")
        terminal.read_to("Is approved (yes, no): ")
        terminal.type("perhaps")
        terminal.read_to("Is approved (yes, no): ")
        terminal.type(typed)
        code = terminal.end()

    assert code == 0, terminal.shown
    assert "effect (" not in terminal.shown, "the digest is nobody's to type"
    if typed == "y":
        assert outcome(space) == came
    else:
        with pytest.raises(library.WeftError, match=came):
            outcome(space)


def test_what_the_list_says_is_enough_to_approve_by_json(begun: Callable[..., Path], weft: Weft) -> None:
    space = begun("300")

    listed = weft("questions", space).stdout

    assert "  about: to: 'the printer', euros: 300\n" in listed
    digest = asked(weft, space)[0]["schema"]["properties"]["effect"]["enum"][0]
    assert digest in listed.replace("\n    ", "")
    assert max(map(len, listed.splitlines())) <= 80
    done = weft("answer", space, "approve Pay", json.dumps({"effect": digest, "is_approved": True}), *BY)
    assert done.returncode == 0, done.stderr
    assert outcome(space) == "300 to the printer"


def test_lists_are_typed_with_commas_and_choices_are_shown(begun: Callable[..., Path]) -> None:
    space = begun("trip")
    said = [
        ("about: all of Italy, all of Italy,", None), ("Days (with commas between): ", "one, two"),
        ("Days (with commas between): ", "1, 2"), ("Pace (slow, fast): ", "fast"),
        ("Towns (with commas between): ", '["Rome'), ("Towns (with commas between): ", "Rome, San Marino"),
    ]  # fmt: skip

    with in_terminal("answer", space, "trip", folder=space.parent) as terminal:
        for prompt, line in said:
            terminal.read_to(prompt)
            if line is not None:
                terminal.type(line)
        code = terminal.end()

    assert code == 0, terminal.shown
    assert outcome(space) == "Trip(days=(1, 2), towns=('Rome', 'San Marino'), pace='fast')"


def test_a_question_is_answered_by_its_name_where_one_alone_has_it(begun: Callable[..., Path], weft: Weft) -> None:
    space = begun("trip", "300", "400")
    ids = [one["id"] for one in asked(weft, space) if one["name"] == "approve Pay"]

    done, none = weft("answer", space, "trip", '{"days": [1]}'), weft("answer", space, "tripp", '{"days": [1]}')
    several = weft("answer", space, "approve Pay", "{}")

    assert (done.returncode, none.returncode, several.returncode) == (0, 1, 1), done.stderr
    assert done.stdout.startswith("trip is answered; ")
    assert "did you mean 'trip'?" in none.stderr
    assert several.stderr == f"error: {SeveralQuestions(name='approve Pay', ids=', '.join(ids))}\n"


def test_the_list_says_which_fields_there_are_and_which_answers(begun: Callable[..., Path], weft: Weft) -> None:
    space = begun("trip")

    lines = " ".join(line.strip() for line in weft("questions", space).stdout.splitlines())

    assert "trip: a Trip, for go of " in lines
    assert "fields: days (a list), pace (nothing (null) or one of 'slow', 'fast', or left out), towns (" in lines


def test_of_an_effect_in_doubt_it_is_said_what_it_is_and_what_can_be_answered(
    begun: Callable[..., Path], weft: Weft
) -> None:
    space = begun("-1")
    assert weft("answer", space, "approve Pay", json.dumps(approval(asked(weft, space)[0])), *BY).returncode == 0
    with library.open(str(space), types=[Errand], drivers=[Bank()]) as opened:
        until(lambda: any(one.doubt for one in opened.questions()))

    listed = weft("questions", space).stdout
    with in_terminal("answer", space, "Pay", folder=space.parent) as terminal:
        terminal.read_to("about: to: 'the printer', euros: -1")
        terminal.read_to("in doubt: OSError: the line went dead")
        terminal.read_to("Resolution (again, leave): ")
        terminal.type("leave")
        code = terminal.end()

    assert "Pay: one of 'again', 'leave', for go of " in listed
    assert code == 0, terminal.shown


def approval(question: dict[str, Any]) -> dict[str, object]:
    return {"effect": question["about"]["content"], "is_approved": True}
