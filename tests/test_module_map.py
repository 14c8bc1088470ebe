"""The page of modules is what the sources and the contract say, and it can be written wherever the sources are."""

from __future__ import annotations

import pytest

from scripts.module_map import (
    CONTRACT,
    PAGE,
    Layer,
    Row,
    Unplaced,
    described,
    drawing,
    layers,
    modules_page,
    sizes_on,
    without_sizes,
)
from scripts.size import PACKAGE, Module, measure

SIZE_MAY_DIFFER = 40
"""By how many lines, or by a quarter, a size may be off before the page has to be written anew."""


def test_the_page_of_modules_is_that_of_today() -> None:
    anew = without_sizes(modules_page())

    assert without_sizes(PAGE.read_text(encoding="utf-8")) == anew, "write it anew: python -m scripts.module_map"


def test_sizes_on_the_page_are_about_right() -> None:
    said = sizes_on(PAGE.read_text(encoding="utf-8"))
    true = {module.name.removeprefix("weft."): module.lines for module in measure(PACKAGE)}

    assert said.keys() == true.keys()
    off = [name for name, lines in true.items() if abs(lines - said[name]) > max(SIZE_MAY_DIFFER, lines // 4)]
    assert off == [], "write it anew: python -m scripts.module_map"


def test_layers_are_those_of_the_contract_with_the_comments_that_they_stand_below() -> None:
    read = layers(CONTRACT.read_text(encoding="utf-8"))

    assert read[0] == Layer("programs", "(__main__)")
    assert [layer.heading for layer in read if "engine" in layer.names] == ["the engine"]
    assert {"services", "stores", "runners"} <= set(next(layer.names for layer in read if "stores" in layer.names))


def test_a_contract_that_is_written_otherwise_is_refused() -> None:
    contract = '[[tool.importlinter.contracts]]\nlayers = [\n    "(a)", "(b)",\n]\n'

    with pytest.raises(Unplaced, match="not written one a line"):
        layers(contract)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A pump.\n\nKnows nothing of files, or\nof users. Invariant: none.", ("A pump.", "files, or of users")),
        ("A suite.\n\nKnows only a\nport: no insides.\nMore.", ("A suite.", "anything but a port: no insides")),
        ("Text.\n\nRefuses to know what it means.", ("Text.", "what it means")),
        ("Two.\n\nKnows nothing of a | b.", ("Two.", "a \\| b")),
    ],
)  # fmt: skip
def test_what_a_module_is_and_does_not_know_is_read_from_its_docstring(text: str, told: tuple[str, str]) -> None:
    assert described(f'"""{text}\n"""\n\nx = 1\n', "weft.pump") == told


@pytest.mark.parametrize("source", ["x = 1\n", '"""A pump.\n\nInvariant: none.\n"""\n\nx = 1\n'])
def test_a_module_that_does_not_say_what_it_knows_nothing_of_is_named(source: str) -> None:
    with pytest.raises(Unplaced, match=r"weft\.pump: its docstring should say"):
        described(source, "weft.pump")


def test_the_drawing_marks_what_is_imported_and_what_is_imported_against_the_order() -> None:
    rows = [
        Row("", ("cli",), package=True),
        Row("", ("space", "desk"), package=False),
        Row("", ("slot",), package=False),
    ]
    modules = [
        Module("weft.cli.run", 1, (), frozenset({"weft.space"}), frozenset({"weft.space"})),
        Module("weft.desk", 1, (), frozenset({"weft.slot"}), frozenset({"weft.slot", "weft.space", "weft.cli"})),
        Module("weft.slot", 1, (), frozenset(), frozenset()),
    ]

    assert [line.split() for line in drawing(rows, modules)] == [
        ["a", "b", "c"],
        ["a", "cli/", "\\", "x", "·"],
        ["b", "space", "desk", "o", "\\", "x"],
        ["c", "slot", "\\"],
    ]
