"""A class body is the graph, as data: what nodes hold, and what is refused with words as the class is made."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest

from weft import Entity, Field, Ref, Retry, choose, counter, derive, entries, field, fold, items, on, ref
from weft.declare import Derived, Node, PartialsOf, SettledOf, StateOf, Through, nodes_of
from weft.handle import NOTHING
from weft.made import Applied, Choice, Each, Options, Whole
from weft.transition import Becomes, Changes, Settles


def double(one: int) -> int:
    return 2 * one


def add(one: int, other: int) -> int:
    return one + other


def is_even(one: int) -> bool:
    return one % 2 == 0


class Sums:
    start: Field[int] = field(default=1)
    numbers = items(int)
    doubled = numbers.each(double, retry=Retry(attempts=2, delay_s=1.0), runner="thread")
    total = numbers.reduce(add, 0)
    grown = derive(add, start, initial=7, eager=True, was="growing")
    even = derive(is_even, start)
    shown = choose(even, start, total)


def refusal(of: Any) -> str:
    """What calling this says as it refuses; Python 3.11 wraps nothing here, as no error is raised in `__set_name__`."""
    with pytest.raises((TypeError, AttributeError)) as caught:
        of()
    return str(caught.value)


def test_a_node_holds_how_it_was_made() -> None:
    assert Sums.grown.made == Applied(add, (Sums.start,), 7)
    assert Sums.even.made == Applied(is_even, (Sums.start,), NOTHING)
    assert Sums.doubled.made == Each(double, Sums.numbers, ())
    assert Sums.total.made == Whole("reduce", Sums.numbers, add, 0)
    assert Sums.shown.made == Choice(Sums.even, Sums.start, Sums.total)


def test_options_are_kept_beside_the_making() -> None:
    assert Sums.doubled.options == Options(retry=Retry(attempts=2, delay_s=1.0), runner="thread")
    assert Sums.grown.options == Options(eager=True, was="growing")
    assert Sums.even.options == Options()


def test_whole_collections_are_named_by_kind() -> None:
    numbers = items(int)

    made = [
        cast("Whole", node.made)
        for node in (numbers.group(double), numbers.filter(is_even), numbers.order(double), numbers.count())
    ]

    assert [(one.kind, one.fn) for one in made] == [
        ("group", double),
        ("filter", is_even),
        ("order", double),
        ("count", None),
    ]
    assert all(one.unit is NOTHING for one in made)


def test_a_node_takes_its_attribute_s_name() -> None:
    assert (Sums.total.name, Sums.total.owner, str(Sums.total)) == ("total", Sums, "Sums.total")
    assert str(items(int)) == "an unnamed Items"


def test_edges_say_how_a_node_is_read() -> None:
    there: Ref[Sums] = ref()

    edges = (Sums.doubled.state, Sums.doubled.partials, Sums.doubled.settled, there.at(Sums.doubled))

    assert [type(edge) for edge in edges] == [StateOf, PartialsOf, SettledOf, Through]
    assert all(cast("StateOf[object]", edge).node is Sums.doubled for edge in edges)
    assert str(edges[0]) == "Sums.doubled.state"


def test_transitions_are_data_and_may_be_joined() -> None:
    either = Sums.start.becomes(3) | Sums.numbers.changes() | Sums.even.settles()

    assert either.any_of == (Becomes(Sums.start, 3), Changes(Sums.numbers), Settles(Sums.even))


def test_nodes_are_listed_in_order_and_an_override_keeps_its_place() -> None:
    class More(Sums):
        even = derive(is_even, Sums.total)
        last = derive(double, Sums.total)

    assert list(nodes_of(More)) == ["start", "numbers", "doubled", "total", "grown", "even", "shown", "last"]
    assert nodes_of(More)["even"].owner is More
    assert nodes_of(Sums)["even"].owner is Sums


def test_an_attribute_that_is_no_node_takes_a_node_away() -> None:
    class Less(Sums):
        shown = None

    assert "shown" not in nodes_of(Less)


def test_one_node_under_two_names_is_refused_with_both() -> None:
    class Twice:
        numbers = items(int)
        again = numbers

    assert refusal(lambda: nodes_of(Twice)) == (
        "Twice.again is Twice.numbers under a second name: declare it anew, or keep one name"
    )


def test_a_node_of_another_class_is_refused_with_what_was_meant() -> None:
    class Thief:
        numbers = Sums.numbers

    said = refusal(lambda: nodes_of(Thief))

    assert said.startswith("Thief.numbers is the node Sums.numbers of another class")
    assert "ref.at(Sums.numbers)" in said


def test_an_edge_takes_no_name() -> None:
    class Named:
        numbers = items(int)
        state_of = numbers.state

    assert refusal(lambda: nodes_of(Named)) == (
        "Named.state_of is an edge and holds nothing: write it where it is read"
    )


@pytest.mark.parametrize("ask", [bool, len, list, lambda node: 3 in node, lambda node: node["a"]])
def test_a_node_answers_nothing_for_its_value(ask: Any) -> None:
    assert refusal(lambda: ask(Sums.numbers)).startswith("Sums.numbers is a declaration and has no ")


def test_an_edit_of_a_class_says_that_it_needs_an_entity() -> None:
    said = refusal(lambda: cast("Any", Sums.numbers).add(3))

    assert (
        said
        == "Sums.numbers is a declaration: .add(…) is an edit, and an edit needs an entity, as in entity.numbers.add(…)"
    )


def test_an_unknown_verb_names_the_nearest() -> None:
    assert "did you mean 'count'?" in refusal(lambda: cast("Any", Sums.numbers).cout)


def test_what_is_no_node_or_no_function_is_named_by_its_place() -> None:
    assert "input 2 of add is 3, which is not a node" in refusal(lambda: cast("Any", derive)(add, Sums.start, 3))
    assert "derive takes a function first, not 3" in refusal(lambda: cast("Any", derive)(3, Sums.start))
    assert "input 1 of add is 'a'" in refusal(lambda: cast("Any", Sums.numbers).each(add, "a"))
    assert "input 1 of choose is True" in refusal(lambda: cast("Any", choose)(True, Sums.start, Sums.start))


def test_a_node_that_hides_its_function_is_named_with_the_way_out() -> None:
    def declare(verb: str) -> None:
        class Hiding:
            ones = items(int)
            double = ones.each(double)
            twice: Any = cast("Any", ones.each if verb == "each" else derive)(double)

    for verb in ("each", "derive"):
        said = refusal(lambda verb=verb: declare(verb))
        assert said.startswith(f"{verb} takes a function first, not a node, one that calls double: ")
        assert "Give the node a name of its own" in said


def test_inputs_before_the_function_are_answered_with_the_order() -> None:
    said = refusal(lambda: cast("Any", derive)(Sums.start, double))

    assert said == "derive takes a function first, then its inputs: derive(double, …)"
    assert "not a node, Sums.start" in refusal(lambda: cast("Any", derive)(Sums.start))


def test_an_unknown_option_is_refused() -> None:
    assert "timeout" in refusal(lambda: cast("Any", derive)(double, Sums.start, timeout=3))


def test_a_bound_function_is_wired_like_any_other() -> None:
    bound = partial(add, other=3)

    node: Derived[int] = derive(bound, Sums.start)

    assert node.made == Applied(bound, (Sums.start,), NOTHING)


def test_a_fold_grows_by_handlers_and_never_changes() -> None:
    first = fold(0)

    second = first.on(int, add)
    third = second.on(int, max)

    assert (first.handlers, second.handlers, third.handlers) == ((), ((int, add),), ((int, max),))


def test_a_named_fold_takes_no_more_handlers() -> None:
    class Folded:
        total = fold(0).on(int, add)

    assert "Folded.total has its name" in refusal(lambda: Folded.total.on(str, lambda state, event: state))


def test_a_trigger_takes_a_transition() -> None:
    assert "on() takes a transition" in refusal(lambda: on(cast("Any", Sums.start)))


def test_a_transition_without_its_call_says_that_it_wants_one() -> None:
    for written, wanted in [
        (Sums.start.changes, "Sums.start.changes is not called: write Sums.start.changes()"),
        (Sums.start.settles, "Sums.start.settles is not called: write Sums.start.settles()"),
        (Sums.start.becomes, "Sums.start.becomes is not called: write Sums.start.becomes(…)"),
        (Entity.scheduled, "Entity.scheduled is not called: write Entity.scheduled(…)"),
    ]:
        said = refusal(lambda written=written: on(cast("Any", written)))
        assert wanted in said and "bound method" not in said
    assert "on() takes a transition" in refusal(lambda: on(cast("Any", len)))


def test_a_transition_without_its_call_is_known_before_its_node_has_a_name() -> None:
    def declare() -> None:
        class _Broken:
            start: Any = fold(0)
            on(cast("Any", start.changes))

    assert "changes is not called: write NODE.changes()" in refusal(declare)


def test_what_decides_at_once_has_no_run_and_what_waits_has_one() -> None:
    when = Sums.start.changes()

    def waits_without_run(self: Any) -> Any:
        yield self

    async def runs_alone(self: Any) -> None: ...
    def decides_with_run(self: Any, run: Any) -> Any:
        yield run

    def plain(self: Any) -> None: ...

    assert on(when)(waits_without_run).waits is False
    assert "takes (self, run)" in refusal(lambda: on(when)(cast("Any", runs_alone)))
    assert "takes self alone and has no run" in refusal(lambda: on(when)(cast("Any", decides_with_run)))
    assert "neither `async def`" in refusal(lambda: on(when)(cast("Any", plain)))


def test_collections_know_their_types() -> None:
    priced, tally = entries(str, float), counter()

    assert (priced.key_type, priced.value_type) == (str, float)
    assert isinstance(tally, Node)
