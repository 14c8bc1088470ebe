"""What comes from outside as JSON: read as it was meant, or refused with its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.house import Sheet
from weft import Blob, Space
from weft.content import Plain, link, raw_id
from weft.dag_json import json_of, plain_of_json
from weft.errors import Undecodable
from weft.server.telling import UnfitTelling, tell

_LINKS: st.SearchStrategy[Plain] = st.binary().map(lambda content: link(raw_id(content)))
_LEAVES = st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | st.text() | st.binary() | _LINKS
_KEYS = st.text().filter(lambda key: key != "/")


class Anything:
    """It may all be mentioned."""

    def entity(self, id: str) -> None:
        pass

    def contents(self, said: object) -> None:
        pass


@given(st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner)))
def test_plain_values_come_back_from_json_as_they_were(value: Plain) -> None:
    assert plain_of_json(json.loads(json.dumps(json_of(value)))) == value


@pytest.mark.parametrize("said", [{"/": "bafy"}, {"/": {"bytes": "?"}}, [{"a": {"/": "x" * 59}}], {1, 2}])
def test_what_looks_like_a_link_or_bytes_and_is_none_is_refused(said: object) -> None:
    with pytest.raises(Undecodable):
        plain_of_json(said)


def test_what_is_wrong_names_its_field(space: Space) -> None:
    sheet = space.create(Sheet, n=1)
    with space.view() as engine:
        spec = engine.in_force["Sheet"]

    with pytest.raises(UnfitTelling, match=r"Sheet\.pages cannot be told that"), space.edit():
        tell(space, spec, sheet.id, {"put": {"pages": {"a": "x"}}}, Anything())
    assert dict(sheet.pages.items()) == {}


def test_content_is_kept_before_anything_names_it(space: Space) -> None:
    blob = Blob.from_bytes(b"hello")
    assert space.kept(blob.id) is None

    space.keep(blob)

    found = space.kept(blob.id)
    assert found is not None
    assert (found.bytes(), found.size_bytes) == (b"hello", 5)
    assert (space.kind_named("Sheet"), space.kind_named("Shoot")) == (Sheet, None)
