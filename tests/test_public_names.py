"""The public names: few, pinned, each where its checkers' import says, and cheap until used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import weft

PACKAGE = Path(weft.__file__).parent
PINNED = [
    "Absent",
    "Blob",
    "Budget",
    "BudgetSpent",
    "Debounce",
    "Derived",
    "Effect",
    "Entity",
    "Failed",
    "Field",
    "Flow",
    "Node",
    "NodeFailed",
    "NotFired",
    "Ref",
    "Retry",
    "Run",
    "Running",
    "Secret",
    "Settled",
    "Space",
    "State",
    "Transition",
    "Value",
    "WaitTimeout",
    "WeftError",
    "choose",
    "counter",
    "derive",
    "element",
    "entries",
    "field",
    "fold",
    "items",
    "on",
    "op",
    "open",
    "ref",
    "text",
]


def test_the_public_names_are_these_and_no_more_than_forty() -> None:
    assert weft.__all__ == PINNED
    assert len(PINNED) <= 40


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in weft.__all__:
        assert getattr(weft, name).__doc__ or name == "State", name


def test_names_come_from_where_their_checkers_are_told() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    told = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__" and (node.module or "").startswith("weft.")
        for alias in node.names
    }

    assert told == weft._HOME
    assert sorted(told) == sorted(weft.__all__)


def test_no_module_has_the_name_of_a_public_one() -> None:
    # Importing the module would put it in the name's place.
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}

    assert modules & set(weft.__all__) == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(weft, "nonsense")
    assert {"derive", "open"} <= set(dir(weft))


def test_importing_the_package_loads_none_of_its_modules() -> None:
    source = "import sys, weft; print(sorted(name for name in sys.modules if name.startswith('weft.')))"

    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_declaring_types_loads_nothing_of_what_a_space_is_made_of() -> None:
    source = """
import sys
from weft import Entity, derive, field, items, open
print(sorted({"weft.engine", "weft.space", "weft.pump", "weft.stores.sqlite", "logging"} & set(sys.modules)))
"""

    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
