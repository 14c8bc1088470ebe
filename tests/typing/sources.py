"""Story and wrong-line files as modules: executed as they stand, or with one wrong statement left in.

A file is executed from its own path, so that operations find their source; nothing is written beside it, and no folder
is put on the path, for a sketch of the package may stand beside a story.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType


def executed(file: Path, name: str) -> ModuleType:
    """The module that a file makes, known by `name` to those that are executed after it."""
    module = ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec", dont_inherit=True), module.__dict__)
    return module


def numbered(source: str) -> dict[int, int]:
    """The wrong lines of a source: line to number."""
    marks = {line: re.search(r"# (\d+) ", text) for line, text in enumerate(source.splitlines(), 1)}
    return {line: int(mark[1]) for line, mark in marks.items() if mark is not None}


def with_one_wrong(source: str, number: int) -> str:
    """The source without any wrong statement of its class bodies but one. Lines stay where they are."""
    lines, numbers = source.splitlines(), numbered(source)
    for kind in (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)):
        for statement in kind.body:
            said = {numbers[line] for line in _head(statement) if line in numbers}
            if said and number not in said:
                assert statement.end_lineno is not None
                first = min(_head(statement))
                for line in range(first, statement.end_lineno + 1):
                    lines[line - 1] = ""
    return "\n".join(lines) + "\n"


def _head(statement: ast.stmt) -> Iterable[int]:
    """The lines at which a statement says what it is: of a function its decorators and signature."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        first = min([statement.lineno, *(one.lineno for one in statement.decorator_list)])
        return range(first, statement.body[0].lineno + (statement.body[0].lineno == statement.lineno))
    assert statement.end_lineno is not None
    return range(statement.lineno, statement.end_lineno + 1)


def lines_in_function(source: str, name: str) -> dict[int, ast.stmt]:
    """The numbered statements of a function's body, by number."""
    numbers = numbered(source)
    found: dict[int, ast.stmt] = {}
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef) and function.name == name:
            found |= {numbers[one.lineno]: one for one in function.body if one.lineno in numbers}
    return found
