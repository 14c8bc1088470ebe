"""Answers are made piece by piece, off the loop, and say what they said at one piece."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.house import Client
from weft.server import rest
from weft.server.encoded import DEEP_MAX, PIECE_ITEMS, _pieces, encoded

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def whole(said: object) -> str:
    return json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@given(PLAIN)
def test_it_says_what_it_says_at_one_piece(said: object) -> None:
    assert encoded(said) == whole(said)
    assert encoded({"a": 1, "many": [said] * (PIECE_ITEMS + 1), "last": said}) == whole(
        {"a": 1, "many": [said] * (PIECE_ITEMS + 1), "last": said}
    )


def test_what_is_long_is_many_pieces_as_deep_as_values_stand() -> None:
    said = {"all": {"nodes": [{"name": "n", "value": [*range(100 * PIECE_ITEMS)]}]}}

    pieces = [*_pieces(said, DEEP_MAX)]

    assert len(pieces) > 100
    assert max(map(len, pieces)) < len(whole(said)) / 50


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encoded({"n": [float("nan")]})


def test_no_answer_is_made_on_the_loop(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made_on = list[str]()

    def noted(said: object) -> str:
        made_on.append(threading.current_thread().name)
        return encoded(said)

    monkeypatch.setattr(rest, "encoded", noted)
    said = client.get("/api/spaces")
    made = client.post("/api/spaces/home/entities", json={"type": "Sheet", "fields": {"n": 1}, "wait_s": 30})

    assert (said.status_code, made.status_code, len(made_on)) == (200, 201, 2)
    assert all(one.startswith("weft server") for one in made_on)
