"""The page of laws: each law is there, and what it names is: every test, and every mutant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.mutants import ROOT, declared

PAGE = ROOT / "docs" / "reference" / "laws.md"
WANTED = [
    *(f"L{number}" for number in range(1, 19)),
    *(f"I{number}" for number in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15)),
]
MUTANTS = {each.name for each in declared(ROOT / "tests" / "mutants")}
ROW = re.compile(r"\| ([LI]\d+) \| (.+) \| (.+) \| (.+) \|")


def rows() -> dict[str, tuple[str, list[str], list[str]]]:
    """Each law: what it says, its tests, its mutants."""
    found: dict[str, tuple[str, list[str], list[str]]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if row := ROW.fullmatch(line):
            law, says, tests, mutants = row.groups()
            assert law not in found, f"{law} is there twice"
            found[law] = (says, re.findall(r"`([^`]+)`", tests), re.findall(r"\*([^*]+)\*", mutants))
    return found


def test_each_law_is_there_once_in_order() -> None:
    assert list(rows()) == WANTED


@pytest.mark.parametrize("law", WANTED)
def test_what_a_law_names_exists(law: str) -> None:
    says, tests, mutants = rows()[law]

    assert says.endswith(".")
    assert tests, f"no test guards {law}"
    assert mutants, f"nothing shows that the tests of {law} would notice"
    assert [each for each in tests if not exists(each)] == []
    assert [each for each in mutants if each not in MUTANTS] == []


def exists(test: str) -> bool:
    """Whether a test is declared in its file: a function, or a machine of hypothesis by the name that pytest knows."""
    path, _, name = test.partition("::")
    file = ROOT / Path(path)
    if not file.is_file() or not file.name.startswith("test_"):
        return False
    return (
        not name
        or re.search(rf"^(?:def {name}\(|class {name}\b|{name} = )", file.read_text(encoding="utf-8"), re.MULTILINE)
        is not None
    )


@pytest.mark.parametrize(
    "wrong", ["tests/no/test_such.py", "tests/test_laws_page.py::test_no_such", "tests/conftest.py::test_each"]
)
def test_a_test_that_is_not_there_would_be_missed(wrong: str) -> None:
    assert not exists(wrong)
