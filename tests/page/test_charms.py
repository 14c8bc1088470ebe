"""The shelf and charms in a real browser: made, edited in place, given photos, watched, and retried."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.page.charms import BROKEN, GATE, WORDS
from tests.page.conftest import Pages, comes
from tests.page.serving import Served
from tests.until import until

pytestmark = pytest.mark.browser


def picture(shade: int) -> bytes:
    """A PNG of 8 by 8 grey points."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + bytes([shade]) * 8 for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def told(page: Any, name: str) -> Any:
    """A field as it stands on the page."""
    return page.locator(f'.told[data-node="{name}"]')


def value(page: Any, name: str) -> Any:
    """A computed value."""
    return page.locator(f'.value[data-node="{name}"]')


def test_a_charm_is_made_by_the_form_of_its_type(pages: Pages, served: Served) -> None:
    page = pages.open()
    page.get_by_role("link", name="New charm").first.click()
    page.get_by_role("link", name=re.compile("^Plant")).click()
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("This is needed").wait_for()  # the name
    comes(page, "() => document.activeElement.labels?.[0]?.textContent === 'Name'")

    page.get_by_label("Name", exact=True).fill("Rubber plant")
    page.get_by_label("Height cm").fill("tall")
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("This is not a number: write it in digits, as 25").wait_for()
    page.get_by_label("Height cm").fill("2,5")
    page.get_by_text("This is not a number: write it as 2.5").wait_for()
    page.get_by_label("Height cm").fill("42")
    page.locator(".wrong-text").wait_for(state="detached")
    page.get_by_label("Mood").select_option("Thirsty")
    page.get_by_label("Is outside").check()
    page.get_by_label("Kind of Place").select_option("Pot")
    page.get_by_label("Width cm").fill("12.5")
    page.get_by_label("Bought").fill("2026-02-03")
    page.get_by_role("button", name="Add names").click()
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("This is needed").wait_for()  # a row that was left empty is not told
    page.get_by_label("Item 1", exact=True).fill("Ficus")
    page.locator(".wrong-text").wait_for(state="detached")
    page.reload()  # what was typed is there still
    assert page.get_by_label("Width cm").input_value() == "12.5"
    page.get_by_role("button", name="Make it").click()

    page.get_by_role("heading", name="Rubber plant", level=1).wait_for()
    value(page, "weight").get_by_text("63", exact=True).wait_for()
    entity = page.url.rpartition("/")[2]
    found = {
        name: served.value(entity, name) for name in ("height_cm", "mood", "is_outside", "place", "bought", "names")
    }
    assert found == {
        "height_cm": 42, "mood": "thirsty", "is_outside": True, "bought": "2026-02-03", "names": ["Ficus"],
        "place": {"$": "Pot", "width_cm": 12.5, "is_glazed": False},
    }  # fmt: skip


def test_what_the_server_refuses_is_said_at_its_field_and_nothing_is_lost(pages: Pages, served: Served) -> None:
    pages.allowed.append("status of 422")
    page = pages.open("new", "Plant")
    page.get_by_label("Name", exact=True).fill("Oak")
    page.get_by_label("Height cm").fill("1" + "0" * 400)  # a number to nobody but the form
    page.get_by_role("button", name="Make it").click()
    page.locator(".wrong-text").first.wait_for()
    assert page.get_by_label("Name", exact=True).input_value() == "Oak"
    assert page.get_by_label("Height cm").get_attribute("aria-invalid") == "true"


def test_the_shelf_shows_what_others_make_and_its_types(pages: Pages, served: Served) -> None:
    page = pages.open()
    page.get_by_role("heading", name="Shelf", exact=True).wait_for()
    tale = served.create("Tale", name="From outside")
    page.get_by_role("link", name=re.compile("From outside")).wait_for()
    served.patch(tale, set={"name": "Renamed"})
    page.get_by_role("link", name=re.compile("Renamed")).wait_for()
    page.get_by_role("link", name="Plant", exact=True).click()
    page.get_by_role("link", name=re.compile("Renamed")).wait_for(state="detached")


