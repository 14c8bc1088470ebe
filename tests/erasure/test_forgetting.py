"""Forgetting an entity: what goes, what stays, and what is shown in its place."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

import weft
from tests.erasure.lives import (
    SPECS,
    TYPES,
    Group,
    Look,
    Note,
    Pin,
    canary,
    check_gone,
    check_rebuilt,
    noted,
    opened,
    path,
    settle,
    to_same,
    where_is,
)  # fmt: skip
from weft import Blob, Entity, Field, Ref, State, derive, field, ref
from weft.content import Link, Plain, encode
from weft.erased import EntityErased
from weft.erasure import forget_in_file, look
from weft.folding import event_plain
from weft.graph import Slot
from weft.past.difference import differences
from weft.past.history import history
from weft.past.index import LogIndex
from weft.past.known import NotKept
from weft.past.right_then import RightThen
from weft.past.view import ValueNotKept
from weft.record import Entry
from weft.reduce import Refused
from weft.slot import SlotKey
from weft.standing import stands_of
from weft.store import ATTEMPT, EVENT, KIND, MEMO, TREE, VERSION, entries_of
from weft.stores.sqlite import SqliteStore

__all__ = ["path"]
BIRD = canary(1)


def test_nothing_of_it_is_in_any_file_even_while_the_engine_goes_on(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)
        board = space.create(Look, note=note)
        note.groups.wait()
        pin = space.create(Pin, group=note.groups["a"])
        note.text = f"{BIRD} is bad"
        settle(note, other, board, pin)
        note.text = f"{BIRD} is well again"
        settle(note, other, board, pin)
        assert where_is(BIRD, path) != []

        done = space.forget(note, why="its owner asked")

        assert where_is(BIRD, path) == []
        assert done.unswept == ""
        assert other.loud.wait() == f"{canary(2)} SINGS".upper()
        assert board.own == "of its own"
    check_gone(BIRD, path, tmp_path)


def test_a_record_says_what_was_erased_and_never_what_it_held(path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1)
        settle(note)
        before = [record.header for record in space._store.records()]

        done = space.forget(note, why="its owner asked", by="ann")

        records = list(space._store.records())
        said = records[-1].content()
        assert [record.header for record in records[: len(before)]] == before
        assert (said["what"], said["actor"], said["why"], said["type"]) == (note.id, "ann", "its owner asked", "Note")
        assert done.position == records[-1].position
        assert done.found.told == 6
        assert sorted(stands_of(said)) == sorted(done.found.payloads)


def test_what_repeats_it_goes_and_what_was_made_of_it_stays_and_is_named(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1)
        board = space.create(Look, note=note)
        settle(note, board)

        done = space.forget(note)

        gone = {key.node for key in done.found.repeats}
        stays = {key.node for key in done.found.derived}
        assert {"same", "either", "again", "long", "good", "is_bad"} == gone
        assert {"count", "swapped", "each"} == stays
        assert done.found.references == [SlotKey(board.id, "note")]
    assert where_is(BIRD, path) == []
    assert where_is(BIRD, path, folded=True) == [path.name], "what swapped made of it is a value of the board"


def test_what_was_made_of_it_goes_too_where_that_is_asked_for(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1)
        board = space.create(Look, note=note)
        settle(note, board)

        done = space.forget(note, derived=True)

        assert done.found.derived.total() == 0
        assert done.found.repeats[SlotKey(board.id, "swapped")] == 1
    check_gone(BIRD, path, tmp_path, folded=True)


def test_who_reads_it_is_told_that_it_was_erased(path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1)
        board = space.create(Look, note=note)
        settle(note, board)

        space.forget(note)

        for name in ("same", "count", "each", "many", "either", "again"):
            with pytest.raises(weft.NodeFailed, match="it was erased"):
                getattr(board, name).wait(timeout_s=20)
        for ask in (
            lambda: note.text,
            lambda: note.loud.wait(),
            lambda: space.get(Note, note.id),
            lambda: board.note.wait(),
        ):
            with pytest.raises(EntityErased, match=f"{note.id} was erased at position .*, by local"):
                ask()
        with pytest.raises(EntityErased):
            note.text = "again"
        assert space.find(Note) == []
        assert "erased" in str(space.why(board.same))
        assert space.plan(board.same).json() is not None
        board.note = noted(space, 2)
        assert board.same.wait() == f"{canary(2)} sings"


def test_its_id_is_never_given_again_and_its_events_are_not_told_twice(path: Path) -> None:
    with opened(path) as space:
        with space.edit(once="the note"):
            note = space.create(Note, text=BIRD)
        space.forget(note)

        with space.edit(once="the note"):
            again = space.create(Note, text=BIRD)

        assert again.id == note.id
        with pytest.raises(EntityErased):
            assert again.text
        created = event_plain("another", [[note.id, "", "create", "Note"]], actor="a", base=0, time="t")
        with pytest.raises(Refused, match="it was erased, and its id is not given again"):
            space._host.tell(created)
    check_rebuilt(path)
    assert where_is(BIRD, path) == []


def test_what_is_told_of_it_later_is_refused_and_not_kept(path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)
        space.forget(note)
        event = event_plain(
            "late", [[other.id, "text", "set", "kept"], [note.id, "text", "set", BIRD]], actor="a", base=0, time="t"
        )

        with pytest.raises(Refused, match="it was erased"):
            space._host.tell(event)
        with pytest.raises(Refused, match="it was erased"):
            space._host.tell(event)

        assert not any(BIRD.encode() in (record.payload or b"") for record in space._store.records())
        assert other.text == f"{canary(2)} sings"
    check_rebuilt(path)


def test_edits_that_wait_in_the_inbox_are_told_without_it(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)
    intents = [[note.id, "text", "set", f"{BIRD} again"], [other.id, "text", "set", "told meanwhile"]]
    with closing(SqliteStore(path)) as store:
        store.post(encode({"event": event_plain("late", intents, actor="a", base=0, time="t")}))  # type: ignore[arg-type]

    done = forget_in_file(path, note.id, actor="a", time="t", types=SPECS)

    assert len(done.found.inbox) == 1
    assert where_is(BIRD, path) == []
    with opened(path) as space:
        space.wait_settled(timeout_s=20)
        with space.edit():
            space.get(Note, other.id).tags.add("z")
        assert space.get(Note, other.id).text == "told meanwhile"
    check_gone(BIRD, path, tmp_path)


def test_of_an_event_about_several_only_its_part_goes(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        with space.edit():
            first, second = noted(space, 1), noted(space, 2)
        settle(first, second)
        position = next(r.position for r in space._store.records() if r.kind == "event")

        space.forget(first)
        assert second.text == f"{canary(2)} sings"
        (event,) = [r for r in space._store.records() if r.position == position]
        assert [first.id, "", "erased"] in event.content()["intents"]  # type: ignore[operator]

        space.forget(second)
        assert all(r.payload is None for r in space._store.records() if r.position == position)
    for number in (1, 2):
        check_gone(canary(number), path, tmp_path)


def test_what_a_check_of_a_call_showed_goes_with_what_the_call_was_given(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)
        board, elsewhere = space.create(Look, note=note), space.create(Look, note=other)
        settle(note, other, board, elsewhere)
        with space.view() as engine:
            for look_, bird in ((board, BIRD), (elsewhere, canary(2))):
                slot = engine.node(look_.id, "count")
                assert isinstance(slot, Slot)
                assert slot.result is not None
                assert slot.result.call_key is not None
                said: dict[str, Plain] = {"slot": [*slot.key], "at": 1, "key": Link(slot.result.call_key)}
                said |= {"operation": ["count", "1"], "attempt": [1, 1], "found": "two values", "path": ""}
                said |= {"shown": [bird, bird], "other": {"gone": bird}}
                engine.keep_finding(said)
            engine.commit()

        space.forget(note)
        space.wait_settled(timeout_s=30)

        kept = [entry for entry in entries_of(space._store) if entry.kind == "checked"]
        assert [entry.is_erased for entry in kept] == [True, False]
        assert len(space.subscribe().present()) == space.position
        assert space.at(kept[0].position).get(Look, board.id).count.wait() == len(f"{BIRD} sings")
    check_gone(BIRD, path, tmp_path)


def test_what_two_erasures_leave_of_one_record_stands(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        with space.edit():
            notes = [space.create(Note, text=canary(number)) for number in range(3)]
        for note in notes[:2]:
            space.forget(note)

        assert notes[2].text == canary(2)
        (event,) = [record for record in space._store.records() if record.kind == "event"]
        assert str(event.content()).count("'erased'") == 6
    check_gone(canary(0), path, tmp_path)
    check_gone(canary(1), path, tmp_path)


def test_no_table_keeps_a_row_of_it(path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)
        settle(note, other)
        with space.view() as engine:
            assert [*engine.rows(TREE, (note.id,)), *engine.rows(VERSION, (note.id,))] != []
            memo = len(list(engine.rows(MEMO)))

        space.forget(note)

        with space.view() as engine:
            for table in (TREE, VERSION, ATTEMPT):
                assert [key for key, row in engine.rows(table) if note.id in (*key, *row)] == []
            assert [str(key[2]) for key, _ in engine.rows(KIND, ("Note",))] == [other.id]
            assert len(list(engine.rows(MEMO))) < memo
            erased = [row for _, row in engine.rows(EVENT) if row[1] == b""]
            assert len(erased) == 6


def test_what_a_slot_made_of_others_stays_and_shows(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)
        board = space.create(Look, note=note)
        settle(note, board)
        board.note = other
        settle(board)
        before = space.position
        known = {name: getattr(board, name).wait() for name in ("same", "swapped", "count", "many", "again")}
        is_known = {name: entry.position for name, entry in _newest(space, board).items()}

        with space.view() as engine:
            found = look(engine, note.id)
        assert {key.node for key in found.repeats} == {"same", "either", "again", "long", "good", "is_bad"}
        assert {key.node for key in found.derived} == {"count", "swapped", "each"}
        assert {*found.repeats.values()} == {1}
        done = space.forget(note, derived=True)

        assert all(of.node in {*known, "either", "long", "good", "is_bad", "each"} for of in done.found.repeats)
        assert {name: entry.position for name, entry in _newest(space, board).items()} == is_known
        with space.view() as engine:
            for name in known:
                shown = engine.node(board.id, name)
                assert shown is not None and shown.current, name
        assert {name: getattr(board, name).wait() for name in known} == known
        assert space.at(before).get(Look, board.id).same.wait() == f"{canary(2)} sings"
    check_gone(BIRD, path, tmp_path, folded=True)


def _newest(space: weft.Space, board: Look) -> dict[str, Entry]:
    """Of each slot of a board that is no element's, the newest result that is not erased."""
    found = [entry for entry in entries_of(space._store) if entry.kind == "result" and not entry.is_erased]
    return {str(slot[1]): one for one in found if (slot := one.said["slot"])[0] == board.id and not slot[2]}  # type: ignore[index]


