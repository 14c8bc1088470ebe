"""The graph in a real browser: drawn and as a list, by pointer and by keys alone, live, folded, searched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import weft
from tests.page.conftest import Pages, comes
from tests.page.serving import Served, serving
from tests.page.spells import SAID, TYPES

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=alert(1)>"
DRAWN = "wanted => Number(document.querySelector('canvas')?.dataset.drawn) === wanted"
SAYS = "wanted => document.querySelector('.graph-plane [role=status]').textContent === wanted"
FOCUSED = "wanted => document.activeElement?.dataset.id === wanted"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A space of talks and spells."""
    SAID.clear()
    with weft.open(types=TYPES) as space, serving(space) as found:
        yield found


def talk(served: Served, name: str, text: str) -> str:
    """A talk, with all of it computed."""
    id = served.create("Talk", name=name, text=text)
    for node in ("weights", "loud", "topics"):
        served.program.get(f"/spaces/home/entities/{id}/nodes/{node}", params={"wait_s": 60})
    return id


@pytest.fixture(scope="module")
def ids(served: Served) -> dict[str, str]:
    """What the tests begin with: two talks, and a spell on a topic of the first."""
    found = {"first": talk(served, "First talk", "war peace"), "evil": talk(served, EVIL, f"{EVIL} short")}
    elements = served.program.get(f"/spaces/home/entities/{found['first']}/nodes/topics/elements").json()["elements"]
    topic = {"entity": found["first"], "node": "topics", "element": elements[0]["element"]}
    found["spell"] = served.create("Viewpoint", topic=topic)
    return found


def said(page: Any) -> str:
    """What is read aloud of what is chosen."""
    return str(page.locator(".graph-plane [role=status]").text_content())


def test_keys_walk_along_the_edges_open_fold_and_ask_why(pages: Pages, served: Served, ids: dict[str, str]) -> None:
    page = pages.open("graph?as=drawing")
    comes(page, DRAWN, 12)  # the part of `loud` is folded
    page.locator("canvas").focus()

    page.keyboard.press("/")
    comes(page, "() => document.activeElement.type === 'search'")
    page.keyboard.type("text First")
    page.keyboard.press("Enter")
    page.locator(".graph-chosen").wait_for()
    assert said(page) == "First talk: text, told: war peace. Reads 0, read by 2."

    page.locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    comes(page, SAYS, "First talk: loud, settled: WAR PEACE. Reads 1, read by 0.")
    page.keyboard.press("ArrowLeft")
    comes(page, SAYS, "First talk: text, told: war peace. Reads 0, read by 2.")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    comes(page, SAYS, "First talk: topics, settled: 2 elements. Reads 1, read by 2.")
    for key in ("+", "-", "0"):
        page.keyboard.press(key)

    page.keyboard.press(" ")
    comes(page, DRAWN, 7)
    assert "First talk" in said(page)
    page.keyboard.press(" ")
    comes(page, DRAWN, 12)
    page.keyboard.press("w")
    page.get_by_role("heading", name="Why is topics so?").wait_for()

    page.go_back()
    comes(page, DRAWN, 12)
    page.get_by_label("Find a node").fill("topics first")
    page.keyboard.press("Enter")
    page.locator("canvas").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="First talk").wait_for()


def test_what_a_node_is_made_of_is_shown_on_demand(pages: Pages, ids: dict[str, str]) -> None:
    page = pages.open("graph?as=drawing")
    comes(page, DRAWN, 12)
    page.get_by_label("Find a node").fill("loud First")
    page.keyboard.press("Enter")

    page.get_by_role("button", name="Show its 1 part").click()
    comes(page, DRAWN, 13)
    page.get_by_role("button", name="Fold its 1 part").click()
    comes(page, DRAWN, 12)
    page.get_by_role("button", name="Fold all").click()
    comes(page, DRAWN, 0)
    page.get_by_role("button", name="Unfold all").click()
    comes(page, DRAWN, 12)


def test_a_pointer_drags_zooms_and_chooses(pages: Pages, ids: dict[str, str]) -> None:
    page = pages.open("charm", ids["first"], "graph")
    comes(page, DRAWN, 7)
    canvas = page.locator("canvas")
    box = canvas.bounding_box()
    assert box is not None
    before = canvas.screenshot()

    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 130, box["y"] + 90, steps=4)
    page.mouse.up()
    page.wait_for_timeout(50)
    dragged = canvas.screenshot()
    assert dragged != before
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(50)
    assert canvas.screenshot() != dragged
    assert page.locator(".graph-chosen").count() == 0, "dragging chooses nothing"

    page.get_by_role("button", name="Fit").click()
    page.keyboard.press("Tab")
    # Some point of the middle row is a node: the one that is hit is chosen, and told.
    for x in range(40, int(box["width"]) - 40, 30):
        page.mouse.click(box["x"] + x, box["y"] + box["height"] / 2)
        if page.locator(".graph-chosen").count():
            break
    assert said(page)


