"""What is kept of an error that user code raised, wherever it ran: short, without credentials and without folders."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

import weft
from weft import Entity, derive, element, fold, items
from weft.content import Plain
from weft.failure import MESSAGE_CHARS_MAX, WHERE_CHARS_MAX
from weft.graph import Slot
from weft.matching import New, Old, Verdict
from weft.reduce import Refused
from weft.slot import Err
from weft.store import entries_of

NOTHING: tuple[str, ...] = ()


def fall(word: str) -> bool:
    raise ValueError(f"401 for Authorization: Bearer CANARY1234567890 {word} {'x' * 9000}")


def joined(one: str, other: str) -> str:
    return one + other if not other else str(fall(other))


@element(key="name")
class Topic:
    name: str


def topics(words: tuple[str, ...]) -> tuple[Topic, ...]:
    return tuple(Topic(word) for word in words)


class Raising:
    name = "raising"

    def settings(self) -> Mapping[str, Plain]:
        return {}

    def match(self, olds: Sequence[Old], news: Sequence[New]) -> Sequence[Verdict]:
        fall("match")
        return ()


class Odd:
    name = "odd"

    def settings(self) -> Mapping[str, Plain]:
        return {}

    def match(self, olds: Sequence[Old], news: Sequence[New]) -> Sequence[Verdict]:
        return ["password=CANARY12345 " + "x" * 9000]  # type: ignore[list-item]


@dataclass(frozen=True)
class Said:
    word: str


def heard(words: tuple[str, ...], said: Said) -> tuple[str, ...]:
    fall(said.word)
    return words


class Desk(Entity):
    words = items(str)
    kept = words.filter(fall)
    grouped = words.group(fall)
    sorted = words.order(fall)
    sum = words.reduce(joined, "")
    told_apart = derive(topics, words, match=Raising())
    oddly = derive(topics, words, match=Odd())
    said = fold(NOTHING).on(Said, heard)


def check(text: str, chars_max: int = MESSAGE_CHARS_MAX) -> None:
    assert 0 < len(text) <= chars_max
    assert "CANARY" not in text
    assert "***" in text
    assert os.getcwd() not in text


@pytest.mark.parametrize("node", ["kept", "grouped", "sorted", "sum", "told_apart", "oddly"])
def test_what_a_node_shows_of_an_error_is_short_and_gives_nothing_away(node: str) -> None:
    with weft.open(types=[Desk]) as space:
        desk = space.create(Desk)
        desk.words.add("word")
        with pytest.raises(weft.NodeFailed):
            getattr(desk, node).wait(30)

        with space.view() as engine:
            slot = engine.node(desk.id, node, "")
            assert isinstance(slot, Slot)
            outcome = slot.outcome()

    assert isinstance(outcome, Err)
    check(outcome.message, MESSAGE_CHARS_MAX + 200)
    if node not in ("told_apart", "oddly"):
        check(outcome.where, WHERE_CHARS_MAX)
        assert outcome.where.splitlines()[-1].startswith("tests/stories/test_kept_errors.py:")
        assert "weft/" not in outcome.where


def test_what_the_log_keeps_of_a_fold_that_raised_is_short_and_gives_nothing_away() -> None:
    with weft.open(types=[Desk]) as space:
        desk = space.create(Desk)

        with pytest.raises(Refused) as refused:
            desk.tell(Said("word"))

        (why,) = [str(entry.said["why"]) for entry in entries_of(space._store, 0) if entry.kind == "refused"]
        check(why, MESSAGE_CHARS_MAX + 20)
        check(str(refused.value), MESSAGE_CHARS_MAX + 200)
