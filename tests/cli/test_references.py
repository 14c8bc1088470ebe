"""What refers to an entity or an element is shown as people know it, in every command that shows values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import weft as library
from tests.cli.conftest import Weft
from weft import Entity, Field, Ref, derive, element, field, items, ref


@element(key="name")
class Sheep:
    name: str
    weight: int


def flock(names: tuple[str, ...]) -> tuple[Sheep, ...]:
    return tuple(Sheep(name, 40) for name in names)


class Farm(Entity):
    name: Field[str] = field(default="")
    names = items(str)
    sheep = derive(flock, names)


def told(farm: str, sheep: tuple[Sheep, ...]) -> str:
    return f"{farm}: {len(sheep)}"


class Visit(Entity):
    farm: Ref[Farm] = ref()
    best: Ref[Sheep] = ref()
    text = derive(told, farm.at(Farm.name), farm.at(Farm.sheep))


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """A visit to a farm that has a name, and to one of its sheep."""
    path = tmp_path / "farms.weft"
    with library.open(str(path), types=[Farm, Visit]) as space:
        farm = space.create(Farm, name="Hill")
        farm.names.add("Dolly")
        farm.sheep.wait()
        visit = space.create(Visit, farm=farm, best=farm.sheep["Dolly"])
        visit.farm = farm
        assert visit.text.wait() == "Hill: 1"
    return path


def ids(space: Path, weft: Weft) -> tuple[str, str]:
    """The beginnings of the ids of the farm and of its sheep."""
    farm = json.loads(weft("show", space, "Farm", "--json").stdout)
    visit = json.loads(weft("show", space, "Visit", "--json").stdout)
    best = next(node["value"] for node in visit["nodes"] if node["name"] == "best")
    assert best["entity"] == farm["id"]
    return farm["id"][:8], best["element"][:8]


def test_every_command_names_what_is_referred_to(space: Path, weft: Weft) -> None:
    farm, sheep = ids(space, weft)

    shown = weft("show", space, "Visit").stdout.splitlines()
    listed = weft("show", space).stdout
    logged = weft("log", space).stdout
    why = weft("why", space, "Visit.text").stdout

    assert f"  Farm {farm} (Hill)" in shown
    assert f"  Farm {farm} (Hill).sheep[{sheep}]" in shown
    assert f"farm: Farm {farm} (Hill)" in listed
    assert f"farm set Farm {farm} (Hill)" in " ".join(logged.split())
    assert f".farm = Farm {farm} (Hill)\n" in why
    for said in ("\n".join(shown), listed, logged, why):
        assert "entity:" not in said
        assert max(map(len, said.splitlines())) <= 80


def test_what_is_read_through_one_reference_is_explained_once(space: Path, weft: Weft) -> None:
    why = weft("why", space, "Visit.text").stdout

    assert why.count(".farm = ") == 1
    assert "(see above)" not in why


def test_a_name_that_is_given_back_with_its_id_is_found(space: Path, weft: Weft) -> None:
    farm, _ = ids(space, weft)

    assert weft("show", space, f"Farm {farm} (Hill)").returncode == 0
    assert weft("why", space, f"Farm {farm} (Hill).name").returncode == 0
