"""Values that were kept before their class gained or lost fields: they go on working, or say what to do, each alone."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import weft
from tests.conftest import require_module
from weft import Entity, Failed, Field, NodeFailed, Settled, derive, field
from weft.errors import Undecodable
from weft.slot import Gone

HEADS = {
    "dataclass": "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Point:\n",
    "msgspec": "import msgspec\n\nclass Point(msgspec.Struct, frozen=True):\n",
    "pydantic": "import pydantic\n\nclass Point(pydantic.BaseModel, frozen=True):\n",
    "NamedTuple": "from typing import NamedTuple\n\nclass Point(NamedTuple):\n",
}
BODY = """
from weft import Entity, Field, derive, element, field, items, op


@element(key="{key}")
class Group:
    {key}: str
    n: int


@op(version={version})
def make_point(n: int) -> Point:
    return Point({made})


@op(version=1)
def look_across(point: Point) -> int:
    return point.x


@op(version=1)
def grow(last: tuple[Point, ...], n: int) -> tuple[Point, ...]:
    return (*last, Point({made}))


@op(version={version})
def make_groups(xs: tuple[int, ...]) -> tuple[Group, ...]:
    return tuple(Group(str(x), x) for x in xs)


@op(version=1)
def count_groups(groups: tuple[Group, ...]) -> int:
    return len(groups)


class Place(Entity):
    n: Field[int] = field(default=1)
    told: Field[Point] = field()
    salt: Field[int] = field(default=0)
    xs = items(int)
    made = derive(make_point, n)
    across = derive(look_across, told)
    grown = derive(grow, n, initial=())
    groups = derive(make_groups, xs)
    counted = derive(count_groups, groups)
