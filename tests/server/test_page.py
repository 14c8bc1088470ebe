"""The files of the web app: who is given them, under which policy, and that they are those that were vendored."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.vendor import FOLDER as VENDOR
from scripts.vendor import IMPORTED, VENDORED, misfits, rewritten
from tests.server.conftest import SETTINGS
from tests.server.house import Answered, Keys, asked, everything
from weft import Space
from weft.server.app import make_app
from weft.server.method import Undeclared
from weft.server.page import FOLDER, POLICY, File, page_files, page_routes

WEIGHT_MAX = 150_000
"""Bytes that a browser is sent for all of the page, packed."""
FILES = page_files()
Get = Callable[..., Answered]


@pytest.fixture
def get(space: Space) -> Get:
    """The answer to a request of a stranger."""
    app = make_app({"home": space}, Keys(everything("ann")), SETTINGS, page_routes(FILES))
    return lambda path, method="GET", host="localhost", **headers: asked(
        app, method, path, {name.replace("_", "-"): one for name, one in headers.items()}, host=host
    )


def test_strangers_are_given_the_page_and_every_file_of_it(get: Get) -> None:
    index = get("/")
    assert (index.status, index.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert index.body == (FOLDER / "index.html").read_bytes()
    for file in FILES:
        found = get(file.path)
        assert (found.status, found.body, found.headers["content-type"]) == (200, file.content, file.media_type)
        assert found.headers["x-content-type-options"] == "nosniff"
    assert {"text/javascript; charset=utf-8", "text/css; charset=utf-8"} < {file.media_type for file in FILES}


def test_nothing_that_is_no_file_of_the_folder_is_given(get: Get) -> None:
    for path in (
        "/static/",
        "/static/../page.py",
        "/static/%2e%2e/page.py",
        "/static//app.js",
        "/static/app.js/",
        "/app.js",
    ):
        assert get(path).status == 404, path
    assert get("/static/app.js", method="POST", weft_request="1").status == 404


def test_other_hosts_and_pages_of_other_sites_are_given_nothing(get: Get) -> None:
    assert get("/", host="evil.example").status == 403
    assert get("/static/app.js", origin="http://evil.example").status == 403


def test_no_file_lets_a_browser_run_what_stands_in_a_page(get: Get) -> None:
    for path in ("/", "/static/app.js", "/static/icon.svg"):
        assert get(path).headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY
    index = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:", index) == []


def test_a_browser_that_has_the_newest_is_told_so_and_packed_files_are_the_same(get: Get) -> None:
    plain, packed = get("/static/style.css"), get("/static/style.css", accept_encoding="br, gzip;q=0.5")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in get("/static/style.css", accept_encoding="gzip;q=0, br").headers
    again = get("/static/style.css", if_none_match=f'"other", W/{plain.headers["etag"]}')
    assert (again.status, again.body, again.headers["cache-control"]) == (304, b"", "no-cache")
    assert get("/static/style.css", if_none_match='"other"').status == 200


def test_a_file_that_does_not_say_that_it_is_for_everybody_stops_the_start() -> None:
    file = File(path="/static/secret.txt", content=b"", media_type="text/plain")
    with pytest.raises(Undeclared, match=r"GET /static/secret\.txt"):
        page_routes([file])


def test_files_of_other_kinds_and_hidden_ones_stay_where_they_are(tmp_path: Path) -> None:
    for name in ("index.html", "a.js", ".b.js", "c.py", "d.map"):
        (tmp_path / name).write_text("x")
    assert [file.path for file in page_files(tmp_path)] == ["/", "/static/a.js", "/static/index.html"]


def test_all_of_the_page_weighs_less_than_it_may() -> None:
    sent = [file for file in FILES if file.path != "/" and not file.path.endswith(".LICENSE.txt")]
    assert sum(len(gzip.compress(file.content)) for file in sent) < WEIGHT_MAX


def test_vendored_files_are_those_of_the_table_each_with_its_licence() -> None:
    assert misfits() == []
    assert {one.package for one in VENDORED if one.name.endswith(".js")} == {
        one.package for one in VENDORED if one.source == "LICENSE"
    }


def test_a_vendored_file_that_was_changed_is_found(tmp_path: Path) -> None:
    for one in VENDORED:
        (tmp_path / one.name).write_bytes((VENDOR / one.name).read_bytes())
    (tmp_path / "htm.js").write_bytes(b"export default 1")
    (tmp_path / "more.js").write_bytes(b"")
    assert misfits(tmp_path) == ["htm.js", "more.js"]


def test_bare_names_are_imported_by_their_files() -> None:
    text = (
        'import{a as b}from"preact";export*from "@preact/signals-core";import"./near.js";\n//# sourceMappingURL=x.map\n'
    )
    assert rewritten(text) == ('import{a as b}from"./preact.js";export*from "./signals-core.js";import"./near.js";\n')
    with pytest.raises(KeyError):
        rewritten('import x from"unknown"')
    assert all((VENDOR / name).is_file() for name in IMPORTED.values())


def test_modules_import_files_that_are_there_and_nothing_else() -> None:
    for path in FOLDER.rglob("*.js"):
        for said in re.findall(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""", path.read_text(encoding="utf-8")):
            if said == "/static/weft.js":
                continue  # in the documentation of the client
            assert said.startswith("."), (path, said)
            assert (path.parent / said).resolve().is_file(), (path, said)
