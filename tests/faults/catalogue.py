"""Every fault that is made, with how often and what it shows: the one list for the tests and for `scripts.faults`.

Knows nothing of how a fault is made. Invariant: a fault that is not in this list is not counted anywhere.
"""

from __future__ import annotations

from tests.faults import clock, damage, disk, kills, lost_writes, power_cuts, refusals, room, tracer
from tests.faults.fault import Fault

FAULTS: tuple[Fault, ...] = (
    Fault(
        "kill -9 at a named point",
        kills.at_a_point,
        short=1,  # tests/kill makes each of them in every run
        long=68,
        shows="each boundary of what is durable that the code names, at its first passing and at a later one",
    ),
    Fault(
        "kill -9 at a random moment",
        kills.at_random_moments,
        short=4,
        long=200,
        shows="four in a row on one space: while it starts, says something, computes or is opened again",
    ),
    Fault(
        "kill -9 in the N-th write, sync, truncation, link or removal",
        kills.in_a_call_of_the_system,
        short=4,
        long=100,
        shows="each moment at which the files change, named by the code or not",
        absence=tracer.absence,
    ),
    Fault(
        "power cut, ext4 on a loop-mounted image",
        power_cuts.of_a_mounted_image,
        short=4,
        long=100,
        shows="the writer is stopped, ext4 is shut down without a flush (EXT4_IOC_SHUTDOWN), its journal played back: "
        "what was acknowledged had left memory. The loop device has no cache of its own to lose",
        absence=disk.no_image,
    ),
    Fault(
        "power cut, a drive that loses, tears and reorders what was not synced",
        lost_writes.of_a_drive_with_a_cache,
        short=10,
        long=500,
        shows="files made from a log of every write and sync of a real run: the order of writes and syncs is enough. "
        "It trusts that a file system keeps what it has synced",
        absence=tracer.absence,
    ),
    Fault(
        "a failing write, sync, truncation, link or removal",
        refusals.of_one_call,
        short=4,
        long=90,
        shows="EIO, ENOSPC and EROFS from the N-th call on, up to eight times: refused with a reason, then said again",
        absence=tracer.absence,
    ),
    Fault(
        "disk full, then room again",
        room.without_room,
        short=2,
        long=20,
        shows="a file system in memory without a byte left: edits are refused or wait, reads go on, work resumes",
        absence=disk.no_small_disk,
    ),
    Fault(
        "disk read-only in mid-run, then mounted anew",
        room.made_read_only,
        short=2,
        long=20,
        shows="ext4 that makes itself read-only after an error: edits are refused or wait, reads go on, and the space "
        "goes on once it is mounted anew",
        absence=disk.no_read_only,
    ),
    Fault(
        "damage to a file of a small space",
        damage.of_a_store,
        short=60,
        long=2000,
        shows="bits, bytes, sectors, torn, swapped and misplaced pages and cut tails, in the file, its write-ahead log "
        "and its mark: every record, row, entry and blob is compared",
    ),
    Fault(
        "damage to each byte of the write-ahead log",
        damage.of_the_log,
        short=64,
        long=damage.log_bytes(),
        shows="each byte in turn is another (in the short form one in a thousand): the end that is lost is named, and "
        "what is left of records, rows, entries and blobs is what was written",
    ),
    Fault(
        "damage to a file of a space at work",
        damage.of_a_space,
        short=6,
        long=200,
        shows="the same, to what a kill had left: harmless, mended by a rebuild, or named; then it goes on to the end",
    ),
    Fault(
        "clock jumps and pauses",
        clock.jumping,
        short=6,
        long=200,
        shows="the wall clock jumps by a second, an hour, a day or 30 years, both ways; the program stands still",
        absence=clock.absence,
    ),
)
