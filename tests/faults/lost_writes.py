"""The power fails under a drive with a cache: what was not synced is lost, kept, torn or reordered, as the seed says.

One real run is written down by strace, call by call. A cut is a moment in it: of all writes that no sync had covered by
then, each is there or is not, whole or by sectors of 512 bytes; of the names that no sync of the folder had covered,
the first few are there. The files that this gives are a space, and must survive. It needs no right to mount.

What it shows: the order of writes and syncs is enough for any drive that keeps what it has synced. What it does not:
that file systems do what they promise; `power_cuts` is for that.
Knows nothing of what must be true afterwards.
Source: ALICE (Pillai and others, OSDI 2014).
"""

from __future__ import annotations

import bisect
import functools
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults import tracer
from tests.faults.strace_log import CALLS, Operation, operations
from tests.faults.survival import check_survival
from tests.kill.scene import PROGRAM, Scene
from tests.kill.victim import victim

SECTOR_BYTES = 512
SEEDS_PER_RUN = 25
"""How many cuts are made of one run: it takes longer to write it down than to look at what a cut leaves."""
MODES = ("all lost", "all kept", "whole writes at random", "sectors at random", "all but one kept")


@dataclass(frozen=True)
class Recording:
    """One run: what it did to its folder, and the moments at which each file, and the folder, was synced."""

    done: Sequence[Operation]
    is_honest: bool = True
    log: bytes = b""
    """What strace wrote, of which `done` was read."""
    place: str = ""
    """The folder that it speaks of."""

    @functools.cached_property
    def kept(self) -> str:
        """Where strace's log lies from now on, and which folder it speaks of: for whoever looks for a violation's
        cause, as no repetition of the run is like it."""
        with tempfile.NamedTemporaryFile(prefix="weft-violated-", suffix=".strace", delete=False) as file:
            file.write(self.log)
        return f"{file.name}, of {self.place}"

    def synced_before(self, file: int | None, cut: int) -> int:
        """Where the last sync of this file that had ended by the cut began; -1 for none, as on a drive that lies."""
        syncs = [each.began for each in self.done if each.kind == "sync" and each.file == file and each.ended < cut]
        return max(syncs, default=-1) if self.is_honest else -1

    def names_synced_before(self, cut: int) -> int:
        """The same for the folder's names."""
        syncs = [each.began for each in self.done if each.kind == "sync names" and each.ended < cut]
        return max(syncs, default=-1) if self.is_honest else -1

    def said_before(self, cut: int) -> list[str]:
        """Which edits the program had said to be durable."""
        said = b"".join(each.content for each in self.done if each.kind == "said" and each.began < cut)
        return [line.removeprefix("told ") for line in said.decode().splitlines() if line.startswith("told ")]


def record(folder: Path) -> Recording:
    """A run without a fault, written down."""
    place = folder / "recorded"
    place.mkdir()
    before = tracer.recording(CALLS, folder / "log")
    with victim(PROGRAM, place / "space.weft", calls=folder / "calls", workers=False, before=before) as program:
        assert program.finish() == 0, program.errors
    return read_recording(folder / "log", place)


def read_recording(log: Path, place: Path) -> Recording:
    """A run that strace wrote down, in a folder that need not be there any more."""
    return Recording(operations(log, place), log=log.read_bytes(), place=str(place))


_recordings: dict[int, Recording] = {}


def of_a_drive_with_a_cache(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """At one moment of a run, with one mode of losing."""
    run = seed // SEEDS_PER_RUN
    if run not in _recordings:
        _recordings.clear()
        with tempfile.TemporaryDirectory(prefix="weft-run-") as aside:
            _recordings[run] = record(Path(aside))
    try:
        mode = cut_power(_recordings[run], scene, folder, seed)
    except Exception as why:
        why.add_note(f"the run is kept in {_recordings[run].kept}")
        raise
    return Counter({mode: 1})


def cut_power(recording: Recording, scene: Scene, folder: Path, seed: int) -> str:
    """Make the files that a cut leaves, and see that they survive. Returns how writes were lost."""
    chance = random.Random(seed)
    mode = MODES[seed % len(MODES)]
    cut = _moment(recording, chance)
    lay(recording, cut, mode, chance, folder)
    check_survival(scene, folder / "space.weft", recording.said_before(cut))
    return mode


def _moment(recording: Recording, chance: random.Random) -> int:
    """Any operation's beginning, or the moment after a sync or after something was said."""
    if chance.random() < 0.5:
        return chance.choice(recording.done).began
    return chance.choice([each for each in recording.done if each.kind in ("sync", "said")]).ended + 1


def lay(recording: Recording, cut: int, mode: str, chance: random.Random, folder: Path) -> None:
    """The files as the cut leaves them."""
    names = list(_names(recording, cut, chance))
    contents: dict[int, bytearray] = {}
    for each in _kept(recording, cut, mode, chance):
        assert each.file is not None
        content = contents.setdefault(each.file, bytearray())
        if each.kind == "truncate":
            del content[each.at :]
            content.extend(bytes(each.at - len(content)))
        else:
            content.extend(bytes(max(0, each.at - len(content))))
            content[each.at : each.at + len(each.content)] = each.content
    there: dict[str, int] = {}
    for each in names:
        if each.file is None:
            there.pop(each.name, None)
        else:
            there[each.name] = each.file
    for name, file in there.items():
        (folder / name).write_bytes(contents.get(file, b""))


def _names(recording: Recording, cut: int, chance: random.Random) -> Iterator[Operation]:
    """Names are kept in order, as file systems' journals do: all that were synced, and the first few of the others."""
    begun = [each for each in recording.done if each.kind == "name" and each.began < cut]
    synced = bisect.bisect_left([each.ended for each in begun], recording.names_synced_before(cut))
    return iter(begun[: chance.randint(synced, len(begun))])


def _kept(recording: Recording, cut: int, mode: str, chance: random.Random) -> Iterator[Operation]:
    """What reached the drive, in the order in which it was written."""
    begun = [each for each in recording.done if each.kind in ("write", "truncate") and each.began < cut]
    synced = {file: recording.synced_before(file, cut) for file in {each.file for each in begun}}
    loose = [each for each in begun if each.ended >= synced[each.file]]
    dropped = chance.choice(loose) if loose else None
    for each in begun:
        if each.ended < synced[each.file] or _is_whole(each, mode, dropped, chance):
            yield each
        elif mode == "sectors at random":
            yield from _torn(each, chance)


def _is_whole(each: Operation, mode: str, dropped: Operation | None, chance: random.Random) -> bool:
    """Whether a write that was not synced reached the drive."""
    if mode == "whole writes at random":
        return chance.random() < 0.5
    return mode == "all kept" or (mode == "all but one kept" and each is not dropped)


def _torn(each: Operation, chance: random.Random) -> Iterator[Operation]:
    """Some of its sectors."""
    if each.kind == "truncate":
        return iter([each] if chance.random() < 0.5 else [])
    return iter(
        Operation("write", each.began, each.ended, each.file, each.at + start, each.content[start:end])
        for start, end in _sectors(each)
        if chance.random() < 0.5
    )


def _sectors(each: Operation) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(each.content):
        end = start + SECTOR_BYTES - (each.at + start) % SECTOR_BYTES
        yield start, min(end, len(each.content))
        start = end
