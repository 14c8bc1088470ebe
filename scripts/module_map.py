"""The page of the design with every module, layer by layer; `python -m scripts.module_map` writes it.

Layers and their headings are those of the import-linter contract in pyproject.toml; what a module is, and what it
knows nothing of, is what its docstring says; sizes and parts are those of `scripts.size`. Sources are read, never
imported, so the page is the same whatever is installed.

Knows nothing of what modules do.
Invariant: every module of the package is on the page once, in the layer that the contract gives it; one whose docstring
does not say what it knows nothing of stops the writing.
"""

from __future__ import annotations

import ast
import re
import string
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from scripts.parts import ROOT
from scripts.size import LINES_MAX, PACKAGE, Module, measure

PAGE = ROOT / "docs" / "design" / "modules.md"
CONTRACT = ROOT / "pyproject.toml"
LABEL_CHARS = 32
"""How wide the names are that stand before a row of the drawing."""
IGNORANCE = re.compile(r"\b(Knows nothing of|Refuses to know|Knows only) (.*?)\.(?=\s|$)")
SIZE = re.compile(r"\| (?:\d+|<10) \|")

HEAD = """# Modules

Every module of Weft, from the ones that programs start to the ones that everything stands on: what each is, and what it
knows nothing of, so that one can be read without the others. Lower ones never import higher ones.
`python -m scripts.module_map` writes this page from the sources and from the contract in `pyproject.toml` that a check
holds the sources to; a test compares. [What one edit does](one-edit.md) leads through those of the core, and a
[decision](../decisions/0023-modules-and-what-they-are-called.md) says why they are these.

*Lines* are lines of code, without comments and docstrings, to the nearest ten. They count to the *engine* (what decides
what is right), to the *timing* (when and where it is computed), to the *flows* (what runs were told, and how they go
on), to the *surface* (what a program holds of a space), to the *language* (what users write, and how that is read), or
are *outside* of these. Limits: {limits}.

## Who imports whom

Each row imports the columns that are marked. A package (`cli/`) has a row of its own; the modules between two packages
share one. All marks are to the right of the diagonal, but for `o`: chosen and imported when a space is opened, so that
`weft.open(path)` needs no further word.
"""


class Layer(NamedTuple):
    """Modules that stand on one level of the contract, as it writes them, and the heading that they stand under."""

    heading: str
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """The modules and packages of it, in the order they are written in."""
        return tuple(re.findall(r"\w+", self.text))


class Row(NamedTuple):
    """A row of the drawing: a package, or the modules between two packages under one heading."""

    heading: str
    names: tuple[str, ...]
    package: bool

    @property
    def label(self) -> str:
        """What stands before it."""
        return f"{self.names[0]}/" if self.package else " ".join(self.names)


class Unplaced(Exception):
    """A module that the page cannot place, or whose docstring does not say what it knows nothing of."""


def layers(contract: str) -> list[Layer]:
    """The contract's layers from top to bottom, each with the comment that it stands below."""
    told = tomllib.loads(contract)["tool"]["importlinter"]["contracts"][0]["layers"]
    found, heading = [], ""
    for line in contract.partition("\nlayers = [\n")[2].partition("\n]")[0].splitlines():
        word = line.strip()
        if word.startswith("#"):
            heading = word.removeprefix("#").strip()
        else:
            found.append(Layer(heading, word.rstrip(",").strip('"')))
    if [each.text for each in found] != told:
        raise Unplaced("the layers in pyproject.toml are not written one a line: this script reads them so")
    return found


def described(source: str, name: str) -> tuple[str, str]:
    """The first line of a module's docstring, and what it knows nothing of ("" for a package, which holds no code)."""
    tree = ast.parse(source)
    text = ast.get_docstring(tree) or ""
    first = " ".join(text.partition("\n\n")[0].split())
    found = IGNORANCE.search(" ".join(text.split()))
    if not first or (found is None and len(tree.body) > 1 and not _is_package(name)):
        raise Unplaced(f"{name}: its docstring should say in a line what it is, and what it knows nothing of")
    if found is None:
        return first, ""
    return first, ("anything but " * (found[1] == "Knows only") + found[2]).replace("|", "\\|")


