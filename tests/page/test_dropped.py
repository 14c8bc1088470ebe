"""Files that are dropped on the page of a space, beside the place for them."""

from __future__ import annotations

import pytest

from tests.page.conftest import Pages, comes
from tests.page.serving import Served
from tests.page.test_charms import picture, told

pytestmark = pytest.mark.browser

DROPPED = """([where, kind, content]) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([new Uint8Array(content)], "c.png", { type: "image/png" }));
  const said = { dataTransfer: dropped, bubbles: true, cancelable: true };
  document.querySelector(where).dispatchEvent(new DragEvent(kind, said));
}"""


def test_a_file_dropped_beside_the_place_for_it_goes_there(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Dropped on")
    page = pages.open("charm", plant)
    field = told(page, "photos")
    field.locator(".drop").wait_for()
    page.evaluate(DROPPED, ["h1", "dragover", [*picture(1)]])
    field.locator(".drop.over").wait_for()
    page.evaluate(DROPPED, ["h1", "drop", [*picture(1)]])
    field.locator("img").wait_for()
    field.locator(".drop:not(.over)").wait_for()

    page.get_by_role("link", name="Graph", exact=True).last.click()  # where no place for files is shown
    page.get_by_role("link", name="Graph", exact=True).last.wait_for()
    comes(page, "!document.querySelector('.drop')")
    page.evaluate(DROPPED, ["h1", "drop", [*picture(2)]])
    field.locator("img").nth(1).wait_for()

    page.get_by_role("link", name="Shelf", exact=True).first.click()
    card = f'[data-charm="{plant}"]'
    page.locator(card).wait_for()
    page.evaluate(DROPPED, [card, "dragover", [*picture(3)]])
    page.locator(f"{card}.over").wait_for()
    page.evaluate(DROPPED, [f"{card} .charm-name", "drop", [*picture(3)]])
    field.locator("img").nth(2).wait_for()
    assert len(served.value(plant, "photos")) == 3


def test_a_file_dropped_where_it_is_not_clear_whose_it_is_is_answered(pages: Pages, served: Served) -> None:
    for name in ("One", "Other"):
        served.create("Plant", name=name)
    tale = served.create("Tale", name="Takes none")
    page = pages.open()
    page.locator(f'[data-charm="{tale}"]').wait_for()
    page.evaluate(DROPPED, ["h1", "drop", [*picture(1)]])
    page.get_by_text("Drop it on the card of the charm that it is for: one of Plant").wait_for()
    page.evaluate(DROPPED, [f'[data-charm="{tale}"]', "drop", [*picture(1)]])
    page.get_by_text("Takes none takes no files by drop").wait_for()


def test_a_file_dropped_on_a_shelf_with_one_charm_that_takes_it_goes_there(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="The only one")
    page = pages.open()
    page.locator(f'[data-charm="{plant}"]').wait_for()
    page.route("**/entities?type=Plant*", lambda route: route.fulfill(
        json={"entities": [{"id": plant, "type": "Plant", "name": "The only one", "preview": ""}], "next": None}
    ))  # fmt: skip
    page.evaluate(DROPPED, ["h1", "drop", [*picture(5)]])
    told(page, "photos").locator("img").wait_for()
    assert len(served.value(plant, "photos")) == 1