"""
NODES = ("made", "across", "grown", "groups", "counted")

FIRST = ("    x: int\n    y: int\n", "x=n, y=2")
GAINED = ("    x: int\n    y: int\n    name: str = 'none'\n", "x=n, y=2")
LOST = ("    x: int\n", "x=n")
DEMANDING = ("    x: int\n    y: int\n    name: str\n", "x=n, y=2, name='new'")


class Shapes:
    """One script, edited and loaded again, and the space that it is used with."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, family: str) -> None:
        if family in ("pydantic", "msgspec"):
            require_module(family)
        self.folder, self.monkeypatch, self.family, self.edits = folder, monkeypatch, family, 0
        self.path = str(folder / "places.weft")

    def load(self, point: tuple[str, str], *, key: str = "title", version: int = 1) -> ModuleType:
        """The script with this class, each time from a file of its own, under one name."""
        self.edits += 1
        path = self.folder / str(self.edits) / "places.py"
        path.parent.mkdir()
        fields, made = point
        path.write_text(HEADS[self.family] + fields + BODY.format(key=key, version=version, made=made))
        spec = importlib.util.spec_from_file_location("places", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        self.monkeypatch.setitem(sys.modules, "places", module)
        spec.loader.exec_module(module)
        return module

    def lived(self) -> None:
        """A place with every kind of value, computed."""
        module = self.load(FIRST)
        with weft.open(self.path, types=[module.Place]) as space:
            place = space.create(module.Place, told=module.Point(x=7, y=8))
            place.xs.add(1, 2)
            for node in NODES:
                getattr(place, node).wait(60)


@pytest.fixture(params=sorted(HEADS))
def shapes(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shapes:
    made = Shapes(tmp_path, monkeypatch, request.param)
    made.lived()
    return made


def test_a_field_that_was_gained_takes_its_default(shapes: Shapes) -> None:
    module = shapes.load(GAINED)
    with weft.open(shapes.path, types=[module.Place]) as space:
        (place,) = space.find(module.Place)

        assert place.told == module.Point(x=7, y=8, name="none")
        assert place.made.wait(60) == module.Point(x=1, y=2, name="none")
        assert place.grown.wait(60) == (module.Point(x=1, y=2, name="none"),)
        assert [place.across.wait(60), place.counted.wait(60)] == [7, 2]
        assert space.counts() == {}
        place.n = 5
        assert place.grown.wait(60) == tuple(module.Point(x=x, y=2, name="none") for x in (1, 5))


def test_a_field_that_was_lost_is_not_read_and_stays_in_the_log(shapes: Shapes) -> None:
    module = shapes.load(LOST)
    with weft.open(shapes.path, types=[module.Place]) as space:
        (place,) = space.find(module.Place)

        assert place.told == module.Point(x=7)
        assert place.made.wait(60) == module.Point(x=1)
        assert place.grown.wait(60) == (module.Point(x=1),)
        assert place.across.wait(60) == 7
        assert space.counts() == {}
    module = shapes.load(FIRST)
    with weft.open(shapes.path, types=[module.Place]) as space:
        assert space.find(module.Place)[0].told == module.Point(x=7, y=8)


def test_a_field_that_has_no_value_is_an_error_of_what_needs_it_alone(shapes: Shapes) -> None:
    module = shapes.load(DEMANDING)
    with weft.open(shapes.path, types=[module.Place]) as space:
        (place,) = space.find(module.Place)

        with pytest.raises(Undecodable, match=r"Place\.told of \w+, name does not decode as str: it is nothing"):
            assert place.told
        with pytest.raises(Undecodable, match=r"Place\.made of \w+, .*give a field that was gained a default"):
            place.made.wait(60)
        assert isinstance(place.made.state, Failed)
        assert place.across.state == Settled(7)
        assert place.counted.wait(60) == 2

        place.n = 5
        assert place.made.wait(60) == module.Point(x=5, y=2, name="new")
        with pytest.raises(NodeFailed, match=r"Place\.grown .*Undecodable: \[0\]\.name does not decode") as failed:
            place.grown.wait(60)
        assert failed.value.last is None
        place.told = module.Point(x=9, y=9, name="told again")
        assert place.across.wait(60) == 9


def test_a_node_that_is_given_an_older_value_fails_and_recovers_with_a_default(shapes: Shapes) -> None:
    module = shapes.load(DEMANDING)
    with weft.open(shapes.path, types=[module.Place]) as space:
        (place,) = space.find(module.Place)
        place.n = 5
        with pytest.raises(NodeFailed):
            place.grown.wait(60)

    module = shapes.load(GAINED)
    with weft.open(shapes.path, types=[module.Place]) as space:
        (place,) = space.find(module.Place)
        place.n = 6
        assert [point.x for point in place.grown.wait(60)] == [1, 6]


def test_a_higher_version_computes_anew_what_no_longer_fits(shapes: Shapes) -> None:
    module = shapes.load(DEMANDING, version=2)
    with weft.open(shapes.path, types=[module.Place]) as space:
        (place,) = space.find(module.Place)

        assert place.made.wait(60) == module.Point(x=1, y=2, name="new")
        assert space.counts() == {"places/make_point": {"executed": 1, "reused": 0}}


def test_a_key_that_is_another_fails_its_list_in_words_and_the_engine_goes_on(shapes: Shapes) -> None:
    module = shapes.load(FIRST, key="name")
    with weft.open(shapes.path, types=[module.Place]) as space:
        (place,) = space.find(module.Place)

        for node in ("groups", "counted"):
            with pytest.raises(
                NodeFailed, match=r"KeyMissing: .* holds an element without name, which is its declared key"
            ):
                getattr(place, node).wait(60)
        with pytest.raises(KeyError):
            place.groups["1"]
        assert place.made.wait(60) == module.Point(x=1, y=2)
        place.xs.add(3)
        assert [group.name for group in place.groups.wait(60)] == ["1", "2", "3"]
        assert place.counted.wait(60) == 3
        with space.view() as engine:
            told = [record.content().get("intents", []) for record in engine.store.records()]
        assert "retry" not in str(told), "it is not tried for ever"


def test_a_key_that_is_another_is_computed_anew_under_a_higher_version(shapes: Shapes) -> None:
    module = shapes.load(FIRST, key="name", version=2)
    with weft.open(shapes.path, types=[module.Place]) as space:
        (place,) = space.find(module.Place)

        assert [group.name for group in place.groups.wait(60)] == ["1", "2"]


# What was told --------------------------------------------------------------------------------------------------------


def _loud(text: str) -> str:
    return text.upper()


def _doubled(n: int) -> int:
    return n * 2


def _told_as_text() -> type[Entity]:
    class Farm(Entity):
        size: Field[str] = field()

    return Farm


def _told_as_number() -> type[Entity]:
    class Farm(Entity):
        size: Field[int] = field()
        doubled = derive(_doubled, size)

    return Farm


def test_a_told_field_of_another_annotation_says_to_tell_it_anew(tmp_path: Path) -> None:
    path, before, after = str(tmp_path / "farm.weft"), _told_as_text(), _told_as_number()
    with weft.open(path, types=[before]) as space:
        farm = space.create(before, size="large")
    with weft.open(path, types=[after]) as space:
        again: Any = space.get(after, farm.id)
        with pytest.raises(
            Undecodable, match=r"Farm\.size of \w+, .*tell it a new value, or give .* annotation"
        ) as said:
            assert again.size
        assert "higher version" not in str(said.value)
        with pytest.raises(NodeFailed, match="what was told, tell anew, or give it the annotation that fits"):
            again.doubled.wait(60)

        again.size = 4
        assert again.doubled.wait(60) == 8


def _with_title() -> type[Entity]:
    class Farm(Entity):
        name: Field[str] = field()
        title: Field[str] = field(default="")

    return Farm


def _without_default() -> type[Entity]:
    class Farm(Entity):
        heading: Field[str] = field()
        loud = derive(_loud, heading)
        louder = derive(_loud, loud)

    return Farm


def test_who_reads_a_field_that_was_never_told_is_told_which(tmp_path: Path) -> None:
    path, before, after = str(tmp_path / "farm.weft"), _with_title(), _without_default()
    with weft.open(path, types=[before]) as space:
        farm = space.create(before, name="Hill")
    for _ in range(2):
        with weft.open(path, types=[after]) as space:
            again: Any = space.get(after, farm.id)
            for node in ("loud", "louder"):
                with pytest.raises(NodeFailed, match="the field heading was never told"):
                    getattr(again, node).wait(60)
    with weft.open(path) as space, space.view() as engine:
        found = engine.node(farm.id, "heading")
        assert found is not None
        assert found.outcome() == Gone("the field heading was never told")
    with weft.open(path, types=[after]) as space:
        again = space.get(after, farm.id)
        again.heading = "Hill"
        assert again.louder.wait(60) == "HILL"
