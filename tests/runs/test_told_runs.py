"""What is told of runs: each begins and ends once, and what it asks for comes to one thing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.content import BYTES_MAX, Plain, content_id
from weft.reduce import CellSpec, Refused, Told
from weft.run_rows import Wait, wait_of
from weft.slot import Gone, Ok
from weft.told_runs import RunsCell

SPEC = CellSpec("flow", name="announce")


class Diary:
    """A cell and the rows that it would be read from again."""

    def __init__(self) -> None:
        self.cell, self.rows, self.position = RunsCell(SPEC), dict[str, bytes](), 0

    def tell(self, verb: str, *args: Plain) -> int:
        """Fold, and keep the rows; how many changed."""
        self.position += 1
        changes = self.cell.apply(verb, list(args), Told(self.position, self.position - 1, "ann"))
        for change in changes:
            had = self.rows.pop(change.element, None)
            assert change.before == (None if had is None else content_id(had))
            assert change.after == (None if change.row is None else content_id(change.row))
            if change.row is not None:
                self.rows[change.element] = change.row
        return len(changes)

    def begin(self, run: str, cause: int) -> None:
        """Have it fired, and begin."""
        self.tell("fire", run, cause, 0)
        self.tell("begin", run, "v")

    def again(self) -> RunsCell:
        """The cell, read from its rows in another order."""
        cell = RunsCell(SPEC)
        cell.load(sorted(self.rows.items()))
        return cell


@pytest.fixture
def diary() -> Diary:
    return Diary()


def test_a_run_begins_asks_is_answered_and_ends(diary: Diary) -> None:
    assert isinstance(diary.cell.outcome(), Gone)
    diary.begin("r1", 7)
    diary.tell("step", "r1", "ask confirm", "ask", {"form": 1}, 0, 0)
    step = diary.cell.runs["r1"].steps["ask confirm"]
    assert not step.is_done
    diary.tell("done", "r1", "ask confirm", ["ok", True])

    assert (step.outcome, step.told) == (["ok", True], 4)
    assert [id for id, _ in diary.cell.under_way()] == ["r1"]
    diary.tell("end", "r1", "returned", 42)

    assert diary.cell.shown() == ["r1", "returned", 42]
    assert isinstance(diary.cell.outcome(), Ok)
    assert list(diary.cell.under_way()) == []
    assert list(diary.rows) == ["r1"], "its steps are let go of"


def test_children_are_kept_row_by_row_until_their_run_is_over_or_begins_anew(diary: Diary) -> None:
    children: list[Plain] = [[f"e{number}", "go", f"c{number}"] for number in range(12)]
    diary.begin("r1", 7)
    for child in children:
        assert diary.tell("bear", "r1", child) == 1

    assert diary.cell.runs["r1"].children == diary.again().runs["r1"].children == children
    assert len(diary.rows) == 13
    diary.tell("end", "r1", "failed", {"error": "E", "message": "no", "where": ""})
    assert diary.again().runs["r1"].children == children, "whoever has it go on may have to cancel them"
    diary.tell("restart", "r1")
    assert list(diary.rows) == ["r1"]

    diary.tell("begin", "r1", "v")
    diary.tell("bear", "r1", children[0])
    diary.tell("end", "r1", "returned", 1)
    assert list(diary.rows) == ["r1"]


def test_a_run_that_was_blocked_and_goes_on_is_not_blocked(diary: Diary) -> None:
    diary.begin("r1", 7)
    diary.tell("block", "r1", "it asks for something else")
    assert diary.cell.runs["r1"].blocked == "it asks for something else"
    assert diary.tell("block", "r1", "it asks for something else") == 0

    diary.tell("resume", "r1", "v")
    assert diary.cell.runs["r1"].blocked == ""


def test_what_began_was_asked_for_or_done_once_is_not_so_again(diary: Diary) -> None:
    diary.begin("r1", 7)
    assert diary.tell("fire", "r1", 8, 0) == 0
    assert diary.tell("begin", "r1", "w") == 0
    diary.tell("step", "r1", "a", "call", 1, 0, 0)
    assert diary.tell("step", "r1", "a", "sleep", 2, 0, 0) == 0
    diary.tell("done", "r1", "a", "first")
    assert diary.tell("done", "r1", "a", "second") == 0

    run = diary.cell.runs["r1"]
    assert (run.cause, run.version) == (7, "v")
    assert (run.steps["a"].kind, run.steps["a"].outcome) == ("call", "first")


@pytest.mark.parametrize(
    ("verb", "args", "why"),
    [
        ("step", ["r9", "a", "call", 1, 0, 0], "there is no such run"),
        ("done", ["r1", "b", 1], "it has asked for no 'b'"),
        ("step", ["r0", "a", "call", 1, 0, 0], "it has returned already"),
        ("done", ["r0", "a", 1], "it has returned already"),
        ("cancel", ["r0"], "it has returned already"),
        ("end", ["r0", "failed", 1], "it has returned already"),
        ("end", ["r1", "slept", 1], "it knows fire, schedule"),
        ("step", ["r1", "a", "dance", 1, 0, 0], "it knows fire, schedule"),
        ("step", ["r1", "", "call", 1, 0, 0], "it knows fire, schedule"),
        ("done", ["r1", "a", None], "it knows fire, schedule"),
        ("fire", ["r/1", 1, 0], "is no id of a run"),
        ("fire", ["", 1, 0], "is no id of a run"),
        ("begin", ["r2"], "it knows fire, schedule"),
        ("begin", ["r2", "v"], "there is no such run"),
        ("step", ["r3", "a", "call", 1, 0, 0], "it has not begun"),
        ("set", [1], "it knows fire, schedule"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_changes_nothing(
    diary: Diary, verb: str, args: list[Any], why: str
) -> None:
    diary.begin("r0", 1)
    diary.tell("end", "r0", "returned", None)
    diary.begin("r1", 2)
    diary.tell("step", "r1", "a", "call", 1, 0, 0)
    diary.tell("fire", "r3", 3, 0)
    before = dict(diary.rows)

    with pytest.raises(Refused, match=why):
        diary.tell(verb, *args)

    assert diary.rows == before
    assert diary.again() == diary.cell


RUNS, KEYS = st.sampled_from(["r2", "r1"]), st.sampled_from(["a", "b/c"])
NUMBERS = st.integers(0, 99)
INTENTS = st.one_of(
    st.tuples(st.just("fire"), RUNS, st.integers(1, 9), NUMBERS),
    st.tuples(st.just("begin"), RUNS, st.just("v")),
    st.tuples(st.just("step"), RUNS, KEYS, st.sampled_from(["call", "ask"]), NUMBERS, NUMBERS, NUMBERS),
    st.tuples(st.just("done"), RUNS, KEYS, NUMBERS),
    st.tuples(st.just("cancel"), RUNS),
    st.tuples(st.just("end"), RUNS, st.sampled_from(["returned", "cancelled"]), NUMBERS),
)


@given(st.lists(INTENTS, max_size=30))
def test_whatever_is_told_the_rows_are_the_cell_and_outcomes_never_change(intents: list[tuple[Any, ...]]) -> None:
    diary, seen = Diary(), dict[str, object]()
    for verb, *args in intents:
        before = dict(diary.rows)
        try:
            diary.tell(verb, *args)
        except Refused:
            assert diary.rows == before
        again = diary.again()
        assert list(again.runs.items()) == list(diary.cell.runs.items())
        for id, run in diary.cell.runs.items():
            assert not run.began or seen.setdefault(f"began {id}", run.began) == run.began
            assert not run.steps or run.began
            if run.ending:
                assert seen.setdefault(id, run.outcome) == run.outcome
            for key, step in run.steps.items():
                if step.is_done:
                    assert seen.setdefault(f"{id} {key}", step.outcome) == step.outcome


def test_a_run_that_the_log_alone_knows_is_not_fired_again(diary: Diary) -> None:
    for run, cause in (("r1", 1), ("r2", 2)):
        diary.begin(run, cause)
        diary.tell("end", run, "returned", cause)
    assert list(diary.cell.runs) == ["r2"], "of those that ended well the newest stays"

    assert diary.tell("fire", "r1", 1, 0) == 0
    assert diary.again() == diary.cell


def test_of_those_who_answer_the_ones_who_may_are_heard(diary: Diary) -> None:
    diary.begin("r1", 7)
    mays: dict[str, list[Plain]] = {"one": ["ben"], "two": ["ann", "ben"]}
    for name, by in mays.items():
        diary.tell("step", "r1", name, "ask", {"form": "F", "schema": {}, "by": by}, 0, 0)

    with pytest.raises(Refused, match="ann may not answer it, but ben may"):
        diary.tell("answer", "r1", "one", True)
    diary.tell("answer", "r1", "two", True)

    steps = diary.cell.runs["r1"].steps
    assert (steps["one"].answer, steps["two"].answer) == (None, [True, "ann"])


def test_who_answers_what_came_to_its_default_is_told_that_it_has_expired(diary: Diary) -> None:
    asked: Plain = {"form": "Yes", "schema": {}, "default": [False]}
    for verb, *args in (("fire", "a", 0, 0), ("begin", "a", "1"), ("step", "a", "ask seen 0", "ask", asked, 5, 5)):
        diary.tell(verb, *args)
    late = Told(9, 8, "ann", "1970-01-01T00:00:00.000005Z")

    for _ in range(2):
        with pytest.raises(Refused, match="it has expired"):
            diary.cell.apply("answer", ["a", "ask seen 0", True], late)
        diary.tell("done", "a", "ask seen 0", [False])
    assert diary.cell.runs["a"].steps["ask seen 0"].answer is None


def test_an_answer_that_was_accepted_once_is_folded_again_whenever_it_was_given(diary: Diary) -> None:
    """As a log has it that was written before late ones were refused."""
    for verb, *args in (
        ("fire", "a", 0, 0),
        ("begin", "a", "1"),
        ("step", "a", "ask seen 0", "ask", {"form": "Yes", "schema": {}}, 5, 5),
    ):
        diary.tell(verb, *args)

    diary.cell.apply("answer", ["a", "ask seen 0", True], Told(9, 8, "ann"))

    assert diary.cell.runs["a"].steps["ask seen 0"].answer == [True, "ann"]


def test_what_is_asked_for_and_answered_may_each_be_as_large_as_a_record(diary: Diary) -> None:
    diary.begin("r1", 7)
    diary.tell("step", "r1", "ask confirm", "ask", {"form": "", "schema": {}, "about": bytes(BYTES_MAX // 2)}, 0, 0)
    diary.tell("answer", "r1", "ask confirm", bytes(BYTES_MAX // 2))

    assert diary.again().runs["r1"].steps["ask confirm"] == diary.cell.runs["r1"].steps["ask confirm"]
    assert wait_of("r1/ask confirm", diary.rows["r1/ask confirm"]) == Wait("answered", 0, "r1", "ask confirm")
