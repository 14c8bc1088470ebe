"""What the checkers accept and refuse: stories pass, and of the wrong lines exactly the numbered ones are refused."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.conftest import missing_part
from tests.typing.sources import numbered as numbered_lines

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
SHARED = ROOT.parent / "shared" / "api"
CACHE = f"stories-{sys.version_info.minor}"
"""Of this Python's own: another one may run these tests at the same time."""
LIMIT_S = 280
"""A checker that is silent for so long says nothing any more: then the test that asked it is named."""
STORIES = ("kitchen.py", "station.py", "families.py")
SHARED_STORIES = ("bookshelf.py", "assistant.py", "post.py")

Refusals: TypeAlias = dict[str, dict[int, list[str]]]
"""By file name, by line: what a checker says there."""
Checker: TypeAlias = Callable[[Sequence[Path], Path], Refusals]


def mypy(files: Sequence[Path], scratch: Path) -> Refusals:
    config = scratch / "mypy.ini"
    config.write_text(
        "[mypy]\nstrict = true\nexplicit_package_bases = true\nnamespace_packages = true\n"
        f"mypy_path = {ROOT / 'src'}:{ROOT}\ncache_dir = {ROOT / '.mypy_cache' / CACHE}\n"
        "enable_error_code = deprecated\ndisable_error_code = empty-body\npython_version = 3.11\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), "--output", "json", *map(str, files)]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return _gathered([(one["file"], one["line"], one["message"]) for one in said if one["severity"] == "error"])


def basedpyright(files: Sequence[Path], scratch: Path) -> Refusals:
    config = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "extraPaths": [str(ROOT / "src"), str(ROOT), str(SHARED)],
        "include": [str(file) for file in files],
        "reportReturnType": False,  # sketches have bodies that do nothing
    }
    (scratch / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "basedpyright", "--project", str(scratch), "--outputjson"]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said = json.loads(done.stdout)["generalDiagnostics"]
    return _gathered([(one["file"], one["range"]["start"]["line"] + 1, one["message"]) for one in said])


def _gathered(said: list[tuple[str, int, str]]) -> Refusals:
    found: Refusals = {}
    for file, line, message in said:
        found.setdefault(Path(file).name, {}).setdefault(line, []).append(message)
    return found


def numbered(file: Path) -> dict[int, int]:
    """The wrong lines of a file: line to number."""
    return numbered_lines(file.read_text(encoding="utf-8"))


def refused_numbers(file: Path, refused: Refusals) -> list[int | str]:
    """The numbers of what was refused in a file; where a line has none, the line and what was said.

    What is wrong with a method may be said at its decorator, and is one with it.
    """
    numbers = numbered(file)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno in numbers:
            numbers |= {one.lineno: numbers[node.lineno] for one in node.decorator_list}
    said = refused.get(file.name, {})
    return sorted({numbers.get(line, f"{line}: {said[line]}") for line in said}, key=lambda one: (str(type(one)), one))


def checked(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(name, [mypy, basedpyright], ids=lambda checker: checker.__name__)


@checked("checker")
def test_stories_pass_and_exactly_the_numbered_lines_are_refused(checker: Checker, tmp_path: Path) -> None:
    wrong, forgotten = HERE / "wrong.py", HERE / "refused_inputs.py"

    refused = checker([*(HERE / name for name in STORIES), wrong, forgotten], tmp_path)

    assert {name: refused.get(name, {}) for name in STORIES} == {name: {} for name in STORIES}
    for file in (wrong, forgotten):
        assert refused_numbers(file, refused) == list(numbered(file).values())
    assert all("an input is missing" in " ".join(messages) for messages in refused[forgotten.name].values())


@checked("checker")
def test_the_stories_and_wrong_lines_kept_beside_the_checkout_hold_too(checker: Checker, tmp_path: Path) -> None:
    if not SHARED.is_dir():
        missing_part("shared", f"{SHARED} is not there")
    # A sketch of the package may stand beside them; only the package itself has this name.
    probe = tmp_path / "probe.py"
    probe.write_text("from weft import WeftError as WeftError\n", encoding="utf-8")

    refused = checker([*(SHARED / name for name in SHARED_STORIES), SHARED / "wrong.py", probe], tmp_path)

    accepted = (*SHARED_STORIES, "probe.py")
    assert {name: refused.get(name, {}) for name in accepted} == {name: {} for name in accepted}
    assert refused_numbers(SHARED / "wrong.py", refused) == list(range(1, 23))


def test_wrong_lines_are_numbered_in_order() -> None:
    for name in ("wrong.py", "refused_inputs.py"):
        numbers = list(numbered(HERE / name).values())
        assert numbers == list(range(1, len(numbers) + 1))
