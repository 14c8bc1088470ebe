"""Text of people and of results in a real browser: wherever it is shown it stays text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.page.conftest import Pages, comes
from tests.page.serving import Served
from tests.until import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
CALL = "globalThis.wounded=1"
CORPUS = (
    f"<script>{CALL}</script>",
    f"<img src=x onerror={CALL}>",
    f"<svg/onload={CALL}>",
    f"<svg><script>{CALL}</script></svg>",
    f"<svg><a xlink:href='javascript:{CALL}'><text y=9>x</text></a></svg>",
    f"\"><script>{CALL}</script>",
    f"' onmouseover='{CALL}' x='",
    f"<iframe srcdoc='<script>parent.{CALL}</script>'></iframe>",
    f"<iframe src=javascript:parent.{CALL}></iframe>",
    f"<math><mtext></p><style><img src onerror={CALL}></style>",
    f"<details open ontoggle={CALL}>",
    f"<form action=javascript:{CALL}><button autofocus onfocus={CALL}>",
    "<base href=http://evil.example/><link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "</title></textarea></style><plaintext>",
    "${globalThis.wounded=1}{{globalThis.wounded=1}}",
    f"[press](javascript:{CALL})",
    f"[press](JaVaScRiPt:{CALL}) [press](java\tscript:{CALL}) [press](&#106;avascript:{CALL})",
    f"[press](data:text/html,<script>{CALL}</script>)",
    f"[press](vbscript:{CALL}) [press](//evil.example/x) [press](https:evil)",
    "![picture](http://evil.example/pixel.png)",
    f"![x](x\" onerror=\"{CALL})",
    f"# <b onclick={CALL}>x</b>\n\n- <img src=x onerror={CALL}>\n\n> <script>{CALL}</script>",
    f"```html\n<script>{CALL}</script>\n```",
    f"| a | b |\n|---|---|\n| <img src=x onerror={CALL}> | [x](javascript:{CALL}) |",
    "[" * 300 + "](" * 300 + "*" * 300 + "`" * 301 + "> " * 300,
    "__proto__", "constructor", f"javascript:{CALL}", f"data:text/html,<script>{CALL}</script>",
    "\u202e\u2066txet\u2069 \ufeff\u0007 \ud7ff",
)  # fmt: skip
FOUND = """() => {
  const all = (chosen) => [...document.querySelectorAll(chosen)];
  const foreign = ["script", "iframe", "object", "embed", "base", "link", "meta", "style", "svg", "math", "plaintext"];
  const isListening = ({ name }) => /^on/i.test(name) || ["srcdoc", "style"].includes(name);
  const leads = ["http:", "https:", "mailto:"];
  return {
    wounded: globalThis.wounded,
    foreign: all(foreign.map((one) => `main ${one}`).join()).map((one) => one.outerHTML),
    listening: all("*").filter((one) => [...one.attributes].some(isListening)).map((one) => one.outerHTML),
    links: all("a[href]").map((one) => one.protocol).filter((one) => !leads.includes(one)),
    out: all("main a[target]").filter((one) => !one.rel.includes("noopener")).map((one) => one.href),
  };
}"""
NAMED = """(text) => document.querySelector('.told[data-node="names"]')?.textContent.includes(text)"""
NOTHING: dict[str, list[str]] = {"foreign": [], "listening": [], "links": [], "out": []}


def look(page: Page) -> None:
    """That nothing of what is shown has become more than text."""
    assert {name: one for name, one in page.evaluate(FOUND).items() if one is not None} == NOTHING


def test_no_text_of_a_person_or_a_result_is_ever_more_than_text(pages: Pages, served: Served) -> None:
    made = [served.create("Plant", name=one, height_cm=10) for one in CORPUS]
    page = pages.open()
    for one in CORPUS[:3]:
        page.get_by_text(one).first.wait_for()
    look(page)
    for at in range(0, len(CORPUS), 3):
        texts, plant = CORPUS[at : at + 3], made[at]
        served.patch(
            plant,
            add={"names": [*texts]},
            put={"prices": dict.fromkeys(texts, 1)},
            edit={"notes": [{"verb": "insert", "at": 0, "text": "\n\n".join(texts)}]},
            tell=[{"event": "Seen", "value": {"by": text}} for text in texts],
        )
        page.goto(served.page("charm", plant))
        comes(page, NAMED, texts[0])
        page.locator('.value[data-node="about"][data-standing="settled"]').wait_for()  # markdown with the name in it
        look(page)
    page.goto(served.page("log"))
    page.locator(".entry").first.wait_for()
    look(page)


def test_nor_is_it_in_errors_in_questions_and_in_what_is_typed(pages: Pages, served: Served) -> None:
    text = f"<img src=x onerror={CALL}>"
    plant = served.create("Plant", name=text, state="ill")
    until(lambda: bool(served.program.get("/spaces/home/questions").json()["questions"]))
    tale = served.create("Friend", of=plant)
    page = pages.open("inbox")
    page.locator(".about").get_by_text(text).wait_for()
    look(page)
    page.goto(served.page("charm", tale))
    page.locator(".told-value").get_by_text(text).first.wait_for()  # the name of what it refers to
    look(page)
    page.goto(f"{served.address}/#/{CALL}<img src=x>")
    page.get_by_role("heading", name="There is no space called").wait_for()
    look(page)
    page.goto(served.page("new", "Plant"))
    page.get_by_label("Name", exact=True).fill(text)
    page.get_by_label("Height cm").fill(text)
    page.get_by_role("button", name="Make it").click()
    page.locator(".wrong-text").first.wait_for()
    look(page)


def test_a_file_whatever_it_holds_is_given_as_a_file(pages: Pages, served: Served) -> None:
    html = f"<script>{CALL}</script>".encode()
    plant = served.create("Plant", name="Held")
    page = pages.open("charm", plant)
    chooser = page.locator('.told[data-node="photos"] input[type=file]').first
    for kind in ("text/html", "image/svg+xml", "application/xhtml+xml"):
        chooser.set_input_files({"name": f"<b>{kind}", "mimeType": kind, "buffer": html + kind.encode()})
        page.locator('.told[data-node="photos"]').get_by_text(kind).wait_for()
    chooser.set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": html})
    page.get_by_text("A picture that cannot be shown").first.wait_for()
    look(page)
    assert page.locator('.told[data-node="photos"] img').count() == 0
    link = page.locator('.told[data-node="photos"] .file a').first.get_attribute("href")
    answer = page.context.request.get(f"{served.address}{link}")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_the_policy_holds_even_where_the_page_would_not(pages: Pages, served: Served) -> None:
    pages.allowed += ["Content Security Policy", "This document requires 'Trusted", "status of 404"]
    page = pages.open()
    page.get_by_role("heading", name="Shelf", exact=True).wait_for()
    refused = page.evaluate(
        """() => {
          const add = (name, given) => document.body.append(Object.assign(document.createElement(name), given));
          const tries = [
            () => { document.body.innerHTML += "<img src=x onerror='globalThis.wounded=1'>"; },
            () => add("script", { text: "globalThis.wounded=1" }),
            () => document.createElement("img").setAttribute("onerror", "globalThis.wounded=1"),
            () => setTimeout("globalThis.wounded=1"),
          ];
          const does = (act) => { try { act(); return ""; } catch (why) { return why.name; } };
          add("img", { src: "/static/none.png" });
          return tries.map(does);
        }"""
    )
    assert refused == ["TypeError", "TypeError", "TypeError", "TypeError"]
    comes(page, "() => document.querySelector('body > img')?.complete")
    assert page.evaluate("() => globalThis.wounded ?? null") is None
