"""What stands around the views, in a real browser: who is let in, the connection, the inbox, the log, the keyboard
alone, a phone, and the dark."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.page.conftest import Pages, comes
from tests.page.serving import PASSWORD, Served
from tests.until import until
from weft.secrets.store import Hidden

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
TARGETS = """() => [...document.querySelectorAll("button, select, input:not([type=checkbox]):not([type=file]), .button,"
    + " .menu a, .tabs a, .chips a, label:has(> input[type=checkbox])")].filter((one) => one.checkVisibility())
    .map((one) => [one.getBoundingClientRect(), one.outerHTML.slice(0, 80)])
    .filter(([box]) => box.height < 43.5 || box.width < 43.5).map(([, said]) => said)"""
CONTRAST = """() => {
  const linear = (one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
  const light = (name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const [r, g, b] = getComputedStyle(probe).color.match(/[\\d.]+/g).map((one) => linear(one / 255));
    probe.remove();
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const kinds = ["good", "wrong", "busy", "stale"].map((one) => [`--${one}`, `--${one}-soft`]);
  const soft = ["--paper", "--card", "--sunk"].map((one) => ["--soft", one]);
  const pairs = [["--ink", "--paper"], ["--link", "--card"], ["--accent-ink", "--accent"], ...soft, ...kinds];
  return [light("--paper"), ...pairs.map(([one, other]) => ratio(one, other))];
}"""
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def focused(page: Page) -> str:
    """What the focus is on, in words."""
    found: str = page.evaluate(
        "() => { const one = document.activeElement; return one.getAttribute('aria-label') || one.textContent.trim(); }"
    )
    return found


def tab_to(page: Page, words: str) -> None:
    """Press Tab until the focus is on this."""
    for _ in range(120):
        if re.fullmatch(words, focused(page)):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab leads to no {words}")


def ill(served: Served, name: str) -> str:
    """A plant whose run has asked what to do."""
    plant = served.create("Plant", name=name)
    served.patch(plant, set={"state": "ill"})
    until(lambda: any(one["entity"] == plant for one in questions(served)))
    return plant


def questions(served: Served) -> list[dict[str, Any]]:
    """Those that are open."""
    found: list[dict[str, Any]] = served.program.get("/spaces/home/questions").json()["questions"]
    return found


def test_who_is_not_known_logs_in_and_out(pages: Pages, served: Served) -> None:
    pages.allowed.append("status of 401")
    page = pages.open("log", known=False)
    page.get_by_role("heading", name="Log in").wait_for()
    page.get_by_text("Log in with a password").click()
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill("wrong horse battery")
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("The name or the password is wrong").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Log", exact=True).wait_for()  # where the address had led
    page.get_by_text("ann", exact=True).first.wait_for()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("heading", name="Log in").wait_for()
    page.reload()
    page.get_by_role("heading", name="Log in").wait_for()


def test_a_link_that_was_used_says_so(pages: Pages, served: Served) -> None:
    link = served.link()
    first, second = pages.context(known=False).new_page(), pages.context(known=False).new_page()
    first.goto(link)
    first.get_by_role("heading", name="Shelf", exact=True).wait_for()
    second.goto(link)
    second.get_by_text("it was used before").wait_for()


def test_a_session_that_ends_meanwhile_leads_to_the_form_and_back(pages: Pages, served: Served) -> None:
    pages.allowed.append("status of 401")
    context = pages.context(known=False)
    page = context.new_page()
    page.goto(served.link())
    page.get_by_text("Live", exact=True).wait_for()
    page.goto(served.page("log"))
    page.get_by_role("heading", name="Log", exact=True).wait_for()
    served.accounts.sessions.close(context.cookies()[0]["value"])
    page.get_by_text("The server was started again, or your session has ended").wait_for()
    assert not page.get_by_label("Password").is_visible(), "there may be nobody who has one"
    context.new_page().goto(served.link())
    page.get_by_role("heading", name="Log", exact=True).wait_for()  # by itself, where it was


def test_a_connection_that_was_cut_comes_back_and_nothing_is_lost(pages: Pages, served: Served) -> None:
    from playwright.sync_api import Error

    plant = served.create("Plant", name="Fern", height_cm=20)
    page = pages.open("charm", plant)
    weight = page.locator('.value[data-node="weight"]')
    weight.get_by_text("30", exact=True).wait_for()
    page.get_by_text("Live", exact=True).wait_for()
    settings = served.live.settings
    served.live.settings = dataclasses.replace(settings, connections_per_user=0)
    try:
        served.cut()
        page.get_by_text("Offline").wait_for()
        page.get_by_role("button", name="Edit Name").click()
        page.locator('.told[data-node="name"]').get_by_role("textbox").fill("Typed meanwhile")
        served.patch(plant, set={"height_cm": 44})
    finally:
        served.live.settings = settings
    with contextlib.suppress(Error):  # it may have come back by itself
        page.get_by_role("button", name="Reconnect now").click(timeout=2000)
    page.get_by_text("Live", exact=True).wait_for()
    weight.get_by_text("66", exact=True).wait_for()
    assert page.locator('.told[data-node="name"]').get_by_role("textbox").input_value() == "Typed meanwhile"
    served.cut()  # and by itself
    served.patch(plant, set={"height_cm": 50})
    weight.get_by_text("75", exact=True).wait_for()


def test_a_question_is_answered_by_its_form_and_goes_from_every_page(pages: Pages, served: Served) -> None:
    plant = ill(served, "Poorly")
    page, other = pages.open("inbox"), pages.open("charm", plant)
    asked = page.locator(".question").filter(has_text="Poorly")
    other.locator(".question").wait_for()
    asked.get_by_label("Days").fill("99")
    asked.get_by_role("button", name="Answer").click()
    asked.get_by_text("It must be at most 30").wait_for()
    asked.get_by_label("Days").fill("3")
    asked.get_by_label("Water").check()
    asked.get_by_label("Note").fill("Less sun")
    page.reload()
    assert asked.get_by_label("Note").input_value() == "Less sun"
    asked.get_by_role("button", name="Answer").click()
    asked.wait_for(state="detached")
    other.locator(".question").wait_for(state="detached")
    other.locator(".runs").get_by_text("Less sun").wait_for()


def test_two_buttons_do_for_yes_or_no(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Withered", state="alive")
    served.patch(plant, set={"state": "dead"})
    page = pages.open("charm", plant)
    asked = page.locator(".question")
    asked.get_by_role("button", name="Yes").click()
    asked.wait_for(state="detached")
    page.locator(".runs").get_by_text("buried").wait_for()


def test_a_run_is_cancelled_from_its_charm(pages: Pages, served: Served) -> None:
    plant = ill(served, "Hopeless")
    page = pages.open("charm", plant)
    page.get_by_role("button", name=re.compile("^Cancel Care")).click()
    page.locator(".question").wait_for(state="detached")
    page.locator(".runs").get_by_text("Cancelled").wait_for()
    assert not any(one["entity"] == plant for one in questions(served))


def test_the_log_grows_as_things_happen_and_goes_back_to_the_beginning(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Logged")
    for n in range(60):
        served.patch(plant, set={"height_cm": n})
    page = pages.open("log")
    entries = page.locator(".entry")
    entries.first.wait_for()
    served.patch(plant, set={"name": "Logged again"})
    page.get_by_text("name set 'Logged again'").wait_for()
    while page.locator(".center button").count():  # it cannot be clicked while it loads, and then may be gone
        page.evaluate("document.querySelector('.center button:not(:disabled)')?.click()")
        page.wait_for_timeout(20)
    numbers = [int(one) for one in page.locator(".entry-at").all_inner_texts()]
    assert numbers == sorted(set(numbers), reverse=True)
    assert numbers[-1] == 1
    page.get_by_role("button", name="Details of entry 1", exact=True).click()
    page.locator(".details").get_by_text("Plant", exact=True).first.wait_for()
    page.get_by_role("link", name="Told", exact=True).click()
    comes(page, "() => [...document.querySelectorAll('.entry')].every((one) => one.dataset.type !== 'node.settled')")
    page.get_by_role("link", name="Superseded").click()
    comes(page, "() => [...document.querySelectorAll('.entry')].every((one) => one.dataset.type === 'node.superseded')")


def test_all_is_done_by_the_keyboard_alone(pages: Pages, served: Served) -> None:
    page = pages.open()
    page.get_by_role("link", name="New charm").first.wait_for()
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    tab_to(page, "New charm")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="New charm").wait_for()
    tab_to(page, "Plant.*")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="New plant").wait_for()
    page.keyboard.type("Keyed")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Keyed", level=1).wait_for()
    tab_to(page, "Edit Height cm")
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.keyboard.type("80")
    page.keyboard.press("Enter")
    page.locator('.value[data-node="weight"]').get_by_text("120", exact=True).wait_for()
    assert focused(page) == "Edit Height cm"


def test_on_a_phone_nothing_is_cut_off_and_all_can_be_touched(pages: Pages, served: Served) -> None:
    plant = ill(served, "W" * 60)
    page = pages.open(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for parts in ([], ["charm", plant], ["new", "Plant"], ["inbox"], ["log"]):
        page.goto(served.page(*parts))
        page.get_by_role("heading", level=1).first.wait_for()
        page.locator(".page-head, .card").first.wait_for()
        assert page.evaluate(SIDEWAYS) <= 0, parts
        assert page.evaluate(TARGETS) == [], parts


def test_in_the_dark_the_page_is_dark_and_its_words_can_be_read(pages: Pages, served: Served) -> None:
    for scheme, is_dark in (("dark", True), ("light", False)):
        page = pages.open(color_scheme=scheme)
        page.get_by_role("heading", name="Shelf", exact=True).wait_for()
        paper, *ratios = page.evaluate(CONTRAST)
        assert (paper < 0.1) is is_dark
        assert min(ratios) >= 4.5, (scheme, ratios)


def test_an_address_that_leads_nowhere_says_so(pages: Pages, served: Served) -> None:
    page = pages.open("nowhere")
    page.get_by_role("heading", name="There is no such page").wait_for()
    page.goto(f"{served.address}/#/elsewhere")
    page.get_by_role("heading", name="There is no space called elsewhere").wait_for()


def test_who_may_only_read_is_offered_nothing_to_change(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Seen", height_cm=20)
    if not any(one.name == "ben" for one in served.accounts.users.list()):
        served.accounts.users.add("ben", Hidden(PASSWORD), role="viewer")
    pages.allowed.append("status of 401")
    page = pages.open("charm", plant, known=False)
    page.get_by_text("Log in with a password").click()
    page.get_by_label("Name").fill("ben")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator('.value[data-node="weight"]').get_by_text("30", exact=True).wait_for()
    assert page.locator("main button, main input, main form").count() == 0
    page.get_by_role("link", name="Shelf", exact=True).first.click()
    page.get_by_role("link", name="Plant", exact=True).wait_for()
    assert page.get_by_role("link", name="New charm").count() == 0
    page.goto(served.page("new", "Plant"))
    page.get_by_text("You may look at this space, and make nothing in it.").wait_for()
    assert page.locator("main form").count() == 0
