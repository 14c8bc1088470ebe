"""A server is killed in the middle of what somebody watches: the page goes on, and shows what it would have shown."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.page.kept_up import PASSWORD, kept_up
from tests.page.shelves import NOTES, SUMMARY
from tests.until import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.kill, pytest.mark.browser]

KILLS = (
    ("edits folded", 2), ("edits kept", 2), ("edits kept", 4), ("attempt sent", 1), ("attempt sent", 4),
    ("call ended", 2), ("call ended", 5), ("before commit", 8), ("after commit", 8), ("after commit", 12),
    ("results settled", 3), ("results kept", 4),
)  # fmt: skip
"""Points of the engine, and when each is passed for which time; "edits kept" first when the shelf is made."""


def shown(page: Page) -> str:
    """What the page shows of the charm."""
    return page.inner_text("main")


@pytest.mark.parametrize(("point", "turn"), KILLS)
def test_a_page_whose_server_is_killed_shows_the_same_as_one_that_is_loaded_afterwards(
    point: str, turn: int, tmp_path: Path, browser: Browser
) -> None:
    with kept_up(tmp_path, point, turn) as server, closing(browser.new_context()) as context:
        shelf = server.say("POST", "/entities", type="Shelf", once="shelf")["id"]
        said = {"name": "ann", "password": PASSWORD}
        assert context.request.post(f"{server.address}/login", data=said, headers={"Weft-Request": "1"}).ok
        page = context.new_page()
        page.goto(f"{server.address}/#/home/charm/{shelf}")
        page.wait_for_selector("[data-node=summary]")
        for number, note in enumerate(NOTES):
            server.say("PATCH", f"/entities/{shelf}", add={"notes": [note]}, once=f"note {number}")
        page.wait_for_selector(f"[data-node=summary][data-standing=settled] >> text={SUMMARY}")
        assert server.deaths == 1, f"{point} was not passed {turn} times"
        until(lambda: page.query_selector("[data-standing=running], [data-standing=stale]") is None)
        before = shown(page)
        page.reload()
        page.wait_for_selector(f"[data-node=summary][data-standing=settled] >> text={SUMMARY}")
        until(lambda: shown(page) == before)
        assert [before.count(note) for note in NOTES] == [1, 1, 1], "none is lost, and none was told twice"
