"""The demonstration as somebody meets it: one command, a photo in the browser, a spell, another photo, and why."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.cli.pseudo_terminal import in_terminal
from tests.page.conftest import LIMIT_MS
from tests.until import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.vision, pytest.mark.browser]
PICTURES = os.environ.get("WEFT_PICTURES", "")
"""A folder for pictures of what is seen on the way, for the documentation."""
PHOTO_SHOWN = "[...document.querySelectorAll('main img')].some((one) => one.complete && one.naturalWidth > 100)"
READ_MS = 2 * LIMIT_MS
"""Models are loaded, and photos read."""


@pytest.fixture(autouse=True)
def _parts(require_part: Callable[[str], ModuleType]) -> None:
    for name in ("rapidocr", "onnxruntime", "PIL", "starlette", "uvicorn"):
        require_part(name)


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.evaluate("scrollTo(0, 0)")
        for close in page.get_by_role("button", name="Close").all():
            close.click()
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def titles(page: Page) -> list[str]:
    """The titles among the books."""
    return [each.inner_text() for each in page.query_selector_all("[data-node=books] tbody tr td:first-child")]


def test_a_photo_becomes_books_and_topics_a_spell_follows_the_next_photo_and_everything_says_why(
    tmp_path: Path, browser: Browser
) -> None:
    complaints: list[str] = []
    options = ("--space", "shelf.weft")
    with (
        in_terminal("demo", "bookshelf", *options, folder=tmp_path, DISPLAY="", WAYLAND_DISPLAY="") as terminal,
        closing(browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")) as context,
    ):
        terminal.read_to("to be let in: ")
        terminal.read_to("rendered ones are in ")
        link = terminal.shown.split("to be let in: ")[1].split()[0]
        page = context.new_page()
        page.set_default_timeout(READ_MS)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(link)
        page.set_input_files("input[type=file][multiple]", tmp_path / "photos" / "shelf 1.jpg")
        page.click("[aria-label='Show Books']")
        page.wait_for_selector("[data-node=books] >> text=The Uninhabitable Earth")
        page.reload()
        page.wait_for_selector("[data-node=topics] >> text=climate change")
        until(lambda: page.evaluate(PHOTO_SHOWN) is True)
        picture(page, "shelf")
        page.click("[aria-label='Show Books']")
        first = titles(page)
        assert len(first) >= 8

        page.click("[aria-label='Cast a spell on an element of Topics']")
        page.check("label:has-text('climate change') input")
        page.click("button:has-text('Viewpoints')")
        page.wait_for_selector("[data-node=comparison][data-standing=settled]")
        spell = page.url
        assert "3 books" in page.inner_text("[data-node=comparison]")
        picture(page, "spell")

        page.click("header a:has-text('Shelf')")
        page.click("main a[href*='/charm/']:has-text('Bookshelf')")
        page.set_input_files("input[type=file][multiple]", tmp_path / "photos" / "shelf 2.jpg")
        page.click("[aria-label='Show Books']")
        page.wait_for_selector("[data-node=books] >> text=The New Climate War")
        assert len(titles(page)) >= len(first) + 8
        page.goto(spell)
        page.wait_for_selector("[data-node=comparison] >> text=5 books")

        page.click("[data-node=comparison] >> text=Why")
        page.wait_for_selector("main >> text=app/compare, version")
        page.wait_for_selector("main >> text=app/group, version")
        picture(page, "why")
        assert complaints == []
        terminal.interrupt()
        assert terminal.end() == 0
