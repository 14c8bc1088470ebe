"""Texts that several people edit: nothing written is lost, and all who fold the same edits read the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import permutations
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft.shared_text as text_module
from weft.errors import Unencodable
from weft.shared_text import (
    Change,
    Delete,
    Insert,
    NotAnEdit,
    NoText,
    Replace,
    UnreadableText,
    edit_text,
    empty_text,
    merge_text,
    text_of,
)

characters = st.text(st.characters(codec="utf-8"), max_size=6)


@pytest.fixture(autouse=True)
def loro(require_part: Callable[[str], ModuleType]) -> ModuleType:
    return require_part("loro")


@st.composite
def changes_of(draw: st.DrawFn, length: int) -> list[Change]:
    """Changes that fit a text of `length` characters, one after the other."""
    made: list[Change] = []
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, length))
        stop = draw(st.integers(start, length))
        text = draw(characters)
        choices: list[Change] = [Insert(start, text), Delete(start, stop), Replace(start, stop, text)]
        change = draw(st.sampled_from(choices))
        length = len(applied("." * length, [change]))
        made.append(change)
    return made


def applied(text: str, changes: Sequence[Change]) -> str:
    """What the changes mean, on a str."""
    for change in changes:
        start = change.at if isinstance(change, Insert) else change.start
        stop = change.at if isinstance(change, Insert) else change.stop
        text = text[:start] + ("" if isinstance(change, Delete) else change.text) + text[stop:]
    return text


def written(text: str, actor: str = "ada") -> bytes:
    return merge_text(empty_text(), edit_text(empty_text(), actor, [Insert(0, text)]))


def folded(state: bytes, updates: Sequence[bytes]) -> bytes:
    for update in updates:
        state = merge_text(state, update)
    return state


@given(characters, st.data(), st.booleans())
def test_one_authors_edits_read_as_they_would_on_a_str(first: str, data: st.DataObject, in_session: bool) -> None:
    state, expected = written(first), first
    for _ in range(3):
        changes = data.draw(changes_of(len(expected)))
        update = edit_text(state, "ada", changes, session="one" if in_session else None)
        state, expected = merge_text(state, update), applied(expected, changes)

    assert text_of(state) == expected


@given(characters, st.data())
def test_concurrent_edits_converge_in_whatever_order_they_come(first: str, data: st.DataObject) -> None:
    seen = written(first)
    updates = [edit_text(seen, actor, data.draw(changes_of(len(first)))) for actor in ("ada", "ben", "ada")]

    read = {text_of(folded(seen, order)) for order in permutations(updates)}

    assert len(read) == 1


@given(characters, st.data())
def test_concurrent_insertions_all_survive_whole(first: str, data: st.DataObject) -> None:
    seen = written(first)
    said = [f"<{number}:{data.draw(characters)}>" for number in range(3)]
    updates = [edit_text(seen, "ada", [Insert(data.draw(st.integers(0, len(first))), text)]) for text in said]

    read = text_of(folded(seen, updates))

    assert all(text in read for text in said)
    assert len(read) == len(first) + sum(map(len, said))


def test_what_is_inserted_into_a_part_that_another_takes_out_survives() -> None:
    seen = written("the whole sentence")
    taken_out = edit_text(seen, "ada", [Delete(0, 18)])
    put_in = edit_text(seen, "ben", [Insert(9, ", short")])

    assert text_of(folded(seen, [taken_out, put_in])) == ", short"


@given(st.data())
def test_an_edit_that_comes_again_changes_nothing(data: st.DataObject) -> None:
    state = written("once")
    updates = []
    for number in range(4):
        update = edit_text(state, f"actor {number % 2}", data.draw(changes_of(len(text_of(state)))))
        state = merge_text(state, update)
        updates.append(update)

    again = folded(state, data.draw(st.lists(st.sampled_from(updates), max_size=8)))

    assert again == state


def test_two_edits_by_one_author_on_the_same_text_both_survive() -> None:
    seen = written("")
    updates = [edit_text(seen, "ada", [Insert(0, word)]) for word in ("left", "right")]

    assert sorted(text_of(folded(seen, updates))) == sorted("leftright")


def test_an_edit_says_the_same_wherever_it_is_made() -> None:
    seen = written("abc")
    copies = [folded(empty_text(), [edit_text(empty_text(), "ada", [Insert(0, "abc")])]), seen]

    made = {edit_text(copy, "ben", [Replace(0, 1, "x")]) for copy in copies}

    assert len(made) == 1


def test_edits_of_one_session_take_less_room_than_edits_that_stand_alone() -> None:
    def size_bytes(session: str | None) -> int:
        state = empty_text()
        for number in range(100):
            state = merge_text(state, edit_text(state, "ada", [Insert(number, "x")], session=session))
        assert text_of(state) == "x" * 100
        return len(state)

    assert size_bytes("one") * 4 < size_bytes(None)


def test_changes_may_be_none() -> None:
    seen = written("abc")

    assert text_of(merge_text(seen, edit_text(seen, "ada", []))) == "abc"


def test_an_edit_before_what_it_builds_on_is_refused() -> None:
    seen = written("abc")
    sooner = edit_text(seen, "ada", [Insert(3, "d")])
    later = edit_text(merge_text(seen, sooner), "ada", [Insert(4, "e")])

    with pytest.raises(NotAnEdit, match="builds on edits"):
        merge_text(seen, later)
    assert text_of(folded(seen, [sooner, later])) == "abcde"


@given(st.binary(max_size=200))
def test_bytes_that_are_no_edit_are_refused(garbage: bytes) -> None:
    with pytest.raises(NotAnEdit):
        merge_text(empty_text(), garbage)


@given(st.data())
def test_a_damaged_edit_is_refused_or_harmless(data: st.DataObject) -> None:
    seen = written("abc")
    update = bytearray(edit_text(seen, "ada", [Insert(1, "some words")]))
    place = data.draw(st.integers(0, len(update) - 1))
    update[place] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        del update[data.draw(st.integers(0, len(update) - 1)) :]

    try:
        read = text_of(merge_text(seen, bytes(update)))
    except NotAnEdit:
        return

    # Some bytes of loro's head are not looked at.
    assert read == "asome wordsbc"


def test_a_whole_document_is_no_edit() -> None:
    with pytest.raises(NotAnEdit, match="whole document"):
        merge_text(empty_text(), written("abc"))


def test_an_edit_that_writes_elsewhere_is_refused(loro: ModuleType) -> None:
    other = loro.LoroDoc()
    other.get_map("elsewhere").insert("number", 2**63)
    other.commit()

    with pytest.raises(NotAnEdit, match="elsewhere"):
        merge_text(written("abc"), other.export(loro.ExportMode.Updates(loro.VersionVector())))


def test_an_edit_beyond_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    update = edit_text(empty_text(), "ada", [Insert(0, "x" * 1000)])
    monkeypatch.setattr(text_module, "UPDATE_BYTES_MAX", 1000)

    with pytest.raises(NotAnEdit, match="longer than 1000 bytes"):
        merge_text(empty_text(), update)


def test_a_damaged_text_is_named() -> None:
    with pytest.raises(UnreadableText, match="7 bytes"):
        text_of(b"garbage")


@pytest.mark.parametrize("change", [Insert(4, "x"), Insert(-1, "x"), Delete(2, 1), Delete(0, 4), Replace(3, 4, "")])
def test_a_place_outside_the_text_is_refused(change: Change) -> None:
    with pytest.raises(IndexError, match="3 characters"):
        edit_text(written("abc"), "ada", [change])


def test_half_a_character_is_refused() -> None:
    with pytest.raises(Unencodable, match="half a character"):
        edit_text(empty_text(), "ada", [Insert(0, "a\ud800")])


def test_an_interrupt_is_not_taken_for_a_refusal() -> None:
    with pytest.raises(KeyboardInterrupt), text_module._loro_refusals():
        raise KeyboardInterrupt


def test_without_loro_the_empty_text_is_there_and_an_edit_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Callable[[str], None] = lambda _: None  # noqa: E731
    monkeypatch.setattr(text_module, "find_spec", find)

    assert text_of(empty_text()) == ""
    with pytest.raises(NoText, match=r"weft\[text\]"):
        edit_text(empty_text(), "ada", [Insert(0, "x")])


def test_loro_is_loaded_only_when_a_text_is_edited() -> None:
    program = "import sys, weft.shared_text as t; t.text_of(t.empty_text()); sys.exit('loro' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], check=False, env={"PYTHONPATH": ":".join(sys.path)}, timeout=30
    )

    assert done.returncode == 0
