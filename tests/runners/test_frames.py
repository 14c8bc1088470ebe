"""Frames come out as they went in, and nothing else is taken for one."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import Undecodable
from weft.runners import frames
from weft.runners.frames import FRAME_BYTES_MAX, FrameTooLarge, Message, read_frame, write_frame

leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20) | st.binary(max_size=50)
messages = st.dictionaries(st.text(max_size=5), st.recursive(leaves, lambda inner: st.lists(inner, max_size=3)))


@given(st.lists(messages, max_size=4))
def test_messages_come_out_in_order_and_then_the_end(sent: list[Message]) -> None:
    pipe = io.BytesIO()
    for message in sent:
        write_frame(pipe, message)
    pipe.seek(0)

    assert [read_frame(pipe) for _ in sent] == sent
    assert read_frame(pipe) is None


@given(messages, st.data())
def test_a_frame_that_was_cut_off_is_the_end(message: Message, data: st.DataObject) -> None:
    pipe = io.BytesIO()
    write_frame(pipe, message)
    cut = data.draw(st.integers(0, len(pipe.getvalue()) - 1))

    assert read_frame(io.BytesIO(pipe.getvalue()[:cut])) is None


@pytest.mark.parametrize(
    "frame",
    [
        (FRAME_BYTES_MAX + 1).to_bytes(4, "big"),
        b"\x00\x00\x00\x01\x80",
        b"\x00\x00\x00\x02\xff\xff",
        b"Hell",
    ],
    ids=["too long", "a list", "no cbor", "text"],
)
def test_what_is_no_message_is_refused(frame: bytes) -> None:
    with pytest.raises(Undecodable):
        read_frame(io.BytesIO(frame))


def test_a_message_that_is_too_large_is_refused_before_a_byte_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_BYTES_MAX", 100)
    pipe = io.BytesIO()

    with pytest.raises(FrameTooLarge, match="Blob"):
        write_frame(pipe, {"content": bytes(100)})

    assert pipe.getvalue() == b""
