"""Whatever lists follow one another: ids are never shared, last, and are decided by what is there alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weft.content import Plain, decode, encode
from weft.matching import Similar
from weft.matching.assignment import Assignment, Rule, assign, assignment_of_plain, next_known
from weft.matching.known import Known, encode_known, parse_known
from weft.matching.words import alike, covered, pieces_of

WORDS = st.sampled_from(["sea", "ocean", "fire", "flame", "garden", "gardens", "iron", "irons", "copper", "of", "the"])
TITLES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
ELEMENTS = st.lists(
    st.fixed_dictionaries({"name": TITLES, "books": st.lists(TITLES, max_size=4)}),
    max_size=5,
    unique_by=lambda element: str(element["name"]),
)
RULE = Rule("name", "", (Similar("name", "books"),))


def accepted(
    known: dict[str, Known], elements: list[dict[str, object]], turn: int, rule: Rule = RULE
) -> tuple[Assignment, dict[str, Known]]:
    """What a list comes to, and what is known then."""
    found = assign(("a", "topics", ""), rule, elements, list(known.values()), accepted_by=str(turn), at=turn)  # type: ignore[arg-type]
    shown = [(id, encode(one["name"]), encode(one)) for id, one in zip(found.ids, elements, strict=True)]  # type: ignore[arg-type]
    return found, known | {one.id: one for one in next_known(list(known.values()), shown, found)}


@given(st.lists(ELEMENTS, max_size=6))
def test_ids_are_distinct_last_and_are_kept_as_they_were_recorded(lists: list[list[dict[str, object]]]) -> None:
    known: dict[str, Known] = {}
    for turn, elements in enumerate(lists):
        found, after = accepted(known, elements, turn)
        again, _ = accepted(known, elements, turn)

        assert again == found
        assert len(set(found.ids)) == len(elements)
        assert assignment_of_plain(found.plain()) == found
        assert known.keys() <= after.keys()
        assert {id for id, one in after.items() if one.is_alive} == set(found.ids)
        for one in after.values():
            assert parse_known(one.id, encode_known(one)) == one
            assert not (one.alias and one.is_alive)
            assert one.alias == "" or one.alias in after
        known = after


@given(ELEMENTS, st.randoms(use_true_random=False))
def test_a_list_in_another_order_has_the_same_ids_and_nothing_to_look_at(
    elements: list[dict[str, object]], draw: object
) -> None:
    first, known = accepted({}, elements, 0)
    shuffled = list(elements)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]

    second, after = accepted(known, shuffled, 1)

    ids = dict(zip((str(one["name"]) for one in elements), first.ids, strict=True))
    assert list(second.ids) == [ids[str(one["name"])] for one in shuffled]
    assert second.flags == () and second.merged == ()
    assert after == known | {id: one._replace(by=None) for id, one in known.items()}


@given(ELEMENTS)
def test_elements_that_all_go_and_all_return_are_who_they_were(elements: list[dict[str, object]]) -> None:
    first, known = accepted({}, elements, 0)
    _, gone = accepted(known, [], 1)
    assert not any(one.is_alive or one.alias for one in gone.values())

    second, _ = accepted(gone, elements, 2)

    assert second.ids == first.ids


def parse_value(encoded: bytes) -> dict[str, Plain]:
    value = decode(encoded)
    assert isinstance(value, dict)
    return value


@given(ELEMENTS, ELEMENTS)
def test_nothing_becomes_an_alias_of_what_did_not_come_to_hold_it(
    before: list[dict[str, object]], after: list[dict[str, object]]
) -> None:
    rule = Similar("name", "books")
    _, known = accepted({}, before, 0)

    found, now = accepted(known, after, 1)

    for gone, place, _ in found.merged:
        was = pieces_of(rule.text(parse_value(known[gone].last)))
        assert covered(was, pieces_of(rule.text(after[place]))) >= rule.threshold  # type: ignore[arg-type]
        assert not now[gone].is_alive


@given(TITLES, TITLES)
def test_likeness_is_symmetric_and_whole_for_the_same_words(one: str, other: str) -> None:
    assert alike(pieces_of(one), pieces_of(other)) == alike(pieces_of(other), pieces_of(one))
    assert alike(pieces_of(one), pieces_of(" ".join(reversed(one.upper().split())))) == 1.0
    assert 0 <= covered(pieces_of(one), pieces_of(other)) <= 1


def test_an_element_that_is_like_two_is_neither_and_says_which() -> None:
    elements: list[dict[str, object]] = [
        {"name": "red apple tart", "books": []},
        {"name": "red apple cake", "books": []},
    ]
    first, known = accepted({}, elements, 0)

    second, after = accepted(known, [{"name": "red apple bowl", "books": []}], 1)

    assert second.ids[0] not in first.ids
    assert {(flag.what, flag.other) for _, flag in second.flags} == {("unclear", id) for id in first.ids}
    assert not any(one.alias for one in after.values())


def test_an_element_less_alike_than_the_threshold_is_new() -> None:
    rule = Rule("name", "", (Similar("name", threshold=0.9, margin=0.0),))
    first, known = accepted({}, [{"name": "climate wars"}], 0, rule)

    assert accepted(known, [{"name": "climate war"}], 1, rule)[0].ids != first.ids


def test_lists_too_long_to_compare_are_compared_by_equal_text_and_say_so() -> None:
    rule = Rule("name", "", (Similar("text"),))
    elements: list[dict[str, object]] = [{"name": f"a{n}", "text": f"text {n}"} for n in range(320)]
    first, known = accepted({}, elements, 0, rule)
    renamed: list[dict[str, object]] = [{"name": f"b{n}", "text": f"text {n}!"} for n in range(319)]

    second, _ = accepted(known, [*renamed, {"name": "b319", "text": "something else"}], 1, rule)
    third, _ = accepted(known, [{"name": f"c{n}", "text": f"texts {n}"} for n in range(320)], 1, rule)

    assert second.ids[:319] == first.ids[:319]
    assert second.decisions[319].by == "new"
    assert {flag.what for _, flag in third.flags} == {"unclear"}
    assert not set(third.ids) & set(first.ids)
