"""The demonstration on a terminal: the shelf is served, for one browser; what it is told there is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.cli.conftest import Weft
from tests.cli.pseudo_terminal import Terminal, in_terminal

OURS = {"Weft-Request": "1"}
pytestmark = pytest.mark.vision


@pytest.fixture(autouse=True)
def _parts(require_part: Callable[[str], ModuleType]) -> None:
    for name in ("rapidocr", "onnxruntime", "PIL", "starlette", "uvicorn", "httpx"):
        require_part(name)


def shown_behind(terminal: Terminal, text: str) -> str:
    """The rest of the line behind a text."""
    terminal.read_to(text)
    begun = len(terminal.shown[: terminal.shown.index(text)]) + len(text)
    terminal.read_to("\r\n")
    return terminal.shown[begun:].partition("\r\n")[0]


@pytest.mark.parametrize("arguments", [("demo", "bookshelf"), ("demo",)])
def test_it_is_served_for_one_browser_and_goes_on_where_it_was(
    arguments: tuple[str, ...], tmp_path: Path, weft: Weft
) -> None:
    import httpx

    options = ("--space", "shelf.weft") if len(arguments) > 1 else ()
    with in_terminal(*arguments, *options, folder=tmp_path, DISPLAY="", WAYLAND_DISPLAY="") as terminal:
        address = shown_behind(terminal, "the bookshelf is at ")
        link = shown_behind(terminal, "to be let in: ")
        photos = Path(shown_behind(terminal, "rendered ones are in "))
        assert [each.name for each in sorted(photos.iterdir())] == ["shelf 1.jpg", "shelf 2.jpg"]
        with httpx.Client(base_url=address, follow_redirects=True, headers=OURS, timeout=120) as browser:
            page = browser.get(link)
            assert page.status_code == 200
            assert "text/html" in page.headers["content-type"]
            assert httpx.get(link).status_code == 401, "it works once"
            (space,) = browser.get("/api/spaces").json()["spaces"]
            base = f"/api/spaces/{space['name']}"
            (shelf,) = browser.get(f"{base}/entities").json()["entities"]
            assert link.endswith(f"#/{space['name']}/charm/{shelf['id']}"), "it opens the shelf itself"
            picture = (photos / "shelf 1.jpg").read_bytes()
            blob = browser.post(f"{base}/blobs", content=picture, headers={"Content-Type": "image/jpeg"}).json()
            said = {"add": {"photos": [blob]}, "wait_s": 25}
            told = browser.patch(f"{base}/entities/{shelf['id']}", json=said)
            assert told.status_code == 200, told.text
        terminal.interrupt()
        assert "everything is kept" in shown_behind(terminal, "stopped; ") + terminal.shown
        assert terminal.end() == 0
    if options:
        again = json.loads(weft("demo", "bookshelf", "--no-web", "--json", *options).stdout)
        assert len(again["books"]) >= 8
        assert again["runs"]["read_spines"] == {"executed": 1, "reused": 0}, "the other shelf, alone"


def test_it_is_told_in_the_terminal_where_nothing_can_serve_it(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError(name='starlette')")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    with in_terminal(
        "demo", "bookshelf", "--space", "shelf.weft", folder=tmp_path, PYTHONPATH=path, COLUMNS="400"
    ) as terminal:
        terminal.read_to("pip install 'weft[server]'")
        terminal.read_to("Calls made")
        assert terminal.end() == 0
