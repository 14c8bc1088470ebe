"""The past, reasons and spells in a real browser: by pointer and by keys alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

import weft
from tests.page.conftest import Pages, comes
from tests.page.serving import Served, serving
from tests.page.spells import TYPES, Notebook

pytestmark = pytest.mark.browser

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A space of talks and spells."""
    with weft.open(types=TYPES) as space, serving(space) as found:
        yield found


def talk(served: Served, name: str, text: str) -> str:
    """A talk, with all of it computed."""
    id = served.create("Talk", name=name, text=text)
    settle(served, id)
    return id


def settle(served: Served, id: str) -> None:
    for node in ("weights", "loud", "topics"):
        served.program.get(f"/spaces/home/entities/{id}/nodes/{node}", params={"wait_s": 60})


def position(served: Served) -> int:
    return int(served.program.get("/spaces/home").json()["position"])


# The timeline ------------------------------------------------------------------------------------------------------


def test_a_charm_is_shown_as_it_was_and_as_it_is(pages: Pages, served: Served) -> None:
    id = talk(served, "Old name", "war peace")
    then = position(served)
    served.patch(id, set={"name": EVIL, "text": "war love peace"})
    settle(served, id)
    page = pages.open("charm", id, "history")
    page.get_by_role("heading", name="As it is now").wait_for()
    page.locator(".then", has_text="war love peace").wait_for()

    bar = page.get_by_role("slider", name="Position")
    bar.focus()
    for _ in range(position(served) - then):
        page.keyboard.press("ArrowLeft")

    page.get_by_role("heading", name=f"As of {then}").wait_for()
    page.locator(".then", has_text="Old name").wait_for()
    shown = str(page.locator(".then").text_content())
    assert "WAR PEACE" in shown
    assert EVIL not in shown
    page.locator(".scrub-head", has_text=re.compile(r"\d+ \w+ \d{4}")).wait_for()  # and when
    assert f"at={then}" in page.url
    page.reload()
    page.get_by_role("heading", name=f"As of {then}").wait_for()

    page.get_by_role("link", name="What changed since").click()
    page.get_by_role("heading", name="Compare").wait_for()
    group = page.locator(".compare-group")
    group.first.wait_for()
    page.locator(".compare-group", has_text=EVIL).wait_for()
    assert group.count() == 1

    page.go_back()
    page.get_by_role("button", name="Back to now").click()
    page.get_by_role("heading", name="As it is now").wait_for()


def test_the_shelf_as_it_was_has_what_was_made_by_then(pages: Pages, served: Served) -> None:
    talk(served, "Made before", "one")
    then = position(served)
    talk(served, "Made after", "two")
    page = pages.open(f"timeline?at={then}")
    page.get_by_role("heading", name=f"The shelf as of {then}").wait_for()
    page.locator(".then", has_text="Made before").first.wait_for()
    assert page.locator(".then", has_text="Made after").count() == 0

    page.get_by_role("slider", name="Position").focus()
    page.keyboard.press("End")
    page.locator(".then", has_text="Made after").wait_for()
    page.get_by_role("heading", name="The shelf now").wait_for()
    talk(served, "Made while looking", "three")
    page.locator(".then", has_text="Made while looking").wait_for()

    lane = page.locator(".lane", has_text="Made after")
    assert "the last at" in str(lane.locator("svg.lane-marks").get_attribute("aria-label"))
    box = lane.locator("svg.lane-marks").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 2, box["y"] + 10)
    page.locator(".scrub.is-past").wait_for()


def test_activities_of_a_position_are_told(pages: Pages, served: Served) -> None:
    talk(served, "Told of", "war")
    page = pages.open("timeline")
    page.locator(".lane-said", has_text="Settled").wait_for()
    page.get_by_role("slider", name="Position").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.locator(".lane-said", has_text="Told by ann").wait_for()


