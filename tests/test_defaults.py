"""The table of defaults is what the code has, whole, and none is there without a word on what it is for."""

from __future__ import annotations

import ast

import pytest

from scripts import defaults
from scripts.defaults import NOT_DEFAULTS, PAGE, TEXTS, Unsaid, defaults_page, value_text


@pytest.mark.vision  # every module is loaded, those that read pictures too
def test_the_table_of_defaults_is_that_of_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == defaults_page(), "write it anew: python -m scripts.defaults"


@pytest.mark.vision  # every module is loaded, those that read pictures too
def test_what_is_said_here_of_constants_is_said_of_some_that_are_there() -> None:
    listed = {f"{each.place}.{each.name}" for each in defaults.defaults()}

    assert sorted(TEXTS.keys() - listed) == []
    assert NOT_DEFAULTS & listed == set()


def test_a_constant_that_nobody_says_the_purpose_of_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "TEXTS", {})

    with pytest.raises(Unsaid, match="say what it is for in a docstring below it"):
        defaults_page()


def test_constants_are_found_with_their_docstrings() -> None:
    source = 'A_S = 1.0\n"""How\nlong."""\n_B = 2\nc = 3\nD: int = 4\nprint(5)\n'

    assert list(defaults._named(ast.parse(source))) == [("A_S", "How long."), ("D", "")]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("INLINE_BYTES_MAX", 64 << 10, "64 KiB"),
        ("FRAME_BYTES_MAX", (64 << 20) + (64 << 10), "65,600 KiB"),
        ("LINE_BYTES", 100, "100 B"),
        ("POLL_S", 0.02, "0.02 s"),
        ("delay_s_max", 60.0, "60 s"),
        ("RESULTS_MAX", 1024, "1,024"),
        ("factor", 2.0, "2"),
    ],
)
def test_values_are_written_with_their_units(name: str, value: float, text: str) -> None:
    assert value_text(name, value) == text
