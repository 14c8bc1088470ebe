"""Lists that shrink, move and grow again: each element keeps its own result, and only what changed runs."""

from __future__ import annotations

import pytest

from tests.reactive.operations import double, inc, total
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, entries, field, graph, items
from weft.content import Plain
from weft.graph import Due, Whole, tree_of
from weft.reduce import element_identity
from weft.slot import Outcome
from weft.spec import NodeSpec
from weft.store import DUE
from weft.tree import Tree


def scaled(a: int, by: int) -> int:
    return a * by


def labelled(key: str, a: int) -> str:
    return f"{key}={a}"


class Listed(Entity):
    factor: Field[int] = field(default=2)
    xs = items(int)
    by_factor = xs.each(scaled, factor)
    grown = by_factor.each(inc)
    sum = derive(total, grown)
    named = entries(str, int)
    labels = named.each(labelled)


def listed(*values: int) -> Runs:
    world = Runs(Listed)
    world.create(Listed, watch="sum labels")
    world.add("a", "xs", *values)
    world.settled()
    return world


def test_an_element_more_runs_only_itself_and_what_gathers_it() -> None:
    world = listed(1, 2, 3)

    world.add("a", "xs", 4)

    assert world.settled() == ["by_factor", "grown", "sum"]
    assert world.value("a", "sum") == 2 + 4 + 6 + 8 + 4


def test_an_element_less_runs_only_what_gathers() -> None:
    world = listed(1, 2, 3)

    world.remove("a", "xs", 2)

    assert world.settled() == ["sum"]
    assert world.value("a", "grown") == (3, 7)


def test_a_collection_knows_which_of_its_elements_are_unsettled() -> None:
    world = listed(1, 2, 3)
    whole = world.engine.node("a", "by_factor")
    assert isinstance(whole, Whole)

    world.add("a", "xs", 4)
    assert len(whole.unsettled) == whole.pending == 1
    world.settled()
    assert not whole.unsettled


def test_a_collection_over_a_mapping_looks_at_it_once_however_many_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    world = listed()
    puts: list[list[Plain]] = [["a", "named", "put", f"k{number}", number] for number in range(40)]
    world.tell(*puts)
    world.settled()
    whole, looked = world.engine.node("a", "labels"), list[str]()
    assert isinstance(whole, Whole)

    def looking(spec: NodeSpec, outcome: Outcome) -> Tree:
        looked.append(spec.name)
        return tree_of(spec, outcome)

    monkeypatch.setattr(graph, "tree_of", looking)

    world.tell(["a", "named", "put", "k1", 99])
    assert world.settled() == ["labels"]
    whole.forget()
    assert len(list(whole.tree())) == 40

    assert looked == ["named"]


def test_an_element_that_moves_keeps_its_result() -> None:
    world = listed(1, 2, 3)

    world.tell(["a", "xs", "move", element_identity(1, None), "f" * 12])

    assert world.settled() == ["sum"]
    assert world.value("a", "grown") == (5, 7, 3)


def test_an_element_that_comes_back_runs_nothing_again() -> None:
    world = listed(1, 2, 3)
    world.remove("a", "xs", 2)
    world.settled()

    world.add("a", "xs", 2)

    assert world.settled() == ["sum"]  # 2 stands at the end now
    assert world.value("a", "grown") == (3, 7, 5)


def test_removed_and_added_in_one_batch_is_a_move() -> None:
    world = listed(1, 2, 3)
    element = element_identity(2, None)

    world.tell(["a", "xs", "remove", element], ["a", "xs", "add", "f" * 12, 2])

    assert world.settled() == ["sum"]
    assert world.value("a", "grown") == (3, 7, 5)


def test_adding_what_is_there_runs_nothing() -> None:
    world = listed(1, 2, 3)
    world.add("a", "xs", 2)
    assert world.settled() == []


def test_the_list_emptied_and_filled_again_runs_only_what_gathers() -> None:
    world = listed(1, 2)
    world.remove("a", "xs", 1, 2)
    assert world.settled() == ["sum"]
    assert world.value("a", "sum") == 0

    world.add("a", "xs", 1, 2)

    assert world.settled() == []  # the very list of before: its sum is known too


def test_a_common_input_that_changes_runs_every_element_once() -> None:
    world = listed(1, 2, 3)

    world.set(factor=5)

    assert sorted(world.settled()) == ["by_factor"] * 3 + ["grown"] * 3 + ["sum"]


def test_equal_elements_of_a_derived_list_show_one_result_the_first_to_come_back() -> None:
    world = Runs(Repeating)
    world.create(Repeating, watch="doubled")
    world.settled()
    world.set(n=3)
    world.step()
    world.answer("copies")
    calls = world.step()

    for number, call in enumerate(calls):
        world.finish(call, 100 + number)

    world.rest()
    assert world.value("a", "doubled") == (100, 100, 100)


def test_an_equal_element_more_takes_over_what_the_others_came_to() -> None:
    world = Runs(Repeating)
    world.create(Repeating, n=1, watch="doubled")
    world.settled()

    world.set(n=3)

    assert world.settled() == ["copies"]
    assert world.value("a", "doubled") == (14, 14, 14)


def copies(n: int) -> tuple[int, ...]:
    return (7,) * n


class Repeating(Entity):
    n: Field[int] = field(default=0)
    copies = derive(copies, n)
    doubled = copies.each(double)


def test_an_entry_put_or_dropped_runs_only_its_own_element() -> None:
    world = listed()
    world.tell(["a", "named", "put", "one", 1], ["a", "named", "put", "two", 2])
    assert world.settled() == ["labels", "labels"]

    world.tell(["a", "named", "put", "two", 22])
    assert world.settled() == ["labels"]
    world.tell(["a", "named", "drop", "one"])

    assert world.settled() == []
    assert world.value("a", "labels") == {"two": "two=22"}


def test_an_element_removed_while_its_call_runs_is_not_brought_back_by_it() -> None:
    world = listed(1)
    world.add("a", "xs", 2)
    (late,) = world.step()
    world.remove("a", "xs", 2)

    world.finish(late)

    world.rest()
    assert world.value("a", "grown") == (3,)
    assert world.value("a", "sum") == 3


def test_what_was_due_of_an_element_is_forgotten_with_it() -> None:
    world = listed(1)
    added = world.add("a", "xs", 2)
    world.engine.commit()
    assert ["grown", Due(added, added)] in [[key[1], row] for key, row in world.store.rows(DUE)]

    world.remove("a", "xs", 2)
    world.rest()
    world.engine.commit()

    assert list(world.store.rows(DUE)) == []
