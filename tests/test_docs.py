"""Every example of the documentation does what the page says.

A page is played from top to bottom in an empty folder. ```python blocks are one script, up to the next ```console
block, which sees the files that were left. A ```text block right after a ```python block is what it prints. Before a
block may stand `<!-- file: name -->` (the block is written to that file, not run), `<!-- not run: reason -->` (it
is listed as skipped) or `<!-- needs: extra -->` (it is left out where that extra is not installed). In ```console,
lines after `$ ` are commands, `# exits N` says with what (0 where nothing is said), the lines below are the output,
where `…` stands for the rest of a line and `…` alone for any lines; no lines: any output.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / "docs" / "reference" / "generated"
PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if MADE not in path.parents and "_build" not in path.parts
]
FENCE = re.compile(
    r"(?:^<!-- (?P<mark>file|not run|needs): (?P<said>[^\n]*?) -->\n)?^```(?P<kind>\w+)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
EXITS = re.compile(r"#\s*exits (\d+)\s*$")
BETWEEN = "\x1fblock "
LIMIT_S = 300
MODULE_OF = {"vision": "rapidocr", "models": "httpx", "text": "loro", "schedules": "cronsim"}
"""What to look for, to know whether an extra is installed."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, where it stands, and what the comment before it says."""

    kind: str
    text: str
    line: int
    mark: str | None
    said: str
    follows: bool


def blocks(page: str) -> list[Block]:
    """The page's fenced blocks that have a language; `follows`: only blank lines part it from the one before."""
    content = (ROOT / page).read_text(encoding="utf-8")
    found, end = [], 0
    for match in FENCE.finditer(content):
        line = content.count("\n", 0, match.start("kind")) + 1
        follows = end > 0 and not content[end : match.start()].strip()
        found.append(Block(match["kind"], match["text"], line, match["mark"], match["said"] or "", follows))
        end = match.end()
    return found


def environment() -> dict[str, str]:
    """Where this Python's commands come first, and nothing of the person who runs the tests is read. Nothing compiled
    is kept: pages change their files quicker than a compiled file can tell."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEFT_", "OPENAI_"))}
    commands = str(Path(sys.executable).parent)
    path = commands + os.pathsep + kept.get("PATH", "")
    return {**kept, "PATH": path, "PYTHONUTF8": "1", "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1"}


def pattern(expected: str) -> re.Pattern[str]:
    """What an output must match in full: `…` within a line stands for its rest, alone for any lines."""
    parts = []
    for line in expected.strip("\n").splitlines():
        anything = line.strip() == "…"
        parts.append(r"(?:.*\n)*?" if anything else re.escape(line.rstrip()).replace("…", "[^\n]*") + r"[ \t]*\n")
    return re.compile("".join(parts))


def assert_printed(printed: str, expected: str, where: str) -> None:
    """The output is what the page says it is."""
    if not pattern(expected).fullmatch(printed.strip("\n") + "\n"):
        pytest.fail(f"{where} says it prints\n{expected}\nbut it printed\n{printed}", pytrace=False)


def run_scripts(page: str, scripts: list[tuple[Block, str | None]], folder: Path) -> None:
    """Run consecutive python blocks as one file, as their reader would; compare what each printed."""
    source = "".join(f"print({BETWEEN + str(block.line)!r})\n{block.text}\n" for block, _ in scripts)
    script = folder / f"page_{scripts[0][0].line}.py"
    script.write_text(source, encoding="utf-8")
    done = run([sys.executable, script.name], folder)
    if done.returncode != 0:
        pytest.fail(f"{page}:{scripts[0][0].line}: the script stops\n{done.stdout}\n{done.stderr}", pytrace=False)
    printed = {int(each.partition("\n")[0]): each.partition("\n")[2] for each in done.stdout.split(BETWEEN)[1:]}
    for block, expected in scripts:
        if expected is not None:
            assert_printed(printed[block.line], expected, f"{page}:{block.line}")


def run_console(page: str, block: Block, folder: Path) -> None:
    """Run the block's commands in order; compare what each printed and how it exited."""
    for command in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, expected = command.partition("\n")
        done = run(["sh", "-c", line], folder, together=True)
        exits = EXITS.search(line)
        wanted = int(exits[1]) if exits else 0
        where = f"{page}:{block.line}: `{line}`"
        if done.returncode != wanted:
            pytest.fail(f"{where} exits with {done.returncode}, not {wanted}\n{done.stdout}", pytrace=False)
        if expected.strip():
            assert_printed(done.stdout, expected, where)


def run(command: list[str], folder: Path, *, together: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal; with both of its outputs in one where they are shown together."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if together else subprocess.PIPE,
        text=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
    )


def has_extra(block: Block) -> bool:
    """Whether the extra that a block needs, if any, is installed."""
    return block.mark != "needs" or importlib.util.find_spec(MODULE_OF[block.said]) is not None


def steps(page: str) -> Iterator[list[tuple[Block, str | None]] | Block]:
    """What to do in order: scripts (blocks with the output that the page shows), files, consoles."""
    found, scripts = blocks(page), list[tuple[Block, str | None]]()
    for place, block in enumerate(found):
        if block.mark == "not run" or not has_extra(block):
            continue
        if block.kind not in ("python", "console") and block.mark != "file":
            continue
        if block.kind == "python" and block.mark != "file":
            shown = [each.text for each in found[place + 1 : place + 2] if each.kind == "text" and each.follows]
            scripts.append((block, shown[0] if shown else None))
            continue
        if scripts and block.kind == "console":
            yield scripts
            scripts = []
        yield block
    if scripts:
        yield scripts


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_do_what_it_says(page: str, tmp_path: Path) -> None:
    for step in steps(page):
        if isinstance(step, list):
            run_scripts(page, step, tmp_path)
        elif step.mark == "file":
            (tmp_path / step.said).write_text(step.text, encoding="utf-8")
        else:
            run_console(page, step, tmp_path)


@pytest.mark.parametrize(
    ("where", "reason"),
    [(f"{page}:{block.line}", block.said) for page in PAGES for block in blocks(page) if block.mark == "not run"],
)
def test_an_example_that_is_not_run_says_why(where: str, reason: str) -> None:
    assert len(reason.split()) > 1, f"{where} is not run and does not say why"

    pytest.skip(f"not run, {reason}")


def test_a_page_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    right = Block("console", "$ echo one two\none …\n$ exit 3  # exits 3\n", 1, None, "", follows=False)
    run_console("right", right, tmp_path)

    for text in ("$ echo one two\ntwo …\n", "$ exit 3\n", "$ printf 'a\\nb\\n'\na\n"):
        with pytest.raises(pytest.fail.Exception):
            run_console("wrong", Block("console", text, 1, None, "", follows=False), tmp_path)
    with pytest.raises(pytest.fail.Exception):
        run_scripts("wrong", [(Block("python", "print(1)\n", 1, None, "", follows=False), "2\n")], tmp_path)


def modules() -> list[str]:
    """Every module of the package but those that run when they are imported."""
    import weft

    found = pkgutil.walk_packages(weft.__path__, "weft.")
    return ["weft", *(module.name for module in found if not module.name.endswith("__main__"))]


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_are_right(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("weft"):
            raise
        pytest.skip(f"{name} needs {missing.name}")

    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)

    assert failed == 0
