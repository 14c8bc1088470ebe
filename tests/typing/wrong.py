# ruff: noqa: B007, B018  what is read and thrown away is refused for being read
"""Every numbered line is wrong, and both checkers must say so there; no other line may be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import weft
from tests.typing.kitchen import (
    Cook,
    Delivered,
    Guest,
    Kitchen,
    Recipe,
    compose,
    describe,
    gather,
    is_cookable,
    is_strict,
    longer,
    minutes_of,
    read_card,
    shopping,
)
from tests.typing.station import Alarm, Release, Siren, Station, judge, strongest
from weft import Blob, Effect, Entity, Field, Ref, Run, choose, derive, entries, field, fold, items, on, ref


@dataclass(frozen=True)
class Burnt:
    pieces: int


def burn(stock: str, event: Burnt) -> str:
    return stock


class WrongKitchen(Entity):
    diet: Field[str] = field(default="anything")
    cards = items(Blob)
    pantry = items(str)
    names = items(int)
    prices = entries(str, float)
    cook: Ref[Cook] = ref()

    read = pantry.each(read_card)  # 1 the element is of another type
    recipes = derive(gather, cards, initial=())  # 2 the input is of another type
    story = derive(describe, cards.each(read_card), cards)  # 3 more inputs than the function takes
    good = cards.each(read_card)
    last = derive(gather, good, initial=0)  # 4 it starts from another type than it returns
    stock = fold(0).on(Burnt, burn)  # 5 a fold over another state
    minutes = derive(minutes_of, cook)  # 6 a reference to another type
    cookable = good.each(is_cookable, names, diet)  # 7 the second input is of another type
    days = cards.group(minutes_of)  # 8 a key of another element
    quick = good.filter(minutes_of)  # 9 a test that is no test
    best = good.reduce(longer, 0)  # 10 a unit of another type
    lists = prices.each(shopping)  # 11 other keys and values
    menu = choose(good, pantry, pantry)  # 12 a test that is no bool
    slow = derive(minutes_of, good.state)  # 13 a state is not a value
    late = cards.each(read_card, timeout="soon")  # 14 no such option
    far = derive(compose, cook.at(Kitchen.recipes), cook.at(Kitchen.owner))  # 15 another node through a reference


class WrongStation(Entity):
    alarm: Field[Alarm] = field(default="calm")
    readings = items(str)
    wind = derive(strongest, readings)  # 16 items of another type

    @on(alarm.becomes("strom"))  # 17 no such alarm
    async def one(self, run: Run) -> None: ...

    @on(alarm.becomes("storm"))
    def two(self, run: Run) -> Iterator[Effect[None]]:  # 18 what decides at once has no run
        yield Siren(1)

    @on(alarm.changes(), guard=readings)  # 19 a guard that is no bool
    async def three(self, run: Run) -> None: ...

    @on(alarm.changes(), overlap="drop")  # 20 no such way
    async def four(self, run: Run) -> None: ...

    @on(alarm.becomes("storm"))
    async def five(self, run: Run) -> None:
        urgent: bool = (await run.ask("release", Release)).text  # 21 a text is no bool
        await run.perform(Release("", is_urgent=urgent))  # 22 not an effect
        await run.create(Station, name="north")  # 23 an input is missing
        await run.call(judge, ("windy",), "now")  # 24 an argument of another type
        run.ask("release", Release)  # 25 never awaited
        self.alarm = "strom"  # 26 no such alarm


def use(space: weft.Space, kitchen: Kitchen, guest: Guest, cook: Ref[Cook], station: Station) -> None:
    space.create(Guest, kitchen=kitchen, favourite=cook)  # 27 a reference to another type
    space.create(Guest, kitchen=kitchen)  # 28 an input is missing
    space.create(Guest, kitchen=kitchen, favorite=guest.favourite)  # 29 a typo
    Kitchen(owner="ann", cook=cook, diet="fish")  # 30 no such diet
    kitchen.cards.add("card.jpg")  # 31 an item of another type
    kitchen.prices[1] = 1.0  # 32 a key of another type
    kitchen.recepies  # 33 a typo
    Kitchen.pantry.add("salt")  # 34 an edit of a class
    len(kitchen.recipes)  # 35 a value that may not be there has no length
    for recipe in kitchen.recipes:  # 36 nor items
        ...
    kitchen.menu.lines  # 37 nor attributes
    kitchen.menu = kitchen.menu  # 38 what is computed is not assigned
    kitchen.stock = 3  # 39 nor what is folded
    kitchen.menu[0]  # 40 a menu has no elements
    station.warn()  # 41 a flow is started by its transition
    kitchen.tell()  # 42 an event is missing
    kitchen.diet.wait()  # 43 what is always there is not waited for
    minutes: str = guest.minutes.wait()  # 44 a value of another type
    kitchen.notes.insert(minutes, "Sunday")  # 45 a place is a number
    Delivered(pieces=kitchen.owner)  # 46 a text is no number
    is_strict(kitchen.owner)  # 47 functions stay what they are
    Recipe("soup", ()).minutes = 3  # 48 an element never changes
    weft.open(check_pure="all")  # 49 a share is a number
    weft.open(check_pure=0.01)
