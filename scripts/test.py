"""All tests: by kind, two kinds at a time, and the core's tests on the newest other Python too.

With WEFT_REQUIRE=all nothing may be left out: a missing service, browser or Python is a failure that names it.
Prints the version of each real part that the tests use, each part's time, and as its last line how many passed.
Invariant: exits with 0 only if every part passed and at least one test ran.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from scripts.parts import ROOT, Outcome, Part, print_failures, print_times, run_parts
from scripts.pythons import Found, newest_other

SMALL = ("cbrrr", "msgspec", "click", "httpx", "loro", "starlette", "uvicorn", "websockets", "python-socketio")
VISION = ("rapidocr", "onnxruntime", "opencv-python-headless", "pillow", "numpy")
REAL = SMALL + VISION
"""Packages whose real code the tests run, instead of a stand-in."""
PROGRAMS = (("chromium", "--version"), ("node", "--version"), ("dovecot", "--version"))
"""Programs that the tests run, and how each says its version."""
NO_TESTS = frozenset({5})
"""What pytest exits with where no test has the mark: no failure, but for the core."""
CORE = "not vision and not slow and not kill and not browser"
SEEDS = 5000
"""How many simulated stories are told; `scripts.simulate` tells as many as one likes."""
MUTANT_PARTS = 4
DOCS = "tests/test_docs.py"
"""The examples of the documents, which take a while: in CI `make check` has run them just before."""
MARKED = {
    "kill": "kill",
    "vision": "vision and not kill",
    "slow": "slow and not vision and not kill and not browser",
    "browser": "browser and not vision and not kill",
}


def main(arguments: Sequence[str]) -> int:
    """Run everything; with arguments, `pytest` with them, on this Python alone. Returns 0 if all passed."""
    if arguments:
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode
    print_versions()
    with tempfile.TemporaryDirectory(prefix="weft-test-") as folder:
        reports = Path(folder)
        newest, missing = _newest(reports)
        outcomes = run_parts([*newest, _core(reports), *_marked(reports), *_simulated(), *_mutants()])
        print_coverage(reports)
        counts = _counts(reports)
    print()
    print_times(outcomes)
    print_failures(outcomes)
    if missing:
        print(f"\nnot run: the core's tests on a second Python. {missing}")
    return _verdict(outcomes, counts, missing=bool(missing) and is_required())


def is_required() -> bool:
    """Whether everything optional is demanded, as it is in CI."""
    return os.environ.get("WEFT_REQUIRE") == "all"


def print_versions() -> None:
    """One line: Python, SQLite and every real package."""
    found = [f"Python {sys.version.split()[0]}", f"SQLite {sqlite3.sqlite_version}"]
    for name in REAL:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} (not installed)")
    found += [_program(*command) for command in PROGRAMS]
    print("with " + ", ".join(found), flush=True)


def _program(*command: str) -> str:
    path = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        return f"{command[0]} (not installed)"
    said = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False).stdout.split()
    return f"{command[0]} {next((word for word in said if word.strip('v')[:1].isdigit()), '?')}"


def print_coverage(reports: Path) -> None:
    """Which lines the core's tests alone reach, where it was measured."""
    measured = reports / "coverage"
    if measured.exists():
        report = [sys.executable, "-m", "coverage", "report", f"--data-file={measured}", "--sort=cover"]
        lines = subprocess.run(report, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
        print("\n── coverage by the core's tests, the least covered modules first")
        print("\n".join([*lines[:12], *lines[-3:]]))


def _core(reports: Path) -> Part:
    return Part("tests: core", (sys.executable, *_pytest(reports, "core", CORE)))


def _marked(reports: Path) -> list[Part]:
    return [
        Part(f"tests: {kind}", (sys.executable, *_pytest(reports, kind, mark)), may_exit=NO_TESTS)
        for kind, mark in MARKED.items()
    ]


def _simulated() -> list[Part]:
    """The stories of 5,000 seeds, in halves that can run side by side."""
    command = (sys.executable, "-m", "scripts.simulate", "--seeds", str(SEEDS // 2), "--every-point")
    return [Part(f"simulated: from {first}", (*command, "--first", str(first))) for first in (0, SEEDS // 2)]


def _mutants() -> list[Part]:
    """The mutants in parts that can run side by side; that their tests pass on the code as it is, the others show."""
    command = (sys.executable, "-m", "scripts.mutants", "--short", "--part")
    names = [f"{part}/{MUTANT_PARTS}" for part in range(1, MUTANT_PARTS + 1)]
    return [Part(f"mutants: {name}", (*command, name)) for name in names]


def _newest(reports: Path) -> tuple[list[Part], str]:
    """The part for the newest other Python, or none and why."""
    here = (sys.version_info.major, sys.version_info.minor)
    other = newest_other(here)
    if other is not None and other.version > here:
        return [_on(other, reports)], ""
    found = f"the newest other Python found is {other.version[0]}.{other.version[1]}" if other else "no other was found"
    return [], f"This is Python {here[0]}.{here[1]}, and {found}; install a newer one, on the path or by pyenv."


def _on(other: Found, reports: Path) -> Part:
    # Setting its environment up belongs to the part, so that it goes on beside the other tests.
    name = f"{other.version[0]}.{other.version[1]}"
    environment = f".venv-{name}"
    make = f"make -s {environment}/has-core NEWEST={environment} NEWEST_PYTHON='{other.path}'"
    # What is reached is measured here alone, as Python tells of lines at little cost only since 3.12.
    measured = ("-m", "coverage", "run", f"--data-file={reports / 'coverage'}") if os.environ.get("CI") else ()
    run = " ".join(f"'{word}'" for word in (*measured, *_pytest(reports, name, CORE)))
    python = f"{environment}/bin/python"
    return Part(f"tests: core on {name}", ("sh", "-ec", f"{make}\n{python} -V\nexec {python} {run}"))


def _pytest(reports: Path, name: str, mark: str) -> tuple[str, ...]:
    always = ("-m", "pytest", "-q", "--durations=5", "--continue-on-collection-errors")
    checked = (f"--ignore={DOCS}",) if os.environ.get("CI") else ()
    return (*always, *checked, f"--junit-xml={reports / name}.xml", "-m", mark)


def _counts(reports: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    for report in reports.glob("*.xml"):
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            ran, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            counts.update(passed=ran - skipped - failed, failed=failed, skipped=skipped)
    return counts


def _verdict(outcomes: Sequence[Outcome], counts: Counter[str], *, missing: bool) -> int:
    # A part can fail without a failed test (it was ended at its limit, a mutant went free): that counts as one.
    failed = max(counts["failed"], sum(not each.passed for each in outcomes)) + missing + (counts["passed"] == 0)
    print(f"\n{counts['passed']} passed, {failed} failed, {counts['skipped']} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
