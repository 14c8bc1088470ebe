"""A reader's notes as a file: read whole or refused in words, before anything is made; and told to a spell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.cli.conftest import Weft
from weft.cli.shelf_notes import BadNotes, notes_in, waiting
from weft.examples.bookshelf.types import Book, Topic

TOPICS = (Topic("novels", (Book("Emma"), Book("Persuasion"))), Topic("gardens", (Book("The Dry Garden"),)))


def test_notes_are_read_by_title(tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    file.write_text('{"Emma": "Good intentions do harm.", "Übermut": "„ja“"}', encoding="utf-8-sig")

    assert notes_in(str(file)) == {"Emma": "Good intentions do harm.", "Übermut": "„ja“"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe", "it is not UTF-8"),
        (b"", "it is not JSON: Expecting value, line 1 column 1"),
        (b'{"Emma":\n}', "line 2 column 1"),
        (b"[" * 100_000, "it is not JSON: nested too deeply"),
        (b'["Emma"]', "it holds a list, not an object"),
        (b"{}", "it is empty"),
        (b'{"Emma": ["a"]}', "what it says of 'Emma' is a list, not text"),
        (b'{"Emma": null}', "what it says of 'Emma' is null, not text"),
        (b'{"Emma": " "}', "what it says of 'Emma' is blank"),
        (b'{" ": "a"}', "a title is blank"),
        (b'{"Emma": "a", "Emma": "b"}', "it says two things of 'Emma'"),
        (b'{"Emma": "\\ud800"}', "what it says of 'Emma' is no Unicode text"),
    ],
)
def test_what_holds_no_notes_is_refused_in_words(content: bytes, why: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    file.write_bytes(content)

    with pytest.raises(BadNotes) as refused:
        notes_in(str(file))

    assert why in str(refused.value)
    assert '"Emma": "Good intentions do harm."' in str(refused.value)
    assert len(str(refused.value)) < 400 + len(str(file))


def test_bad_notes_are_refused_before_anything_is_made(tmp_path: Path, weft: Weft) -> None:
    done = weft("demo", "bookshelf", "--space", "s.weft", "--notes", "none.json")

    assert (done.returncode, done.stdout) == (2, "")
    assert "none.json holds no notes: it cannot be read: No such file" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_notes_that_the_spell_does_not_use_are_named_with_the_reason() -> None:
    notes = {"EMMA": "a", "the dry garden": "b", "Ulysses": "c"}

    assert list(waiting(notes, TOPICS, "novels")) == [
        "the note on 'the dry garden' waits: that book is in gardens, and the spell is cast on novels",
        "the note on 'Ulysses' waits: no book that was found has this title",
    ]


@pytest.mark.vision
def test_the_hint_on_a_shelf_without_notes_leads_to_a_comparison(
    tmp_path: Path, weft: Weft, require_part: Callable[[str], ModuleType]
) -> None:
    for name in ("rapidocr", "onnxruntime", "PIL"):
        require_part(name)
    from weft.examples.bookshelf.render import render
    from weft.examples.bookshelf.titles import TITLES

    books = [book for book in TITLES if book.title in ("Persuasion", "Emma", "Buddenbrooks", "Gone Girl")]
    (tmp_path / "mine.jpg").write_bytes(render(3, books=books).photo)

    first = weft("demo", "bookshelf", "mine.jpg", "--space", "s.weft")
    lines = [line.strip() for line in first.stdout.splitlines()]
    at = next(place for place, line in enumerate(lines) if line.endswith("--notes NOTES.json"))
    (title,) = json.loads(" ".join(lines[at + 1 :]).partition("such as ")[2].split("}")[0] + "}")
    (tmp_path / "NOTES.json").write_text(json.dumps({title: "Money decides who may marry in the end."}))
    noted = weft(*lines[at].split()[1:], "--json")
    again = weft(*lines[at].split()[1:], "--json")

    comparison = json.loads(noted.stdout)["comparison"]
    assert (first.returncode, noted.returncode, again.returncode) == (0, 0, 0)
    assert [claim["quote"] for claim in comparison["claims"]] == ["Money decides who may marry in the end."]
    assert json.loads(again.stdout)["runs"]["compare"]["executed"] == 0
    assert json.loads(again.stdout)["comparison"] == comparison
