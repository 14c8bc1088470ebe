"""A fork is the same space up to a position, and another one from there on, in which nothing goes on by itself."""

from __future__ import annotations

import contextlib
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import weft
from tests.conftest import require_module
from tests.copies.lives import Note, lived
from tests.runs.letters import Confirm
from tests.until import until
from weft import Blob, Effect, Entity, Field, Run, derive, field, fold, items, on
from weft.copies import fork, fork_space
from weft.copies.agreement import agreed, has_event, record_at
from weft.copies.fork import ErasedSince
from weft.copies.publishing import CannotWrite, NeighboursPlace, PlaceTaken
from weft.definition import compile_type
from weft.past.as_of import NoSuchPosition
from weft.rebuild import RecordUnplayable
from weft.record import Record
from weft.store import NotASpace
from weft.stores.damage import examine
from weft.stores.sqlite import SqliteStore

ASKED: list[str] = []
"""What `Letter` had its driver do."""


@dataclass(frozen=True)
class Send(Effect[str]):
    text: str


class Post:
    effects = (Send,)

    async def carry_out(self, effect: Send, key: str) -> str:
        ASKED.append(effect.text)
        return "sent"


def fails(n: int) -> int:
    raise ValueError("never well")


class Letter(Entity):
    text: Field[str] = field(default="hello")

    @on(Entity.created)
    async def send(self, run: Run) -> str:
        """Waits for a person, and then for the world outside."""
        await run.ask("send it?", Confirm)
        return await run.perform(Send(self.text))

    @on(Entity.created)
    async def goes_wrong(self, run: Run) -> None:
        raise ValueError("not today")


class Daily(Entity):
    log = items(str)

    @on(Entity.scheduled("0 8 * * *"))
    async def daily(self, run: Run) -> None:
        self.log.add(str(run.moment))


def added(total: int, by: int) -> int:
    return total + by


class Hits(Entity):
    total = fold(0).on(int, added)


def photos_of(n: int) -> list[Blob]:
    return [Blob.from_bytes(bytes([n]) * 100)] + [Blob.from_bytes(b"same")] * 20_000


class Album(Entity):
    n: Field[int] = field(default=1)
    made = derive(photos_of, n)


def records(path: Path, upto: int | None = None) -> list[Record]:
    """The log of a closed space."""
    with contextlib.closing(SqliteStore(path)) as store:
        return list(store.records(until=upto))


