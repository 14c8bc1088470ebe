"""Definitions: wrong wiring is refused when the class is made, naming both ends; right wiring means what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from functools import partial
from typing import Annotated, Any, Literal, Protocol, cast

import pytest
from typing_extensions import TypeAliasType

import weft
from weft import (
    Blob,
    Derived,
    Effect,
    Entity,
    Field,
    Node,
    Ref,
    Retry,
    Run,
    State,
    choose,
    counter,
    derive,
    element,
    entries,
    field,
    fold,
    items,
    on,
    ref,
    text,
)
from weft.definition import WrongDefinition, compile_type, unique_types
from weft.operation import UnresolvedAnnotation
from weft.spec import InputSpec


class Reader(Protocol):
    """A service."""


@element(key="name")
class Topic:
    name: str
    size: int = 0


@dataclass(frozen=True)
class Bought:
    pieces: int


class Unkept:
    """Nothing that could be kept."""


def inc(a: int) -> int:
    return a + 1


def add(a: int, b: int) -> int:
    return a + b


def add_maybe(a: int, b: int = 0) -> int:
    return a + b


def length(text: str) -> int:
    return len(text)


def is_long(text: str) -> bool:
    return len(text) > 3


def total(numbers: Sequence[int]) -> int:
    return sum(numbers)


def named(key: str, value: int) -> str:
    return f"{key}{value}"


def read(photo: Blob, *, reader: Reader) -> str:
    return ""


def stocked(stock: int, event: Bought) -> int:
    return stock + event.pieces


def seen(state: State[int]) -> str:
    return type(state).__name__


async def slow(a: int) -> int:
    await asyncio.sleep(0)
    return a


async def stream(a: int) -> AsyncIterator[str]:
    yield str(a)


def bag(a: int) -> Unkept:
    return Unkept()


def size_of(topic: Topic) -> int:
    return topic.size


def refused(make: Callable[[], object]) -> str:
    """What is said of a class that cannot be made."""
    with pytest.raises(WrongDefinition) as wrong:
        make()
    return str(wrong.value)


def node_of(kind: type, name: str) -> InputSpec:
    """The first input of a node."""
    return compile_type(kind).nodes[name].inputs[0]


# Refused when the class is made ------------------------------------------------------------------------------------


def test_too_many_inputs_are_refused() -> None:
    def make() -> None:
        class Wrong(Entity):
            a: Field[int] = field(default=1)
            b = derive(inc, a, a)  # type: ignore[call-overload, misc, arg-type, unused-ignore]

    assert "b gives tests.test_definition/inc more inputs than it takes: Wrong.a" in refused(make)


def test_too_few_inputs_are_refused_and_say_what_is_keyword_only() -> None:
    def make() -> None:
        class Wrong(Entity):
            a: Field[int] = field(default=1)
            b = derive(add, a)

    said = refused(make)
    assert "b gives tests.test_definition/add nothing for its input 'b'" in said
    assert "a service or a setting is keyword-only, behind a *" in said


class Size(IntEnum):
    SMALL = 1


@pytest.mark.parametrize(
    ("key_type", "said"),
    [
        (int | float, "int and float"),
        (str | bool | None | Literal[1], "bool and Literal[1]"),
        (int | Size, "int and Size"),
        (Decimal | int, "Decimal and int"),
        (str | Annotated[int, "pieces"] | float, "int and float"),
        (Literal[1, True], "1 and True"),
        (tuple[str, int | bool], "int and bool"),
        (TypeAliasType("Number", int | float), "int and float"),
        (str | TypeAliasType("Number", int | float), "int and float"),
    ],
)
def test_entries_by_keys_that_python_takes_for_one_are_refused(key_type: Any, said: str) -> None:
    def make() -> None:
        type("Wrong", (Entity,), {"bad": entries(key_type, str), "__module__": __name__})

    assert f"bad has keys of {said}: Python takes equal ones, such as 1 and 1.0, for one" in refused(make)


@pytest.mark.parametrize("key_type", [int | str, bool, float, Size, Literal[1, 2], tuple[int, float], str | None])
def test_entries_by_keys_that_are_never_equal_are_fine(key_type: Any) -> None:
    fine = type("Fine", (Entity,), {"good": entries(key_type, str), "__module__": __name__})

    assert compile_type(fine).nodes["good"].kind == "entries"


def test_an_input_with_a_default_may_be_left_out() -> None:
    class Fine(Entity):
        a: Field[int] = field(default=1)
        b = derive(add_maybe, a)
        c = derive(add_maybe, a, b)  # type: ignore[call-overload]

    assert [len(node.inputs) for node in compile_type(Fine).nodes.values()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (lambda n: derive(inc, n["word"]), "bad: Wrong.word does not fit 'a' of tests.test_definition/inc: str is"),
        (lambda n: n["words"].each(inc), "bad: an element of Wrong.words does not fit 'a' of"),
        (lambda n: n["number"].each(inc), "bad runs for each element of Wrong.number, which is int, not a list"),
        (lambda n: n["prices"].each(inc), "bad gives tests.test_definition/inc more inputs than it takes: a value of"),
        (lambda n: n["prices"].each(add), "bad: a key of Wrong.prices does not fit 'a' of tests.test_definition/add"),
        (lambda n: n["words"].group(inc), "bad: an element of Wrong.words does not fit 'a' of"),
        (lambda n: n["words"].group(slow), "bad wants a plain function to group by"),
        (lambda n: n["words"].filter(length), "bad asks tests.test_definition/length whether to keep an element: int"),
        (lambda n: n["words"].order(inc), "bad: an element of Wrong.words does not fit 'a' of"),
        (lambda n: n["number"].order(inc), "bad would order Wrong.number, which is int, not a list"),
        (lambda n: n["word"].count(), "bad would count Wrong.word, which is str, not a list"),
        (lambda n: n["words"].reduce(add, 0), "bad: an element of Wrong.words does not fit 'a' of"),
        (lambda n: n["numbers"].reduce(add, ""), "what bad starts as cannot be kept: the value: str where int is"),
        (lambda n: n["numbers"].reduce(seen_pair, 0), "bad asks tests.test_definition/seen_pair to combine two"),
        (lambda n: n["photos"].filter(has_words), "bad wants a function of elements alone to filter by"),
        (lambda n: choose(n["word"], n["number"], n["number"]), "bad chooses by Wrong.word: str is given where bool"),
        (lambda n: derive(inc, n["number"].state), "bad: Wrong.number.state does not fit 'a' of"),
        (lambda n: derive(seen, n["word"].state), "bad: Wrong.word.state does not fit 'state' of"),
        (lambda n: derive(seen, n["number"]), "bad: Wrong.number does not fit 'state' of"),
        (lambda n: derive(inc, n["word"].partials), "bad: Wrong.word.partials does not fit 'a' of"),
        (
            lambda n: derive(add, n["number"], initial=""),  # type: ignore[misc, arg-type, call-overload, unused-ignore]
            "what bad starts as cannot be kept: the value: str where int",
        ),
        (lambda n: derive(bag, n["number"]), "the values of bad cannot be kept"),
        (lambda n: derive(lambda a: a, n["number"]), "<lambda> cannot be an operation: a lambda has no name"),
        (lambda n: derive(unsaid, n["number"]), "bad: unsaid cannot be an operation: it does not say what it returns"),
        (lambda n: derive(inc, n["topic"]), "bad: Wrong.topic does not fit 'a' of tests.test_definition/inc: Topic"),
        (lambda n: derive(inc, n["up"]), "Wrong.up leads to an entity: read one of its nodes with up.at(Above.…)"),
        (lambda n: derive(inc, n["up"].at(Above.word)), "bad: Wrong.up.at(Above.word) does not fit 'a' of"),
        (lambda n: derive(length, n["topic"].at(Above.word)), "reads a node of Above, and Wrong.topic leads to Topic"),
        (lambda n: derive(length, Above.word), "bad reads Above.word, a node of another class: read it through a ref"),
        (lambda n: derive(inc, field(default=1)), "bad reads an unnamed Field, which Wrong does not declare"),
        (lambda n: derive(inc, n["photos"].each(read)), "bad: bad/0 does not fit 'a' of tests.test_definition/inc"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_ends_named(
    wire: Callable[[dict[str, Any]], Node[Any]], said: str
) -> None:
    def make() -> None:
        names: dict[str, Any] = {
            "word": field(default=""),
            "number": field(default=0),
            "words": items(str),
            "numbers": items(int),
            "photos": items(Blob),
            "prices": entries(str, int),
            "topic": ref(),
            "up": ref(),
        }
        told = {"word": Field[str], "number": Field[int], "topic": Ref[Topic], "up": Ref[Above]}
        type("Wrong", (Entity,), {**names, "bad": wire(names), "__annotations__": told, "__module__": __name__})

    assert said in refused(make)


class Above(Entity):
    word: Field[str] = field(default="")


def seen_pair(a: int, b: int) -> str:
    return f"{a}{b}"


def has_words(photo: Blob, *, reader: Reader) -> bool:
    return True


def is_even(a: int) -> bool:
    return a % 2 == 0


def as_list(a: int) -> tuple[int, ...]:
    return (a,)


def str_of(a: int) -> str:
    return str(a)


def twice(key: str, value: str) -> str:
    return key + value


def how_many(size: int, words: tuple[str, ...]) -> int:
    return len(words)


def how_many_topics(size: int, topics: tuple[Topic, ...]) -> int:
    return len(topics)


def max_of(a: int, b: int) -> int:
    return max(a, b)


def cut(text: str, *, longest: int) -> str:
    return text[:longest]


seen_far = seen


def unsaid(a):  # type: ignore[no-untyped-def]
    return a


@pytest.mark.parametrize(("fn", "name"), [(total, "total"), (length, "length"), (twice, "twice")])
def test_a_function_that_takes_no_key_and_value_is_told_what_each_gives_of_a_mapping(fn: Any, name: str) -> None:
    def make() -> None:
        class Grouped(Entity):
            words = items(str)
            by_length = words.group(length)
            rows = cast("Any", by_length).each(fn)

    said = refused(make)

    assert said.count("each over a mapping calls with its key and value: let ") == 1
    assert f"/{name} take both" in said


def test_all_that_is_wrong_is_said_at_once_and_each_thing_once() -> None:
    def make() -> None:
        class Wrong(Entity):
            a: Field[int] = field(default=1)
            words = items(str)
            one = derive(length, a)  # type: ignore[call-overload, misc, arg-type, unused-ignore]
            two = words.each(inc)  # type: ignore[call-overload, misc, arg-type, unused-ignore]
            three = derive(bag, a)
            four = derive(unsaid, three)
            five = derive(inc, four)
            bought = fold("").on(Bought, stocked)  # type: ignore[arg-type, misc, unused-ignore]

            @on(words.becomes(3), guard=a)  # type: ignore[arg-type, misc, unused-ignore]
            async def late(self, run: Run) -> None: ...

    said = refused(make)

    for problem in (
        "one: Wrong.a does not fit",
        "two: an element of Wrong.words does not fit",
        "the values of three cannot be kept",
        "four: unsaid cannot be an operation",
        "the fold bought: bought does not fit 'stock'",
        "late waits for Wrong.words to become 3",
        "late is guarded by Wrong.a: int is given where bool is wanted",
    ):
        assert said.count(problem) == 1, (problem, said)
    assert "five" not in said  # nothing is known of it that is not said of what it reads
    assert ".;" not in said and ".." not in said.replace(", ...", "") and said.endswith(".") and "\n" not in said


def test_what_is_wrong_is_said_though_other_names_are_not_there_yet() -> None:
    def make() -> None:
        class Wrong(Entity):
            later: Field[NotYet] = field()  # type: ignore[name-defined]  # noqa: F821
            a: Field[int] = field(default=1)
            bad = derive(length, a)  # type: ignore[call-overload, misc, arg-type, unused-ignore]

    assert "bad: Wrong.a does not fit 'text'" in refused(make)


def test_a_flow_that_looks_at_another_class_is_refused() -> None:
    def make() -> None:
        class Wrong(Entity):
            @on(Above.word.becomes("x"))
            def two(self) -> Iterator[Effect[str]]:
                yield Effect()

    assert "two looks at Above.word, a node of another class" in refused(make)


def test_two_events_of_one_name_in_a_fold_are_refused() -> None:
    def make() -> None:
        other = type("Bought", (), {"__annotations__": {}})

        def any_event(stock: int, event: object) -> int:
            return stock

        class Wrong(Entity):
            stock = fold(0).on(Bought, stocked).on(other, any_event)

    assert "the fold stock takes two events called Bought: rename one" in refused(make)


def test_an_option_that_there_is_not_is_refused_naming_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"there is no option 'timeout': did you mean 'timeout_s'\?"):
        derive(inc, field(default=1), timeout=3)  # type: ignore[call-overload]


# Late binding ------------------------------------------------------------------------------------------------------


class Base(Entity):
    x: Field[int] = field(default=1)
    low = derive(inc, x)
    high = derive(inc, low)
    numbers = items(int)
    grown = derive(total, numbers.each(inc))


def test_an_override_rewires_the_consumers_that_it_inherits() -> None:
    class Renamed(Base):
        word: Field[int] = field(default=5)
        low = derive(inc, word)

    spec = compile_type(Renamed)

    assert spec.nodes["high"].inputs == (InputSpec("low"),)
    assert spec.nodes["low"].inputs == (InputSpec("word"),)
    assert list(spec.nodes) == ["x", "low", "high", "numbers", "grown", "word", "grown/0"]


def test_an_override_is_checked_against_the_consumers_that_it_inherits() -> None:
    def make() -> None:
        class Wrong(Base):
            low = derive(str_of, Base.x)  # type: ignore[assignment]

    assert "high: Wrong.low does not fit 'a' of tests.test_definition/inc: str is given where int" in refused(make)


def test_an_override_by_something_told_takes_the_place_of_what_was_computed() -> None:
    class Told(Base):
        low: Field[int] = field(default=3)  # type: ignore[assignment]

    spec = compile_type(Told)

    assert spec.nodes["low"].is_told and spec.nodes["high"].inputs == (InputSpec("low"),)


def test_a_node_taken_away_by_a_subclass_is_missed_by_its_consumers() -> None:
    def make() -> None:
        class Wrong(Base):
            low = None  # type: ignore[assignment]

    assert "high reads Base.low, which Wrong does not declare" in refused(make)


def test_two_bases_are_read_in_the_order_of_python() -> None:
    class Left(Base):
        low = derive(inc, Base.x)

    class Right(Base):
        low = derive(slow, Base.x)

    class Both(Left, Right):
        pass

    operation = compile_type(Both).nodes["low"].operation
    assert operation is not None and operation.name == "tests.test_definition/inc"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_loop_closed_by_overriding_is_refused_with_its_path(count: int) -> None:
    bases: list[type[Entity]] = []
    names: dict[str, Any] = {"x": field(default=1), "n0": None}
    names["n0"] = derive(inc, names["x"])
    for place in range(1, count):
        names[f"n{place}"] = derive(inc, names[f"n{place - 1}"])
    bases.append(type("Open", (Entity,), {**names, "__annotations__": {"x": Field[int]}, "__module__": __name__}))
    last = names[f"n{count - 1}"]

    said = refused(lambda: type("Closed", (bases[0],), {"n0": derive(inc, last), "__module__": __name__}))

    path = said.split("form a loop: ")[1].rstrip(".").split(" ← ")
    assert path[0] == path[-1] and sorted(path[1:]) == [f"n{place}" for place in range(count)]


def test_a_loop_through_a_node_without_a_name_is_refused_with_its_path() -> None:
    def make() -> None:
        class Wrong(Base):
            low = derive(inc, derive(inc, Base.high))

    assert "its nodes form a loop: low ← low/0 ← high ← low" in refused(make)


def test_a_node_may_read_what_it_overrides_under_no_name() -> None:
    class Fine(Base):
        low = derive(add, Base.x, derive(inc, Base.x))

    assert compile_type(Fine).nodes["low/1"].inputs == (InputSpec("x"),)


# Names that are not there yet --------------------------------------------------------------------------------------


class Early(Entity):
    topic: Ref[Later] = ref()
    kept: Field[Later | None] = field(default=None)


try:
    compile_type(Early)
    BEFORE = ""
except UnresolvedAnnotation as why:
    BEFORE = str(why)


@element(key="name")
class Later:
    name: str


def test_a_name_that_stands_below_is_looked_up_when_the_class_is_first_needed() -> None:
    assert "Later" in BEFORE

    assert compile_type(Early).nodes["topic"].target == "Later"
    with weft.open(types=(Early,)):
        pass


def test_a_name_that_never_comes_is_named_when_the_class_is_opened() -> None:
    class Hopeless(Entity):
        kept: Field[Nowhere] = field()  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(UnresolvedAnnotation, match=r"Hopeless.*Nowhere"):
        weft.open(types=(Hopeless,))


def made_in_a_function() -> type[Entity]:
    @dataclass(frozen=True)
    class Local:
        n: int

    def local_size(local: Local) -> int:
        return local.n

    class Inner(Entity):
        kept: Field[Local] = field(default=Local(1))
        size = derive(local_size, kept)

    return Inner


def test_a_class_made_in_a_function_is_opened_when_the_function_is_gone() -> None:
    kind = made_in_a_function()

    with weft.open(types=(kind,)) as space:
        made: Any = space.create(kind)
        assert made.size.wait(10) == 1


def test_an_annotation_means_what_it_means_where_it_was_written() -> None:
    class Sub(Early):
        Later = int
        more: Field[int] = field(default=1)

    assert compile_type(Sub).nodes["topic"].target == "Later"


# Nodes that functions make, and nodes without names ----------------------------------------------------------------


def counted(words: Node[Sequence[str]]) -> Derived[Mapping[int, int]]:
    """A reusable piece of graph."""
    return words.group(length).each(how_many)


def test_a_function_that_makes_nodes_is_a_piece_of_graph() -> None:
    class Two(Entity):
        first = items(str)
        second = items(str)
        firsts = counted(first)
        seconds = counted(second)

    spec = compile_type(Two)

    assert list(spec.nodes) == ["first", "second", "firsts", "seconds", "firsts/0", "seconds/0"]
    assert spec.nodes["firsts/0"].inputs == (InputSpec("first"),)
    assert spec.nodes["seconds"].inputs == (InputSpec("seconds/0"),)


def test_a_node_without_a_name_is_called_after_its_first_consumer_and_place() -> None:
    class Nameless(Entity):
        x: Field[int] = field(default=1)
        inner = derive(inc, x)
        extra = derive(add, derive(inc, derive(inc, inner)), derive(inc, x).partials)

    spec = compile_type(Nameless)

    assert [name for name in spec.nodes if "/" in name] == ["extra/0", "extra/1", "extra/0/0"]
    assert spec.nodes["extra"].inputs == (InputSpec("extra/0"), InputSpec("extra/1", "partials"))
    assert spec.nodes["extra/0/0"].inputs == (InputSpec("inner"),)


def test_a_node_without_a_name_that_two_consumers_share_is_one_node() -> None:
    class Shared(Entity):
        x: Field[int] = field(default=1)
        first, second = (lambda one: (derive(inc, one), derive(add, one, one)))(derive(inc, x))

    spec = compile_type(Shared)

    assert [name for name in spec.nodes if "/" in name] == ["first/0"]
    assert spec.nodes["second"].inputs == (InputSpec("first/0"), InputSpec("first/0"))


def test_nodes_without_names_are_computed() -> None:
    class Sums(Entity):
        x: Field[int] = field(default=1)
        extra = derive(add, derive(inc, x), derive(inc, derive(inc, x)))

    with weft.open(types=(Sums,)) as space:
        assert space.create(Sums, x=3).extra.wait(10) == 9


# What types nodes have ---------------------------------------------------------------------------------------------


class Kinds(Entity):
    number: Field[int] = field(default=1)
    unsaid = field(default=3)
    nothing: Field[Literal["a"] | None] = field(default=None)
    words = items(str)
    topics = items(Topic)
    clicks = counter()
    notes = text()
    prices = entries(str, int)
    stock = fold(0).on(Bought, stocked)
    topic: Ref[Topic] = ref()
    above: Ref[Above] = ref()
    lengths = words.each(length)
    named = prices.each(named)
    names = named.each(twice)
    grouped = words.group(length)
    by_size = topics.group(size_of).each(how_many_topics)
    long = words.filter(is_long)
    ordered = topics.order(size_of)
    count = prices.count()
    biggest = lengths.reduce(max_of, 0)
    fetched = derive(slow, number)
    told = derive(stream, number)
    chosen = choose(derive(is_even, number), told, words)
    own = derive(add, number, initial=0)
    through = derive(length, above.at(Above.word))
    pointed = derive(size_of, topic)
    state = derive(seen, fetched.state)


def listed(a: int) -> list[int]:
    return [a]


def tupled(a: int) -> tuple[int, ...]:
    return (a, a)


def sequenced(a: int) -> Sequence[int]:
    return [a]


def by_letter(a: int) -> dict[str, int]:
    return {"a": a}


def mapped(a: int) -> Mapping[str, int]:
    return {"b": a}


def worded(a: int) -> list[str]:
    return [str(a)]


def priced(name: str, price: int) -> int:
    return price


def test_a_choice_of_lists_is_a_list_and_of_mappings_a_mapping() -> None:
    class Chosen(Entity):
        number: Field[int] = field(default=1)
        even = derive(is_even, number)
        lists = choose(even, derive(listed, number), derive(tupled, number))
        deeper = choose(even, lists, derive(sequenced, number))
        maps = choose(even, derive(by_letter, number), derive(mapped, number))
        same = choose(even, derive(listed, number), derive(listed, number))
        apart = choose(even, derive(listed, number), derive(worded, number))
        each = deeper.each(inc)
        total = lists.reduce(add, 0)
        prices = maps.each(priced)
        counted = maps.count()

    texts = {name: node.type_text for name, node in compile_type(Chosen).nodes.items()}

    assert [texts[name] for name in ("lists", "deeper", "maps", "same", "apart")] == [
        "tuple[int, ...]",
        "tuple[int, ...]",
        "dict[str, int]",
        "list[int]",
        "list[int] | list[str]",
    ]
    with weft.open(types=[Chosen]) as space:
        chosen = space.create(Chosen)
        shown: list[object] = []
        for number in (1, 2):
            chosen.number = number
            shown.append((chosen.lists.wait(30), chosen.each.wait(30), chosen.total.wait(30)))
            shown.append((chosen.maps.wait(30), chosen.prices.wait(30), chosen.counted.wait(30)))
    assert shown == [
        ((1, 1), (2,), 2),
        ({"b": 1}, {"b": 1}, 1),
        ((2,), (3,), 2),
        ({"a": 2}, {"a": 2}, 1),
    ]


def test_every_node_has_its_type() -> None:
    texts = {name: node.type_text for name, node in compile_type(Kinds).nodes.items()}

    assert texts == {
        "number": "int",
        "unsaid": "int",
        "nothing": "Literal['a'] | None",
        "words": "tuple[str, ...]",
        "topics": "tuple[Topic, ...]",
        "clicks": "int",
        "notes": "str",
        "prices": "Mapping[str, int]",
        "stock": "int",
        "topic": "Topic",
        "above": "Above",
        "lengths": "tuple[int, ...]",
        "named": "Mapping[str, str]",
        "names": "Mapping[str, str]",
        "grouped": "Mapping[int, tuple[str, ...]]",
        "by_size": "Mapping[int, int]",
        "long": "tuple[str, ...]",
        "ordered": "tuple[Topic, ...]",
        "count": "int",
        "biggest": "int",
        "fetched": "int",
        "told": "str",
        "chosen": "str | tuple[str, ...]",
        "own": "int",
        "through": "int",
        "pointed": "int",
        "state": "str",
        "by_size/0": "Mapping[int, tuple[Topic, ...]]",
        "chosen/0": "bool",
    }


def test_an_element_that_is_a_frozen_dataclass_already_is_told_what_to_leave_out() -> None:
    with pytest.raises(TypeError, match="Row is a frozen dataclass already: @element makes it one, leave @dataclass"):

        @element(key="name")
        @dataclass(frozen=True)
        class Row:
            name: str


def test_lists_of_elements_carry_the_key_that_elements_declare() -> None:
    nodes = compile_type(Kinds).nodes

    assert {name for name, node in nodes.items() if node.key == "name"} == {"topics", "ordered"}
    assert {name for name, node in nodes.items() if node.sort == "mapping"} == {
        "prices",
        "named",
        "names",
        "grouped",
        "by_size",
        "by_size/0",
    }


def test_edges_keep_how_they_are_read() -> None:
    class Edges(Entity):
        number: Field[int] = field(default=1)
        up: Ref[Base] = ref()
        topic: Ref[Topic] = ref()
        words = items(str)
        slow = derive(slow, number)
        seen = derive(seen, slow.state)
        streamed = derive(inc, slow.partials)
        good = derive(total, words.each(length).settled)
        far = derive(inc, up.at(Base.high))
        far_state = derive(seen_far, up.at(Base.high).state)
        size = derive(size_of, topic)

    assert node_of(Edges, "seen") == InputSpec("slow", "state")
    assert node_of(Edges, "streamed") == InputSpec("slow", "partials")
    assert node_of(Edges, "good") == InputSpec("good/0", "settled")
    assert node_of(Edges, "far") == InputSpec("high", "plain", "up")
    assert node_of(Edges, "far_state") == InputSpec("high", "state", "up")
    assert node_of(Edges, "size") == InputSpec("", "plain", "topic")


def test_a_fold_that_starts_as_nothing_has_the_type_that_its_handler_returns() -> None:
    def put(state: dict[str, int] | None, event: Bought) -> dict[str, int] | None:
        return state

    class Folds(Entity):
        some = fold(None).on(Bought, put)  # type: ignore[arg-type, misc, unused-ignore]

    assert compile_type(Folds).nodes["some"].type_text == "dict[str, int] | None"


def test_options_of_the_node_stand_over_those_of_its_operation() -> None:
    @weft.op(version=3, timeout_s=5, retry=Retry(attempts=2, delay_s=1))
    def careful(a: int) -> int:
        return a

    class Careful(Entity):
        x: Field[int] = field(default=1)
        as_it_says = derive(careful, x)
        otherwise = derive(careful, x, timeout_s=9, retry=Retry(attempts=4, delay_s=1), eager=True, was="before")
        listed = derive(as_list, x).filter(is_even, eager=True, was="evens")

    nodes = compile_type(Careful).nodes

    assert (nodes["as_it_says"].timeout_s, nodes["as_it_says"].retry) == (5, Retry(attempts=2, delay_s=1))
    assert nodes["as_it_says"].operation is not None and nodes["as_it_says"].operation.version == "3"
    assert (nodes["otherwise"].timeout_s, nodes["otherwise"].retry) == (9, Retry(attempts=4, delay_s=1))
    assert (nodes["otherwise"].eager, nodes["otherwise"].was) == (True, "before")
    assert (nodes["listed"].eager, nodes["listed"].was) == (True, "evens")


def test_a_setting_of_what_a_list_is_grouped_by_counts_as_another_version() -> None:
    def version(longest: int) -> str:
        class Grouped(Entity):
            words = items(str)
            groups = words.group(partial(cut, longest=longest))

        operation = compile_type(Grouped).nodes["groups"].operation
        assert operation is not None
        return operation.version

    assert version(1) != version(2)
    assert version(2) == version(2)


def test_a_space_knows_one_type_by_each_name() -> None:
    other = type("Base", (Entity,), {"__module__": "elsewhere"})

    with pytest.raises(WrongDefinition, match="both declare a type of this name"):
        unique_types((Base, other))


def test_a_reference_to_one_of_several_types_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(WrongDefinition, match=r"whole is a reference to Base \| None: a reference leads to one type"):

        class Torn(Entity):
            whole: Ref[Base | None] = ref()
