"""All checks that run no part of the engine: format, lint, types, layers, dependencies, sizes, documentation.

Invariant: exits with 0 only if each of them passed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.parts import ROOT, Part, print_times, run_parts

TYPED = ("src", "tests", "scripts", "benchmarks", "examples")
"""Folders whose Python is type-checked strictly."""
# Lines that are wrong on purpose, for the checkers to refuse in tests.
WRONG = r"tests/typing/(wrong|refused)"


def parts() -> list[Part]:
    """Every check, the longest first."""
    folders = [name for name in TYPED if any((ROOT / name).rglob("*.py"))]
    return [
        Part("types", (_tool("mypy"), "--exclude", WRONG, *folders)),
        Part(
            "docs",
            (sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html"),
        ),
        Part("docs examples", (*_module("pytest"), "-q", "tests/test_docs.py")),
        Part("format", (_tool("ruff"), "format", "--check", ".")),
        Part("lint", (_tool("ruff"), "check", "--output-format", "concise", ".")),
        Part("layers", (_tool("lint-imports"),)),
        Part("dependencies", (_tool("deptry"), "src")),
        Part("size", _module("scripts.size")),
    ]


def main() -> int:
    """Run them; 0 if all passed."""
    outcomes = run_parts(parts())
    print()
    print_times(outcomes)
    return 0 if all(each.passed for each in outcomes) else 1


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


if __name__ == "__main__":
    sys.exit(main())
