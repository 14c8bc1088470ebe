"""What an export writes is JSON from which the very same canonical bytes are made again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.content import Link, Plain, cid_text, content_id, encode, raw_id
from weft.copies.notation import Misspelt, json_of, line_of, parse_line, plain_of

LINKS = st.binary(max_size=8).map(lambda content: Link(raw_id(content)))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.binary(max_size=40),
    LINKS,
)
KEYS = st.one_of(st.text(max_size=4), st.sampled_from(["/", "bytes", "value", "map", "record"]))
VALUES: st.SearchStrategy[Plain] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4),
        inner.map(encode),  # bytes that are content themselves
    ),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_comes_back_with_the_same_bytes(value: Plain) -> None:
    line = line_of({"payload": json_of(value)})

    back = plain_of(parse_line(line)["payload"])

    assert line.count(b"\n") == 1
    assert encode(back) == encode(value)


def test_text_within_encoded_values_is_written_as_text() -> None:
    payload: Plain = {"outcome": {"value": encode([{"title": "Über Wasser"}])}}

    line = line_of({"payload": json_of(payload)})

    assert '"title":"Über Wasser"' in line.decode()


def test_what_json_has_not_is_written_as_dag_json_writes_it() -> None:
    cid = content_id(b"x")

    said = json_of([Link(cid), b"\xff\xfe", {"/": 1}])

    assert said == [{"/": cid_text(cid)}, {"/": {"bytes": "//4"}}, {"/": {"map": [["/", 1]]}}]


@pytest.mark.parametrize(
    "text",
    [
        '{"/": "bafynothing"}',
        '{"/": {"bytes": "a"}}',
        '{"/": {"bytes": "//5"}}',  # bits that are no part of any byte
        '{"/": {"bytes": 7}}',
        '{"/": {"bytes": "", "more": 1}}',
        '{"/": {"other": 1}}',
        '{"/": {"map": [["a", 1], ["a", 2]]}}',
        '{"/": {"map": [["a"]]}}',
        '{"/": 5}',
        '{"/": "x", "y": 1}',
        '{"/": {"value": {"/": {"bytes": "!"}}}}',
        '{"/": {"value": 36893488147419103232}}',
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(Misspelt):
        plain_of(json.loads(text))


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[1]\n",
        b"{} {}\n",
        b'{"a": 1, "a": 1}\n',
        b'{"a": NaN}\n',
        b'{"a": \xff}\n',
        b'{"a": ' + b"[" * 100_000 + b"\n",
        b'{"a": 1',
        b'{"a": 1' + b"0" * 10_000 + b"}\n",
    ],
)
def test_a_line_that_is_not_one_json_object_is_refused(line: bytes) -> None:
    with pytest.raises(Misspelt):
        parse_line(line)