def test_a_long_shelf_is_shown_page_by_page(pages: Pages, served: Served) -> None:
    for n in range(65):
        served.create("Plant", name=f"Row {n}")
    page = pages.open()
    cards = page.locator(".charm-card")
    page.get_by_role("button", name="Show more").wait_for()
    assert cards.count() == 60
    page.get_by_role("button", name="Show more").click()
    comes(page, "document.querySelectorAll('.charm-card').length > 60")
    page.get_by_label("Find on the shelf").fill("row 7")
    comes(page, "document.querySelectorAll('.charm-card').length < 5")


def test_a_field_is_edited_in_place(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Fern", height_cm=20)
    page = pages.open("charm", plant)
    page.get_by_role("button", name="Edit Height cm").click()
    field = told(page, "height_cm").get_by_role("textbox")
    field.fill("40")
    field.press("Enter")
    value(page, "weight").get_by_text("60", exact=True).wait_for()
    comes(page, "() => document.activeElement.getAttribute('aria-label') === 'Edit Height cm'")
    assert served.value(plant, "height_cm") == 40
    told(page, "is_outside").get_by_role("checkbox").check()
    until(lambda: bool(served.value(plant, "is_outside") is True))
    page.get_by_role("button", name="Edit Height cm").click()
    field.fill("7")
    field.press("Escape")
    told(page, "height_cm").get_by_text("40", exact=True).wait_for()
    page.get_by_role("button", name="One more: Waterings").click()
    told(page, "waterings").get_by_text("1", exact=True).wait_for()
    page.get_by_role("button", name="Edit Notes").click()
    page.get_by_label("Notes").fill("Green.\nAlive.")
    told(page, "notes").get_by_role("button", name="Save").click()
    until(lambda: bool(served.value(plant, "notes") == "Green.\nAlive."))
    page.get_by_role("button", name="Add to Names").click()
    told(page, "names").get_by_role("textbox").fill(" ")
    told(page, "names").get_by_role("button", name="Add", exact=True).click()
    told(page, "names").get_by_text("This is needed").wait_for()
    told(page, "names").get_by_role("textbox").fill("Bracken")
    told(page, "names").get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Remove Names 1").click()
    told(page, "names").get_by_text("None yet").wait_for()
    assert served.value(plant, "names") == []


def test_who_edits_what_another_changes_is_told_and_chooses(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="First", height_cm=1)
    one, other = pages.open("charm", plant), pages.open("charm", plant)
    for page in (one, other):
        page.get_by_role("button", name="Edit Name").click()
    told(one, "name").get_by_role("textbox").fill("By one")
    told(other, "name").get_by_role("textbox").fill("By other")
    told(one, "name").get_by_role("button", name="Save").click()
    other.get_by_text("It was changed meanwhile").wait_for()
    told(other, "name").locator(".changed").get_by_text("By one").wait_for()
    assert told(other, "name").get_by_role("button", name="Save").is_disabled()
    assert told(other, "name").get_by_role("textbox").input_value() == "By other"
    other.get_by_role("button", name="Go on with mine").click()
    told(other, "name").get_by_role("button", name="Save").click()
    told(one, "name").get_by_text("By other").wait_for()
    assert served.value(plant, "name") == "By other"


def test_who_is_overtaken_by_an_edit_that_was_not_seen_can_take_it_back(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="First")
    page = pages.open("charm", plant)
    page.get_by_role("button", name="Edit Name").click()
    told(page, "name").get_by_role("textbox").fill("Mine")
    page.route("**/api/spaces/home/entities/*", lambda route: (
        served.patch(plant, set={"name": "Theirs"}) if route.request.method == "PATCH" else None, route.continue_()
    ))  # fmt: skip
    told(page, "name").get_by_role("button", name="Save").click()
    page.get_by_text('Name had just been changed to "Theirs". Yours stands now.').wait_for()
    page.unroute("**/api/spaces/home/entities/*")
    page.get_by_role("button", name="Take theirs").click()
    told(page, "name").get_by_text("Theirs").wait_for()


def test_photos_are_given_by_drop_by_chooser_and_by_camera(pages: Pages, served: Served, tmp_path: Path) -> None:
    plant = served.create("Plant", name="Posing")
    page = pages.open("charm", plant)
    field = told(page, "photos")
    chooser, camera = field.locator("input[type=file]").first, field.locator("input[capture]")
    assert camera.get_attribute("capture") == "environment"
    chooser.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture(10)})
    field.locator("img").nth(0).wait_for()
    camera.set_input_files({"name": "b.png", "mimeType": "image/png", "buffer": picture(90)})
    field.locator("img").nth(1).wait_for()
    page.evaluate(
        """async (content) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([new Uint8Array(content)], "c.png", { type: "image/png" }));
          const area = document.querySelector('.told[data-node="photos"] .drop');
          area.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
        }""",
        [*picture(200)],
    )
    field.locator("img").nth(2).wait_for()
    comes(page, "[...document.querySelectorAll('.told img')].every((one) => one.naturalWidth === 8)")
    value(page, "portrait").locator("img").wait_for()
    assert [one["media"] for one in served.value(plant, "photos")] == ["image/png"] * 3
    page.reload()
    field.locator("img").nth(2).wait_for()


