"""The page that leads through the core names what is there: modules, classes, functions, rows and tests.

Sources are read, not imported, so a name counts as there whatever is installed. A name is `module`, `Class`,
`module.name` or `Class.member`; a module may be named by the end of its full name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from scripts.parts import ROOT
from scripts.size import PACKAGE

PAGE = ROOT / "docs" / "design" / "one-edit.md"
NOT_NAMES = frozenset({"base", "once=", "reused", "tests/mutants/core.toml"})
"""What the page writes as code that is no name of the sources: words of the log, arguments, other files."""
FENCED = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
DRAWN = re.compile(r"\b[A-Z]\w+\.\w+")


def names_on(page: str) -> list[str]:
    """Everything that the page writes as code in its text, and the methods that its drawings name."""
    drawings = [found["text"] for found in FENCED.finditer(page) if found["kind"] == "text"]
    inline = re.findall(r"`([^`\n]+)`", FENCED.sub("", page))
    return [*inline, *(name for drawing in drawings for name in DRAWN.findall(drawing))]


def names_of(package: Path) -> frozenset[str]:
    """Every name by which a page may speak of something in a package."""
    return frozenset(name for path in package.rglob("*.py") for name in _names_in(package, path))


def _names_in(package: Path, path: Path) -> Iterator[str]:
    parts = list(path.relative_to(package).with_suffix("").parts)
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    endings = [".".join(parts[first:]) for first in range(len(parts))]
    yield from endings
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for name in _defined(tree.body):
        yield from (f"{module}.{name}" for module in endings)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
            yield from (f"{node.name}.{member}" for member in (*_defined(node.body), *_kept_by(node)))


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _kept_by(kind: ast.ClassDef) -> Iterator[str]:
    """What a class's methods assign to `self`."""
    for node in ast.walk(kind):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            yield from [node.attr] * (node.value.id == "self")


def test_what_the_page_names_is_there() -> None:
    named = set(names_on(PAGE.read_text(encoding="utf-8"))) - NOT_NAMES
    files = {name for name in named if name.startswith("tests/")}

    assert sorted(name for name in files if not (ROOT / name).is_file()) == []
    assert sorted(named - files - names_of(PACKAGE)) == []


def test_what_is_no_name_is_on_the_page() -> None:
    assert NOT_NAMES - set(names_on(PAGE.read_text(encoding="utf-8"))) == set()


def test_names_are_found_in_text_and_drawings_and_a_wrong_one_is_noticed(tmp_path: Path) -> None:
    page = "`pump.Pump` calls `Pump.turn`\n\n```text\n Pump.gone ──▶ x\n```\n\n```python\nPump.not_looked_at\n```\n"
    (tmp_path / "deep").mkdir()
    source = "LIMIT = 1\n\nclass Pump:\n    def turn(self):\n        self.turns = 1\n\ndef ring(): ...\n"
    (tmp_path / "deep" / "pump.py").write_text(source, encoding="utf-8")

    names = names_of(tmp_path)

    assert names_on(page) == ["pump.Pump", "Pump.turn", "Pump.gone"]
    assert {"pump", "deep.pump", "pump.LIMIT", "pump.ring", "deep.pump.ring", "Pump.turn", "Pump.turns"} <= names
    assert "Pump.gone" not in names and "pump.turn" not in names
