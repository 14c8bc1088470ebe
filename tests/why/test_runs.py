"""Explanations of what flows told: by which run, and what that had been told just before."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import weft
from tests.until import until
from weft import Entity, Field, Run, Space, field, on
from weft.store import entry_at
from weft.why.explanation import Explanation, explain


def doubled(n: int) -> int:
    return 2 * n


def by_rule(n: int) -> str | None:
    return "small" if n < 5 else None


class Order(Entity):
    boxes: Field[int] = field(default=0)
    state: Field[str] = field(default="draft")
    size: Field[str] = field(default="")
    price: Field[int] = field(default=0)
    note: Field[str] = field(default="")

    @on(state.becomes("sent"))
    async def seen_to(self, run: Run) -> None:
        self.note = "begun"
        self.boxes = await run.ask("how many", int)
        self.price = await run.call(doubled, self.boxes)
        self.size = await run.ask("size", str, to=by_rule, about=self.boxes)
        await run.ask("more?", bool)


@pytest.fixture
def space() -> Iterator[Space]:
    """A space in which a run of one order stands before its last question."""
    with weft.open(types=[Order], actor="ann") as opened:
        order = opened.create(Order)
        order.state = "sent"
        (question,) = opened.questions()
        opened.answer(question, 3)
        until(lambda: [one.name for one in opened.questions()] == ["more?"])
        yield opened


def why(space: Space, node: str) -> Explanation:
    (order,) = space.find(Order)
    with space.view() as engine:
        return explain(engine, order.id, node)


def lines(space: Space, node: str) -> list[str]:
    return str(why(space, node)).splitlines()


def test_what_a_run_wrote_names_the_run_and_who_answered_it(space: Space) -> None:
    _, told, run, before, fired = lines(space, "boxes")

    assert " by weft, " in told
    assert run.startswith("    by the run ")
    assert run.endswith(".seen_to")
    assert " of Order " in run
    answered = int(before.rpartition(" ")[2])
    assert before == f"    just before, ask how many came to 3, by ann at {answered}"
    assert fired.startswith("    the run was fired by what ann told at ")
    assert fired.endswith(": state set 'sent'")
    with space.view() as engine:
        entry = entry_at(engine.store, answered)
        assert entry is not None
        assert entry.said["intents"][0][2] == "answer"  # type: ignore[index]


def test_what_a_run_wrote_after_a_call_a_decision_or_its_beginning_says_so(space: Space) -> None:
    befores = [lines(space, node)[3] for node in ("note", "price", "size")]

    assert befores == [
        "    just before, it began",
        "    just before, call tests.why.test_runs/doubled came to 6",
        "    just before, decide size came to 'small', by by_rule",
    ]


def test_programs_and_drawings_are_told_of_the_run_too(space: Space) -> None:
    (order,) = space.find(Order)
    said = why(space, "boxes")

    ((edit,),) = [node["edits"] for node in json.loads(said.json())["nodes"]]

    run = edit["run"]
    assert run["id"][:8] in lines(space, "boxes")[2]
    assert (run["entity"], run["type"], run["flow"], run["after"]) == (order.id, "Order", "seen_to", "done")
    assert (run["step"], run["came_to"], run["answered_by"], run["fired_by"]) == ("ask how many", "3", "ann", "ann")
    assert f"told by the run {run['id'][:8]} of seen" in said.mermaid()
    assert "just before, ask how many came to 3, by ann at " in said.mermaid()
    assert "run" not in json.loads(why(space, "state").json())["nodes"][0]["edits"][0]
