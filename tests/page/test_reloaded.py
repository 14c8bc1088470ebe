"""A page is reloaded while things happen, at every step of them; and it is away for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import weft
from tests.page.conftest import Pages
from tests.page.serving import Served, serving
from tests.page.shelves import NOTES, STEPS, SUMMARY, TAKEN, Shelf
from tests.until import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The space `home`, with shelves."""
    with weft.open(types=[Shelf]) as space, serving(space) as found:
        yield found


@pytest.fixture
def steps() -> Iterator[threading.Semaphore]:
    """What gives leave for each step of an operation."""
    STEPS.append(threading.Semaphore(0))
    yield STEPS[0]
    given = STEPS.pop()
    for _ in range(100):
        given.release()


def shown(page: Page) -> str:
    """What the page shows of the charm."""
    return page.inner_text("main")


def settled(page: Page) -> None:
    """Wait for what the notes come to."""
    page.wait_for_selector(f"[data-node=summary][data-standing=settled] >> text={SUMMARY}")


def is_at_rest(served: Served, shelf: str) -> bool:
    """Whether all that it shows is settled."""
    nodes = served.program.get(f"/spaces/home/entities/{shelf}").raise_for_status().json()["nodes"]
    return all(node["state"] in ("told", "settled") for node in nodes)


def test_a_page_that_is_reloaded_at_every_step_shows_the_same_as_one_that_never_is(
    pages: Pages, served: Served, steps: threading.Semaphore
) -> None:
    shelf = served.create("Shelf")
    still, often = pages.open("charm", shelf), pages.open("charm", shelf)
    for page in (still, often):
        page.wait_for_selector("[data-node=summary]")
    reloads = 0
    for note in NOTES:
        served.patch(shelf, add={"notes": [note]})
        while not is_at_rest(served, shelf):
            often.reload()
            until(lambda: shown(often) == shown(still))
            taken, reloads = len(TAKEN), reloads + 1
            steps.release()
            until(lambda taken=taken: len(TAKEN) > taken)  # type: ignore[misc]
    for page in (still, often):
        settled(page)
    until(lambda: shown(often) == shown(still))
    assert reloads >= 4 * len(NOTES), "each note is read, all are grouped, and told topic by topic"
    assert [shown(still).count(note) for note in NOTES] == [1, 1, 1]


def test_a_page_that_was_offline_has_missed_nothing(pages: Pages, served: Served) -> None:
    pages.allowed += ["ERR_INTERNET_DISCONNECTED", "Failed to load resource", "WebSocket connection"]
    shelf = served.create("Shelf")
    page = pages.open("charm", shelf)
    page.wait_for_selector("[data-node=summary]")
    page.context.set_offline(True)
    served.cut()
    page.wait_for_selector("text=Reconnect now")
    for note in NOTES:
        served.patch(shelf, add={"notes": [note]})
    page.wait_for_timeout(10_000)
    assert NOTES[0] not in shown(page)
    page.context.set_offline(False)
    settled(page)
    assert [shown(page).count(note) for note in NOTES] == [1, 1, 1]
