"""Worker processes: found code, made services, shipped blobs; and nothing hangs or leaks, whatever dies."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from msgspec import structs

from tests.runners import work
from tests.runners.by_hand import HandClock
from tests.until import until
from weft.blob import Blob
from weft.call import Broke, Call, Finished
from weft.content import Cid
from weft.runners.inline import InlineRunner
from weft.runners.processes import ProcessRunner
from weft.testing.runner_suite import HANG_S, LIMIT_S, MIB, Heard, count_and_hang, double, hang, new_call
from weft.value import shape_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def runner() -> Iterator[ProcessRunner]:
    """A runner with one worker, so that calls share it."""
    made = ProcessRunner(1)
    yield made
    made.close()


def outcome(runner: ProcessRunner, call: Call) -> Finished | Broke:
    """The call's outcome."""
    heard = Heard()
    runner.start(call, heard)
    return heard.wait_outcome()


def value(runner: ProcessRunner, call: Call) -> object:
    """The call's value."""
    found = outcome(runner, call)
    assert isinstance(found, Finished), found
    return shape_of(call.operation.returns).decode(found.encoded)


def broke(runner: ProcessRunner, call: Call) -> Broke:
    """How the call broke."""
    found = outcome(runner, call)
    assert isinstance(found, Broke), found
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and is not yet reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def run_script(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of its own, and see what it printed."""
    return subprocess.run(
        [sys.executable, str(path), *arguments], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


# Which worker.


def test_calls_run_in_a_process_that_is_kept(runner: ProcessRunner) -> None:
    first, second = value(runner, new_call(work.pid, 1)), value(runner, new_call(work.pid, 2))

    assert first == second != os.getpid()


def test_no_worker_is_started_before_the_first_call(runner: ProcessRunner) -> None:
    assert runner.worker_pids() == ()


def test_calls_at_one_time_are_shared_out_up_to_the_size() -> None:
    runner, heard = ProcessRunner(2), Heard()
    for _ in range(4):
        runner.start(new_call(hang, 0.3), heard)
    for _ in range(4):
        heard.wait_outcome()

    assert len(runner.worker_pids()) == 2
    runner.close()
    assert runner.worker_pids() == ()


def test_a_worker_that_was_killed_while_idle_is_replaced_without_a_broken_call(runner: ProcessRunner) -> None:
    first = cast("int", value(runner, new_call(work.pid, 1)))
    os.kill(first, signal.SIGKILL)

    assert value(runner, new_call(work.pid, 2)) != first


def test_however_often_idle_workers_are_killed_no_call_breaks(runner: ProcessRunner) -> None:
    for _ in range(10):
        os.kill(cast("int", value(runner, new_call(work.pid, 1))), signal.SIGKILL)


def test_a_worker_that_is_killed_in_mid_call_breaks_that_call_alone(runner: ProcessRunner) -> None:
    first, heard = cast("int", value(runner, new_call(work.pid, 1))), Heard()
    runner.start(new_call(count_and_hang, 1), heard)
    runner.start(new_call(double, 4), heard)
    heard.wait_partial()
    os.kill(first, signal.SIGKILL)

    outcomes = [heard.wait_outcome(), heard.wait_outcome()]
    killed, other = sorted(outcomes, key=lambda each: isinstance(each, Finished))

    assert isinstance(killed, Broke)
    assert "SIGKILL" in killed.message
    assert str(first) in killed.message
    assert killed.retry
    assert isinstance(other, Finished)


def test_a_stopped_worker_is_killed_when_its_time_is_up(runner: ProcessRunner) -> None:
    first = cast("int", value(runner, new_call(work.pid, 1)))
    os.kill(first, signal.SIGSTOP)

    assert broke(runner, new_call(double, 4, timeout_s=0.2)).kind == "TimedOut"
    until(lambda: not is_alive(first))
    assert value(runner, new_call(double, 4)) == 8


def test_a_timeout_begins_when_the_worker_has_the_call() -> None:
    clock = HandClock()
    runner, heard = ProcessRunner(1, alarm=clock), Heard()
    calls = [new_call(hang, HANG_S, timeout_s=1.0), new_call(double, 4, timeout_s=1.0)]
    for call in calls:
        runner.start(call, heard)
    until(lambda: clock.is_set(1.0))

    clock.pass_s(1.5)

    outcomes = {each.id: each for each in (heard.wait_outcome(), heard.wait_outcome())}
    assert [type(outcomes[call.id]) for call in calls] == [Broke, Finished]
    runner.close()


def test_a_fork_that_a_dead_worker_left_behind_holds_nobody_up(runner: ProcessRunner, tmp_path: Path) -> None:
    path = tmp_path / "pid"

    found = broke(runner, new_call(work.fork_and_die, str(path)))

    assert "code 9" in found.message
    until(lambda: not is_alive(int(path.read_text())))


def test_what_a_worker_started_ends_with_it(runner: ProcessRunner, tmp_path: Path) -> None:
    path, heard = tmp_path / "pid", Heard()
    call = new_call(work.leave_grandchild, str(path))
    runner.start(call, heard)
    until(path.exists)

    runner.cancel(call.id)

    heard.wait_outcome()
    until(lambda: not is_alive(int(path.read_text())))


def test_closing_ends_every_worker_and_removes_its_files(runner: ProcessRunner) -> None:
    pid = cast("int", value(runner, new_call(work.pid, 1)))
    (directory,) = (child.directory for child in runner._children)
    assert os.path.isdir(directory)

    runner.close()

    assert not is_alive(pid)
    assert not os.path.exists(directory)


# What user code prints and reads.


def test_prints_of_user_code_go_to_standard_error(runner: ProcessRunner, capfd: pytest.CaptureFixture[str]) -> None:
    assert value(runner, new_call(work.print_much, 100)) == 100

    runner.close()
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("printed") == 100
    assert err.count("written") == 100
    assert "from a child" in err


def test_standard_input_is_empty_for_user_code(runner: ProcessRunner) -> None:
    assert value(runner, new_call(work.read_input, 1)) == ""


# Services and settings.


def test_a_service_is_made_once_in_a_worker_for_each_recipe(runner: ProcessRunner) -> None:
    found = [value(runner, new_call(work.read, 1, ocr=work.Reader(text))) for text in ("a", "b", "a")]

    assert found == ["a 1", "b 2", "a 2"]


def test_an_optional_service_may_be_missing(runner: ProcessRunner) -> None:
    assert value(runner, new_call(work.read_if, 1, ocr=None)) == "nobody reads"
    assert value(runner, new_call(work.read_if, 1)) == "nobody reads"


@pytest.mark.parametrize(
    ("service", "reason"),
    [(work.Bare(), "no recipe"), (work.Lost(), "work:Nowhere"), (work.Odd(), "not plain")],
    ids=["no recipe", "leads nowhere", "not plain"],
)
def test_a_service_that_cannot_be_made_elsewhere_is_refused_in_words(
    runner: ProcessRunner, service: object, reason: str
) -> None:
    found = broke(runner, new_call(work.read, 1, ocr=service))

    assert found.kind == "NoRecipe"
    assert reason in found.message
    assert "ocr" in found.message
    assert 'runner="thread"' in found.message
    assert not found.retry
    assert runner.worker_pids() == ()


def test_a_service_that_fails_to_be_made_may_be_tried_again(runner: ProcessRunner) -> None:
    found = broke(runner, new_call(work.read, 1, ocr=work.Refuser()))

    assert found.kind == "ConnectionError"
    assert found.retry


def test_settings_are_bound_in_the_worker_as_they_were_here(runner: ProcessRunner) -> None:
    assert value(runner, new_call(work.shouted, "hey")) == "hey! LOUD (1, 2)"
    assert value(runner, new_call(work.greeted, "ann")) == "hello ann"


# What is found.


def test_a_local_function_is_refused_in_words(runner: ProcessRunner) -> None:
    found = broke(runner, new_call(cast("Callable[..., object]", work.outer()), 1))

    assert found.kind == "NotFindable"
    assert "inside a function" in found.message
    assert 'runner="thread"' in found.message
    assert not found.retry


def test_a_function_whose_name_stands_for_another_is_refused_in_words(runner: ProcessRunner) -> None:
    found = broke(runner, new_call(work.gone, 1))

    assert found.kind == "NotFindable"
    assert "does not stand for it" in found.message
    assert not found.retry


@pytest.mark.parametrize(
    ("interpreter", "why"), [("", "does not name an interpreter"), ("/nowhere/python", "did not start")]
)
def test_a_worker_that_cannot_be_started_is_said_once_for_each_call(
    runner: ProcessRunner, monkeypatch: pytest.MonkeyPatch, interpreter: str, why: str
) -> None:
    monkeypatch.setattr(sys, "executable", interpreter)

    found = broke(runner, new_call(work.read_if, 1))

    assert found.kind == "NoInterpreter"
    assert why in found.message
    assert 'Use runner="thread"' in found.message
    assert not found.retry
    monkeypatch.undo()
    assert value(runner, new_call(work.read_if, 1)) == "nobody reads"


def test_code_of_another_version_is_refused(runner: ProcessRunner) -> None:
    call = new_call(double, 4)
    changed = structs.replace(call, operation=structs.replace(call.operation, version="h-of-tomorrow"))

    found = broke(runner, changed)

    assert found.kind == "OtherCode"
    assert "h-of-tomorrow" in found.message
    assert not found.retry
    assert value(runner, call) == 8


def test_an_argument_of_the_wrong_type_is_refused_in_words(runner: ProcessRunner) -> None:
    found = broke(runner, new_call(double, "four"))

    assert found.kind == "BadArgument"
    assert "number" in found.message
    assert not found.retry
    assert value(runner, new_call(double, 4)) == 8


SCRIPT = """
import sys
from dataclasses import dataclass
from weft.call import AttemptId, Call
from weft.operation import operation_of
from weft.runners.processes import ProcessRunner
from weft.testing.runner_suite import Heard

@dataclass(frozen=True)
class Book:
    title: str

class Shop:
    def recipe(self):
        return "__main__:Shop", {}
    def price(self) -> int:
        return 7

from typing import Protocol
class Prices(Protocol):
    def price(self) -> int: ...

FACTOR = 2

def price(book: Book, *, shop: Prices) -> int:
    return FACTOR * shop.price()

"""
MAIN = """
runner, heard = ProcessRunner(1), Heard()
call = Call(AttemptId(1, 1), operation_of(price), (Book("Momo"),), {"shop": Shop()})
runner.start(call, heard)
print("once", heard.wait_outcome())
runner.close()
"""


@pytest.mark.parametrize("name", ["the_shop.py", "the-shop.py", "json.py"])
def test_a_scripts_own_functions_run_and_its_main_part_does_not(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(SCRIPT + "if __name__ == '__main__':\n" + textwrap.indent(MAIN, "    "))

    found = run_script(path)

    assert "Finished" in found.stdout, found
    assert r"encoded=b'\x0e'" in found.stdout
    assert found.stdout.count("once") == 1
    assert found.stderr == ""


def test_a_script_without_a_main_part_is_told_to_have_one(tmp_path: Path) -> None:
    path = tmp_path / "shop.py"
    path.write_text(SCRIPT + MAIN)

    found = run_script(path)

    assert "if __name__ ==" in found.stdout + found.stderr
    assert found.stdout.count("once") == 1


SPACE_SCRIPT = """
import weft
from weft import Entity, Field, derive, field, op

@op(runner="process")
def grown(n: int) -> int:
    return n + 1

class Plant(Entity):
    n: Field[int] = field(default=1)
    later = derive(grown, n)

with weft.open(None, types=[Plant]) as space:
    try:
        space.create(Plant).later.wait()
    except weft.NodeFailed as failed:
        print(failed)
        raise
"""


def test_of_a_script_without_a_main_part_the_failed_node_says_first_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "plants.py"
    path.write_text(SPACE_SCRIPT)

    found = run_script(path)

    said = found.stdout.splitlines()[-1]
    assert "plants.py did its work when a worker process loaded it" in said, found
    assert said.index('under `if __name__ == "__main__":`') < said.index("NoInterpreter")
    assert said.count("Mend the cause") == 1


def test_a_script_that_fails_when_it_is_loaded_is_named_with_its_error(tmp_path: Path) -> None:
    path = tmp_path / "shop.py"
    once = "import os\nif os.environ.get('SHOP'):\n    raise LookupError('closed')\nos.environ['SHOP'] = 'open'\n"
    path.write_text(SCRIPT + once + MAIN)

    found = run_script(path)

    assert "ScriptFailed" in found.stdout, found
    assert "LookupError" in found.stdout
    assert "closed" in found.stdout
    assert "retry=False" in found.stdout


def test_a_function_typed_at_a_prompt_is_refused_in_words() -> None:
    found = subprocess.run(
        [sys.executable, "-c", MAIN_AT_PROMPT], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )

    assert "notebook or at a prompt" in found.stdout, found


MAIN_AT_PROMPT = """
from weft.call import AttemptId, Call
from weft.operation import op, operation_of
from weft.runners.processes import ProcessRunner
from weft.testing.runner_suite import Heard

@op(version=1)
def double(number: int) -> int:
    return 2 * number

runner, heard = ProcessRunner(1), Heard()
runner.start(Call(AttemptId(1, 1), operation_of(double), (2,), {}), heard)
print(heard.wait_outcome())
runner.close()
"""


# Blobs.


class Watched:
    """Opens content, and counts how often."""

    def __init__(self, content: bytes) -> None:
        self.blob = Blob.from_bytes(content).bound_to(self.open)
        self.content = Blob.from_bytes(content)
        self.opened = 0

    def open(self, cid: Cid, /) -> BinaryIO:
        """The content."""
        self.opened += 1
        return self.content.open()


def test_a_blobs_content_is_shipped_when_it_is_opened_and_kept(runner: ProcessRunner) -> None:
    watched = Watched(os.urandom(3 * MIB + 1))

    assert value(runner, new_call(work.never_open, watched.blob)) == 3 * MIB + 1
    assert watched.opened == 0
    assert value(runner, new_call(work.size_of, watched.blob, 3)) == 3 * (3 * MIB + 1)
    assert value(runner, new_call(work.size_of, watched.blob, 1)) == 3 * MIB + 1
    assert watched.opened == 1


def test_an_empty_blob_is_shipped_too(runner: ProcessRunner) -> None:
    assert value(runner, new_call(work.size_of, Blob.from_bytes(b""), 2)) == 0


def test_blobs_within_values_are_found(runner: ProcessRunner) -> None:
    pages = tuple(work.Page(str(number), Blob.from_bytes(bytes([0, 0, number, 0]))) for number in range(5))

    assert value(runner, new_call(work.seen_of, pages)) == [bytes([number]) for number in range(5)]


def test_content_that_is_not_what_the_id_names_is_not_used(runner: ProcessRunner) -> None:
    liar = Watched(b"what is there")
    blob = Blob.from_bytes(b"what was said").bound_to(liar.open)

    found = broke(runner, new_call(work.size_of, blob, 1))

    assert found.kind == "BlobNotSent"
    assert value(runner, new_call(work.size_of, liar.blob, 1)) == len(b"what is there")


def test_content_that_is_out_of_reach_breaks_the_call_in_words(runner: ProcessRunner) -> None:
    blob = Blob.from_bytes(b"somewhere")

    found = broke(runner, new_call(work.size_of, Blob(blob.id, blob.media_type, 9), 1))

    assert "not within reach" in found.message
    assert value(runner, new_call(double, 4)) == 8


def test_blobs_that_a_call_made_come_back_with_their_content(runner: ProcessRunner) -> None:
    given = Watched(b"given").blob

    found = outcome(runner, new_call(work.make_pages, 2 * MIB, given))

    assert isinstance(found, Finished)
    (made,) = found.blobs
    assert made == Blob.from_bytes(bytes(2 * MIB), media_type="image/png")
    assert made.bytes() == bytes(2 * MIB)
    decoded = cast("tuple[work.Page, ...]", shape_of(tuple[work.Page, ...]).decode(found.encoded))
    assert [page.scan for page in decoded] == [made, given]


def test_what_came_back_outlives_the_runner_and_goes_with_its_last_holder(
    runner: ProcessRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parcels").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "parcels"))

    found = outcome(runner, new_call(work.make_from_file, str(tmp_path / "page"), "text"))
    runner.close()
    assert isinstance(found, Finished)
    assert found.blobs[0].bytes() == b"text"

    del found
    gc.collect()
    assert list((tmp_path / "parcels").iterdir()) == []


def test_a_blob_whose_file_changed_meanwhile_breaks_the_call(runner: ProcessRunner, tmp_path: Path) -> None:
    found = broke(runner, new_call(work.make_from_file, str(tmp_path / "page"), ""))

    assert found.kind == "BlobChanged"
    assert value(runner, new_call(double, 4)) == 8


def test_blobs_that_a_call_made_in_this_process_come_along_too() -> None:
    heard = Heard()

    InlineRunner().start(new_call(work.make_pages, 3, Watched(b"given").blob), heard)

    found = heard.wait_outcome()
    assert isinstance(found, Finished)
    assert [blob.bytes() for blob in found.blobs] == [bytes(3)]


# Bounds.


def test_a_value_too_large_to_be_kept_is_refused_in_words(runner: ProcessRunner) -> None:
    found = broke(runner, new_call(work.large, (64 << 20) + 1))

    assert "Blob" in found.message
    assert not found.retry
    assert value(runner, new_call(double, 4)) == 8


def test_the_largest_value_still_comes_back(runner: ProcessRunner) -> None:
    content = cast("bytes", value(runner, new_call(work.large, (64 << 20) - 16)))

    assert len(content) == (64 << 20) - 16


# The parent's end.

PARENT = """
import sys, time
from tests.runners import work
from weft.runners.processes import ProcessRunner
from weft.testing.runner_suite import Heard, hang, new_call

runner, heard = ProcessRunner(2), Heard()
runner.start(new_call(work.leave_grandchild, sys.argv[1]), heard)
while len(runner.worker_pids()) < 1:
    time.sleep(0.01)
other = Heard()
runner.start(new_call(work.pid, 1), other)
other.wait_outcome()
print(*runner.worker_pids(), flush=True)
time.sleep(60)
"""


@pytest.mark.kill
def test_workers_end_when_their_parent_is_killed_whatever_they_do(tmp_path: Path) -> None:
    path, files = tmp_path / "pid", tmp_path / "files"
    files.mkdir()
    environment = {**os.environ, "TMPDIR": str(files)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    with parent:
        assert parent.stdout is not None
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert len(workers) == 2
        until(path.exists)
        grandchild = int(path.read_text())
        assert all(map(is_alive, [*workers, grandchild]))

        parent.kill()

    until(lambda: not any(map(is_alive, [*workers, grandchild])))
    assert list(files.iterdir()) == []
