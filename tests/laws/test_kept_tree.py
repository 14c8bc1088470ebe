"""Laws of kept trees: what is read back is what was written, and a change writes, and a look reads, only its way."""

from __future__ import annotations

from typing import cast
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from tests.laws.test_maintained import STEPS, grouped, third
from tests.laws.test_tree import member
from weft import gathered
from weft.content import Cid, Link
from weft.kept_tree import in_parts, kept_tree, nodes_in, unkept, written
from weft.tree import Entry, Node, Tree, changed


class Shelf:
    """Nodes by id, each written once; counts what is written and read."""

    def __init__(self) -> None:
        self.nodes: dict[Cid, bytes] = {}
        self.reads = 0

    def keep(self, tree: Tree) -> int:
        """Write what is new; returns how many nodes that were."""
        new = list(unkept(tree, self.is_kept))
        self.nodes |= {node.id: written(node) for node in new}
        return len(new)

    def is_kept(self, node: Node) -> bool:
        return node.id in self.nodes

    def fetch(self, id: Cid) -> bytes:
        self.reads += 1
        return self.nodes[id]

    def again(self, tree: Tree) -> Tree:
        """The same tree, read from here."""
        return kept_tree(tree.id, self.fetch)


def tree_of(numbers: list[int]) -> Tree:
    return Tree.of(Entry.of((number,), member(number)) for number in sorted(numbers))


@given(st.sets(st.integers(0, 2000), min_size=8, max_size=200), st.sets(st.integers(0, 2000), max_size=6))
def test_a_tree_is_read_back_as_it_was_written(numbers: set[int], others: set[int]) -> None:
    shelf = Shelf()
    for held in (numbers, numbers ^ others):
        tree = tree_of(list(held))
        shelf.keep(tree)

        again = shelf.again(tree)

        assert (again.id, len(again), list(again)) == (tree.id, len(tree), list(tree))
        assert [entry.place for entry in again.entries()] == [(place,) for place in range(len(tree))]
        assert changed(tree, again)[0] == list(tree.entries())


@given(st.sets(st.integers(0, 60)), st.lists(STEPS, max_size=4))
def test_groups_are_read_back_as_they_were_written(start: set[int], rounds: list[list[tuple[int, int, bool]]]) -> None:
    shelf, rule = Shelf(), grouped()
    tree = Tree.of(Entry.of((number,), member(number, number % 6)) for number in sorted(start))
    for steps in ([], *rounds):
        for number, value, comes in steps:
            tree = tree.put(Entry.of((number,), member(number, value))) if comes else tree.without((number,))
        with patch.object(gathered, "LARGE", 5):
            groups = rule.follow(tree, third).tree
        if groups.root is None:
            continue
        shelf.keep(groups)

        again = shelf.again(groups)

        assert (again.id, list(again)) == (groups.id, list(groups))
        assert [one.encoded for one in again] == [one.encoded for one in groups]
        assert all(below in shelf.nodes for encoded in shelf.nodes.values() for below in nodes_in(encoded))
        # What was read back is as good as what was made: whoever shows it, too, keeps it as well.
        other = Shelf()
        other.keep(again)
        assert other.nodes.items() <= shelf.nodes.items()
        assert [one.encoded for one in other.again(groups)] == [one.encoded for one in groups]


def test_a_change_of_one_of_few_large_groups_writes_its_way_and_a_look_at_one_reads_no_other() -> None:
    shelf, rule = Shelf(), grouped()
    tree = Tree.of(Entry.of((number,), member(number, number % 3)) for number in range(20_000))
    groups = rule.follow(tree, third).tree
    assert (len(groups), shelf.keep(groups) > 300) == (3, True)

    groups = rule.follow(tree.put(Entry.of((30_000,), member(30_000, 1))), third).tree

    assert shelf.keep(groups) <= 12
    again = shelf.again(groups)
    first, second, _ = again
    assert (shelf.reads, first.content) == (1, next(iter(groups)).content)
    assert (first.root, second.root) != (None, None)
    assert len(first.encoded) > 6_000
    assert shelf.reads < len(shelf.nodes) / 2


def test_a_change_writes_the_nodes_on_its_way_and_no_others() -> None:
    shelf, tree = Shelf(), tree_of(list(range(20_000)))
    assert shelf.keep(tree) == len(shelf.nodes) > 100

    for number in (3, 9_999, 30_000):
        tree = tree.put(Entry.of((number,), member(number, 1)))
        assert shelf.keep(tree) <= 12
        assert shelf.keep(tree) == 0


def test_a_look_reads_the_nodes_on_its_way_and_each_once() -> None:
    shelf, tree = Shelf(), tree_of(list(range(20_000)))
    shelf.keep(tree)
    again = shelf.again(tree)
    assert (len(again), again.id, shelf.reads) == (20_000, tree.id, 1)

    next(again.entries())
    assert shelf.reads <= 12
    before = shelf.reads
    next(again.entries())
    assert shelf.reads == before


def test_nodes_are_written_in_parts_of_a_size() -> None:
    tree = tree_of(list(range(2_000)))
    nodes = list(unkept(tree, lambda node: False))

    parts = list(in_parts(nodes, 2_000))

    pairs = [pair for part in parts for pair in part]
    assert pairs == [[Link(node.id), written(node)] for node in nodes]
    largest = max(len(written(node)) for node in nodes)
    sizes = [sum(len(encoded) for _, encoded in cast("list[tuple[Link, bytes]]", part)) for part in parts]
    assert all(2_000 < size <= 2_000 + largest for size in sizes[:-1])
    assert list(in_parts([], 2_000)) == []
