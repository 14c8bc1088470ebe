"""Forking in a real browser: from a position of the past, into a space that is served at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import weft
from tests.page.conftest import Pages
from tests.page.serving import Served, serving
from tests.page.spells import TYPES
from weft import Space

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A space of talks, in a file."""
    folder = tmp_path_factory.mktemp("branches")
    with ExitStack() as held:

        def opens(path: str) -> Space:
            return held.enter_context(weft.open(path, types=TYPES))

        space = opens(str(folder / "home.weft"))
        yield held.enter_context(serving(space, opens=opens))


def test_a_space_is_forked_from_what_was_and_goes_its_own_way(pages: Pages, served: Served, tmp_path: Path) -> None:
    id = served.create("Talk", name="First words", text="war")
    then = served.space.position
    served.patch(id, set={"name": "Second words"})
    pages.allowed.append("status of 409")
    page = pages.open("timeline")
    page.get_by_role("heading", name="The shelf now").wait_for()
    for _ in range(served.space.position - then):
        page.get_by_role("button", name="One step back").click()
    page.locator(".then", has_text="First words").first.wait_for()

    page.get_by_role("button", name=f"Fork from {then}").press("Enter")
    name = page.get_by_label("Name of the new space")
    assert name.input_value() == f"home-{then}"
    _shot(page, "fork-form")
    name.fill("home")
    name.press("Enter")
    page.get_by_text("A space called home is served here already").wait_for()
    name.fill("what if")
    name.press("Enter")
    assert name.evaluate("one => one.validity.patternMismatch")
    name.fill("what-if")
    name.press("Enter")

    page.get_by_role("combobox", name="Space").wait_for()
    page.locator(".then", has_text="First words").first.wait_for()
    assert "#/what-if/timeline" in page.url
    page.get_by_text(f"what-if was made, with all up to position {then}").wait_for()
    assert page.locator(".then", has_text="Second words").count() == 0
    branches = page.get_by_role("region", name="Branches")
    branches.get_by_text(f"home the same up to {then}; since then 1 position there, nothing here").wait_for()
    _shot(page, "fork")

    page.goto(f"{served.address}/#/what-if/charm/{id}")
    page.get_by_role("heading", name="First words").wait_for()
    answer = served.program.patch(f"/spaces/what-if/entities/{id}", json={"set": {"name": "Other words"}})
    assert answer.is_success
    page.get_by_role("heading", name="Other words").wait_for()
    page.get_by_role("combobox", name="Space").select_option("home")
    page.get_by_role("link", name="Second words").first.wait_for()
    assert served.value(id, "name") == "Second words"


def test_another_tab_finds_a_space_that_came_to_be_since(pages: Pages, served: Served) -> None:
    page = pages.open("timeline")
    page.get_by_role("heading", name="Timeline").wait_for()
    made = served.program.post("/spaces/home/branches", json={"name": "elsewhere"})
    assert made.status_code == 201

    page.evaluate("location.hash = '#/elsewhere/timeline'")
    page.get_by_role("combobox", name="Space").wait_for()
    page.get_by_role("heading", name="Timeline").wait_for()
    page.evaluate("location.hash = '#/nowhere/timeline'")
    page.get_by_role("heading", name="There is no space called nowhere").wait_for()


def _shot(page: object, name: str) -> None:
    """Keep what is shown, where somebody wants to look at it."""
    if folder := os.environ.get("WEFT_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)  # type: ignore[attr-defined]
