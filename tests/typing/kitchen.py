"""A kitchen, told as an application would write it: cards are photographed, recipes read, a menu put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, assert_type

import weft
from weft import (
    Blob,
    Entity,
    Field,
    Ref,
    Retry,
    State,
    Value,
    choose,
    counter,
    derive,
    element,
    entries,
    field,
    fold,
    items,
    op,
    ref,
    text,
)

Diet = Literal["anything", "vegetarian"]


class Reader(Protocol):
    """Reads a card."""

    def read(self, card: Blob) -> str: ...


class Chef(Protocol):
    """Thinks of menus."""

    async def compose(self, dishes: Sequence[str]) -> str: ...


@element(key="name")
class Recipe:
    name: str
    needs: tuple[str, ...]
    minutes: int = 30


@dataclass(frozen=True)
class Menu:
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Delivered:
    pieces: int


def read_card(card: Blob, *, reader: Reader) -> Recipe:
    return Recipe(name=reader.read(card), needs=())


def gather(last: tuple[Recipe, ...], read: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
    return tuple({one.name: one for one in (*last, *read)}.values())


def is_cookable(recipe: Recipe, pantry: Sequence[str], diet: Diet) -> bool:
    return set(recipe.needs) <= set(pantry)


def is_quick(recipe: Recipe) -> bool:
    return recipe.minutes < 20


def minutes_of(recipe: Recipe) -> int:
    return recipe.minutes


@op(version=2, timeout_s=30)
async def compose(recipes: Sequence[Recipe], diet: Diet, *, chef: Chef, courses: int = 3) -> Menu:
    return Menu((await chef.compose([one.name for one in recipes]),))


async def describe(menu: Menu, *, chef: Chef) -> AsyncIterator[str]:
    yield await chef.compose(menu.lines)


def shopping(minutes: int, together: tuple[Recipe, ...]) -> tuple[str, ...]:
    return tuple(need for one in together for need in one.needs)


def progress(menu: State[Menu]) -> str:
    return type(menu).__name__


def is_strict(diet: Diet) -> bool:
    return diet != "anything"


def longer(one: Recipe, other: Recipe) -> Recipe:
    return max(one, other, key=minutes_of)


def stocked(stock: int, event: Delivered) -> int:
    return stock + event.pieces


def greeting(actor: str, menu: Menu) -> str:
    return f"{actor}: {menu.lines}"


class Cook(Entity):
    """Who cooks: an actor."""

    actor: Field[str] = field()


class Kitchen(Entity):
    """Cards in, a menu out."""

    owner: Field[str] = field()
    diet: Field[Diet] = field(default="anything")
    cook: Ref[Cook] = ref()
    cards = items(Blob)
    pantry = items(str)
    meals = counter()
    notes = text()
    prices = entries(str, float)
    stock = fold(0).on(Delivered, stocked)

    read = cards.each(read_card, retry=Retry(attempts=3, delay_s=1.0))
    recipes = derive(gather, read.settled, initial=())
    cookable = recipes.each(is_cookable, pantry, diet)
    quick = recipes.filter(is_quick).order(minutes_of)
    by_time = recipes.group(minutes_of)
    lists = by_time.each(shopping)
    longest = recipes.reduce(longer, Recipe(name="", needs=(), minutes=0))
    size = recipes.count(eager=True)
    short_menu = derive(partial(compose, courses=1), quick, diet)
    long_menu = derive(compose, recipes, diet, was="menu")
    menu = choose(derive(is_strict, diet), short_menu, long_menu)
    story = derive(describe, menu.partials)
    shown = derive(progress, menu.state)


class Guest(Entity):
    """Somebody who follows a kitchen and one recipe of it."""

    kitchen: Ref[Kitchen] = ref()
    favourite: Ref[Recipe] = ref()
    minutes = derive(minutes_of, favourite)
    hello = derive(greeting, kitchen.at(Kitchen.owner), kitchen.at(Kitchen.menu))


def types_of_nodes() -> None:
    assert_type(Kitchen.read, weft.Derived[tuple[Recipe, ...]])
    assert_type(Kitchen.recipes.state, weft.Node[State[tuple[Recipe, ...]]])


def use(kitchen: Kitchen, guest: Guest) -> None:
    assert_type(kitchen.owner, str)
    assert_type(kitchen.stock, int)
    assert_type(kitchen.recipes, Value[tuple[Recipe, ...]])
    assert_type(kitchen.recipes.wait(timeout_s=5), tuple[Recipe, ...])
    assert_type(kitchen.recipes["soup"], Ref[Recipe])
    assert_type(kitchen.quick, Value[tuple[Recipe, ...]])
    assert_type(kitchen.lists, Value[Mapping[int, tuple[str, ...]]])
    assert_type(kitchen.lists.wait(timeout_s=5), Mapping[int, tuple[str, ...]])
    assert_type(kitchen.lists[30], Ref[tuple[str, ...]])
    assert_type(kitchen.longest, Value[Recipe])
    assert_type(kitchen.size, Value[int])
    assert_type(kitchen.menu, Value[Menu])
    assert_type(kitchen.story, Value[str])
    assert_type(guest.favourite, Ref[Recipe])
    assert_type(guest.favourite.wait(), Recipe)
    assert_type(guest.minutes, Value[int])
    assert_type(list(kitchen.pantry), list[str])
    assert_type(kitchen.prices.get("salt"), float | None)
    assert_type(int(kitchen.meals), int)
    assert_type(str(kitchen.notes), str)
    kitchen.diet = "vegetarian"
    kitchen.pantry.add("salt", "rice")
    kitchen.pantry.move("salt", before=None)
    kitchen.meals.increment()
    kitchen.notes.insert(0, "Sunday: ")
    kitchen.prices["salt"] = 1.0
    kitchen.tell(Delivered(3))


def report(state: State[Menu]) -> str:
    match state:
        case weft.Absent():
            return "nothing yet"
        case weft.Running(partial=None, last=last):
            return f"thinking, last time {last}"
        case weft.Running(partial=so_far):
            return f"so far {so_far}"
        case weft.Settled(value):
            return value.lines[0]
        case weft.Failed(error):
            return error


async def answer(kitchen: Kitchen) -> Menu:
    return await kitchen.menu


def main(reader: Reader, chef: Chef) -> None:
    with weft.open("kitchen.weft", types=(Kitchen, Guest), services={Reader: reader, Chef: chef}) as space:
        with space.edit(by="ann", once="home"):
            ann = space.create(Cook, actor="ann")
            kitchen = space.create(Kitchen, owner="ann", cook=ann)
        kitchen.cards.add(Blob.read("soup.jpg"))
        kitchen.recipes.wait(timeout_s=60)
        guest = space.create(Guest, kitchen=kitchen, favourite=kitchen.recipes["soup"])
        use(kitchen, guest)
        assert guest.hello.wait(timeout_s=60) == f"ann: {kitchen.menu.wait().lines}"
        assert report(kitchen.menu.state) in space.why(kitchen.menu)