def test_an_upload_that_fails_says_so_and_goes_on(pages: Pages, served: Served) -> None:
    pages.allowed.append("status of 503")
    plant = served.create("Plant", name="Posing")
    page = pages.open("charm", plant)
    body = {"name": "Unavailable", "message": "The disk is full.", "code": 503, "className": "unavailable"}
    page.route("**/blobs*", lambda route: route.fulfill(status=503, json=body))
    told(page, "photos").locator("input[type=file]").first.set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": picture(10)}
    )
    page.get_by_text("The disk is full.").wait_for()
    page.unroute("**/blobs*")
    told(page, "photos").get_by_role("button", name="Try again").click()
    told(page, "photos").locator("img").wait_for()


def test_what_fails_shows_its_cause_what_was_right_before_and_is_retried(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Fern", height_cm=30)
    page = pages.open("charm", plant)
    weight = value(page, "weight")
    weight.get_by_text("45", exact=True).wait_for()
    BROKEN.set()
    served.patch(plant, set={"height_cm": 31})
    weight.get_by_text("the scale shows nothing for 31 cm").wait_for()
    assert weight.get_attribute("data-standing") == "failed"
    assert weight.locator(".last").inner_text().split() == ["Last", "good", "value", "45"]
    BROKEN.clear()
    weight.get_by_role("button", name="Try again").click()
    weight.get_by_text("46.5").wait_for()
    assert weight.get_attribute("data-standing") == "settled"


def test_an_entry_of_a_map_is_changed_in_place(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Priced")
    served.patch(plant, put={"prices": {"spring": 12}})
    page = pages.open("charm", plant)
    prices = told(page, "prices")
    prices.get_by_role("button", name="Edit spring").click()
    field = prices.get_by_label("spring")
    assert field.input_value() == "12"
    field.fill("dear")
    field.press("Enter")
    prices.get_by_text("This is not a number").wait_for()
    field.fill("14")
    served.patch(plant, put={"prices": {"autumn": 9}})
    prices.get_by_role("button", name="Edit autumn").wait_for()  # what others add is there meanwhile
    assert field.input_value() == "14"
    field.press("Enter")
    prices.get_by_role("button", name="Edit spring").wait_for()
    assert served.value(plant, "prices") == {"spring": 14, "autumn": 9}

    prices.get_by_role("button", name="Edit autumn").click()
    prices.get_by_label("autumn").press("Escape")
    prices.get_by_role("button", name="Edit autumn").wait_for()
    comes(page, "() => document.activeElement.ariaLabel === 'Edit autumn'")
    prices.get_by_role("button", name="Remove spring").click()
    prices.get_by_role("button", name="Edit spring").wait_for(state="detached")
    assert served.value(plant, "prices") == {"autumn": 9}


def test_values_follow_what_others_tell_and_are_shown_as_what_they_are(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Fern", height_cm=20)
    page = pages.open("charm", plant)
    rows = value(page, "leaves").locator("tbody tr")
    rows.nth(1).wait_for()
    served.patch(plant, set={"height_cm": 30})
    rows.nth(2).wait_for()
    assert rows.nth(2).inner_text().split() == ["green", "4.5"]
    about = value(page, "about")
    about.get_by_role("heading", name="Fern").wait_for()
    assert about.locator("strong").inner_text() == "30 cm"
    out = about.get_by_role("link", name="known")
    assert (out.get_attribute("href"), out.get_attribute("rel")) == (
        "https://example.org/plants", "noopener noreferrer nofollow",
    )  # fmt: skip


def test_a_value_that_is_not_there_yet_and_one_that_is_old_are_marked(pages: Pages, served: Served) -> None:
    GATE.clear()
    slow = served.create("Slow", number=1)
    page = pages.open("charm", slow)
    late = value(page, "late")
    late.locator('[data-standing="running"]').get_by_text("Being computed", exact=True).wait_for()
    assert late.get_attribute("aria-busy") == "true"
    GATE.set()
    late.get_by_text("1,001").wait_for()
    GATE.clear()
    served.patch(slow, set={"number": 2})
    late.locator('[data-standing="stale"]').wait_for()
    assert late.locator(".value-body").inner_text() == "1,001"
    GATE.set()
    late.get_by_text("1,002").wait_for()
    assert late.get_attribute("data-standing") == "settled"


def test_a_file_that_may_be_left_out_is_given_and_taken_away(pages: Pages, served: Served) -> None:
    GATE.set()
    slow = served.create("Slow")
    page = pages.open("charm", slow)
    page.get_by_role("button", name="Edit Photo").click()
    field = told(page, "photo")
    field.get_by_label("Kind of Photo").select_option("File")
    field.locator("input[type=file]").first.set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": picture(10)}
    )
    field.locator("img").wait_for()
    field.get_by_role("button", name="Save").click()
    field.get_by_role("button", name="Edit Photo").wait_for()
    assert served.value(slow, "photo")["media"] == "image/png"
    page.get_by_role("button", name="Edit Photo").click()
    field.get_by_label("Kind of Photo").select_option("Nothing")
    field.get_by_role("button", name="Save").click()
    field.get_by_text("Nothing", exact=True).wait_for()
    until(lambda: served.value(slow, "photo") is None)


def test_a_value_is_shown_as_it_streams_and_can_be_paused(pages: Pages, served: Served) -> None:
    WORDS[:] = ["Once"]
    tale = served.create("Tale", name="Slow")
    page = pages.open("charm", tale)
    found = value(page, "told")
    found.get_by_text("Once", exact=True).wait_for()
    assert found.get_attribute("data-standing") == "partial"
    WORDS.append("upon")
    found.get_by_text("Once upon", exact=True).wait_for()
    page.get_by_role("button", name="Pause").click()
    found.locator('[data-standing="paused"]').wait_for()
    WORDS.extend(["a", "time"])
    page.get_by_role("button", name="Play").click()
    found.get_by_text("Once upon a time", exact=True).wait_for()
    WORDS.append(".")
    found.locator('[data-standing="settled"]').wait_for()
    assert served.value(tale, "told") == "Once upon a time ."


def test_a_reload_keeps_everything(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Fern", height_cm=30)
    page = pages.open("charm", plant)
    value(page, "weight").get_by_text("45", exact=True).wait_for()
    before = page.locator("main").inner_text()
    page.reload()
    value(page, "weight").get_by_text("45", exact=True).wait_for()
    comes(page, "(before) => document.querySelector('main').innerText === before", before)
    page.get_by_role("button", name="Edit Name").click()
    told(page, "name").get_by_role("textbox").fill("Half typed")
    page.reload()
    assert told(page, "name").get_by_role("textbox").input_value() == "Half typed"


def test_a_charm_that_is_not_there_is_said_so(pages: Pages, served: Served) -> None:
    pages.allowed.append("status of 404")
    page = pages.open("charm", "nobodynobodynobodynobodyno")
    page.get_by_role("heading", name="This charm cannot be shown").wait_for()
    page.get_by_role("link", name="Back to the shelf").click()
    page.get_by_role("heading", name="Shelf", exact=True).wait_for()


def test_a_list_of_which_some_failed_is_said_to_have_failed(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Half read")
    page = pages.open("charm", plant)
    chooser = told(page, "photos").locator("input[type=file]").first
    chooser.set_input_files({"name": "good.png", "mimeType": "image/png", "buffer": picture(11)})
    value(page, "sizes").get_by_text("Settled", exact=True).wait_for()
    chooser.set_input_files({"name": "bad.txt", "mimeType": "text/plain", "buffer": b"unreadable"})
    sizes = value(page, "sizes")
    sizes.locator("header").get_by_text("1 of 2 failed").wait_for()
    assert sizes.get_attribute("data-standing") == "failed"
    assert sizes.locator("header").get_by_text("Settled").count() == 0
    sizes.get_by_text("bad light").wait_for()


def test_files_are_called_by_their_names_and_by_their_places_where_none_is_known(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Named files")
    page = pages.open("charm", plant)
    field = told(page, "photos")
    sent = {"name": "my fern.png", "mimeType": "image/png", "buffer": picture(12)}
    field.locator("input[type=file]").first.set_input_files(sent)
    field.get_by_text("my fern.png", exact=True).wait_for()
    page.get_by_role("link", name="Log", exact=True).click()
    row = page.locator(".entry", has_text="Named files").filter(has_text="“my fern.png”, picture,").first
    row.wait_for()
    assert "bafk" not in row.inner_text()

    page.reload()  # the server keeps no names
    page.locator(".entry", has_text="Named files").filter(has_text="photos add picture, ").first.wait_for()
    page.goto(served.page("charm", plant))
    field.get_by_text("Picture 1", exact=True).wait_for()
    page.goto(served.page("charm", plant, "why", "photos"))
    page.locator(".why-tree .gallery img").wait_for()
    assert "bafk" not in page.locator(".why-tree").inner_text()


def test_a_field_of_several_files_takes_them_by_drop_and_choice(pages: Pages, served: Served) -> None:
    album = served.create("PhotoAlbum", name="Holidays")
    page = pages.open("charm", album)
    page.get_by_role("button", name="Edit Pages").click()
    field = told(page, "pages")
    files = [{"name": f"{n}.png", "mimeType": "image/png", "buffer": picture(20 + n)} for n in range(2)]
    field.locator("input[type=file]").first.set_input_files(files)
    field.locator("img").nth(1).wait_for()
    field.get_by_role("button", name="Save").click()
    field.get_by_role("button", name="Edit Pages").wait_for()
    until(lambda: len(served.value(album, "pages")) == 2)


def test_types_are_told_in_words(pages: Pages, served: Served) -> None:
    page = pages.open("new")
    card = page.locator(".charm-card", has_text="Photo album")
    card.wait_for()
    assert "Several pictures." in card.inner_text()
    assert "More is said here" not in card.inner_text()
    assert card.get_by_title("PhotoAlbum").count() == 1
    card.click()
    page.get_by_role("heading", name="New photo album").wait_for()
    page.get_by_text("Several pictures.", exact=True).wait_for()


def test_an_event_is_told_by_a_form(pages: Pages, served: Served) -> None:
    plant = served.create("Plant", name="Visited")
    page = pages.open("charm", plant)
    visits = told(page, "visits")
    visits.get_by_role("button", name="Seen").click()
    visits.get_by_role("button", name="Tell it").click()
    visits.get_by_text("This is needed").wait_for()
    assert served.value(plant, "visits") == []
    visits.get_by_label("By").fill("Ben")
    page.reload()
    assert visits.get_by_label("By").input_value() == "Ben", "what was typed outlives a reload"

    visits.get_by_label("By").press("Enter")

    visits.get_by_role("button", name="Seen").wait_for()
    visits.get_by_text("Ben", exact=True).wait_for()
    assert served.value(plant, "visits") == ["Ben"]