def modules_page() -> str:
    """The page as it should be."""
    measured = measure(PACKAGE)
    contract = layers(CONTRACT.read_text(encoding="utf-8"))
    below: dict[str, list[Module]] = {}
    for module in measured:
        below.setdefault(_top(module.name), []).append(module)
    unplaced = below.keys() - {name for layer in contract for name in layer.names} - {"weft"}
    if unplaced:
        raise Unplaced(f"{', '.join(sorted(unplaced))}: give it a layer in pyproject.toml")
    limits = ", ".join(f"{part} {most:,}" for part, most in LINES_MAX.items())
    lines = [HEAD.format(limits=limits), "```text", *drawing(_rows(contract, below.keys()), measured), "```", ""]
    lines += _tables(contract, below)
    absent = sorted(name for layer in contract for name in layer.names if name not in below)
    lines.append(f"The contract keeps places for what is not there yet: {', '.join(f'`{name}`' for name in absent)}.")
    return "\n".join(lines) + "\n"


def drawing(rows: list[Row], modules: Iterable[Module]) -> Iterator[str]:
    """One line a row: a letter, its names, and a mark in the column of each row that it imports."""
    number = {name: place for place, row in enumerate(rows) for name in row.names}
    imports = {place: dict[int, bool]() for place in range(len(rows))}
    for module in modules:
        source = number.get(_top(module.name))
        for other in module.mentions if source is not None else ():
            target = number.get(_top(other))
            if source is not None and target is not None and target != source:
                imports[source][target] = imports[source].get(target, False) or other in module.imports
    letters = (string.ascii_lowercase + string.ascii_uppercase + string.digits)[: len(rows)]
    if len(letters) < len(rows):
        raise Unplaced(f"the page names its {len(rows)} rows by a letter each, and has {len(letters)}")
    yield f"{'':{LABEL_CHARS + 2}} {' '.join(letters)}"
    for place, row in enumerate(rows):
        marks = " ".join(_mark(place, other, imports[place]) for other in range(len(rows))).rstrip()
        first, *others = textwrap.wrap(row.label, LABEL_CHARS)
        yield f"{letters[place]} {first:{LABEL_CHARS}} {marks}".rstrip()
        yield from (f"  {more}" for more in others)


def without_sizes(page: str) -> str:
    """The page with no size in it: those change with every change, and are only about right."""
    return SIZE.sub("| |", page)


def sizes_on(page: str) -> dict[str, int]:
    """By module, how many lines the page says that it has."""
    found = re.findall(r"^\| `([\w.]+)` \| \w+ \| (\d+|<10) \|", page, re.MULTILINE)
    return {name: 0 if size == "<10" else int(size) for name, size in found}


def _mark(source: int, target: int, imports: dict[int, bool]) -> str:
    if source == target:
        return "\\"
    if target not in imports:
        return "·" if target > source else " "
    return "x" if target > source else "o"


def _rows(contract: list[Layer], there: Iterable[str]) -> list[Row]:
    rows: list[Row] = []
    present = frozenset(there)
    for layer in contract:
        for name in layer.names:
            if name not in present:
                continue
            if _is_package(f"weft.{name}"):
                rows.append(Row(layer.heading, (name,), package=True))
            elif rows and not rows[-1].package and rows[-1].heading == layer.heading:
                rows[-1] = rows[-1]._replace(names=(*rows[-1].names, name))
            else:
                rows.append(Row(layer.heading, (name,), package=False))
    return rows


def _tables(contract: list[Layer], below: dict[str, list[Module]]) -> Iterator[str]:
    yield from _table("What is imported", below["weft"])
    headings = list(dict.fromkeys(layer.heading for layer in contract))
    for heading in headings:
        names = [name for layer in contract if layer.heading == heading for name in layer.names]
        yield from _table(_capital(heading), [module for name in names for module in below.get(name, ())])


def _table(heading: str, modules: list[Module]) -> Iterator[str]:
    yield f"## {heading}\n"
    yield "| module | part | lines | what it is | it knows nothing of |\n|---|---|---|---|---|"
    for module in modules:
        what, unknown = described(_source(module.name), module.name)
        size = round(module.lines, -1) if module.lines >= 10 else "<10"
        yield f"| `{module.name.removeprefix('weft.')}` | {module.part} | {size} | {what} | {unknown} |"
    yield ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _top(name: str) -> str:
    return (name.split(".")[1:2] or ["weft"])[0]


def _is_package(name: str) -> bool:
    return PACKAGE.parent.joinpath(*name.split(".")).is_dir()


def _source(name: str) -> str:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(modules_page(), encoding="utf-8")
    sys.exit(0)
