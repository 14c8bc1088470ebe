"""Partial values: they stream, they are never settled, and they never stand over what is."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tests.reactive.operations import inc
from tests.reactive.runs import Runs
from weft import Absent, Entity, Failed, Field, Running, Settled, State, derive, field


async def tell_tale(seed: int) -> AsyncIterator[str]:
    yield "once"
    yield f"once {seed}"


def length(tale: str) -> int:
    return len(tale)


def describe(state: State[str]) -> str:
    match state:
        case Absent():
            return "absent"
        case Running(partial, last):
            return f"running {partial} after {last}"
        case Settled(value):
            return f"settled {value}"
        case Failed(error, last):
            return f"failed {error} after {last}"


class Tale(Entity):
    seed: Field[int] = field(default=1)
    tale = derive(tell_tale, seed)
    live = derive(length, tale.partials)
    final = derive(length, tale)
    status = derive(describe, tale.state)
    above = derive(inc, live)


def begun(watch: str) -> Runs:
    world = Runs(Tale)
    world.create(Tale, watch=watch)
    world.step()
    return world


def frame(world: Runs, node: str = "tale") -> bytes | None:
    return world.slot("a", node).frame


def test_partials_are_shown_and_never_recorded() -> None:
    world = begun("tale")
    head = world.engine.head
    call = world.call_of("tale")

    world.partial(call, 0, "once")
    world.partial(call, 1, "once upon")

    assert frame(world) == b"ionce upon"
    assert world.slot("a", "tale").result is None
    assert world.engine.head == head


def test_a_partial_that_comes_late_takes_nothing_back() -> None:
    world = begun("tale")
    call = world.call_of("tale")
    world.partial(call, 0, "once")
    world.partial(call, 2, "once upon a")

    world.partial(call, 0, "once")
    world.partial(call, 1, "once upon")
    assert frame(world) == b"konce upon a"
    world.partial(call, 3, "once upon a time")

    assert frame(world) == b"ponce upon a time"


def test_the_next_attempt_counts_its_partials_anew() -> None:
    world = begun("tale")
    call = world.call_of("tale")
    world.partial(call, 4, "once upon")
    world.finish(call, "the end")
    world.set(seed=2)
    world.step()

    world.partial(world.call_of("tale"), 0, "twice")

    assert frame(world) == b"etwice"


def test_the_settled_value_takes_the_place_of_the_frame() -> None:
    world = begun("tale")
    call = world.call_of("tale")
    world.partial(call, 0, "once")

    world.finish(call, "the end")

    assert frame(world) is None
    assert world.value("a", "tale") == "the end"


def test_a_value_that_is_older_than_its_input_takes_the_place_of_the_frame_too() -> None:
    world = begun("tale")
    call = world.call_of("tale")
    world.partial(call, 0, "once")
    world.tell(["a", "seed", "set", 2])

    world.finish(call, "the end")

    assert not world.slot("a", "tale").current
    assert frame(world) is None
    assert world.value("a", "tale") == "the end"


def test_a_partial_that_comes_after_the_end_changes_nothing() -> None:
    world = begun("tale")
    call = world.call_of("tale")
    world.finish(call, "the end", again=True)

    world.partial(call, 7, "once")

    assert frame(world) is None
    assert world.value("a", "tale") == "the end"


def test_a_partial_stands_beside_the_last_value_never_in_its_place() -> None:
    world = begun("tale")
    world.finish(world.call_of("tale"), "first")
    world.set(seed=2)
    world.step()

    world.partial(world.call_of("tale"), 0, "sec")

    assert world.value("a", "tale") == "first"
    assert frame(world) == b"csec"
    assert not world.slot("a", "tale").current


def test_what_waits_for_the_settled_value_does_not_run_on_partials() -> None:
    world = begun("final")
    world.partial(world.call_of("tale"), 0, "once")

    assert world.step() == []

    world.finish(world.call_of("tale"), "once 1")
    assert world.settled()[-1] == "final"
    assert world.value("a", "final") == 6


def test_a_reader_of_partials_runs_as_they_stream_and_stays_partial_until_the_end() -> None:
    world = begun("live")
    tale = world.call_of("tale")
    for text in ("a", "ab"):
        world.partial(tale, len(text), text)
        world.step()
        world.answer("live")
        assert frame(world, "live") == bytes([len(text)])
        assert world.slot("a", "live").result is None

    world.finish(tale, "abc")

    assert world.settled() == ["tale", "live", "live", "live"]
    assert world.value("a", "live") == 3
    assert world.results() == world.results()[:2]  # two settled results: of the tale, and of its reader


def test_a_provisional_result_is_never_taken_for_the_settled_one_even_if_the_last_frame_was_the_end() -> None:
    world = begun("live")
    tale = world.call_of("tale")
    world.partial(tale, 0, "abc")
    world.step()
    live = world.call_of("live")

    world.finish(tale, "abc")
    world.finish(live, 99)  # came of a frame: a frame itself

    assert world.slot("a", "live").result is None
    world.rest()
    assert world.value("a", "live") == 3


def test_what_reads_a_provisional_value_plainly_waits_for_the_settled_one() -> None:
    world = begun("above")
    tale = world.call_of("tale")
    world.partial(tale, 0, "abc")
    world.step()
    world.answer("live")

    assert world.step() == []

    world.finish(tale, "abcd")
    world.rest()
    assert world.value("a", "above") == 5


def test_a_reader_of_state_sees_every_state_and_settles_when_its_source_does() -> None:
    world = begun("status")
    shown: list[object] = []

    def answered() -> None:
        world.step()
        call = world.call_of("status")
        shown.append(describe(*call.arguments))  # type: ignore[arg-type]
        world.finish(call)

    tale = world.call_of("tale")
    answered()
    world.partial(tale, 0, "once")
    answered()
    assert world.slot("a", "status").result is None  # a result from unsettled inputs stays partial
    world.finish(tale, "once 1")
    answered()
    assert world.value("a", "status") == "settled once 1"
    world.set(seed=2)
    world.step()
    answered()
    world.fail(world.call_of("tale"), "no more ink", retry=False)
    answered()

    assert shown == [
        "running None after None",
        "running once after None",
        "settled once 1",
        "running None after once 1",
        "failed no more ink after once 1",
    ]
    assert world.value("a", "status") == "failed no more ink after once 1"


def test_a_stream_cut_off_by_a_restart_starts_again_and_its_first_half_is_forgotten() -> None:
    world = begun("live")
    cut_off = world.call_of("tale")
    world.partial(cut_off, 0, "old half")
    world.step()

    world.crash()

    assert frame(world) is None and frame(world, "live") is None
    world.partial(cut_off, 1, "old half, more")
    world.finish(cut_off, "old whole")
    assert frame(world) is None and world.slot("a", "tale").result is None
    world.step()
    world.answer("tale", "new whole")
    world.rest()
    assert (world.value("a", "tale"), world.value("a", "live")) == ("new whole", 9)
    finished = [world.node_of_record(position) for position in world.results()]
    assert finished == ["tale", "live"]


def test_a_stream_that_fails_leaves_no_frame_and_keeps_the_last_good_value() -> None:
    world = begun("tale")
    world.finish(world.call_of("tale"), "good")
    world.set(seed=2)
    world.step()
    call = world.call_of("tale")
    world.partial(call, 0, "half")

    world.fail(call, "cut", retry=False)

    slot = world.slot("a", "tale")
    assert slot.frame is None
    assert slot.last is not None and slot.last.encoded == b"dgood"


def test_an_input_that_changes_in_mid_stream_lets_it_finish_and_then_computes_once_more() -> None:
    world = begun("tale")
    call = world.call_of("tale")
    world.partial(call, 0, "half")
    world.set(seed=2)
    world.set(seed=3)

    assert world.step() == []
    world.finish(call, "of 1")

    assert world.value("a", "tale") == "of 1"  # shown as older
    assert not world.slot("a", "tale").current
    (again,) = world.step()
    assert again.arguments == (3,)
