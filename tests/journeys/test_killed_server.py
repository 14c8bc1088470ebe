"""A server is killed in the middle of what somebody watches: the page goes on by itself, and shows what it would have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.kept_up import PASSWORD, KeptUp, kept_up
from tests.journeys.shelves import NOTES, SUMMARY
from tests.until import until

pytestmark = [pytest.mark.kill, pytest.mark.browser]

KILLS = (
    ("edits folded", 2), ("edits kept", 2), ("edits kept", 4), ("attempt sent", 1), ("attempt sent", 4),
    ("call ended", 2), ("call ended", 5), ("before commit", 8), ("after commit", 8), ("after commit", 12),
    ("results settled", 3), ("results kept", 4),
)  # fmt: skip
"""Points of the engine, and when each is passed for which time; "edits kept" first when the shelf is made."""


def shown(page: Any) -> str:
    """What the page shows of the charm."""
    return str(page.inner_text("main"))


def logged_in(browser: Any, server: KeptUp) -> Any:
    context = browser.new_context()
    assert context.request.post(f"{server.address}/login", data={"name": "ann", "password": PASSWORD}).ok
    return context


@pytest.mark.parametrize(("point", "turn"), KILLS)
def test_a_page_whose_server_is_killed_shows_the_same_as_one_that_is_loaded_afterwards(
    point: str, turn: int, tmp_path: Path, browser: Any, quiet: Callable[[Any], None]
) -> None:
    with kept_up(tmp_path, point, turn) as server:
        shelf = server.say("POST", "/entities", type="Shelf", once="shelf")["id"]
        context = logged_in(browser, server)
        page = context.new_page()
        quiet(page)
        page.goto(f"{server.address}/#/home/charm/{shelf}")
        page.wait_for_selector("main >> text=summary")
        for number, note in enumerate(NOTES):
            server.say("PATCH", f"/entities/{shelf}", add={"notes": [note]}, once=f"note {number}")
        page.wait_for_selector(f"main >> text={SUMMARY}")
        assert server.deaths == 1, f"{point} was not passed {turn} times"
        until(lambda: "settled" in shown(page) or SUMMARY in shown(page))
        before = shown(page)
        page.reload()
        page.wait_for_selector(f"main >> text={SUMMARY}")
        until(lambda: shown(page) == before)
        for note in NOTES:
            assert before.count(note) == 1, "no note is lost, or told twice"
        context.close()
