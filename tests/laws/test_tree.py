"""Laws of trees: the same elements in the same order make one tree, and what is kept of nodes is what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from weft.collection import content_element
from weft.content import Cid, Plain, content_id, encode, link
from weft.tree import Entry, Grown, Member, Tree


def member(number: int, value: int = 0) -> Member:
    encoded = encode([number, value])
    # Ids that close many nodes, so that small trees are deep.
    digest = hashlib.sha256(str(number).encode()).digest()
    tail = "a" * (digest[0] % 4 if digest[0] < 192 else digest[1] % 7)
    return Member(content_element(content_id(encode(number)))[:18] + "b" + tail, content_id(encoded), encoded)


def root_id(elements: Sequence[tuple[str, Cid]]) -> Cid:
    """The same as a tree's, in the plainest way."""
    nodes, level = _nodes([(element, content) for element, content in elements], 0), 0
    while len(nodes) > 1:
        level += 1
        nodes = _nodes(nodes, level)
    return nodes[0][1]


def _nodes(children: Sequence[tuple[str, Cid]], level: int) -> list[tuple[str, Cid]]:
    nodes: list[tuple[str, Cid]] = []
    pending: list[Plain] = []
    last = ""
    for last, content in children:
        pending.append([last, link(content)])
        if last.endswith("a" * (level + 1)):
            nodes.append((last, content_id(encode([level, pending]))))
            pending = []
    if pending or not nodes:
        nodes.append((last, content_id(encode([level, pending]))))
    return nodes


def plainly(entries: Sequence[Entry]) -> Cid:
    return root_id([(entry.last, entry.id) for entry in entries])


STEPS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2), st.booleans()), max_size=120)


@given(st.sets(st.integers(0, 300)), STEPS)
def test_a_tree_is_that_of_its_elements_however_it_came_to_be(
    start: set[int], steps: list[tuple[int, int, bool]]
) -> None:
    held = {number: Entry.of((number,), member(number)) for number in sorted(start)}
    tree = Tree.of(held.values())
    assert tree.id == plainly(list(held.values()))
    for number, value, comes in steps:
        if comes:
            held[number] = Entry.of((number,), member(number, value))
            tree = tree.put(held[number])
        else:
            held.pop(number, None)
            tree = tree.without((number,))
        now = [held[each] for each in sorted(held)]
        assert list(tree.entries()) == now
        assert (tree.id, len(tree)) == (plainly(now), len(now))


@given(st.sets(st.integers(0, 300), min_size=1), STEPS)
def test_what_is_folded_is_what_all_elements_in_order_come_to(
    start: set[int], steps: list[tuple[int, int, bool]]
) -> None:
    tree = Tree.of(Entry.of((number,), member(number)) for number in sorted(start))

    def of_members(members: list[Member]) -> tuple[str, ...]:
        return tuple(each.element for each in members)

    def join(parts: list[tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(each for part in parts for each in part)

    for number, value, comes in steps:
        tree = tree.put(Entry.of((number,), member(number, value))) if comes else tree.without((number,))
        if tree.root is not None:
            assert tree.root.fold("ids", of_members, join) == tuple(each.element for each in tree)


def test_a_change_among_many_asks_for_the_nodes_on_its_way_alone() -> None:
    entries = [Entry.of((number * 2,), member(number)) for number in range(20_000)]
    tree, asked = Tree.of(entries), list[int]()

    def of_members(members: list[Member]) -> int:
        asked.append(len(members))
        return len(members)

    def total(parts: list[int]) -> int:
        return sum(parts)

    assert tree.root is not None
    assert tree.root.fold("size", of_members, total) == 20_000
    asked.clear()
    tree = tree.put(Entry.of((777,), member(30_000)))

    assert tree.root is not None
    assert tree.root.fold("size", of_members, total) == 20_001
    assert len(asked) <= 2


@given(st.sets(st.integers(0, 200)), STEPS, st.integers(1, 9))
def test_a_grown_tree_is_that_of_what_there_is_when_it_is_asked_for(
    start: set[int], steps: list[tuple[int, int, bool]], asked_each: int
) -> None:
    held = {member(number).element: Entry.of((number,), member(number)) for number in start}
    grown = Grown()

    def everything() -> list[Entry]:
        return sorted(held.values(), key=lambda entry: entry.place)

    assert list(grown.tree(held.get, everything).entries()) == everything()
    for turn, (number, value, comes) in enumerate(steps):
        element = member(number).element
        held.pop(element, None)
        if comes:  # an element that is there moves
            held[element] = Entry.of((number + 1000 * value,), member(number, value))
        grown.touch(element)
        if turn % asked_each == 0:
            assert list(grown.tree(held.get, everything).entries()) == everything()
    assert grown.tree(held.get, everything).id == plainly(everything())
