"""Server-sent events do not depend on how their bytes were split."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.services.server_sent import EventReader

payloads = st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1), max_size=5)


@given(payloads, st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 400), max_size=8))
def test_events_do_not_depend_on_how_their_bytes_were_split(sent: list[str], end: str, cuts: list[int]) -> None:
    stream = "".join(f"data: {payload}{end}{end}" for payload in sent).encode()
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = EventReader()

    found = [event for a, b in pairwise(places) for event in reader.feed(stream[a:b])]

    assert found == sent


@given(payloads)
def test_events_come_whole_also_byte_by_byte(sent: list[str]) -> None:
    stream = "".join(f": a comment\r\nevent: x\r\ndata:{payload}\r\n\r\n" for payload in sent).encode()
    reader = EventReader()

    found = [event for byte in stream for event in reader.feed(bytes([byte]))]

    assert found == [payload.removeprefix(" ") for payload in sent]


def test_an_event_without_its_blank_line_is_not_an_event() -> None:
    assert list(EventReader().feed(b"data: whole\n\ndata: half\n")) == ["whole"]


def test_several_data_lines_make_one_event() -> None:
    assert list(EventReader().feed(b"data: a\ndata: b\n\n\n\n")) == ["a\nb"]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert list(EventReader().feed(b"\xef\xbb\xbfdata: a\n\n")) == ["a"]


def test_blank_lines_after_a_split_line_end_are_not_lost() -> None:
    reader = EventReader()

    found = [event for chunk in (b"data: a\r", b"\n", b"\n", b"data: b\n\n") for event in reader.feed(chunk)]

    assert found == ["a", "b"]


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        list(EventReader().feed(b"data: \xff\n\n"))
