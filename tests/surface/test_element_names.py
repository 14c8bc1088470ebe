"""What elements are called: their key, else their place; the same in Python and for commands."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

import weft
from weft import Entity, Ref, derive, element, items, ref
from weft.cli.place import NoSuchElement, find_place


@element(key="name")
class Named:
    name: str
    size: int


@element(key="number")
class Numbered:
    number: int


def to_weight(name: str) -> int:
    return len(name)


def to_named(names: tuple[str, ...]) -> tuple[Named, ...]:
    return tuple(Named(name, len(name)) for name in names)


def to_numbered(names: tuple[str, ...]) -> tuple[Numbered, ...]:
    return tuple(Numbered(len(name)) for name in names)


def to_upper(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.upper() for name in names)


def to_lengths(names: tuple[str, ...]) -> dict[str, int]:
    return {name: len(name) for name in names}


def to_total(weight: int) -> int:
    return weight * 10


class Farm(Entity):
    sheep = items(str)
    weights = sheep.each(to_weight)
    upper = derive(to_upper, sheep)
    named = derive(to_named, sheep)
    numbered = derive(to_numbered, sheep)
    lengths = derive(to_lengths, sheep)


class Scale(Entity):
    on: Ref[int] = ref()
    shown = derive(to_total, on)


NODES = ("weights", "upper", "named", "numbered", "lengths")


def farm_in(space: weft.Space, *names: str) -> Any:
    farm: Any = space.create(Farm)
    farm.sheep.add(*(names or ("ada", "berta", "cy")))
    for node in NODES:
        getattr(farm, node).wait(20)
    return farm


def by_program(farm: Any, node: str, key: object) -> tuple[str, str, str] | str:
    """The place that a program finds, or what it is told."""
    try:
        target = getattr(farm, node)[key].target
    except KeyError as refused:
        return str(refused.args[0])
    return (target.entity, target.node, target.element)


def by_command(space: weft.Space, farm: Any, node: str, key: object) -> tuple[str, str, str] | str:
    """The place that a command finds, or what it says."""
    with space.view() as engine:
        try:
            return find_place(engine, f"{farm.id}.{node}[{key}]")
        except NoSuchElement as refused:
            return str(refused)


def test_elements_without_a_key_are_called_by_their_place() -> None:
    with weft.open(types=[Farm, Scale]) as space:
        farm = farm_in(space)

        assert [farm.weights[place].wait(20) for place in range(3)] == [3, 5, 2]
        assert farm.upper[1].wait(20) == "BERTA"
        with pytest.raises(KeyError, match=r"Farm\.weights has no element 3: there are 0, 1, 2"):
            farm.weights[3]
        with pytest.raises(KeyError, match="has no element -1: did you mean 1"):
            farm.upper[-1]
        scale = space.create(Scale, on=farm.weights[1])
        assert scale.shown.wait(20) == 50


def test_elements_with_a_key_are_called_by_it_and_by_their_place_where_it_is_no_number() -> None:
    with weft.open(types=[Farm]) as space:
        farm = farm_in(space)

        assert farm.named["cy"].wait(20) == farm.named[2].wait(20) == Named("cy", 2)
        assert farm.numbered[2].wait(20) == Numbered(2)
        with pytest.raises(KeyError, match="has no element 0: there are 3, 5, 2"):
            farm.numbered[0]
        with pytest.raises(KeyError, match="has no element 0: there are 'cy', 'ada', 'berta'"):
            farm.lengths[0]


def test_a_command_finds_the_element_that_a_program_finds() -> None:
    with weft.open(types=[Farm]) as space:
        # With 0, 1, 8 or 9 in them they are the beginning of no id, which a command takes as well.
        farm = farm_in(space, "ada8", "berta1890", "cy8")
        for node, key in product(NODES, [0, 1, 9, "cy8", "berta1890", "nobody8"]):
            found, said = by_program(farm, node, key), by_command(space, farm, node, key)
            if isinstance(found, str) and isinstance(said, str):
                found, said = (text.partition(": ")[2].replace("'", "") for text in (found, said))
            assert said == found
