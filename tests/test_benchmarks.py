"""The benchmarks tell ratios, and say when a limit is passed. (That they are right is for whoever reads them.)"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from benchmarks.bench_collections import Anew
from benchmarks.case import Case, Limit
from benchmarks.figures import Figures, Sample, measured
from benchmarks.run import found, main, report
from benchmarks.yardsticks import CALL, COMMIT, CONTENT
from benchmarks.yardsticks import GROUP as YARDSTICKS


def always(seconds: float) -> Callable[[], float]:
    return lambda: seconds


def figures(*cases: tuple[str, float]) -> Figures:
    """What these cases took, beside yardsticks of half a second, one and two."""
    beside = {CALL: 0.5, CONTENT: 1.0, COMMIT: 2.0}
    return Figures({name: [Sample(took, beside)] for name, took in cases})


def cases_in(folder: Path, *, large: bool = False) -> list[Case]:
    folder.mkdir()
    cases, _ = found(folder, "", large=large)
    for case in cases:
        case.close()
    return cases


def test_a_case_is_told_as_a_multiple_of_ours_and_of_the_yardsticks() -> None:
    ours = Case("ours", "group", "node", always(4.0), ours=True)
    peer = Case("peer", "group", "node", always(8.0))

    lines = report([ours, peer], figures(("ours", 4.0), ("peer", 8.0)), times=False)

    (row,) = [line for line in lines if "peer" in line]
    assert row.split() == ["peer", "2.00", "×", "ours", "16.0", "A", "8.0", "B", "4.0", "C"]


@pytest.mark.parametrize(("times", "passed"), [(1.9, True), (2.1, False)])
def test_a_limit_that_is_passed_is_printed(times: float, passed: bool) -> None:
    case = Case("ours", "group", "node", always(4.0), ours=True, limit=Limit(times, COMMIT))

    lines = report([case], figures(("ours", 4.0)), times=False)

    assert any(line.startswith("over its limit") for line in lines) is passed


def test_cases_take_turns_and_slow_ones_rest_after_their_rounds() -> None:
    turns: list[str] = []
    ticks = count()

    def turn(name: str) -> Callable[[], float]:
        def measure() -> float:
            turns.append(name)
            return float(next(ticks))

        return measure

    found = measured([Case("a", "g", "u", turn("a")), Case("b", "g", "u", turn("b"), rounds_max=1)], 3)

    assert turns == ["a", "b", "a", "a"]
    assert (found.seconds("a"), found.seconds("b"), found.times("a", "b")) == (2.0, 1.0, 2.0)


def test_a_ratio_says_the_same_however_fast_the_machine_was_at_each_moment() -> None:
    pace = iter([1.0, 1.0, 1.0, 5.0, 5.0, 5.0, 2.0, 2.0, 2.0])
    yardstick = Case("yard", YARDSTICKS, "u", lambda: next(pace))
    case = Case("a", "g", "u", lambda: 3 * next(pace))

    found = measured([yardstick, case], 3)

    assert found.times("a", "yard") == 3
    assert [sample.took for sample in found.samples["yard"]] == [1.0, 5.0, 2.0]


def test_yardsticks_are_measured_behind_what_a_case_needs_first_and_each_time() -> None:
    done: list[str] = []

    def noted(what: str) -> float:
        done.append(what)
        return 1.0

    yardstick = Case("yard", YARDSTICKS, "u", lambda: noted("yard"))
    case = Case("a", "g", "u", lambda: noted("a"), prepare=lambda: done.append("made"))

    measured([yardstick, case], 2)

    assert done == ["yard", "made", "yard", "a", "yard"] * 2


def test_a_first_settling_is_one_of_a_new_space_each_time(tmp_path: Path) -> None:
    anew = Anew(tmp_path / "anew", 12)

    for _ in range(2):
        anew.tell()
        assert anew.settle() > 0
        assert not list(tmp_path.iterdir())
    anew.close()


def test_a_run_of_the_yardsticks_alone_ends(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rounds", "1", "--only", "none of them", "--times"])

    assert COMMIT in capsys.readouterr().out


def test_the_million_and_runs_by_the_hundred_thousand_are_measured_on_demand_alone(tmp_path: Path) -> None:
    def is_large(case: Case) -> bool:
        return any(many in f"{case.group} {case.name}" for many in ("1,000,000", "100,000 runs"))

    usual, large = cases_in(tmp_path / "usual"), cases_in(tmp_path / "large", large=True)

    assert not any(map(is_large, usual))
    assert {case.group for case in large if is_large(case)} == {
        case.group for case in large if case.group != YARDSTICKS
    }
    names = [case.name for case in large]
    assert len(set(names)) == len(names)
    assert {case.limit.of for case in large if case.limit is not None} <= set(names)


def test_a_peer_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redun", None)
    monkeypatch.delitem(sys.modules, "benchmarks.peers.redun_sqlite", raising=False)

    cases, missing = found(tmp_path, "redun")
    for case in cases:
        case.close()

    assert any(each.startswith("redun_sqlite:") for each in missing)