def test_a_good_value_that_is_carried_beside_a_failure_of_another_goes_alone(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)
        other.text = f"{canary(2)} is bad"
        board = space.create(Look, note=note)
        settle(board)
        board.note = other
        settle(board)

        space.forget(note)

        (failed,) = [entry for entry in entries_of(space._store) if _is_of(entry, board, "good")]
        assert "last" not in failed.said
        with pytest.raises(weft.NodeFailed, match="is bad is not good"):
            board.good.wait(timeout_s=20)
    check_gone(BIRD, path, tmp_path)


def _is_of(entry: Entry, entity: Entity, node: str) -> bool:
    """Whether it is a result of this node that is not erased."""
    return entry.kind == "result" and not entry.is_erased and entry.said["slot"] == [entity.id, node, ""]


def to_all(before: str, text: str) -> str:
    return f"{before} {text}"


def to_shown(state: State[str]) -> str:
    return str(state)


class Heap(Entity):
    note: Ref[Note] = ref()
    near = derive(to_same, note.at(Note.text))
    all = derive(to_all, note.at(Note.text), initial="")
    shown = derive(to_shown, near.state)


def test_what_is_made_of_its_own_earlier_value_goes_on_being_made_of_it(path: Path, tmp_path: Path) -> None:
    with weft.open(str(path), types=[*TYPES, Heap]) as space:
        note, other = noted(space, 1), noted(space, 2)
        heap = space.create(Heap, note=note)
        heap.all.wait()
        heap.note = other
        assert heap.all.wait() == f" {BIRD} sings {canary(2)} sings"

        done = space.forget(note)

        assert done.found.repeats[SlotKey(heap.id, "all")] == 2
        assert heap.all.wait() == f" {canary(2)} sings"
    assert where_is(BIRD, path) == []


