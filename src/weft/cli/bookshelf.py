"""`weft demo bookshelf`: the example's shelf in a space, told photos step by step, and what follows printed.

Progress goes to standard error, what was found to standard output. The shelf in a space is one shelf, however often
this runs: photos that it has are not read again.

Knows nothing of how spines, books or topics are found.
Invariant: one photo that cannot be read keeps no other from being read, and is named at the end.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, cast

from weft import Blob, NodeFailed, Space, Value, WaitTimeout, WeftError
from weft import open as open_space
from weft.cli import terminal
from weft.cli.again import KEPT, command_for, is_kept, roots_in
from weft.cli.serve import server_missing
from weft.cli.shelf_lines import OPERATIONS, Seen, followed, notes_hint, shown
from weft.cli.shelf_notes import notes_in, waiting
from weft.content import cid_text
from weft.examples.bookshelf.app import Bookshelf, Viewpoints
from weft.examples.bookshelf.compare import is_title_of
from weft.examples.bookshelf.samples import NOTES, SHELVES, shelf_of
from weft.examples.bookshelf.topics import OTHER
from weft.examples.bookshelf.types import Comparison, Topic
from weft.graph import Whole
from weft.services.completion import Completion, from_environment
from weft.services.ocr import Ocr, OcrMissing, RapidOcr
from weft.slot import Err, Ok, Outcome, short_places

T = TypeVar("T")
LOOK_S = 0.25
"""How often progress is looked for."""
PATIENCE_S = 2.0
"""How often a text that grows is mentioned."""
BY_PICTURE = frozenset({"UnreadablePicture", "BrokenPicture", "PictureTooLarge", "PhotoTooHeavy"})
"""Failures that reading again would only repeat."""
BOOKKEEPING = ("propose", "corrected")
"""Operations that only carry people's corrections along."""


def tell(photos: Sequence[str], *, space: str | None, notes: str | None, as_json: bool, in_page: bool = False) -> int:
    """The whole story; `notes` names a file. `in_page`: in the web app, where the extra `server` is. The exit code."""
    noted = notes_in(notes) if notes is not None else {}
    health = RapidOcr().health()
    if not health.ready:
        raise OcrMissing(missing=health.why.removeprefix("not installed: "), enable=health.enable)
    given = Given(photos, noted)
    if photos and not given.blobs:
        return 1
    model = from_environment(os.environ)
    path = space or str(Path(tempfile.mkdtemp(prefix="weft-demo-")) / "bookshelf.weft")
    services: dict[type, object] = {Ocr: RapidOcr()}
    if model is not None:
        services[Completion] = model
    if in_page and (show := _page()) is not None:
        return show(path, given.blobs, services, (blob.bytes() for blob, _ in rendered()))
    # A model that was chosen since is asked about what rules, or another model, found before.
    with open_space(path, types=(Bookshelf, Viewpoints), services=services, recompute=True, actor="reader") as opened:
        return Story(opened, given, as_json=as_json).tell()


def _page() -> Callable[..., int] | None:
    try:
        from weft.cli.bookshelf_page import show
    except ModuleNotFoundError as missing:
        why = server_missing(missing)
        if why is missing:
            raise
        terminal.note(str(why))
        return None
    return show


def rendered() -> Iterator[tuple[Blob, str]]:
    """The demonstration's own photos, each with what it is called."""
    from weft.examples.bookshelf.render import render

    for number in range(len(SHELVES)):
        yield Blob.from_bytes(render(number + 1, books=shelf_of(number)).photo), f"rendered shelf {number + 1}"


class Given:
    """What a reader gives: notes by title, and photos, those whose headers are sound; what is not is said at once."""

    def __init__(self, paths: Sequence[str], notes: Mapping[str, str]) -> None:
        self.notes = notes
        self.names: dict[bytes, str] = {}
        self.problems: dict[str, str] = {}
        self.blobs = list(self._read(paths))

    def _read(self, paths: Sequence[str]) -> Iterator[Blob]:
        from weft.services.picture import check_header

        for path in paths:
            try:
                blob = Blob.read(path)
                with blob.open() as content:
                    check_header(content, name=path, pixels_max=RapidOcr().pixels_max)
            except WeftError as why:
                self.problem(path, str(why))
                continue
            self.names[blob.id] = path
            yield blob

    def problem(self, what: str, said: str) -> None:
        """Keep a problem under what it is about, and say it."""
        self.problems[what] = said = " ".join(said.split())
        terminal.note(f"error: {said}")


