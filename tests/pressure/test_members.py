"""Members of a group that cannot do what is held, or come to it late: removed, stuck, failing, chosen, elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tests.pressure.pace import is_one_number, slow, story, taking
from tests.reactive.runs import Runs
from weft import Entity, Field, Retry, choose, derive, field, items
from weft.content import decode, encode


class Oracle(Protocol):
    def ask(self) -> int: ...


async def asked(x: int, *, oracle: Oracle) -> int:
    return x + oracle.ask()


def two(a: int, b: int) -> list[int]:
    return sorted({a, b})


class Stuck(Entity):
    x: Field[int] = field(default=0)
    a = derive(asked, x)
    b = derive(taking(3), x)
    both = derive(two, a, b)
    apart = derive(taking(2), x)


def test_a_member_that_is_stuck_holds_nobody_up() -> None:
    diary = story(Stuck, ("both", "apart"), 40)

    assert diary.gap_s("b") <= 4.5


class Diamond(Entity):
    x: Field[int] = field(default=0)
    a = derive(taking(5), x)
    b = derive(taking(4), x)
    both = derive(two, a, b)


def test_a_member_that_nobody_asks_for_any_more_holds_nobody_up() -> None:
    world = Runs(Diamond)
    world.create(Diamond, x=1, watch="both b")
    calls = {world.attempts.open[call.id].slot.node: call for call in world.step()}
    a, b = calls["a"], calls["b"]
    world.set(x=2)
    world.finish(b, 1)
    held = world.engine.cuts._by[world.slot("a", "b")]

    world.engine.watch("a", "both", by=-1)
    world.step()

    assert held.is_over
    assert a.id in world.attempts.open


def is_even(x: int) -> bool:
    return x % 2 == 0


async def parity(x: int) -> bool:
    return is_even(await slow(x, takes_s=5))


class Picks(Entity):
    x: Field[int] = field(default=0)
    even = derive(parity, x)
    a = derive(taking(4), x)
    b = derive(taking(3), x)
    picked = choose(even, a, b)


def test_a_branch_is_computed_at_the_cut_that_picked_it() -> None:
    diary = story(Picks, ("picked",), 90, change=lambda second: [["e", "x", "set", second * 7 // 3]])

    assert diary.gap_s("picked") <= 20
    told = {at: value for _, at, value in diary.settled["a"]} | {at: value for _, at, value in diary.settled["b"]}
    assert all(told.get(at) == value for _, at, value in diary.settled["picked"])


failed: list[int] = []


async def failing(x: int) -> int:
    await slow(x, takes_s=3)
    failed.append(x)
    if len(failed) % 2:
        raise ValueError("not this time")
    return x


class Fails(Entity):
    x: Field[int] = field(default=0)
    a = derive(failing, x, retry=Retry(attempts=3, delay_s=1))
    b = derive(taking(4), x)
    both = derive(two, a, b)


def test_a_member_that_is_tried_again_does_what_is_held_in_the_end() -> None:
    failed.clear()
    diary = story(Fails, ("both",), 90)

    good = [value for value in diary.values("both") if isinstance(value, bytes)]
    assert len(good) >= 8
    assert is_one_number(good)


def counted(read: Sequence[int]) -> int:
    return len(read)


class Photos(Entity):
    photos = items(int)
    read = photos.each(taking(6))
    count = derive(counted, read)


def test_what_reads_all_elements_follows_while_elements_keep_coming() -> None:
    diary = story(Photos, ("count",), 60, change=lambda second: [["e", "photos", "add", f"{second:012x}", second]])

    assert diary.gap_s("count") <= 8
    counts = diary.values("count")
    assert counts == [encode(number) for number in sorted(int(decode(bytes(value))) for value in counts)]  # type: ignore[arg-type, call-overload]
    assert diary.calls["count"] >= 8


async def with_other(photo: int, x: int) -> list[int]:
    return [await slow(x, takes_s=2 + photo % 5)]


def joined(all: Sequence[list[int]], x: int) -> list[int]:
    return sorted({number for one in all for number in one} | {x})


class Crowd(Entity):
    photos = items(int)
    x: Field[int] = field(default=0)
    each = photos.each(with_other, x)
    all = derive(joined, each, x)


def test_elements_under_constant_change_settle_together() -> None:
    def change(second: int) -> list[list[object]]:
        told: list[list[object]] = [["e", "x", "set", second]]
        if second % 9 == 1:
            told.append(["e", "photos", "add", f"{second:012x}", second])
        return told

    diary = story(Crowd, ("all",), 90, change=change)

    assert diary.gap_s("all") <= 14
    assert is_one_number(diary.values("all"))
