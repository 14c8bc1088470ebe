"""What operations and matchers say of ids is checked: what is impossible is named, contained, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.identity.shelves import CLIMATE, CODE, GARDENS, Shelf, Shelves, Topic, View, group
from weft import Entity, derive, element, items
from weft.content import Plain
from weft.definition import WrongDefinition, compile_type
from weft.matching import Match, Merge, New, Old, Similar, Unclear, Verdict
from weft.slot import Err, Ok
from weft.store import ALTERNATIVE, VERSION
from weft.written_result import parse_result


def said_by(world: Shelves) -> tuple[str, str]:
    """The error that topics show."""
    outcome = world.slot("a", "topics").outcome()
    assert isinstance(outcome, Err)
    return outcome.kind, outcome.message


# Ids that were given and returned ------------------------------------------------------------------------------------


def test_elements_are_given_with_their_ids_and_known_by_them_whatever_else_changed() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    assert [topic.id for topic in world.value("a", "topics")] == list(before.values())
    world.add("a", "words", "one more")
    (call,) = world.step()
    assert call.arguments[0] == world.value("a", "topics")

    world.answer("topics", (Topic("code", CODE, before["climate"]), Topic("climate", CLIMATE)))
    world.rest()

    after = world.ids()
    assert after["code"] == before["climate"]  # its author says so
    assert after["climate"] not in before.values()
    assert world.known()[after["code"]].by == ("given", 1.0, 0.0)


def test_an_id_returned_twice_is_named_and_the_last_good_list_stays() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    world.view(before["climate"])

    world.regroup(Topic("one", CLIMATE, before["climate"]), Topic("two", GARDENS, before["climate"]))

    kind, message = said_by(world)
    assert kind == "IdTwice"
    assert before["climate"] in message and "places 0 and 1" in message
    last = world.slot("a", "topics").last
    assert last is not None and last.elements == tuple(before.values())
    (row,) = world.store.rows(ALTERNATIVE)
    assert b"two" in bytes(row[1][0])  # type: ignore[arg-type]
    assert all(one.is_alive for one in world.known().values())


def test_a_key_that_two_elements_have_is_named_and_the_last_good_list_stays() -> None:
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))

    world.regroup(Topic("climate", CLIMATE), Topic("climate", GARDENS))

    kind, message = said_by(world)
    assert kind == "KeyTwice"
    assert "holds two elements whose name is 'climate'" in message
    last = world.slot("a", "topics").last
    assert last is not None and last.elements == tuple(before.values())
    assert (
        world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS), Topic("code", CODE)).items()
        >= before.items()
    )


def test_an_id_that_was_never_given_is_named() -> None:
    world = Shelves()
    world.regroup(Topic("climate", CLIMATE))

    world.regroup(Topic("climate", CLIMATE, "made-up"))

    kind, message = said_by(world)
    assert kind == "IdNotGiven"
    assert "'made-up'" in message and "place 0" in message


def test_after_an_impossible_answer_the_model_is_asked_again() -> None:
    world = Shelves()
    world.regroup(Topic("climate", CLIMATE, "made-up"))
    assert said_by(world)[0] == "IdNotGiven"

    world.tell(["a", "topics", "retry", ""])
    world.step()
    world.answer("topics", (Topic("climate", CLIMATE),))

    assert list(world.ids()) == ["climate"]


def sort_by_name(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
    return tuple(sorted(topics, key=lambda topic: topic.name))


class Sorted(Entity):
    words = items(str)
    topics = derive(group, words, initial=(), match=Similar("name", "books"))
    ordered = derive(sort_by_name, topics)


def test_ids_given_by_one_node_may_be_returned_by_another() -> None:
    world = Shelves(Sorted, View)
    world.watch("ordered")
    before = world.regroup(Topic("gardens", GARDENS), Topic("climate", CLIMATE))

    assert [member.element for member in world.slot("a", "ordered").members()] == [
        before["climate"],
        before["gardens"],
    ]


def test_what_the_memo_keeps_is_the_list_as_it_was_made() -> None:
    world = Shelves()
    world.regroup(Topic("climate", CLIMATE))
    world.create(Shelf, "b", watch="topics")

    world.add("b", "words", "round 1")
    world.rest()

    # The same call, of another shelf: not made again, and its elements have ids of that shelf.
    assert world.ran() == []
    assert list(world.ids("b")) == ["climate"]
    assert world.ids("b") != world.ids("a")


def test_a_definition_without_matchers_and_ids_records_nothing_of_matching() -> None:
    @element(key="name")
    class Word:
        name: str

    def made(words: Sequence[str]) -> tuple[Word, ...]:
        return tuple(Word(word) for word in words)

    class Simple(Entity):
        words = items(str)
        topics = derive(made, words)

    world = Shelves(Simple)
    world.add("a", "words", "ant", "bee")
    world.rest()

    assert "match" not in compile_type(Simple).nodes["topics"].plain()
    said = parse_result(world.engine.store.row(VERSION, ("a", "topics", ""))[2])  # type: ignore[index, arg-type]
    assert "match" not in said


# Matchers of one's own -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Says:
    """A matcher that says what it is told to."""

    verdicts: list[Verdict | BaseException] = field(default_factory=list)
    asked: list[tuple[Sequence[Old], Sequence[New]]] = field(default_factory=list)
    name: str = "says"

    def settings(self) -> Mapping[str, Plain]:
        return {}

    def match(self, olds: Sequence[Old], news: Sequence[New], /) -> Iterable[Verdict]:
        self.asked.append((olds, news))
        for verdict in self.verdicts:
            if isinstance(verdict, BaseException):
                raise verdict
            yield verdict


class Wordless(BaseException):
    """An error of one's own that is no Exception, and cannot even say what it is."""

    def __str__(self) -> str:
        raise SystemExit