def test_where_a_record_does_not_say_what_was_seen_all_that_was_shown_counts(path: Path, tmp_path: Path) -> None:
    with weft.open(str(path), types=[*TYPES, Heap]) as space:
        note, other = noted(space, 1), noted(space, 2)
        heap = space.create(Heap, note=note)
        heap.near.wait()
        heap.shown.wait()
        heap.note = other
        heap.near.wait()
        assert canary(2) in heap.shown.wait()

        done = space.forget(note, derived=True)

        assert done.found.repeats[SlotKey(heap.id, "near")] == 1
        kept = [entry for entry in entries_of(space._store) if _is_of(entry, heap, "shown")]
        assert all(entry.position > done.position for entry in kept)
        assert canary(2) in heap.shown.wait()
    assert where_is(BIRD, path) == []


def test_what_was_renamed_since_is_followed(path: Path, tmp_path: Path) -> None:
    def first() -> type[Entity]:
        class Sight(Entity):
            note: Ref[Note] = ref()
            near = derive(to_same, note.at(Note.text))

        return Sight

    def second() -> type[Entity]:
        class Sight(Entity):
            note: Ref[Note] = ref()
            seen = derive(to_same, note.at(Note.text), was="near")
            again = derive(to_same, seen)

        return Sight

    before, after = first(), second()
    with weft.open(str(path), types=[*TYPES, before]) as space:
        note = noted(space, 1)
        sight = space.create(before, note=note)
        assert BIRD in sight.near.wait()  # type: ignore[attr-defined]
    with weft.open(str(path), types=[*TYPES, after]) as space:
        assert BIRD in space.get(after, sight.id).again.wait()  # type: ignore[attr-defined]

        done = space.forget(space.get(Note, note.id))

        assert SlotKey(sight.id, "again") in done.found.repeats
    assert where_is(BIRD, path) == []


