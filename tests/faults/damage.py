"""The file is changed by something that is no program of ours: bits, sectors, pages, the tail, and whole neighbours.

Knows nothing of how damage is found. The outcomes: harmless (nothing was lost, so nothing is found), mended (a rebuild
from the log made all of it again) and named (the damage is told, and what can be read is what was written).
Source: the faults of disks in "An Analysis of Data Corruption in the Storage Stack" (Bairavasundaram and others, 2008).
"""

from __future__ import annotations

import functools
import math
import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from tests.faults.damaged_file import PAGE_BYTES, Space, assess, build, build_small, flipped
from tests.faults.survival import check_survival, diagnose, laid_aside
from tests.kill.program import rebuild_there
from tests.kill.scene import Scene
from tests.kill.stops import Points
from weft.record import Record
from weft.store import NotASpace, SpaceDamaged
from weft.stores.sqlite import SqliteStore

SECTOR_BYTES = 512
CHANGES_PER_SEED = 10
BYTES_PER_SEED = 32

Change = Callable[[bytes, random.Random], bytes]


def flip_bit(content: bytes, chance: random.Random) -> bytes:
    return flipped(content, chance.randrange(len(content)), 1 << chance.randrange(8))


def flip_byte(content: bytes, chance: random.Random) -> bytes:
    return flipped(content, chance.randrange(len(content)), chance.randrange(1, 256))


def cut_tail(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def zero_sector(content: bytes, chance: random.Random) -> bytes:
    return _put(content, bytes(SECTOR_BYTES), SECTOR_BYTES * chance.randrange(max(1, len(content) // SECTOR_BYTES)))


def tear_page(content: bytes, chance: random.Random) -> bytes:
    """The second half of a page is that of another."""
    target, source = (PAGE_BYTES * chance.randrange(max(1, len(content) // PAGE_BYTES)) for _ in range(2))
    half = PAGE_BYTES // 2
    return _put(content, content[source + half : source + PAGE_BYTES], target + half)


def swap_pages(content: bytes, chance: random.Random) -> bytes:
    """A page and its neighbour have changed places."""
    at = PAGE_BYTES * chance.randrange(max(1, len(content) // PAGE_BYTES - 1))
    first, second = content[at : at + PAGE_BYTES], content[at + PAGE_BYTES : at + 2 * PAGE_BYTES]
    return content[:at] + second + first + content[at + 2 * PAGE_BYTES :]


def misplace_page(content: bytes, chance: random.Random) -> bytes:
    """A page was written over another."""
    target, source = (PAGE_BYTES * chance.randrange(max(1, len(content) // PAGE_BYTES)) for _ in range(2))
    return _put(content, content[source : source + PAGE_BYTES], target)


CHANGES: tuple[Change, ...] = (flip_bit, flip_byte, cut_tail, zero_sector, tear_page, swap_pages, misplace_page)


def _put(content: bytes, piece: bytes, at: int) -> bytes:
    return (content[:at] + piece + content[at + len(piece) :])[: len(content)]


def of_a_store(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """Changes to a small space's files, of which every record, row, entry and blob is compared afterwards."""
    chance = random.Random(seed)
    came_to: Counter[str] = Counter()
    for number in range(CHANGES_PER_SEED):
        space = _built()[number % 2]
        name = chance.choice(sorted(space.files))
        change = chance.choice(CHANGES)
        changed = change(space.files[name], chance)
        try:
            came_to[assess(space.lay(folder, **{name.strip("-") or "main": changed}), space)] += 1
        except AssertionError as why:
            raise AssertionError(f"{change.__name__} in {name or 'the file'}: {why}") from why
    return came_to


@functools.cache
def _built() -> tuple[Space, Space]:
    """One that was closed, and one whose newest records are in the write-ahead log."""
    with tempfile.TemporaryDirectory(prefix="weft-built-") as folder:
        paths = [Path(folder) / name for name in ("closed", "running")]
        for path in paths:
            path.mkdir()
        return build(paths[0], keep_wal=False), build(paths[1], keep_wal=True)


def of_the_log(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """Some bytes of the write-ahead log, one after another, each wholly another; every record, row, entry and blob is
    compared. As many seeds as make the log's length damage each byte once; fewer damage bytes all over it."""
    space = _small()
    content = space.files["-wal"]
    came_to: Counter[str] = Counter()
    for number in range(seed * BYTES_PER_SEED, min((seed + 1) * BYTES_PER_SEED, len(content))):
        at = spread(number, len(content))
        try:
            outcome = assess(space.lay(folder, wal=flipped(content, at)), space)
        except AssertionError as why:
            raise AssertionError(f"byte {at} of the log: {why}") from why
        # What was acknowledged last is in the log: whichever byte is another, SQLite leaves some of it out.
        assert outcome == "named", f"byte {at} of the log: {outcome}"
        came_to[outcome] += 1
    return came_to


def spread(number: int, length: int) -> int:
    """The place of a number, so that the first few are all over the length, and so many as there are take each once."""
    step = int(length * 0.618)
    while math.gcd(step, length) != 1:
        step += 1
    return number * step % length


def log_bytes() -> int:
    """How many bytes `of_the_log` can damage."""
    return len(_small().files["-wal"])


@functools.cache
def _small() -> Space:
    with tempfile.TemporaryDirectory(prefix="weft-built-") as folder:
        return build_small(Path(folder))


def of_a_space(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """A change to a space that a kill had left in the middle of its work; it goes on, or says why not."""
    chance = random.Random(seed)
    path = laid_aside(scene.half_done / "space.weft", folder / "left")
    read = laid_aside(path, folder / "read")
    with closing(SqliteStore(read)) as store:
        written = tuple(store.records())
        # An engine that closes it folds the write-ahead log into the file.
        store.acquire()
    if seed % 2:
        path = read
    files = {name: Path(f"{path}{name}") for name in ("", "-wal", "-mark") if os.path.exists(f"{path}{name}")}
    said = _change(files, chance)
    try:
        return Counter({_assess(scene, path, written): 1})
    except Exception as why:
        raise AssertionError(f"{said}: {type(why).__name__}: {why}") from why


def _change(files: Mapping[str, Path], chance: random.Random) -> str:
    name = chance.choice(sorted(files))
    change = chance.choice(CHANGES)
    content = files[name].read_bytes()
    if content:
        files[name].write_bytes(change(content, chance))
    return f"{change.__name__} in {name or 'the file'}"


def _assess(scene: Scene, path: Path, written: tuple[Record, ...]) -> str:
    try:
        findings = diagnose(path)
    except (SpaceDamaged, NotASpace):
        return "named"
    if not findings:
        check_survival(scene, path, scene.acknowledged)
        return "harmless"
    if all(finding["mendable"] for finding in findings):
        rebuild_there(str(path), Points(), is_renewed=False)
        check_survival(scene, path, scene.acknowledged)
        return "mended"
    _check_readable(path, written)
    return "named"


def _check_readable(path: Path, written: tuple[Record, ...]) -> None:
    """What can be read of the log is what was written, up to where the damage is told."""
    found: list[Record] = []
    try:
        with closing(SqliteStore(path)) as store:
            for record in store.records():
                found.append(record)  # noqa: PERF402  what was read before the damage counts
    except (SpaceDamaged, NotASpace):
        pass
    assert tuple(found) == written[: len(found)], "a record is not what was written, and nothing says so"