SAYS = Says()


class Told(Entity):
    words = items(str)
    topics = derive(group, words, initial=(), match=SAYS)


@pytest.fixture(name="told")
def _told() -> Shelves:
    SAYS.verdicts.clear()
    SAYS.asked.clear()
    world = Shelves(Told, View)
    world.regroup(Topic("climate", CLIMATE), Topic("gardens", GARDENS))
    return world


def test_a_matcher_is_given_all_there_was_and_all_there_is_and_is_followed(told: Shelves) -> None:
    before = told.ids()
    SAYS.verdicts.append(Match(1, before["gardens"], 0.5, 0.25))

    after = told.regroup(Topic("climate", CLIMATE), Topic("code", CODE))

    olds, news = SAYS.asked[-1]
    assert {(old.id, old.place, old.is_alive) for old in olds} == {
        (before["climate"], 0, True),
        (before["gardens"], None, True),
    }
    assert [(new.place, new.id, new.value["name"]) for new in news] == [
        (0, before["climate"], "climate"),
        (1, None, "code"),
    ]
    assert after["code"] == before["gardens"]
    assert told.known()[after["code"]].by == ("says", 0.5, 0.25)


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (lambda a, b: [Match(0, b, 0.5), Match(1, b, 0.5)], "twice"),
        (lambda a, b: [Match(0, "nobody", 0.5)], "'nobody', which it was never given"),
        (lambda a, b: [Match(9, b, 0.5)], "the place 9, and the list has 2"),
        (lambda a, b: [Match(0, b, float("nan"))], "the score nan"),
        (lambda a, b: [Match(0, a, 0.5), Match(0, b, 0.5)], "has its id already"),
        (lambda a, b: [Match(0, a, 0.5), Merge(a, 1, 0.5)], "is there still"),
        (lambda a, b: [Merge("nobody", 1, 0.5)], "never given"),
        (lambda a, b: [Unclear(0, ("nobody",), 0.5)], "never given"),
        (lambda a, b: [ZeroDivisionError("oh")], "raised ZeroDivisionError: oh"),
        (lambda a, b: [SystemExit(3)], "raised SystemExit: 3"),
        (lambda a, b: [Wordless()], "raised Wordless: (its text could not be made: SystemExit)"),
        (lambda a, b: ["no verdict"], "'no verdict', which is no verdict"),
        (lambda a, b: [Match("0", b, 0.5)], "raised TypeError"),  # type: ignore[arg-type]
    ],
)
def test_a_matcher_that_says_what_cannot_be_is_named_and_contained(told: Shelves, verdicts: object, words: str) -> None:
    before = told.ids()
    told.view(before["climate"])
    SAYS.verdicts.extend(verdicts(*before.values()))  # type: ignore[operator]

    told.regroup(Topic("one", CLIMATE), Topic("two", GARDENS))

    kind, message = said_by(told)
    assert kind == "MatcherFailed"
    assert "the matcher says" in message and words in message
    assert told.ids() == {}
    assert {one.id for one in told.known().values() if one.is_alive} == set(before.values())
    last = told.slot("a", "topics").last
    assert last is not None and last.elements == tuple(before.values())


