"""Values in a few words: what people are told of them in lists, lanes and logs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.brief import brief
from weft.content import Link, Plain, cid_text, parse_cid, raw_id

CID = cid_text(raw_id(b"a photo"))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=20)
PLAINS: st.SearchStrategy[Plain] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=5)
)


def photo(size: int, media: str = "image/jpeg") -> Plain:
    return {"blob": Link(parse_cid(CID)), "media": media, "size": size}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "nothing"),
        (True, "yes"),
        (2.5, "2.5"),
        ("", "empty"),
        ("one\n  two", "one two"),
        (b"abc", "3 bytes"),
        (CID, f"{CID[:16]}…"),
        ([], "none"),
        (["a", "b"], "a · b"),
        ([1, 2, 3, 4, 5, 6], "1 · 2 · 3 · 4 · 2 more"),
        ([{"x": 1.0, "y": 2.0}], "1 item"),
        ([[1], [2]], "2 items"),
        ([{"books": [], "name": "Climate"}, {"title": "Garden"}], "Climate · Garden"),
        ({"title": "Drawdown", "author": "Hawken", "boxes": [1], "pages": 240}, "Drawdown, author: Hawken, pages: 240"),
        ({"$": "Pot", "width": 2, "is_glazed": False}, "width: 2, is_glazed: no"),
        ({"$": "Bed"}, "Bed"),
        ({}, "none"),
        ({"two\nlines": 1}, "two lines: 1"),
        (dict.fromkeys("abcde", 1), "a: 1, b: 1, c: 1, 2 more"),
        ({"name": "", "size": 3}, "name: empty, size: 3"),
        (photo(78_210), f"photo {CID[:16]}…, 78 kB"),
        ([photo(1), photo(2_000_000, "application/pdf")], f"photo {CID[:16]}…, 1 byte · pdf {CID[:16]}…, 2 MB"),
        (photo(999, "image/png"), f"picture {CID[:16]}…, 999 bytes"),
        (photo(0, "application/zip"), f"file {CID[:16]}…, 0 bytes"),
        ({"entity": "a" * 26, "node": "", "element": ""}, "a" * 26),
        ({"entity": "a" * 26, "node": "books", "element": ""}, "a" * 26 + ".books"),
    ],
)  # fmt: skip
def test_a_value_is_told_as_people_would(value: Plain, said: str) -> None:
    assert brief(value) == said


@given(PLAINS)
def test_whatever_it_is_it_is_told_on_one_line_and_never_as_nothing(value: Plain) -> None:
    told = brief(value)

    assert told
    assert len(told.splitlines()) == 1


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=5, max_size=40))
def test_of_a_long_list_it_is_told_how_many_are_not_named(names: list[str]) -> None:
    assert brief([*names]).endswith(f"{len(names) - 4} more")


def test_what_is_not_named_is_counted_with_the_discriminator_left_out() -> None:
    assert brief({"$": "Box", "a": 1, "b": 2, "c": 3, "d": 4}) == "a: 1, b: 2, c: 3, 1 more"
