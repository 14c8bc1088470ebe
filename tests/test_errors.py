"""Every error has a message that can be filled in, and a test that provokes it by name.

Sources and tests are read, not imported: what is named in a comment, or imported and not used, does not count.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.parts import ROOT
from scripts.size import PACKAGE
from weft.failure import without_credentials

TESTS = ROOT / "tests"
SUITES = PACKAGE / "testing"
"""Conformance suites are tests too, which adapters inherit."""
BASE = "WeftError"


class Declared(NamedTuple):
    """An error class as it is written."""

    name: str
    module: str
    bases: tuple[str, ...]
    message: str
    fields: frozenset[str]


def errors_in(package: Path) -> dict[str, Declared]:
    """Every class below `WeftError` in a package, by name."""
    classes = [found for path in sorted(package.rglob("*.py")) for found in _classes(path)]
    known = {BASE}
    while more := {each.name for each in classes if known.intersection(each.bases)} - known:
        known |= more
    return {each.name: each for each in classes if each.name in known}


def _classes(path: Path) -> Iterator[Declared]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            bases = tuple(ast.unparse(base).split(".")[-1] for base in node.bases)
            fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
            named = frozenset(field.id for field in fields if isinstance(field, ast.Name))
            yield Declared(node.name, str(path), bases, ast.get_docstring(node) or "", named)


def names_in(files: Iterable[Path]) -> set[str]:
    """What tests speak of: names that they use, and words of their texts; no comments, docstrings or bare imports."""
    found: set[str] = set()
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                found.update(re.findall(r"\w+", node.value))
    return found


def test_every_error_is_provoked_by_a_test_that_names_it() -> None:
    files = [path for path in TESTS.rglob("*.py") if path != Path(__file__).resolve()]
    named = names_in([*files, *SUITES.glob("*_suite.py")])

    assert sorted(errors_in(PACKAGE).keys() - named) == [], "provoke each, and say its class: pytest.raises(ThatError)"


def test_every_message_has_the_fields_that_it_speaks_of() -> None:
    errors, wrong = errors_in(PACKAGE), list[str]()

    for error in errors.values():
        fields, pending = set[str](), [error.name]
        while pending:
            found = errors.get(pending.pop())
            if found is not None:
                fields |= found.fields
                pending += found.bases
        spoken = set(re.findall(r"{(\w+)[^{}]*}", error.message))
        wrong += [f"{error.module}: {error.name} has no {field}" for field in sorted(spoken - fields - {"reason"})]
        wrong += [f"{error.module}: {error.name} has no message"] * (not error.message)
    assert wrong == []


def test_no_message_says_what_is_blotted_out_as_a_credential() -> None:
    said = {error.name: " ".join(error.message.split()) for error in errors_in(PACKAGE).values()}

    assert {name: blotted for name, text in said.items() if (blotted := without_credentials(text)) != text} == {}


def test_an_error_that_is_only_talked_about_counts_as_not_named(tmp_path: Path) -> None:
    source = (
        'class Root(WeftError):\n    """No {x}."""\n\n    x: int\n\nclass Leaf(Root, KeyError): ...\nclass Other: ...\n'
    )
    (tmp_path / "errors.py").write_text(source, encoding="utf-8")
    talk = tmp_path / "talk.py"
    talk.write_text('"""Leaf."""\nfrom errors import Leaf  # Leaf\n', encoding="utf-8")
    use = tmp_path / "use.py"
    use.write_text('assert kind == "Root: no 1" or errors.Leaf\n', encoding="utf-8")

    assert {each.name: each.fields for each in errors_in(tmp_path).values()} == {"Root": {"x"}, "Leaf": frozenset()}
    assert {"Root", "Leaf"}.isdisjoint(names_in([talk]))
    assert {"Root", "Leaf"} <= names_in([use])