def test_what_is_long_is_folded_within_its_card_and_shown_where_that_is_asked_for(pages: Pages, served: Served) -> None:
    talk(served, "Long", " ".join(f"word{n}" for n in range(40)))
    page = pages.open("timeline")
    card = page.locator(".then", has_text="Long").first
    topics = card.locator("dl > div", has=page.locator("dt", has_text=re.compile("^topics$")))
    more = topics.get_by_role("button", name="Show all of topics")
    more.wait_for()
    name, value = (topics.locator(one).first.bounding_box() for one in ("dt", "dd"))
    assert name is not None and value is not None
    assert value["y"] >= name["y"] + name["height"], "the name stands above the value"
    assert value["width"] > 400
    cards = page.locator(".then-shelf").bounding_box()
    head = page.locator(".scrub").bounding_box()
    assert cards is not None and head is not None
    assert page.evaluate(
        """() => [...document.querySelectorAll(".then .wide, .then dd")].every((one) =>
             one.getBoundingClientRect().right <= one.closest(".then").getBoundingClientRect().right)"""
    )
    before = value["height"]

    more.press("Enter")

    topics.get_by_role("button", name="Show less").wait_for()
    after = topics.locator("dd").bounding_box()
    assert after is not None and after["height"] > before


# Comparing ---------------------------------------------------------------------------------------------------------


def test_two_positions_are_compared_by_charm(pages: Pages, served: Served) -> None:
    id = talk(served, "Compared", "war peace")
    before = position(served)
    served.patch(id, set={"text": "war love"})
    settle(served, id)
    talk(served, "New one", "x")
    served.patch(id, set={"name": "Compared again"})
    page = pages.open("compare")
    page.get_by_label("Before", exact=True).fill(str(before))
    page.get_by_label("After", exact=True).fill(str(position(served)))
    page.get_by_role("button", name="Compare").press("Enter")

    page.get_by_text(f"2 charms differ between {before} and {position(served)}").wait_for()
    group = page.locator(".compare-group", has_text="Compared")
    text = group.locator(".compare-changes > li", has=page.locator("strong", has_text=re.compile("^text$")))
    assert text.locator("del").text_content() == "peace"
    assert text.locator("ins").text_content() == "love"
    topics = group.locator(".compare-changes > li", has=page.locator("strong", has_text=re.compile("^topics$")))
    assert "1 element came" in str(topics.text_content())
    assert "1 element went" in str(topics.text_content())
    page.locator(".compare-group", has_text="New one").locator(".tag", has_text="New").wait_for()

    page.get_by_role("button", name="The last step").click()
    page.get_by_text("1 charm differs").wait_for()
    page.goto(served.page(f"compare?before={before}&after={before}"))
    page.get_by_text("Nothing differs").wait_for()
    page.goto(served.page("compare?before=x&after=999999999"))
    page.locator(".compare-group").first.wait_for()


def test_what_came_to_a_map_is_told_with_its_key(pages: Pages, served: Served) -> None:
    notebook = served.create("Notebook", title="On books")
    served.patch(notebook, put={"remarks": {"Kept": "as it was", "Drawdown": "old words"}})
    before = position(served)
    served.patch(notebook, put={"remarks": {"Silent Spring": "Solutions exist.", "Drawdown": "new words"}})
    page = pages.open(f"compare?before={before}&after={position(served)}")

    page.locator(".compare-elements li", has_text="Silent Spring: Solutions exist.").wait_for()
    changes = page.locator(".compare-group .compare-changes")
    changes.locator("strong", has_text="Drawdown").wait_for()
    assert changes.locator("del").text_content() == "old"
    assert "as it was" not in str(page.locator(".compare-group").first.text_content())


# Why ---------------------------------------------------------------------------------------------------------------


def test_why_leads_from_a_value_to_what_was_told_and_by_whom(pages: Pages, served: Served) -> None:
    id = talk(served, "Asked", f"war {EVIL}")
    topics = served.program.get(f"/spaces/home/entities/{id}/nodes/topics/elements").json()["elements"]
    place = {"entity": id, "node": "topics", "element": topics[0]["element"]}
    spell = served.create("Viewpoint", topic=place)
    served.program.get(f"/spaces/home/entities/{spell}/nodes/view", params={"wait_s": 60})
    page = pages.open("charm", spell, "why")
    page.get_by_role("link", name="view").press("Enter")

    page.get_by_role("heading", name="Why is view so?").wait_for()
    tree = page.locator(".why-tree").first
    assert "All about war" in str(tree.text_content())
    assert "tests.page.spells/view" in str(tree.text_content())
    page.locator(".why-tree", has_text="Asked").first.wait_for()  # another charm is called by its name
    part = page.locator(".why-part .why-part", has=page.get_by_role("button", name="topics")).last
    button = part.get_by_role("button", name="topics")
    if button.get_attribute("aria-expanded") == "false":
        button.press("Enter")
    page.get_by_text("ann at", exact=False).first.wait_for()
    assert EVIL in str(tree.text_content())

    page.locator(".why-ask").last.press("Enter")
    page.get_by_role("heading", name=re.compile("Why is text so")).wait_for()
    page.get_by_role("heading", name="Asked").wait_for()


