"""Canonical content: one form for each plain value, every other form refused, and ids by content."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import require_module
from weft.content import (
    DEPTH_MAX,
    OUTSIDE_BYTES_MAX,
    OUTSIDE_NODES_MAX,
    Cid,
    Link,
    NotAContentId,
    Plain,
    cid_text,
    content_id,
    decode,
    encode,
    encoded_link,
    encoded_list,
    encoded_text,
    is_cid,
    is_raw_id,
    link,
    parse_cid,
    raw_id,
    raw_id_of_digest,
)
from weft.errors import Undecodable, Unencodable

cids = st.builds(lambda made, content: made(content), st.sampled_from([content_id, raw_id]), st.binary(max_size=8))
atoms = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | cids.map(link)
)
plains = st.recursive(
    atoms, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5), max_leaves=30
)


@given(plains)
def test_decoding_gives_back_what_was_encoded_and_the_same_bytes(value: Plain) -> None:
    encoded = encode(value)

    assert decode(encoded) == value
    assert encode(decode(encoded)) == encoded


@given(st.binary(max_size=40))
def test_bytes_are_either_canonical_or_refused(anything: bytes) -> None:
    try:
        value = decode(anything)
    except Undecodable:
        return
    assert encode(value) == anything


@given(plains, st.data())
def test_a_changed_byte_gives_other_content_or_a_refusal_never_a_second_form(value: Plain, data: st.DataObject) -> None:
    encoded = bytearray(encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))

    try:
        changed = decode(bytes(encoded))
    except Undecodable:
        return
    assert encode(changed) == bytes(encoded)


@given(st.dictionaries(st.text(), st.integers(0, 9), max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_a_map_was_filled_does_not_show(value: dict[str, Plain], random: object) -> None:
    keys = list(value)
    random.shuffle(keys)  # type: ignore[attr-defined]

    assert encode({key: value[key] for key in keys}) == encode(value)


CID_BYTES = content_id(b"")
NOT_CANONICAL = {
    "nothing": b"",
    "integer in two bytes that fits in one": b"\x18\x17",
    "integer in three bytes that fits in two": b"\x19\x00\xff",
    "integer in nine bytes that fits in five": b"\x1b\x00\x00\x00\x00\xff\xff\xff\xff",
    "negative integer not minimal": b"\x38\x00",
    "length not minimal": b"\x78\x01a",
    "half float": b"\xf9\x3c\x00",
    "single float": b"\xfa\x3f\x80\x00\x00",
    "not a number": b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    "infinity": b"\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
    "minus infinity": b"\xfb\xff\xf0\x00\x00\x00\x00\x00\x00",
    "undefined": b"\xf7",
    "unassigned simple value": b"\xf0",
    "true in two bytes": b"\xf8\xf5",
    "break without a beginning": b"\xff",
    "list of indefinite length": b"\x9f\x01\xff",
    "map of indefinite length": b"\xbfaa\x01\xff",
    "text of indefinite length": b"\x7faa\xff",
    "bytes of indefinite length": b"\x5f\x41\x01\xff",
    "key twice": b"\xa2aa\x01aa\x02",
    "keys not in order": b"\xa2ab\x01aa\x02",
    "longer key first": b"\xa2baa\x01ab\x02",
    "integer as key": b"\xa1\x01\x02",
    "bytes as key": b"\xa1\x41a\x02",
    "tag other than a link": b"\xc0\x00",
    "link without its first zero": b"\xd8\x2a\x58\x24" + CID_BYTES,
    "link as text": b"\xd8\x2a\x61a",
    "link to nothing": b"\xd8\x2a\x41\x00",
    "link of an unknown codec": b"\xd8\x2a\x58\x25\x00\x01\x70" + CID_BYTES[2:],
    "link by an unknown hash": b"\xd8\x2a\x58\x25\x00\x01\x71\x13\x20" + CID_BYTES[4:],
    "link a byte too long": b"\xd8\x2a\x58\x26\x00" + CID_BYTES + b"\x00",
    "text that is not UTF-8": b"\x61\x80",
    "text with a lone surrogate": b"\x63\xed\xa0\x80",
    "something after the end": b"\x00\x00",
    "list cut short": b"\x82\x01",
    "list longer than memory": b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "bytes longer than memory": b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
}


@pytest.mark.parametrize("encoded", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_a_form_that_is_not_canonical_is_refused(encoded: bytes) -> None:
    with pytest.raises(Undecodable, match="canonical dag-cbor"):
        decode(encoded)


def nest(depth: int) -> Plain:
    value: Plain = []
    for level in range(depth - 1):
        value = [value] if level % 2 else {"a": value}
    return value


def test_content_may_be_as_deep_as_the_bound_and_no_deeper() -> None:
    assert decode(encode(nest(DEPTH_MAX))) == nest(DEPTH_MAX)

    with pytest.raises(Unencodable, match=f"more than {DEPTH_MAX} deep"):
        encode(nest(DEPTH_MAX + 1))
    with pytest.raises(Undecodable, match=f"more than {DEPTH_MAX}"):
        decode(encode(nest(DEPTH_MAX + 1), depth_max=DEPTH_MAX + 1))


def test_content_deeper_than_pythons_stack_is_refused_and_does_not_crash() -> None:
    with pytest.raises(Undecodable, match="deep"):
        decode(b"\x81" * 100_000 + b"\x80")


def test_bytes_that_look_like_containers_are_not_taken_for_depth() -> None:
    assert decode(encode(b"\x81" * 1000)) == b"\x81" * 1000


def test_content_over_the_bound_of_bytes_or_values_is_refused() -> None:
    with pytest.raises(Undecodable, match="more than 1048576 bytes"):
        decode(encode(bytes(OUTSIDE_BYTES_MAX)), bytes_max=OUTSIDE_BYTES_MAX)
    with pytest.raises(Undecodable, match="more than 100000 values"):
        decode(encode([0] * OUTSIDE_NODES_MAX), nodes_max=OUTSIDE_NODES_MAX)
    assert decode(encode([0] * (OUTSIDE_NODES_MAX - 1)), nodes_max=OUTSIDE_NODES_MAX)


@pytest.mark.parametrize(
    ("value", "where", "words"),
    [
        (1 << 64, "the value", "64 bits"),
        ({"a": [0, {"b": -(1 << 64) - 1}]}, "a[1].b", "64 bits"),
        ([math.nan], "[0]", "finite"),
        ({"a": -math.inf}, "a", "finite"),
        (["\ud800"], "[0]", "surrogates"),
        ({"a": {"\ud800": 1}}, "a", "keys"),
        ({"a": {1: 2}}, "a", "keys"),
        ([(1, 2)], "[0]", "not a plain value"),
        ({"a": {1, 2}}, "a", "not a plain value"),
        (object(), "the value", "not a plain value"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_place(value: Plain, where: str, words: str) -> None:
    with pytest.raises(Unencodable, match=words) as refused:
        encode(value)

    assert refused.value.where == where


def test_bytes_that_look_like_an_id_stay_bytes_and_a_link_stays_a_link() -> None:
    cid = content_id(b"content")

    assert decode(encode([bytes(cid), link(cid)])) == [bytes(cid), Link(cid)]
    assert link(cid) != decode(encode(bytes(cid)))
    assert repr(link(cid)) == f"link({cid_text(cid)})"


def test_an_id_is_the_sha_256_of_the_bytes_behind_its_codec() -> None:
    digest = hashlib.sha256(b"content").digest()

    assert content_id(b"content") == bytes.fromhex("01711220") + digest
    assert raw_id(b"content") == raw_id_of_digest(digest) == bytes.fromhex("01551220") + digest
    assert is_cid(content_id(b""))
    assert is_cid(raw_id(b""))
    assert is_raw_id(raw_id(b""))
    assert not is_raw_id(content_id(b""))


@given(cids)
def test_an_id_is_read_back_from_its_text(cid: Cid) -> None:
    text = cid_text(cid)

    assert parse_cid(text) == cid
    assert text.startswith(("bafy", "bafk"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.upper(),
        lambda text: "B" + text[1:],
        lambda text: text[:-1],
        lambda text: text + "=",
        lambda text: text + "a",
        lambda text: text[:-1] + "b",
        lambda text: "z" + text[1:],
        lambda text: text[:20] + "1" + text[21:],
        lambda text: text[:20] + "é" + text[21:],
        lambda text: "b" + "a" * 58,
        lambda text: text[:20] + "\n" + text[21:],
        lambda text: " " + text[:-1],
        lambda text: "Qm" + text,
        lambda text: "../" + text[3:],
        lambda text: "",
        lambda text: text * 1000,
    ],
)
def test_an_id_has_one_spelling(spoil: Callable[[str], str]) -> None:
    with pytest.raises(NotAContentId) as refused:
        parse_cid(spoil(cid_text(raw_id(b""))))

    assert len(str(refused.value)) < 400


@given(plains)
def test_another_implementation_writes_and_reads_the_same_bytes(value: Plain) -> None:
    dag_cbor = require_module("dag_cbor")
    multiformats = require_module("multiformats")

    def theirs(node: Plain) -> object:
        match node:
            case Link(cid=cid):
                return multiformats.CID.decode(bytes(cid))
            case list():
                return [theirs(child) for child in node]
            case dict():
                return {key: theirs(child) for key, child in node.items()}
        return node

    assert dag_cbor.encode(theirs(value)) == encode(value)
    assert dag_cbor.decode(encode(value)) == theirs(value)


@given(cids)
def test_another_implementation_spells_ids_the_same(cid: Cid) -> None:
    multiformats = require_module("multiformats")

    assert multiformats.CID.decode(bytes(cid)).encode("base32") == cid_text(cid)
    assert bytes(multiformats.CID.decode(cid_text(cid))) == cid


@given(st.text() | st.text(min_size=200, max_size=300), st.lists(atoms, max_size=300), cids)
def test_bytes_put_together_from_parts_are_those_of_the_whole(text: str, members: list[Plain], cid: Cid) -> None:
    assert encoded_text(text) == encode(text)
    assert encoded_link(cid) == encode(link(cid))
    assert encoded_list([encode(member) for member in members]) == encode(members)