class Story:
    """One telling: the shelf, the spell on one of its topics, and what was seen of them."""

    def __init__(self, space: Space, given: Given, *, as_json: bool) -> None:
        self.space, self.given, self.as_json = space, given, as_json
        self.names, self.problems, self._problem = given.names, given.problems, given.problem
        with space.edit(once="home"):
            self.shelf = space.create(Bookshelf)
        self.read: set[bytes] = set()
        self.latest: Seen | None = None
        self.is_sample = False
        """Whether it is the rendered shelves that are told of."""
        self.before = space.position
        """What was recorded up to here, this telling only found."""

    def tell(self) -> int:
        """Photos in, and what follows: the reader's own together, or rendered shelves one after the other."""
        rounds = [self.given.blobs] if self.given.blobs else [[blob] for blob in self._samples()]
        self.is_sample = bool(rounds) and not self.given.blobs
        steps = [new for blobs in rounds if (new := [blob for blob in blobs if blob not in self.shelf.photos])]
        self._retry()
        seen = [self._step(blobs) for blobs in steps or [[]]]
        if not len(self.shelf.photos):
            return 1
        for line in waiting(self.given.notes, seen[-1].topics, seen[-1].topic):
            terminal.note(line)
        if self.as_json:
            terminal.say_json(self._plain(seen[-1]))
            for line in self._again():
                terminal.note(f"to try again: {line}")
        else:
            self._tell_end(seen[-1])
        return 1 if self.problems else 0

    def _step(self, blobs: Sequence[Blob]) -> Seen:
        before = self.latest
        self._add(blobs)
        self.latest = seen = self._settled()
        self._take_back()
        if not self.as_json and len(self.shelf.photos):
            for line in shown(seen) if before is None else followed(before, seen, len(self.shelf.photos)):
                terminal.say(line)
        return seen

    # ---- photos ----
    def _samples(self) -> list[Blob]:
        """The rendered shelves, for a shelf that is empty or has one of them: any other is somebody's own."""
        there, samples = set(self.shelf.photos), list(rendered())
        self.names |= {blob.id: name for blob, name in samples}
        blobs = [blob for blob, _ in samples]
        return blobs if not there or not there.isdisjoint(blobs) else []

    def _add(self, blobs: Sequence[Blob]) -> None:
        # What was read before is no progress; what failed before is said again.
        self.read.update(blob.id for blob, outcome in self._readings() if isinstance(outcome, Ok))
        if not blobs:
            terminal.note("nothing to read: this shelf has these photos")
            return
        loading = "" if self.latest else " (the models are loaded first)"
        what = self._name(blobs[0]) if len(blobs) == 1 else f"{len(blobs)} photos"
        terminal.note(f"reading {what}{loading}")
        self.shelf.photos.add(*blobs)

    def _take_back(self) -> None:
        """A photo whose pixels turned out to be broken stays off the shelf: reading it again would only fail again."""
        for blob, outcome in self._readings():
            if isinstance(outcome, Err) and outcome.kind in BY_PICTURE:
                self.shelf.photos.remove(blob)

    def _retry(self) -> None:
        """What failed for another reason than its picture may go better now."""
        if any(isinstance(outcome, Err) and outcome.kind not in BY_PICTURE for _, outcome in self._readings()):
            self.space.retry(self.shelf.spines)

    def _readings(self) -> list[tuple[Blob, Outcome | None]]:
        """Each photo with what reading it came to; None while it is read."""
        photos = list(self.shelf.photos)
        with self.space.view() as engine:
            spines = engine.node(self.shelf.id, "spines")
            assert isinstance(spines, Whole)
            slots = [spines.slots.get(element) for element in spines.element_ids()]
        return [
            (blob, slot.outcome() if slot and slot.current else None) for blob, slot in zip(photos, slots, strict=False)
        ]

    def _name(self, blob: Blob) -> str:
        return self.names.get(blob.id) or f"photo {cid_text(blob.id)[:16]}…"

    # ---- waiting, with progress ----
    def _settled(self) -> Seen:
        """Wait for books and topics, cast the spell, wait for what it says."""
        books = self._wait("books", self.shelf.books) or ()
        topics = self._wait("topics", self.shelf.topics) or ()
        ids = {topic.name: self.shelf.topics[topic.name].id for topic in topics}
        views = self._cast(topics)
        comparison = self._wait("the comparison", views.comparison) if views is not None else None
        cast_on = views.topic.id if views is not None else ""
        return Seen(books, topics, ids, cast_on, comparison, self._runs())

    def _wait(self, what: str, value: Value[T]) -> T | None:
        """The settled value; where it failed the last good one, and the failure is a problem."""
        length, said_at = 0, time.monotonic()
        while True:
            try:
                found = value.wait(timeout_s=LOOK_S)
            except WaitTimeout:
                partial = getattr(value.state, "partial", None)
                if isinstance(partial, Comparison) and time.monotonic() > said_at + PATIENCE_S:
                    length, said_at = len(partial.text), time.monotonic()
                    terminal.note(f"  {length} characters of {what} so far")
            except NodeFailed as failed:
                said = short_places(failed.cause, {self.shelf.id: "Bookshelf"})
                self._problem(what, f"{what}: {said}" + self._kept(value))
                return cast("T | None", failed.last)
            else:
                self._tell_readings()
                return found
            self._tell_readings()

    def _kept(self, value: Value[object]) -> str:
        with self.space.view() as engine:
            keys = roots_in(engine, [value.entity_id], node=value.node.name)
            return f" ({KEPT})" if is_kept(engine, keys, self.before) else ""

    def _again(self) -> list[str]:
        """How what failed is tried again: commands, if anything did that is tried no more."""
        entities = [self.shelf.id, *(views.id for views in self.space.find(Viewpoints))]
        with self.space.view() as engine:
            keys = roots_in(engine, entities)
        path = str(self.space.path)
        return [command_for(path, keys), f"{terminal.program()} demo bookshelf --space {path}"] if keys else []

    def _tell_readings(self) -> None:
        for blob, outcome in self._readings():
            if outcome is None or blob.id in self.read:
                continue
            self.read.add(blob.id)
            if blob.id not in self.names:
                continue  # of another telling, which has said it
            if isinstance(outcome, Err):
                self._problem(self._name(blob), outcome.message.replace(f"photo {cid_text(blob.id)}", self._name(blob)))
            elif isinstance(outcome, Ok):
                terminal.note(f"  {self._name(blob)} is read")

    # ---- the spell ----
    def _cast(self, topics: Sequence[Topic]) -> Viewpoints | None:
        """The spell, where it was cast before, or on the topic with most notes, then books; and notes, as entries."""
        views = next(iter(self.space.find(Viewpoints)), None)
        noted = self.given.notes
        chosen = max(
            topics, key=lambda topic: (_noted(topic, noted), topic.name != OTHER, len(topic.books)), default=None
        )
        if views is None and chosen is None:
            return None
        with self.space.edit():
            if views is None:
                assert chosen is not None
                terminal.note(f"casting “compare view points” on {chosen.name}")
                views = self.space.create(Viewpoints, topic=self.shelf.topics[chosen.name])
            for title, said in noted.items():
                if views.notes.get(title) != said:
                    views.notes[title] = said
            for title, said in (NOTES if self.is_sample else {}).items():
                if title not in views.notes:
                    views.notes[title] = said
        return views

    def _runs(self) -> dict[str, dict[str, int]]:
        """Calls by operation since this program began, those that were not needed at all among them."""
        counted = {name.rpartition("/")[2]: dict(counts) for name, counts in self.space.counts().items()}
        for name in BOOKKEEPING:
            counted.pop(name, None)
        return {name: counted.pop(name, {"executed": 0, "reused": 0}) for name in OPERATIONS} | counted

    # ---- the end ----
    def _plain(self, seen: Seen) -> dict[str, object]:
        return {
            "space": self.space.path,
            "books": [{"title": book.title, "author": book.author, "photo": book.photo} for book in seen.books],
            "topics": [
                {"id": seen.ids[topic.name], "name": topic.name, "books": [book.title for book in topic.books]}
                for topic in seen.topics
            ],
            "comparison": {"topic": seen.topic, **dataclasses.asdict(seen.comparison)} if seen.comparison else None,
            "runs": seen.runs,
            "problems": list(self.problems.values()),
        }

    def _tell_end(self, seen: Seen) -> None:
        path = self.space.path
        made = " · ".join(f"{name} {count['executed']}" for name, count in seen.runs.items())
        reused = sum(count["reused"] for count in seen.runs.values())
        terminal.say()
        terminal.say(terminal.strong("Calls made") + f"  {made}" + (f"; reused {reused}" if reused else ""))
        if again := self._again():
            terminal.say()
            terminal.say(terminal.strong("Try again what failed") + "  (till then its error is kept)")
            for line in again:
                terminal.say(f"  {line}")
        program = terminal.program()
        if seen.comparison is not None and seen.comparison.without_notes:
            terminal.say()
            terminal.say(terminal.strong("Tell what the books say"))
            terminal.say(f"  {program} demo bookshelf --space {path} --notes NOTES.json")
            for line in notes_hint(seen.comparison.without_notes[0]):
                terminal.say(line)
        terminal.say()
        terminal.say(terminal.strong("Look closer"))
        if seen.comparison is not None:
            terminal.say(f"  {program} why {path} Viewpoints.comparison")
        terminal.say(f"  {program} log {path}")
        terminal.say(f"  {program} demo bookshelf --space {path} YOUR_PHOTO.jpg")


def _noted(topic: Topic, notes: Mapping[str, str]) -> int:
    return sum(is_title_of(title, book.title) for book in topic.books for title in notes)