def blobs(path: Path) -> set[bytes]:
    with contextlib.closing(SqliteStore(path)) as store:
        return {cid for cid, _ in store.blobs()}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space with a life behind it."""
    path = tmp_path_factory.mktemp("parent") / "a.weft"
    lived(path)
    return path


def test_at_every_position_it_is_what_the_space_was_then(parent: Path, tmp_path: Path) -> None:
    log = records(parent)
    for at in range(log[-1].position + 1):
        place = tmp_path / f"{at}.weft"

        made = fork_space(parent, place, at=at)

        base = next((one.position for one in log if one.position >= at), 0) if at else 0
        assert (made.base.position, made.head) == (base, made.base)
        assert records(place) == [one for one in log if one.position <= base]
        assert examine(str(place)) == []
        with weft.open(str(parent), engine=False) as before, weft.open(str(place), types=[Note]) as space:
            before.know([Note])
            then = before.at(base)
            assert [note.text for note in space.find(Note)] == [note.text for note in then.find(Note)]


def test_each_goes_its_own_way_and_leaves_the_other_as_it_is(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    made = fork_space(tmp_path / "a.weft", tmp_path / "b.weft")

    with (
        weft.open(str(tmp_path / "a.weft"), types=[Note]) as one,
        weft.open(str(tmp_path / "b.weft"), types=[Note]) as other,
    ):
        note, twin = one.find(Note)[0], other.find(Note)[0]
        note.text, twin.text = "here", "there"
        assert (note.loud.wait(), twin.loud.wait()) == ("HERE", "THERE")
        assert note.id == twin.id

    with contextlib.closing(SqliteStore(tmp_path / "a.weft")) as a, contextlib.closing(SqliteStore(made.path)) as b:
        ends = (a.head().position, b.head().position)
        assert agreed(lambda at: record_at(a, at), lambda at: record_at(b, at), min(ends)) == made.base.position


def test_what_was_computed_is_not_computed_again(parent: Path, tmp_path: Path) -> None:
    made = fork_space(parent, tmp_path / "b.weft")

    with weft.open(made.path, types=[Note]) as space:
        for note in space.find(Note):
            assert note.loud.wait() == note.text.upper()
        assert space.position == made.head.position


def test_nobody_is_asked_and_nothing_is_carried_out_twice(tmp_path: Path) -> None:
    ASKED.clear()
    with weft.open(str(tmp_path / "a.weft"), types=[Letter], drivers=[Post()]) as space:
        space.create(Letter)
        until(lambda: len(space.questions()) == 1 and any(one.stands == "failed" for one in space.runs()))
        made = fork_space(tmp_path / "a.weft", tmp_path / "b.weft", actor="ann")
        (question,) = space.questions()
        space.answer(question, Confirm(yes=True))
        until(lambda: [one.stands for one in space.runs()] == ["failed"])
    assert ASKED == ["hello"]

    with weft.open(made.path, types=[Letter], drivers=[Post()]) as other:
        assert not other.questions()
        assert [(one.flow, one.stands) for one in other.runs()] == [("goes_wrong", "failed")]
        (letter,) = other.find(Letter)
        letter.text = "again"
        assert ASKED == ["hello"]
    (ended,) = [one for one in records(Path(made.path)) if one.position > made.base.position and one.kind == "event"][
        :1
    ]
    assert ended.content()["actor"] == "ann"
    assert (made.runs, made.schedules) == (1, 0)


def test_what_is_told_to_a_fork_fires_as_anywhere(tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "a.weft"), types=[Letter]):
        pass
    made = fork_space(tmp_path / "a.weft", tmp_path / "b.weft")

    with weft.open(made.path, types=[Letter], drivers=[Post()]) as other:
        other.create(Letter)
        until(lambda: len(other.questions()) == 1)


def test_schedules_pause_and_have_nothing_left_to_catch_up_on(tmp_path: Path) -> None:
    require_module("cronsim")
    with weft.open(str(tmp_path / "a.weft"), types=[Daily]) as space:
        daily, _ = space.create(Daily), space.create(Daily)
        until(lambda: _schedules(space) == [False, False])
        with space.edit() as edit:
            space.backfill(daily.daily, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
            edit.intents.append([daily.id, "daily", "pause"])
        until(lambda: len(daily.log) == 2)
    told = next(one for one in records(tmp_path / "a.weft") if b"backfill" in (one.payload or b""))

    made = fork_space(tmp_path / "a.weft", tmp_path / "b.weft", at=told.position)

    assert made.schedules == 1, "one paused already"
    with weft.open(made.path, types=[Daily]) as fork:
        new = fork.create(Daily)
        until(lambda: len(_schedules(fork)) == 3)
        assert _schedules(fork) == [True, True, False]
        assert [[*one.log] for one in (*fork.find(Daily), new)] == [[], [], [], []]
        assert not fork.runs()
    with weft.open(str(tmp_path / "a.weft"), types=[Daily]) as space:
        assert _schedules(space) == [True, False]


def _schedules(space: weft.Space) -> list[bool]:
    from weft.run_list import listed_schedules

    with space.view() as engine:
        return [one.is_paused for one in listed_schedules(engine)]


def test_it_has_the_blobs_that_it_names_and_no_others(tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "a.weft"), types=[Note, Album]) as space:
        note, album = space.create(Note, text="x"), space.create(Album)
        note.photos.add(Blob.from_bytes(b"first"))
        assert len(album.made.wait()) == 20_001
        at = space.position
        note.photos.add(Blob.from_bytes(b"second"))
    all_of_them = blobs(tmp_path / "a.weft")

    made = fork_space(tmp_path / "a.weft", tmp_path / "b.weft", at=at)

    assert all_of_them - blobs(Path(made.path)) == {Blob.from_bytes(b"second").id}
    with weft.open(made.path, types=[Note, Album]) as other:
        (album,) = other.find(Album)
        assert album.made.wait()[0].bytes() == bytes([1]) * 100
        assert [photo.bytes() for photo in other.find(Note)[0].photos] == [b"first"]


def test_what_was_erased_stays_erased_and_bars_what_was_before(tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "a.weft"), types=[Note]) as space:
        gone, kept = space.create(Note, text="secret words"), space.create(Note, text="kept")
        gone.loud.wait()
        before = space.position
        space.forget(gone.id)
        since = space.position
        kept.text = "kept still"

    with pytest.raises(ErasedSince) as refused:
        fork_space(tmp_path / "a.weft", tmp_path / "b.weft", at=before)
    made = fork_space(tmp_path / "a.weft", tmp_path / "b.weft", at=since)

    assert (refused.value.at, refused.value.erased, refused.value.exit_code) == (before, since, 2)
    assert f"fork from position {since}" in str(refused.value)
    assert examine(made.path) == []
    assert b"secret words" not in Path(made.path).read_bytes()
    with weft.open(made.path, types=[Note]) as other:
        assert [note.text for note in other.find(Note)] == ["kept"]


def test_what_was_told_and_erased_behind_the_base_bars_nothing(tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "a.weft"), types=[Note]) as space:
        space.create(Note, text="kept")
        before = space.position
        space.forget(space.create(Note, text="secret words").id)

    made = fork_space(tmp_path / "a.weft", tmp_path / "b.weft", at=before)

    with weft.open(made.path, types=[Note]) as other:
        assert [note.text for note in other.find(Note)] == ["kept"]


def test_what_is_erased_while_it_is_made_is_not_carried_over(tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "a.weft"), types=[Note]) as space:
        gone = space.create(Note, text="secret words")
        gone.loud.wait()

        def erase(done: int, of: int) -> None:
            if done == of:
                space.forget(gone.id)

        with pytest.raises(CannotWrite, match="erased from the space meanwhile"):
            fork_space(tmp_path / "a.weft", tmp_path / "b.weft", on_progress=erase)
    assert not [each.name for each in tmp_path.iterdir() if each.name.startswith("b.weft")]


def test_an_engine_goes_on_while_its_space_is_forked(tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "a.weft"), types=[Note]) as space:
        note = space.create(Note, text="0")
        until(lambda: note.loud.wait() == "0")

        def edit(done: int, of: int) -> None:
            note.text = f"{done}"

        made = fork_space(tmp_path / "a.weft", tmp_path / "b.weft", on_progress=edit)
        until(lambda: note.loud.wait() == f"{made.base.position}")

    assert examine(made.path) == []
    with weft.open(made.path, types=[Note]) as other:
        assert other.find(Note)[0].text == "0"


def test_folds_of_ones_own_are_made_again_with_their_code(tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "a.weft"), types=[Hits]) as space:
        hits = space.create(Hits)
        hits.tell(5)
        at = space.position
        hits.tell(7)

    without = fork_space(tmp_path / "a.weft", tmp_path / "b.weft", at=at)
    made = fork_space(tmp_path / "a.weft", tmp_path / "c.weft", at=at, types={"Hits": compile_type(Hits)})

    assert (without.lost, made.lost) == ((f"{hits.id}.total",), ())
    with weft.open(made.path, types=[Hits]) as other:
        assert other.find(Hits)[0].total == 5


def test_a_place_that_is_taken_and_a_position_that_is_not_there(parent: Path, tmp_path: Path) -> None:
    head = records(parent)[-1].position
    (tmp_path / "b.weft").write_bytes(b"mine")
    (tmp_path / "c.weft-mark").write_bytes(b"mine")

    for place in ("b.weft", "c.weft"):
        with pytest.raises(PlaceTaken):
            fork_space(parent, tmp_path / place)
    for at in (-1, head + 1):
        with pytest.raises(NoSuchPosition):
            fork_space(parent, tmp_path / "d.weft", at=at)
    with pytest.raises(NotASpace):
        fork_space(tmp_path / "none.weft", tmp_path / "d.weft")
    with pytest.raises(CannotWrite, match="no folder"):
        fork_space(parent, tmp_path / "none" / "d.weft")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.weft", "c.weft-mark"]
    assert (tmp_path / "b.weft").read_bytes() == b"mine"


def test_a_record_that_cannot_be_played_makes_no_fork(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplayable(*_: object, **__: object) -> None:
        raise RecordUnplayable(path="draft", position=3, why="of a kind that is not known")

    monkeypatch.setattr(fork, "rebuild", unplayable)

    with pytest.raises(CannotWrite, match="record 3 cannot be played again: of a kind"):
        fork_space(parent, tmp_path / "b.weft")
    assert list(tmp_path.iterdir()) == []


def test_it_is_no_more_readable_than_what_it_was_made_from(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft", notes=1)
    (tmp_path / "a.weft").chmod(0o600)

    made = Path(fork_space(tmp_path / "a.weft", tmp_path / "b.weft").path)

    for each in (made, made.with_name("b.weft-mark")):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def wood(parent: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wood")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(0, 15), second=st.integers(0, 15), is_told=st.booleans())
def test_two_forks_agree_up_to_where_the_first_of_them_left(
    parent: Path, wood: Path, first: int, second: int, is_told: bool
) -> None:
    bases, paths = [], []
    for number, at in enumerate((first, second)):
        place = wood / f"{first} {second} {is_told} {number}.weft"
        place.unlink(missing_ok=True)
        place.with_name(f"{place.name}-mark").unlink(missing_ok=True)
        bases.append(fork_space(parent, place, at=at).base.position)
        paths.append(place)
    if is_told:
        for place in paths:
            with weft.open(str(place), types=[Note]) as space:
                space.create(Note, text=place.name)
    with contextlib.closing(SqliteStore(paths[0])) as one, contextlib.closing(SqliteStore(paths[1])) as other:
        until = min(one.head().position, other.head().position)
        found = agreed(lambda at: record_at(one, at), lambda at: record_at(other, at), until)
        logs = [list(store.records()) for store in (one, other)]
    same = [mine.position for mine, theirs in zip(*logs, strict=False) if mine.digest == theirs.digest]
    assert found == max(same, default=0)
    assert found >= min(bases)


def test_programs_of_the_same_types_have_no_history_in_common_for_that(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with weft.open(str(tmp_path / f"{name}.weft"), types=[Note]) as space:
            space.create(Note, text=name)
    with weft.open(str(tmp_path / "a.weft"), engine=False) as space, space.view() as engine:
        with contextlib.closing(SqliteStore(tmp_path / "b.weft")) as other:
            until = min(engine.position, other.head().position)
            shared = agreed(lambda at: record_at(engine.store, at), lambda at: record_at(other, at), until)
        assert shared == 1, "what types there are"
        assert not has_event(engine, shared)
        assert has_event(engine, shared + 1)


@pytest.mark.parametrize("ending", ["-journal", "-wal", "-shm", "-mark", "-lease"])
def test_a_fork_is_not_put_where_sqlite_would_take_it_for_a_part_of_a_space(tmp_path: Path, ending: str) -> None:
    parent = tmp_path / "space"
    weft.open(str(parent)).close()
    (tmp_path / f"space{ending}").unlink(missing_ok=True)

    with pytest.raises(NeighboursPlace, match="belongs to the space space is kept"):
        fork_space(parent, tmp_path / f"space{ending}")


def test_a_fork_is_not_put_beside_what_sqlite_would_take_for_its_journal(tmp_path: Path) -> None:
    weft.open(str(tmp_path / "new-journal")).close()

    with pytest.raises(PlaceTaken, match="new-journal"):
        fork_space(tmp_path / "new-journal", tmp_path / "new")
    weft.open(str(tmp_path / "new-journal")).close()
