"""A browser, and a served space, that the tests of a module share; each test has a page of its own, and no page may
complain."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import weft
from tests.conftest import missing_part, require_module
from tests.page.charms import BROKEN, TYPES, WORDS
from tests.page.serving import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page

CHROMIUM = os.environ.get("WEFT_CHROMIUM", "/usr/bin/chromium")
LIMIT_MS = 30_000
"""Far more than it takes: who waits so long waits in vain."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    require_module("playwright")
    if not Path(CHROMIUM).exists():
        missing_part("chromium", f"there is no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The space `home`, in memory."""
    WORDS.clear()
    BROKEN.clear()
    with weft.open(types=TYPES) as space, serving(space) as found:
        yield found


@pytest.fixture(scope="module")
def known(browser: Browser, served: Served) -> Any:
    """What a browser keeps that was let in by a link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.link())
    assert page.url == f"{served.address}/"
    kept = context.storage_state()
    context.close()
    return kept


def comes(page: Page, script: str, given: object = None) -> None:
    """Wait until a page says that it is so. Playwright's own way is to have text run as a script, which no page here
    may."""
    end_s = time.monotonic() + LIMIT_MS / 1000
    while not page.evaluate(script, given):
        assert time.monotonic() < end_s, f"it does not come to that: {script}"
        page.wait_for_timeout(20)


class Pages:
    """Opens pages, and hears what they complain of."""

    def __init__(self, browser: Browser, served: Served, known: Any) -> None:
        self._browser, self.served, self._known = browser, served, known
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.allowed: list[str] = []
        """What a test means to happen: parts of complaints."""

    def context(self, *, known: bool = True, **more: Any) -> BrowserContext:
        """A browser of its own: let in already, unless that is not wished for."""
        more = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **more}
        found = self._browser.new_context(storage_state=self._known if known else None, **more)
        found.set_default_timeout(LIMIT_MS)
        found.on("page", self._listen)
        self.contexts.append(found)
        return found

    def open(self, *parts: str, **more: Any) -> Page:
        """A page, in a browser of its own, at a place of the space."""
        page = self.context(**more).new_page()
        page.goto(self.served.page(*parts))
        return page

    def _listen(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("dialog", self._shown)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _shown(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, url: str) -> None:
        if not url.startswith((self.served.address, "blob:", "data:")):
            self.complaints.append(f"outside: {url}")

    def check(self) -> None:
        """That no page complained."""
        assert [one for one in self.complaints if not any(each in one for each in self.allowed)] == []


@pytest.fixture
def pages(browser: Browser, served: Served, known: Any) -> Iterator[Pages]:
    """Opens pages; none may have complained when the test is over."""
    found = Pages(browser, served, known)
    yield found
    for context in found.contexts:
        context.close()
    found.check()
