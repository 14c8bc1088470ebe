"""The project keeps to what it says of itself: dependencies, versions, words, and the tools that check it."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import weft
from scripts.mutants import BadMutant, Copy, Mutant, declared, environment_of, mutated
from scripts.size import PACKAGE, cycles, measure

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VAGUE = re.compile(r"(^|_)(data|info|manager|helper|helpers|util|utils|misc|common)($|_)")


def tracked() -> list[Path]:
    """The files of the project, as git knows them, or all where there is no git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() or [str(path) for path in ROOT.rglob("*") if ".venv" not in str(path)]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_the_core_depends_on_four_packages() -> None:
    assert PROJECT["dependencies"] == ["cbrrr", "msgspec", "click", "typing_extensions"]


def test_every_dependency_is_pinned_by_version_alone() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    named = [*PROJECT["dependencies"], *(name for extra in PROJECT["optional-dependencies"].values() for name in extra)]

    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", pin) for pin in pins)
    pinned = {normal(pin.partition("==")[0]) for pin in pins}
    assert [name for name in named if not name.startswith("weft[") and normal(name) not in pinned] == []


def test_no_file_names_where_packages_come_from_or_a_folder_of_one_machine() -> None:
    # Each pattern is written so that it does not match itself.
    forbidden = [re.compile(word) for word in ("pypi[.]org", "index[-]url", "registry[.]npmjs", "[/]root/", "[/]work/")]
    suffixes = {".py", ".md", ".toml", ".txt", ".cfg", ".json", ""}

    for path in tracked():
        if path.suffix in suffixes and path.name != "LICENSE":
            text = path.read_text(encoding="utf-8", errors="replace")
            assert [word.pattern for word in forbidden if word.search(text)] == [], path


def test_what_is_public_is_little_and_documented() -> None:
    names = getattr(weft, "__all__", ())
    undocumented = []

    for name in names:
        value = getattr(weft, name)
        members = {f"{name}.{key}": each for key, each in vars(value).items()} if inspect.isclass(value) else {}
        for place, each in {name: value, **members}.items():
            if (inspect.isfunction(each) or inspect.isclass(each)) and not place.rpartition(".")[2].startswith("_"):
                undocumented += [place] * (not each.__doc__)

    assert len(names) <= 40
    assert undocumented == []


NAMED_BY_OTHERS = frozenset({"data_received"})
"""What asyncio calls a callback that one may have to override."""


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_names_of_modules_classes_and_functions_say_something(path: Path) -> None:
    names = {path.stem}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)

    assert [name for name in sorted(names - NAMED_BY_OTHERS) if VAGUE.search(snake(name))] == []


def test_a_cycle_of_imports_is_found_however_long_it_is() -> None:
    straight = {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset[str](), "d": frozenset({"a"})}

    assert cycles(straight) == []
    assert cycles({**straight, "c": frozenset({"a"})}) == [["a", "b", "c"]]


def test_docstrings_comments_and_blank_lines_are_not_code(tmp_path: Path) -> None:
    module = '"""A module.\n\nMore.\n"""\n\nx = 1  # one\n"""What x is."""\n\n# two\n'
    function = 'def f() -> str:\n    """F."""\n    return """a\nb"""\n'
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text(module + function, encoding="utf-8")

    (measured,) = measure(package)

    assert measured.lines == 4
    assert [(each.lines, each.complexity) for each in measured.functions] == [(3, 1)]


@pytest.mark.parametrize(
    ("failed", "is_unrelated"),
    [
        ("tests/a.py::test_one", True),
        ("tests/a.py::test_one[case]", True),
        ("tests/a.py::test_one_more", False),
        ("tests/b.py::test_one", False),
    ],
)
def test_the_unrelated_test_of_a_mutant_is_known_by_its_whole_id(failed: str, is_unrelated: bool) -> None:
    of_a_test = Mutant("m", "f.py", "old", "new", ("tests/b.py",), "tests/a.py::test_one")
    of_a_file = Mutant("m", "f.py", "old", "new", ("tests/b.py",), "tests/a.py")

    assert of_a_test.is_unrelated(failed) == is_unrelated
    assert of_a_file.is_unrelated(failed) == failed.startswith("tests/a.py")


@pytest.mark.parametrize("source", ["nothing", "twice twice"])
def test_a_mutant_that_does_not_fit_the_code_is_an_error(source: str) -> None:
    mutant = Mutant("m", "f.py", "twice", "once", ("tests",), "tests")

    with pytest.raises(BadMutant):
        mutated(source, mutant)


def test_what_was_compiled_of_one_mutant_is_not_taken_for_another(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    first = first_line_of_errors(copy.source)
    answers = []
    for letter in "abc":
        mutant = Mutant("m", "errors.py", f'"""{first}', f'"""{letter}{first[1:]}', ("tests",), "tests")
        with copy.holding(mutant) as source:
            answers.append(first_line_of_errors(source))

    assert answers == [f"{letter}{first[1:]}" for letter in "abc"]
    assert first_line_of_errors(copy.source) == first


def first_line_of_errors(source: Path) -> str:
    """Of the module's text, as a program says it that runs a copy of the source, and compiles it."""
    command = [sys.executable, "-c", "import weft.errors; print(weft.errors.__doc__.splitlines()[0])"]
    return subprocess.check_output(command, env=environment_of(source), text=True).strip()


def test_every_mutant_fits_the_code_and_has_a_name_of_its_own() -> None:
    mutants = list(declared(ROOT / "tests" / "mutants"))

    for mutant in mutants:
        text = mutated((PACKAGE / mutant.file).read_text(encoding="utf-8"), mutant)
        if mutant.file.endswith(".py"):
            compile(text, mutant.file, "exec")
    assert len({mutant.name for mutant in mutants}) == len(mutants)


def normal(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def snake(name: str) -> str:
    """`SomeName` as `some_name`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
