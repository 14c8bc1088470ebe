"""Laws of collections: L15 (a root id depends on the contents alone) and order keys."""

from __future__ import annotations

import base64
import random

from hypothesis import given
from hypothesis import strategies as st

from weft.collection import content_element, content_elements, order_key_after, order_key_at, order_key_between
from weft.content import Cid, Plain, content_id, encode
from weft.reduce import CellSpec, ItemsCell, Told
from weft.tree import Member, Tree

VALUES = st.lists(st.integers(0, 60), unique=True, max_size=60)


def built(steps: list[tuple[str, list[Plain]]]) -> ItemsCell:
    cell = ItemsCell(CellSpec("items"))
    for position, (verb, args) in enumerate(steps, 1):
        cell.apply(verb, args, Told(position, position - 1, "ann"))
    return cell


@given(VALUES, st.randoms(use_true_random=False))
def test_equal_contents_in_equal_order_have_one_root_id_however_they_came_to_be(
    values: list[int], rnd: random.Random
) -> None:
    straight = built([("add", [f"{place:012x}", value]) for place, value in enumerate(values, 1)])
    winding: list[tuple[str, list[Plain]]] = [("add", [f"{900 + n:012x}", 100 + n]) for n in range(5)]
    places = list(enumerate(values, 1))
    rnd.shuffle(places)
    winding += [("add", [f"{place * 7:012x}", value]) for place, value in places]
    winding += [("remove", [built([("add", ["1", 100 + n])]).order[0][1]]) for n in range(5)]

    other = built(winding)

    assert straight.outcome() == other.outcome()


@given(VALUES.filter(lambda values: len(values) > 1))
def test_another_order_or_another_element_has_another_root_id(values: list[int]) -> None:
    encoded = [encode(value) for value in values]
    contents = [content_id(each) for each in encoded]
    members = list(map(Member, content_elements(contents), contents, encoded))

    assert Tree.in_order(members).id != Tree.in_order(members[::-1]).id
    assert Tree.in_order(members).id != Tree.in_order(members[:-1]).id
    assert Tree.in_order(members).id == Tree.in_order(list(members)).id


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60))
def test_an_order_key_minted_between_two_stands_between_them(places: list[int]) -> None:
    keys = [order_key_after("")]
    for place in places:
        at = place % (len(keys) + 1)
        if at == len(keys):
            keys.append(order_key_after(keys[-1]))
        else:
            keys.insert(at, order_key_between(keys[at - 1] if at else "", keys[at]))
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


ORDER_KEYS = st.text("0189f", min_size=1, max_size=20) | st.integers(1, 40).map(lambda number: f"{number:012x}")


@given(st.lists(ORDER_KEYS, max_size=40), st.integers(0, 40), st.integers(0, 99))
def test_whatever_keys_others_have_there_is_a_short_one_at_each_place(keys: list[str], at: int, id: int) -> None:
    order = sorted((key, 2 * number + 1) for number, key in enumerate(keys))
    place = min(at, len(order))

    key, others = order_key_at([key for key, _ in order], place)

    wanted = [one for _, one in order]
    wanted.insert(place, 2 * id)  # another than those that are there, and between them
    now = [(others.get(number, key), one) for number, (key, one) in enumerate(order)]
    assert [one for _, one in sorted([*now, (key, 2 * id)])] == wanted
    assert all(0 < len(new) <= 64 for new in (key, *others.values()))


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60))
def test_an_order_key_behind_any_other_is_behind_it(places: list[int]) -> None:
    keys = [f"{place:x}" for place in places]

    assert all(order_key_after(key) > key for key in keys)


def test_keys_stay_short_and_few_get_new_ones_however_often_one_place_is_moved_to() -> None:
    order = [f"{number:012x}" for number in range(1, 401)]
    renewed = 0
    for _ in range(4000):
        del order[-1]
        key, others = order_key_at(order, 0)
        for place, new in others.items():
            order[place] = new
        order.insert(0, key)
        renewed += len(others)

    assert order == sorted(order) and len(set(order)) == 400
    assert max(map(len, order)) <= 64
    assert renewed < 4 * 4000


def test_the_last_order_key_of_all_has_one_behind_it() -> None:
    assert order_key_after("f" * 12) > "f" * 12


@given(st.binary(min_size=16, max_size=16))
def test_an_element_is_named_by_the_base32_of_its_content(digest: bytes) -> None:
    content = Cid(bytes(4) + digest + bytes(16))

    assert content_element(content) == base64.b32encode(digest).decode().rstrip("=").lower()
