"""A reader's notes on books, as a file holds them: a JSON object of title to text.

Knows nothing of spaces. Invariant: notes are read whole, or refused in words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from weft.errors import WeftError
from weft.examples.bookshelf.compare import is_title_of
from weft.examples.bookshelf.types import Topic

EXAMPLE = '{"Emma": "Good intentions do harm."}'
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "a truth value", int: "a number", float: "a number"}


class BadNotes(WeftError):
    """{path} holds no notes: {why}. Give JSON of title to text, such as {example}."""

    exit_code = 2
    path: str
    why: str
    example: str


def notes_in(path: str) -> dict[str, str]:
    """The notes that a file holds, by title. Raises `BadNotes`."""
    try:
        said = json.loads(Path(path).read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
        return dict(_checked(said))
    except OSError as failed:
        why = f"it cannot be read: {failed.strerror or failed}"
    except json.JSONDecodeError as failed:
        why = f"it is not JSON: {failed.msg}, line {failed.lineno} column {failed.colno}"
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except RecursionError:
        why = "it is not JSON: nested too deeply"
    except ValueError as wrong:
        why = str(wrong)
    raise BadNotes(path=path, why=why, example=EXAMPLE)


def waiting(notes: Mapping[str, str], topics: Iterable[Topic], cast_on: str) -> Iterator[str]:
    """A line for each note that the comparison of the topic `cast_on` makes nothing of, and why."""
    books = [(book.title, topic.name) for topic in topics for book in topic.books]
    for title in notes:
        names = [name for book, name in books if is_title_of(title, book)]
        if not names:
            yield f"the note on {title!r} waits: no book that was found has this title"
        elif cast_on not in names:
            yield f"the note on {title!r} waits: that book is in {names[0]}, and the spell is cast on {cast_on}"


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"it says two things of {_short(name)}")
        found[name] = value
    return found


def _checked(said: object) -> Iterator[tuple[str, str]]:
    if not isinstance(said, dict):
        raise ValueError(f"it holds {_kind(said)}, not an object")
    if not said:
        raise ValueError("it is empty")
    for title, text in said.items():
        if not title.strip():
            raise ValueError("a title is blank")
        if not isinstance(text, str):
            raise ValueError(f"what it says of {_short(title)} is {_kind(text)}, not text")
        if not text.strip():
            raise ValueError(f"what it says of {_short(title)} is blank")
        if any("\ud800" <= character <= "\udfff" for character in title + text):
            raise ValueError(f"what it says of {_short(title)} is no Unicode text")
        yield title, text


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "null")


def _short(title: str) -> str:
    return repr(title if len(title) <= 40 else f"{title[:40]}…")
