"""The arithmetic of due rows, case by case."""

from __future__ import annotations

import pytest

from weft.graph import NEVER, Due
from weft.schedule import due_after, due_by, mark_of


@pytest.mark.parametrize(
    ("cut", "had", "first_before", "expected"),
    [
        (7, None, NEVER, Due(7, 7)),
        (7, None, 3, Due(3, 7)),
        (7, Due(5, 6), 0, Due(5, 7)),
        (4, Due(5, 6), 0, Due(4, 6)),
    ],
)
def test_a_row_says_from_when_on_and_takes_along_what_was_unsettled_before(
    cut: int, had: Due | None, first_before: int, expected: Due
) -> None:
    assert due_by(cut, had, first_before) == expected


@pytest.mark.parametrize(
    ("settled_at", "had", "is_stale", "is_final", "expected"),
    [
        (7, Due(5, 7), False, True, None),
        (7, Due(5, 9), False, True, Due(8, 9)),
        (7, Due(8, 9), False, True, Due(8, 9)),
        (7, Due(5, 7), True, True, Due(8, 7)),
        (7, Due(5, 7), False, False, Due(5, 7)),
        (7, None, False, True, None),
        (7, None, True, True, Due(8, 7)),
        (7, None, False, False, Due(7, 7)),
    ],
)
def test_a_row_is_cleared_only_where_nothing_newer_asks_and_every_input_shows_what_was_used(
    settled_at: int, had: Due | None, is_stale: bool, is_final: bool, expected: Due | None
) -> None:
    assert due_after(settled_at, had, is_stale=is_stale, is_final=is_final) == expected


def test_the_mark_is_before_the_first_of_all_and_never_past_the_head() -> None:
    assert mark_of(9, []) == 9
    assert mark_of(9, [NEVER]) == 9
    assert mark_of(9, [NEVER, 4, 6]) == 3