def test_what_happens_is_drawn_and_listed_as_it_happens(pages: Pages, served: Served, ids: dict[str, str]) -> None:
    telling = served.create("Telling", text="once")
    page = pages.open("charm", telling, "graph?as=list")
    row = page.locator(f'[data-id="{telling}.told"]')
    row.wait_for()
    for word in ("Once", "upon"):
        SAID.append(word)
        page.locator(f'[data-id="{telling}.told"] .graph-text', has_text=word).wait_for()
        assert row.locator(".graph-state").text_content() == "streaming"
    page.get_by_role("button", name="Drawing").click()
    comes(page, DRAWN, 2)
    page.get_by_label("Find a node").fill("told")
    page.keyboard.press("Enter")
    SAID.append("a")
    page.locator(".graph-chosen-text", has_text="Once upon a").wait_for()

    SAID.append(".")
    page.locator(".graph-chosen-state", has_text="settled").wait_for()


def test_a_node_that_fails_says_so_and_new_charms_come_by_themselves(
    pages: Pages, served: Served, ids: dict[str, str]
) -> None:
    page = pages.open("graph?as=list")
    page.locator(f'[data-id="{ids["first"]}.weights"]').wait_for()
    other = talk(served, "Later talk", "interminable")

    row = page.locator(f'[data-id="{other}.weights"]')
    page.locator(f'[data-id="{other}"]').click()
    row.wait_for()

    assert row.locator(".graph-state").text_content() == "failed"
    assert "interminable is too long" in str(row.locator(".graph-text").text_content())
    served.patch(other, set={"text": "brief"})
    served.program.get(f"/spaces/home/entities/{other}/nodes/weights", params={"wait_s": 60})
    page.locator(f'[data-id="{other}.weights"] .graph-state', has_text="settled").wait_for()
    served.program.delete(f"/spaces/home/entities/{other}").raise_for_status()
    row.wait_for(state="detached")


def test_what_came_while_the_connection_was_lost_is_shown(pages: Pages, served: Served, ids: dict[str, str]) -> None:
    page = pages.open("graph?as=list")
    page.locator(f'[data-id="{ids["first"]}.text"]').wait_for()
    page.get_by_role("status").filter(has_text="Live").wait_for()

    served.cut()
    other = talk(served, "Made meanwhile", "war")
    page.locator(f'[data-id="{other}"]').wait_for()
    served.program.delete(f"/spaces/home/entities/{other}").raise_for_status()


def test_the_list_does_all_by_keys_alone(pages: Pages, ids: dict[str, str]) -> None:
    page = pages.open("graph?as=list")
    first = ids["first"]
    page.locator(f'[data-id="{first}"]').focus()
    assert page.locator(f'[data-id="{first}"]').get_attribute("aria-expanded") == "true"

    for key in ("ArrowDown", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    comes(page, FOCUSED, f"{first}.topics")
    page.keyboard.press("ArrowRight")  # opens it
    page.get_by_text("Read by").wait_for()
    page.keyboard.press("ArrowRight")  # goes into it
    comes(page, "() => document.activeElement.textContent === 'Open'")
    page.get_by_role("button", name="topic of Viewpoint").press("Enter")
    comes(page, FOCUSED, f"{ids['spell']}.topic")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    comes(page, FOCUSED, ids["spell"])
    page.keyboard.press("ArrowLeft")
    comes(
        page,
        "id => document.querySelector(`[data-id='${id}']`).getAttribute('aria-expanded') === 'false'",
        ids["spell"],
    )

    page.get_by_label("Find a node").fill("weights")
    page.locator(".graph-row").nth(1).wait_for()
    assert {one.text_content() for one in page.locator(".graph-name").all()} == {"weights"}


def test_a_phone_is_shown_the_list_and_may_be_shown_the_drawing(pages: Pages, ids: dict[str, str]) -> None:
    page = pages.open("graph", viewport={"width": 390, "height": 844}, has_touch=True)
    page.locator(".graph-list").wait_for()
    assert page.locator("canvas").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = """[...document.querySelectorAll("main button, main a")].filter((one) => one.offsetParent
      && one.getBoundingClientRect().height < 44).map((one) => one.textContent)"""
    assert page.evaluate(small) == []

    page.get_by_role("button", name="Drawing").click()
    page.locator("canvas").wait_for()


def test_what_is_told_is_shown_as_text_whatever_it_looks_like(pages: Pages, ids: dict[str, str]) -> None:
    page = pages.open("graph?as=list")
    row = page.locator(f'[data-id="{ids["evil"]}.text"] .graph-text')
    row.wait_for()
    assert row.text_content() == f"{EVIL} short"
    page.get_by_role("button", name="Drawing").click()
    page.get_by_label("Find a node").fill("text img")
    page.keyboard.press("Enter")
    page.locator(".graph-chosen-text").wait_for()
    assert EVIL in str(page.locator(".graph-chosen").text_content())
    assert page.locator("img[src=x]").count() == 0
