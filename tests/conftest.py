"""What all tests share: how hard hypothesis looks, and what happens where an optional part is missing."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

# A shell that starts a program in the background has it ignore Ctrl-C, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadlines: tests count, they do not time. A shared machine's pauses would else look like failures.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=200,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# Mutants stop at the first catch, and what one found must not be replayed for the next.
settings.register_profile("mutant", settings.get_profile("ci"), report_multiple_bugs=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def is_required(part: str) -> bool:
    """Whether WEFT_REQUIRE (`all`, or names with commas between) demands this part."""
    required = os.environ.get("WEFT_REQUIRE", "").split(",")
    return "all" in required or part in required


# Linux alone shows there who is running and who is stopped. Where that is demanded, what needs it runs, and fails.
NEEDS_PROC = pytest.mark.skipif(
    not Path("/proc/self/task").exists() and not is_required("proc"), reason="needs /proc to see who is running"
)


def missing_part(part: str, why: str) -> None:
    """Skip the test, as `part` is missing; or fail it, where WEFT_REQUIRE demands the part."""
    if is_required(part):
        pytest.fail(f"{part} is required by WEFT_REQUIRE, but {why}", pytrace=False)
    pytest.skip(f"{part}: {why}", allow_module_level=True)


def require_module(name: str) -> ModuleType:
    """The module of an optional package; without it the test is skipped, or fails where it is required."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing_part(name.partition(".")[0], str(error))
        raise


@pytest.fixture
def require_part() -> Callable[[str], ModuleType]:
    """`require_part("rapidocr")`: the module, or a skipped test, or a failed one where WEFT_REQUIRE demands it."""
    return require_module