def test_of_a_list_each_element_has_a_why_and_a_failure_says_where_it_came_from(pages: Pages, served: Served) -> None:
    id = talk(served, "Failing", "war interminable")
    page = pages.open("charm", id, "why", "weights")
    page.get_by_role("heading", name="Its elements").wait_for()
    page.locator(".why-elements li", has_text="interminable is too long").get_by_role("link", name="Why?").click()

    page.get_by_role("heading", name="Why is an element of weights so?").wait_for()
    page.locator(".why-lines .wrong-text", has_text="ValueError: interminable is too long").wait_for()


# Spells ------------------------------------------------------------------------------------------------------------


def test_a_spell_is_cast_on_an_element_and_opened(pages: Pages, served: Served) -> None:
    id = talk(served, "Source", f"war peace {EVIL}")
    page = pages.open("charm", id)
    page.get_by_role("link", name="Cast a spell on an element of Topics").press("Enter")
    element = page.get_by_role("checkbox", name=re.compile("peace"))
    element.wait_for()
    assert EVIL in str(page.locator(".cast-elements").text_content())
    element.focus()
    page.keyboard.press("Space")
    assert page.get_by_role("button", name="Comparison").is_disabled()

    page.get_by_role("button", name="Viewpoint").press("Enter")

    page.get_by_text("All about peace").first.wait_for()
    assert id not in page.url
    page.get_by_role("heading", name="Viewpoint on peace", exact=True).wait_for()
    page.locator(".told", has_text="of Source · Topics").get_by_role("link", name="peace", exact=True).wait_for()
    spell = page.url.rpartition("/")[2]
    target = served.value(spell, "topic")
    assert (target["entity"], target["node"]) == (id, "topics")
    served.patch(id, set={"text": "love peace war"})
    assert served.value(spell, "topic") == target, "it stays with its element"


def test_a_spell_on_two_elements_asks_for_what_else_it_needs(pages: Pages, served: Served) -> None:
    id = talk(served, "Source of two", "war peace love")
    page = pages.open("charm", id, "cast", "topics")
    page.get_by_role("checkbox", name=re.compile("peace")).check()
    page.get_by_role("checkbox", name=re.compile("war")).check()
    page.get_by_role("button", name="Comparison").click()
    page.get_by_label("Note").fill("hm")
    page.get_by_role("button", name="Cast", exact=True).click()

    page.get_by_text("peace or war? hm").first.wait_for()


def test_a_spell_is_cast_on_a_charm_as_a_whole(pages: Pages, served: Served) -> None:
    id = talk(served, "Whole", "war")
    page = pages.open("charm", id, "cast")
    page.get_by_label("From").select_option("This charm itself")
    page.get_by_role("button", name="Echo").click()

    page.get_by_text("WAR").first.wait_for()
    assert served.value(page.url.rpartition("/")[2], "talk")["entity"] == id


def test_a_phone_shows_all_of_it_within_its_width(pages: Pages, served: Served) -> None:
    id = talk(served, "On a phone", "war peace")
    page = pages.open("timeline", viewport={"width": 390, "height": 844}, has_touch=True)

    def wait(selector: str) -> Any:
        page.locator(selector).first.wait_for()
        comes(page, "() => document.documentElement.scrollWidth <= innerWidth")

    wait(".lane")
    for place, selector in (
        ("compare", ".compare-group"),
        (f"charm/{id}/why/weights", ".why-tree"),
        (f"charm/{id}/cast/topics", ".cast-element"),
    ):
        page.goto(served.page(place))
        wait(selector)