# What was ------------------------------------------------------------------------------------------------------------


def test_history_and_difference_say_that_it_was_erased_and_know_all_else(path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)
        board = space.create(Look, note=note)
        settle(note, other, board)
        between = space.position
        other.text = "something else"
        settle(other)
        known = space.at(between)
        assert known.get(Note, other.id).loud.wait() == f"{canary(2)} SINGS".upper()

        done = space.forget(note)

        past = space.at(between)
        assert past.get(Note, other.id).text == f"{canary(2)} sings"
        assert past.get(Note, other.id).loud.wait() == f"{canary(2)} SINGS".upper()
        with pytest.raises(ValueNotKept, match=f"it was erased at {done.position}"):
            assert past.get(Note, note.id).text
        with pytest.raises(ValueNotKept, match="was erased"):
            past.get(Look, board.id).same.wait()
        with space.view() as engine:
            now, then = (RightThen(engine, at, LogIndex()) for at in (done.position, between))
            (moment,) = history(now, note.id, "text")
            assert (moment.how, moment.position) == ("erased", done.position)
            moments = list(history(now, board.id, "same"))
            assert [one.how for one in moments] == ["erased"]
            assert isinstance(moments[0].outcome, NotKept)
            assert [one.how for one in history(now, other.id, "text")] == ["told", "told"]
            found = [one for one in differences(then, now) if one.kind == "erased"]
            assert [one.entity for one in found] == [note.id]
        words = [activity.preview for activity in space.subscribe().present()]
        assert "erased" in words
        assert not any(BIRD in word for word in words)


