"""Who brought which content: known for those that came last, and to nobody else."""

from __future__ import annotations

import pytest

from weft.content import raw_id
from weft.server import uploads
from weft.server.uploads import Uploads

ONE, OTHER, THIRD = (raw_id(content) for content in (b"one", b"other", b"third"))


def test_what_somebody_brought_is_theirs_alone_and_of_that_space_alone() -> None:
    brought = Uploads()
    brought.note("home", "ann", ONE)

    assert brought.has("home", "ann", ONE)
    assert not brought.has("home", "bob", ONE)
    assert not brought.has("work", "ann", ONE)


def test_of_too_many_those_are_known_that_came_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "UPLOADS_MAX", 2)
    brought = Uploads()
    for id in (ONE, OTHER, ONE, THIRD):
        brought.note("home", "ann", id)

    assert [brought.has("home", "ann", id) for id in (ONE, OTHER, THIRD)] == [True, False, True]
