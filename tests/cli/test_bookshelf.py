"""The demonstration as a person meets it, with a reader of pictures in a worker process and models behind HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.cli.conftest import Weft, clean
from weft.cli.shelf_lines import Seen, compared
from weft.services.fake_model import FakeModel

pytestmark = pytest.mark.vision


@pytest.fixture(autouse=True)
def _vision(require_part: Callable[[str], ModuleType]) -> None:
    for name in ("rapidocr", "onnxruntime", "PIL"):
        require_part(name)


def test_shelves_become_topics_and_a_second_run_reads_nothing(tmp_path: Path, weft: Weft) -> None:
    space = tmp_path / "shelf.weft"

    first = weft("demo", "bookshelf", "--space", space, "--json")
    second = weft("demo", "bookshelf", "--space", space, "--json")

    found, again = json.loads(first.stdout), json.loads(second.stdout)
    assert (first.returncode, second.returncode) == (0, 0)
    assert found["space"] == str(space)
    assert len(found["books"]) >= 18
    assert sorted(title for topic in found["topics"] for title in topic["books"]) == sorted(
        book["title"] for book in found["books"]
    )
    assert len({book["photo"] for book in found["books"]}) == 2
    assert found["runs"]["read_spines"] == {"executed": 2, "reused": 0}
    assert found["runs"]["compare"]["executed"] == 2
    assert "quotes, no model" in found["comparison"]["text"]
    assert all(counts["executed"] == 0 for counts in again["runs"].values())
    assert {**again, "runs": None} == {**found, "runs": None}

    why = weft("why", space, "Viewpoints.comparison").stdout
    for said in ("app/compare, version", "spines/read_spines, version", "RapidOcr", "by reader", "photos["):
        assert said in why


def test_a_photo_that_cannot_be_read_keeps_no_other_from_being_read(tmp_path: Path, weft: Weft) -> None:
    from weft.examples.bookshelf.render import render

    (tmp_path / "good.jpg").write_bytes(render(1, count=4).photo)
    (tmp_path / "bad.jpg").write_text("no picture")

    done = weft("demo", "bookshelf", "bad.jpg", "missing.jpg", "good.jpg", "--json")

    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert len(found["books"]) >= 3
    assert [name for name in ("bad.jpg", "missing.jpg") if any(name in said for said in found["problems"])] == [
        "bad.jpg",
        "missing.jpg",
    ]
    assert "error: bad.jpg cannot be read as a picture" in done.stderr


def test_photos_of_which_none_can_be_read_end_with_their_errors(tmp_path: Path, weft: Weft) -> None:
    from weft.examples.bookshelf.render import render

    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "torn.jpg").write_bytes(render(1, count=4).photo[:3000])
    space = tmp_path / "shelf.weft"

    absent = weft("demo", "bookshelf", "text.jpg", "missing.jpg", "--space", space)
    left = sorted(path.name for path in tmp_path.iterdir())
    torn = weft("demo", "bookshelf", "torn.jpg", "--space", space)

    for done in (absent, torn):
        assert (done.returncode, done.stdout) == (1, "")
        assert "nothing to read" not in done.stderr
    assert left == ["text.jpg", "torn.jpg"], "what is refused by its header makes no space"
    first, second = absent.stderr.splitlines()
    assert first.startswith("error: text.jpg cannot be read as a picture")
    assert second.startswith("error: missing.jpg cannot be read: No such file")
    assert "torn.jpg cannot be read as a picture to its end" in torn.stderr
    shown = json.loads(weft("show", space, "Bookshelf", "--json").stdout)
    assert next(node["value"] for node in shown["nodes"] if node["name"] == "photos") == []


def test_a_shelf_of_ones_own_is_gone_on_with_and_given_no_rendered_shelves(tmp_path: Path, weft: Weft) -> None:
    from weft.examples.bookshelf.render import render

    (tmp_path / "mine.jpg").write_bytes(render(7, count=4).photo)

    first = weft("demo", "bookshelf", "mine.jpg", "--space", "s.weft", "--json")
    again = weft("demo", "bookshelf", "--space", "s.weft", "--json")

    assert (first.returncode, again.returncode) == (0, 0)
    found, later = json.loads(first.stdout), json.loads(again.stdout)
    assert all(counts["executed"] == 0 for counts in later["runs"].values())
    assert {**later, "runs": None} == {**found, "runs": None}
    assert "rendered" not in first.stderr + again.stderr


def test_hints_call_the_program_as_it_was_called(tmp_path: Path, weft: Weft) -> None:
    from weft.examples.bookshelf.render import render

    (tmp_path / "good.jpg").write_bytes(render(1, count=4).photo)
    program = tmp_path / "weft"
    program.write_text("import weft.cli; weft.cli.main()")

    done = subprocess.run(
        [sys.executable, program, "demo", "bookshelf", "good.jpg"],
        cwd=tmp_path, env=clean(PATH="/nowhere"), capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert f"  {program} log " in done.stdout


def test_a_model_that_is_chosen_later_is_asked(tmp_path: Path, weft: Weft) -> None:
    from weft.examples.bookshelf.render import render

    space = tmp_path / "shelf.weft"
    (tmp_path / "shelf.jpg").write_bytes(render(1, count=4).photo)
    before = json.loads(weft("demo", "bookshelf", "shelf.jpg", "--space", space, "--json").stdout)

    with FakeModel() as url:
        chosen = {"OPENAI_BASE_URL": url, "WEFT_MODEL": "fake-model"}
        done = weft("demo", "bookshelf", "shelf.jpg", "--space", space, "--json", **chosen)

    after = json.loads(done.stdout)
    assert done.returncode == 0
    assert after["runs"]["read_spines"]["executed"] == 0
    assert after["runs"]["group"]["executed"] == 1
    assert [book["title"] for book in after["books"]] == [book["title"] for book in before["books"]]


def test_an_error_that_was_mended_since_is_said_to_be_kept_until_it_is_retried(tmp_path: Path, weft: Weft) -> None:
    from weft.examples.bookshelf.render import render

    (tmp_path / "shelf.jpg").write_bytes(render(1, count=4).photo)
    fake = FakeModel(fault="404")

    with fake as url:
        chosen = {"OPENAI_BASE_URL": url, "WEFT_MODEL": "fake-model"}
        first = weft("demo", "bookshelf", "shelf.jpg", "--space", "s.weft", **chosen)
        fake.fault, asked = None, fake.requests
        again = weft("demo", "bookshelf", "shelf.jpg", "--space", "s.weft", **chosen)
        asked_again = fake.requests - asked
        command = next(line for line in again.stdout.splitlines() if " retry " in line)
        retried = weft(*command.split()[1:])
        mended = weft("demo", "bookshelf", "--space", "s.weft", **chosen)

    for done in (first, again):
        assert done.returncode == 1
        assert "error: topics: " in done.stderr
        assert command in done.stdout.splitlines()
    assert "nothing was asked anew" not in first.stderr
    assert "(kept from before: nothing was asked anew in this run)" in again.stderr
    assert asked_again == 0
    assert (retried.returncode, mended.returncode) == (0, 0)
    assert "Try again" not in mended.stdout


@pytest.mark.parametrize(
    ("ids", "cast_on", "times", "said"),
    [
        ({"gardening": "a"}, "a", 1, "gardening was compared again once"),
        ({"gardening": "a"}, "a", 2, "gardening was compared again 2 times"),
        ({"gardening": "a"}, "a", 0, "gardening was not compared again"),
        ({}, "a", 0, "the topic that the spell is cast on is not there, so nothing was compared"),
        ({}, "", 0, "no spell was cast, as there is no topic"),
    ],
)
def test_what_came_of_the_spell_is_a_sentence(ids: dict[str, str], cast_on: str, times: int, said: str) -> None:
    assert compared(Seen((), (), ids, cast_on, None, {}), times) == said


def test_without_the_extra_the_next_step_is_said(tmp_path: Path, weft: Weft) -> None:
    # A package that cannot be found stands for one that was never installed.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u; was = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'rapidocr' else was(name, package)\n"
    )

    done = weft("demo", "bookshelf", PYTHONPATH=os.fspath(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert "rapidocr" in done.stderr
    assert "pip install 'weft[vision]'" in done.stderr
