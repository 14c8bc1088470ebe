"""What a log says of operations, with or without checks: named by list, doctor, why and log."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import weft
from tests.cli.conftest import clean, command
from tests.identity.shelves import CLIMATE, GARDENS, Shelves, Topic
from tests.purity.operations import Bench
from tests.reactive.operations import inc
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field
from weft.cli.impure import impure_lines
from weft.cli.listing import listing_of
from weft.cli.terminal import cells
from weft.content import Link, content_id
from weft.engine import Engine
from weft.purity.kept import Impure, Seen, impure_in, plain_of
from weft.slot import SlotKey
from weft.store import ALTERNATIVE
from weft.why.explanation import explain


class Prompt(Entity):
    prompt: Field[int] = field(default=1)
    answer = derive(inc, prompt)


def asked_at_once(*values: int) -> Runs:
    """A world in which equal calls were made at one time, and came to these values."""
    world = Runs(Prompt)
    for number in range(len(values)):
        world.create(Prompt, f"a{number}", watch="")
        world.watch("answer", f"a{number}")
    calls = world.step()
    for call, value in zip(calls, values, strict=True):
        world.finish(call, value)
    return world


def test_two_values_of_calls_at_one_time_are_named_though_nobody_checked() -> None:
    world = asked_at_once(1, 2, 1, 3)

    (found,) = impure_in(world.engine)

    assert (found.operation, found.is_pure, found.is_in_force) == ("tests.reactive.operations/inc", False, True)
    assert len(found.calls) == 1
    assert [(each.found, each.first, each.again) for each in found.seen] == [
        ("two values", "1", "2"),
        ("two values", "1", "3"),
    ]


def test_equal_values_are_not_named() -> None:
    assert impure_in(asked_at_once(2, 2, 2).engine) == []


def test_a_list_whose_elements_cannot_be_told_apart_is_no_second_value() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    world.regroup(Topic("one", CLIMATE, before["climate"]), Topic("two", GARDENS, before["climate"]))

    assert len(list(world.engine.rows(ALTERNATIVE))) == 1
    assert impure_in(world.engine) == []


def test_of_an_operation_that_was_replaced_list_is_silent_and_doctor_speaks() -> None:
    from tests.reactive.operations import add

    world = asked_at_once(1, 2)

    class Other(Entity):
        prompt: Field[int] = field(default=1)
        answer = derive(add, prompt, prompt)

    Other.__name__ = Other.__qualname__ = "Prompt"
    world.redefine(Other)

    (found,) = impure_in(world.engine)
    assert not found.is_in_force
    assert listing_of(world.engine).impure == ()


def keep_finding(engine: Engine, found: str, *shown: str) -> None:
    """A finding, as a check records one."""
    result = engine.node("a0", "answer").result  # type: ignore[union-attr]
    other = {"error": "InputChanged", "message": "it changed its input n: 1 before, 2 after", "where": ""}
    engine.keep_finding(
        {
            "slot": ["a0", "answer", ""],
            "at": 2,
            "key": Link(result.call_key),  # type: ignore[union-attr, arg-type]
            "operation": ["tests.reactive.operations/inc", "1"],
            "attempt": [1, 9],
            "found": found,
            "path": "n",
            "shown": list(shown),
            "other": {**other, "origin": "", "tries": 1, "final": True},
        }
    )
    engine.commit()


def test_why_says_what_a_check_found() -> None:
    world = asked_at_once(2)
    keep_finding(world.engine, "changed input", "1", "2")

    said = explain(world.engine, "a0", "answer")

    assert "the same call, at 4: it changed its input n: 1 before, 2 after (made again, as its operation" in said
    (other,) = json.loads(said.json())["nodes"][0]["alternatives"]
    assert (other["kind"], other["position"]) == ("changed input", 4)


def test_an_erased_finding_is_not_named() -> None:
    world = asked_at_once(2)
    keep_finding(world.engine, "two values", "1", "2")
    assert len(impure_in(world.engine)) == 1
    (key, row) = next(iter(world.engine.rows(ALTERNATIVE)))
    world.engine.batch.put(ALTERNATIVE, key, None)
    world.engine.batch.put(ALTERNATIVE, (key[0], 2), row)  # an entry that says nothing of a slot

    assert impure_in(world.engine) == []


def test_lines_fit_and_count_what_they_leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [
        Seen("Shelf", SlotKey("a" * 26, "x"), n, "two values", ".a", "'first'" * 20, "'again'" * 20) for n in range(5)
    ]
    found = [
        Impure(f"module/{n}", "h" + "0" * 16, is_pure=n < 14, seen=seen, calls={content_id(b"")}) for n in range(16)
    ]

    monkeypatch.setattr("sys.argv", ["weft"])
    *lines, next_step = map(click.unstyle, impure_lines("s.weft", found, 60))

    assert all(cells(line) <= 60 for line in lines)
    assert "why s.weft aaaaaaaa.x" in " ".join(next_step.split())
    assert [line for line in lines if "more" in line].count("  … and 2 more") == 1
    assert "    … and 2 more" in lines
    assert lines[0:2] == ["", "declared pure, and not"]
    assert "two values for one call, not known to be declared pure" in lines
    assert list(impure_lines("s.weft", [], 60)) == []


def test_an_operation_as_an_object_has_all_of_it() -> None:
    world = asked_at_once(1, 2)

    said = plain_of(impure_in(world.engine)[0])

    assert said["operation"] == "tests.reactive.operations/inc"
    assert (said["declared_pure"], said["calls"], said["services"]) == (False, 1, [])
    assert said["seen"] == [
        {
            "place": ["a1", "answer", ""], "type": "Prompt", "position": 5, "found": "two values", "path": "",
            "first": "1", "again": "2",
        }
    ]  # fmt: skip


# Commands ------------------------------------------------------------------------------------------------------------


Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(name="program")
def _program(tmp_path: Path) -> Program:
    """The real program, in a folder of its own, without a terminal."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = command(*arguments)
        return subprocess.run(line, cwd=tmp_path, env=clean(), capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.fixture(name="impure")
def _impure(tmp_path: Path) -> Path:
    """A space in which a check found something."""
    path = tmp_path / "bench.weft"
    with weft.open(str(path), types=[Bench], check_pure=1) as space:
        space.create(Bench).counted.wait(timeout_s=120)
        next(activity for activity in space.subscribe() if activity.type == "node.impure")
    return path


def test_list_doctor_why_and_log_name_it_also_after_a_rebuild(impure: Path, program: Program) -> None:
    for words in ("list", "doctor", ("doctor", "--rebuild"), "doctor", "list"):
        name, *options = [words] if isinstance(words, str) else words
        done = program(name, impure.name, *options)
        assert done.returncode == 0, done.stderr
        assert "declared pure, and not" in done.stdout
        assert "tests.purity.operations/counted, version 3; 1 call" in done.stdout
        assert "two values at .numbers[1]: first " in done.stdout
        assert all(cells(line) <= 80 for line in done.stdout.splitlines())

    why = program("why", impure.name, "Bench.counted").stdout
    assert "the same call also gave, at 4: " in why
    assert "(made again, as its operation is declared pure)" in " ".join(why.split())
    assert "impure     " in program("log", impure.name).stdout


def test_as_json_too(impure: Path, program: Program) -> None:
    for words in ("list", "doctor"):
        (found,) = json.loads(program(words, impure.name, "--json").stdout)["impure"]
        assert (found["operation"], found["declared_pure"]) == ("tests.purity.operations/counted", True)
        assert found["seen"][0]["place"][1:] == ["counted", ""]


def test_it_travels_with_an_export(impure: Path, program: Program) -> None:
    assert program("export", impure.name, "bench.ndjson").returncode == 0
    assert program("import", "bench.ndjson", "other.weft").returncode == 0

    listed = json.loads(program("list", "other.weft", "--json").stdout)["impure"]
    assert listed == json.loads(program("list", impure.name, "--json").stdout)["impure"]


def test_other_commands_read_a_log_that_holds_it(impure: Path, program: Program) -> None:
    for words in (("diff", "0", "4"), ("log", "--node", "Bench.counted"), ("plan",), ("show", "Bench")):
        name, *arguments = words
        done = program(name, impure.name, *arguments)
        assert (done.returncode, "impure" in done.stdout) == (0, False), done.stderr
