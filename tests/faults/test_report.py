"""The command that makes faults: what it takes, and the page that it writes. The faults are told elsewhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scripts import faults
from tests.faults.catalogue import FAULTS
from tests.faults.damage import spread
from tests.faults.fault import ENDED, Absence, Fault, Tally, inflict_often
from tests.kill.recovery import Reference
from tests.kill.scene import Scene
from tests.kill.stops import Points

SCENE = Scene(Reference((), {}), Points(), Path(), [])


def kept(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """Every third seed's program has ended before; seed 4 is a violation."""
    if seed == 4:
        raise LookupError("it was lost")
    return Counter({ENDED if seed % 3 == 0 else "kept": 1})


def test_what_a_case_raises_is_a_violation_with_its_seed() -> None:
    tally = inflict_often(Fault("a test", kept, short=4, long=4, shows=""), SCENE, 4)

    assert tally.came_to == {"kept": 3, ENDED: 2, "violated": 1}
    assert tally.times == 4
    assert [line.partition(" (")[0] for line in tally.violations] == ["seed 4: LookupError: it was lost"]


def test_a_fault_whose_programs_always_end_first_comes_to_an_end() -> None:
    tally = inflict_often(Fault("a test", lambda *_: Counter({ENDED: 1}), short=2, long=2, shows=""), SCENE, 2)

    assert tally.times == 0


def test_a_fault_that_cannot_be_made_is_named_and_counts_nothing() -> None:
    absence = Absence("there are no loop devices", could_be_here=False)

    tally = inflict_often(Fault("a cut", kept, 1, 1, "", absence=lambda: absence), SCENE, 1)

    assert str(tally) == "a cut: not possible here: there are no loop devices"
    assert "| a cut | – | not possible here: there are no loop devices | – |" in faults.report([tally], "c", "`abc`")


def test_the_page_says_command_commit_counts_and_violations() -> None:
    tally = Tally(
        Fault("a kill", kept, 1, 1, "that it is killed"), None, Counter({"kept": 3, ENDED: 1}), ["seed 1: lost"]
    )

    page = faults.report([tally], "python -m scripts.faults", "`abc`")

    assert "| a kill | 3 | 1 had ended, 3 kept | 1 | that it is killed |" in page
    assert "3 faults, 1 violations." in page
    assert "- Command: `python -m scripts.faults`, at commit `abc`" in page
    assert "- Violated, a kill: seed 1: lost" in page


def test_an_unknown_fault_is_refused_and_the_known_ones_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert faults.main(["--only", "meteorite"]) == 2

    said = capsys.readouterr().err
    assert "'meteorite'" in said
    assert all(fault.name in said for fault in FAULTS)


@pytest.mark.parametrize("word", ["0", "-3", "many"])
def test_a_number_of_times_that_is_none_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        faults.main(["--times", word])

    assert ended.value.code == 2
    assert "--times" in capsys.readouterr().err


def test_listing_makes_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert faults.main(["--list", "--only", "KILL"]) == 0

    assert len(capsys.readouterr().out.splitlines()) == sum("kill" in fault.name for fault in FAULTS)


@pytest.mark.parametrize("length", [1, 2, 7, 100, 4120, 65_952])
def test_the_bytes_that_are_damaged_in_turn_are_each_damaged_once(length: int) -> None:
    places = [spread(number, length) for number in range(length)]

    assert sorted(places) == list(range(length))
    first = sorted(places[: max(1, length // 10)])
    assert max(b - a for a, b in zip([0, *first], [*first, length], strict=True)) <= max(30, length // 2)