# Meanwhile -----------------------------------------------------------------------------------------------------------

HELD, BEGUN = threading.Event(), threading.Event()


def slowly(text: str) -> Blob:
    BEGUN.set()
    HELD.wait(20)
    return Blob.from_bytes(text.encode() * 3)


class Slow(Entity):
    text: Field[str] = field()
    made = derive(slowly, text, runner="thread")


class Beside(Entity):
    slow: Ref[Slow] = ref()
    made = derive(slowly, slow.at(Slow.text), runner="thread")


def test_what_a_call_under_way_makes_of_it_is_not_kept(path: Path) -> None:
    HELD.clear()
    BEGUN.clear()
    with weft.open(str(path), types=[Slow]) as space:
        slow, other = space.create(Slow, text=BIRD), space.create(Slow, text="other")
        space.watch(slow.made)
        assert BEGUN.wait(20)

        space.forget(slow)
        HELD.set()

        assert other.made.wait(timeout_s=20).size_bytes == 15
        with space.view() as engine:
            assert [row for _, row in engine.rows(ATTEMPT) if row[0] == slow.id] == []
    assert where_is(BIRD, path) == []


def test_what_a_call_of_another_that_was_given_it_makes_of_it_is_not_kept(path: Path) -> None:
    HELD.clear()
    BEGUN.clear()
    with weft.open(str(path), types=[Slow, Beside]) as space:
        slow, other = space.create(Slow, text=BIRD), space.create(Slow, text="other")
        beside = space.create(Beside, slow=slow)
        space.watch(beside.made)
        assert BEGUN.wait(20)

        space.forget(slow)
        HELD.set()

        assert other.made.wait(timeout_s=20).size_bytes == 15
        with pytest.raises(weft.NodeFailed, match="it was erased"):
            beside.made.wait(timeout_s=20)
    assert where_is(BIRD, path) == []


def test_a_space_in_memory_forgets_as_well() -> None:
    with weft.open(types=TYPES) as space:
        note = noted(space, 1)
        board = space.create(Look, note=note)
        settle(note, board)

        space.forget(note)

        held = b"".join(record.payload or b"" for record in space._store.records())
        assert BIRD.encode() not in held
        with pytest.raises(weft.NodeFailed, match="it was erased"):
            board.same.wait(timeout_s=20)


def test_what_would_go_is_known_before_and_changes_nothing(path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1)
        settle(note)
        head = space._store.head()

        with space.view() as engine:
            found = look(engine, note.id)

        assert found.told == 6
        assert space._store.head() == head
        assert note.text == f"{BIRD} sings"


def test_a_fold_without_its_code_keeps_its_rows(path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)

    forget_in_file(path, note.id, actor="a", time="t")

    with opened(path) as space:
        assert space.get(Note, other.id).heard == f"{canary(2)} heard"
    assert where_is(BIRD, path) == []


def test_elements_with_ids_go_with_their_list(path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1)
        note.groups.wait()
        pin = space.create(Pin, group=note.groups["a"])
        assert isinstance(pin.same.wait(), Group)

        space.forget(note)

        with pytest.raises(weft.NodeFailed, match="it was erased"):
            pin.words.wait(timeout_s=20)
    check_rebuilt(path)