def test_a_mended_matcher_is_asked_again_without_asking_the_model(told: Shelves) -> None:
    before = told.ids()
    SAYS.verdicts.append(ZeroDivisionError("oh"))
    told.regroup(Topic("one", CLIMATE))
    assert said_by(told)[0] == "MatcherFailed"
    told.crash()
    SAYS.verdicts[:] = [Match(0, before["gardens"], 0.9)]

    told.tell(["a", "topics", "retry", ""])
    told.rest()

    assert told.ran() == []
    assert told.ids() == {"one": before["gardens"]}


def test_a_matcher_that_keeps_failing_is_not_asked_for_ever(told: Shelves) -> None:
    SAYS.verdicts.append(ZeroDivisionError("oh"))

    told.regroup(Topic("one", CLIMATE))

    slot = told.slot("a", "topics")
    assert slot.result is not None and slot.result.call_key is not None
    assert told.engine.recall(slot.result.call_key) is not None
    assert slot not in told.engine.failed_keys.get(slot.result.call_key, {})


def test_other_nodes_go_on_where_a_list_could_not_be_matched(told: Shelves) -> None:
    SAYS.verdicts.append(ZeroDivisionError("oh"))
    told.regroup(Topic("one", CLIMATE))

    told.create(Told, "b", watch="topics")
    SAYS.verdicts.clear()
    told.regroup(Topic("two", GARDENS), id="b")

    assert list(told.ids("b")) == ["two"]
    assert isinstance(told.slot("b", "topics").outcome(), Ok)


# Declarations --------------------------------------------------------------------------------------------------------


def names_of(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(words)


def test_a_match_where_there_is_nothing_to_match_is_refused() -> None:
    with pytest.raises(WrongDefinition, match=r"names declares match= and is no list of elements"):

        class Wrong(Entity):
            words = items(str)
            names = derive(names_of, words, match=Similar("name"))


def test_a_match_that_is_no_matcher_is_refused() -> None:
    with pytest.raises(WrongDefinition, match="has not the members of a Matcher"):

        class Wrong(Entity):
            words = items(str)
            topics = derive(group, words, initial=(), match="name")  # type: ignore[call-overload]


def test_a_changed_threshold_makes_nothing_due_and_holds_from_then_on() -> None:
    class Strict(Entity):
        words = items(str)
        topics = derive(group, words, initial=(), match=Similar("name", "books", threshold=0.99))

    Strict.__name__ = "Shelf"
    world = Shelves()
    before = world.regroup(Topic("climate", CLIMATE))

    world.redefine(Strict, View)
    world.rest()
    assert (world.ran(), world.ids()) == ([], before)
    after = world.regroup(Topic("global warming", CLIMATE))

    assert after["global warming"] != before["climate"]


@pytest.mark.parametrize(
    "how", [{"threshold": 0.0}, {"threshold": 1.5}, {"margin": -0.1}, {"margin": 1.0}, {"near": 0.0}]
)
def test_limits_that_mean_nothing_are_refused(how: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(how))):
        Similar("name", **how)  # type: ignore[arg-type]


def test_a_similar_of_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match="the fields whose text it compares"):
        Similar()


def test_an_id_field_that_cannot_hold_ids_is_refused() -> None:
    with pytest.raises(TypeError, match='no field id: str = "" beside its key'):

        @element(key="name", id="id")
        class Wrong:
            name: str
            id: str