def test_what_a_spell_can_be_cast_on_is_read_whole(pages: Pages, served: Served) -> None:
    words = " ".join(f"a-very-long-word-of-the-notes-{n}" for n in range(28))
    id = served.create("Library", name="Long", notes=words)
    served.program.get(f"/spaces/home/entities/{id}/nodes/chapters", params={"wait_s": 60})
    for viewport in ({"width": 1280, "height": 800}, {"width": 390, "height": 844}):
        page = pages.open("charm", id, "cast", "chapters", viewport=viewport)
        card = page.locator(".cast-element").first
        more = card.get_by_role("button", name=re.compile("^Show all of"))
        more.wait_for()
        assert card.get_by_role("checkbox").is_checked() is False

        more.press("Enter")

        card.get_by_role("button", name=re.compile("^Show less")).wait_for()
        assert card.get_by_role("checkbox").is_checked() is False, "reading picks nothing"
        comes(page, """() => [...document.querySelectorAll(".cast-element")].slice(0, 1).every((card) =>
            [card, ...card.querySelectorAll("*")].filter((one) => !one.closest(".unseen")).every((one) => {
              const inner = one.getBoundingClientRect(), outer = card.getBoundingClientRect();
              return inner.bottom <= outer.bottom + 1 && inner.right <= outer.right + 1;
            }))""")  # fmt: skip
        assert card.get_by_text("a-very-long-word-of-the-notes-27", exact=True).first.is_visible()
        card.get_by_text("part one", exact=True).click()
        assert card.get_by_role("checkbox").is_checked()


# When --------------------------------------------------------------------------------------------------------------

WHEN = "2026-03-01T10:20:30.5Z"


def test_the_log_the_timeline_and_why_say_when(pages: Pages, served: Served) -> None:
    id = talk(served, "Timed", "war")

    def timed(route: Any) -> None:
        found = route.fetch().json()
        for one in found["events"]:
            one["at"] = WHEN
        route.fulfill(json=found)

    context = pages.context(timezone_id="Europe/Vienna")
    context.route("**/api/spaces/home/events?*", timed)
    page = context.new_page()
    page.goto(served.page("log"))
    shown = page.locator(".entry time").first
    shown.wait_for()
    assert shown.get_attribute("datetime") == "2026-03-01T10:20:30.500Z"
    assert shown.inner_text() == "1 Mar 2026, 11:20:30", "by the reader's clock"
    talk(served, "Timed too", "peace")
    page.locator(".entry", has_text="Timed too").locator("time").first.wait_for()  # also what came by itself

    page.goto(served.page("charm", id, "history"))
    page.locator(".scrub-head time").wait_for()
    page.goto(served.page("timeline"))
    page.locator(".lane-said time").wait_for()
    page.goto(served.page("charm", id, "why", "text"))
    page.locator(".why-lines time").first.wait_for()


def test_what_has_no_time_is_shown_without_one(pages: Pages, served: Served) -> None:
    talk(served, "Untimed", "war")

    def untimed(route: Any) -> None:
        found = route.fetch().json()
        route.fulfill(json=found | {"events": [one | {"at": None} for one in found["events"]]})

    context = pages.context()
    context.route("**/api/spaces/home/events?*", untimed)
    page = context.new_page()
    page.goto(served.page("log"))
    page.locator(".entry", has_text="Untimed").first.wait_for()
    assert page.locator(".entry time").count() == 0


# What is many ------------------------------------------------------------------------------------------------------


def test_the_timeline_goes_on_to_what_is_older_and_has_every_charm(pages: Pages, served: Served) -> None:
    notebook = served.space.create(Notebook, title="Written in often")
    while served.space.position < 230:
        notebook.remarks["Now"] = str(served.space.position)
    served.create("Notebook", title="The newest of them")
    asked = []

    def shortened(route: Any) -> None:
        asked.append(route.request.url)
        route.continue_(url=route.request.url.replace("limit=1000", "limit=1"))

    context = pages.context()
    context.route("**/entities?*limit=1000*", shortened)
    page = context.new_page()
    page.goto(served.page("timeline"))
    page.locator(".then", has_text="The newest of them").wait_for()
    assert len({one.partition("after=")[2] for one in asked}) > 1, "page after page"

    page.get_by_role("button", name=re.compile("^Older: before")).press("Enter")

    page.locator(".scrub.is-past").wait_for()
    page.locator(".lane-ends span", has_text=re.compile("^1$")).wait_for()
    assert page.get_by_role("button", name=re.compile("^Older")).count() == 0
