"""What is told of an exception is short, points at the user's code, and gives no credential away."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.runners.failure import MESSAGE_CHARS_MAX, WHERE_CHARS_MAX, message_of, shortened, where_of


def caught(raised: BaseException) -> BaseException:
    """The exception, with the traceback of having been raised here."""
    try:
        raise raised
    except BaseException as error:  # noqa: BLE001 - it is what was asked for
        return error


@given(st.text(max_size=5000), st.integers(10, 3000))
def test_a_text_is_never_longer_than_asked(text: str, chars_max: int) -> None:
    assert len(shortened(text, chars_max)) <= chars_max


def test_a_long_message_keeps_both_ends() -> None:
    message = message_of(ValueError("first " + "x" * 100_000 + " last"))

    assert len(message) <= MESSAGE_CHARS_MAX
    assert message.startswith("first")
    assert message.endswith("last")


def test_an_exception_whose_text_fails_still_has_a_message() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "RuntimeError" in message_of(Mute())


def test_frames_of_libraries_are_left_out_where_the_user_called_them() -> None:
    with pytest.raises(json.JSONDecodeError) as caught_error:
        json.loads("{")

    where = where_of(caught_error.value)

    assert "test_failure.py" in where
    assert 'json.loads("{")' in where
    assert "decoder.py" not in where


def test_a_deep_recursion_is_told_in_a_few_lines() -> None:
    def fall(depth: int) -> int:
        return fall(depth + 1)

    with pytest.raises(RecursionError) as caught_error:
        fall(0)
    where = where_of(caught_error.value)

    assert len(where.splitlines()) <= 5
    assert len(where) <= WHERE_CHARS_MAX


def test_an_exception_that_was_never_raised_has_no_place() -> None:
    assert where_of(ValueError("x")) == ""


@pytest.mark.parametrize(
    "text",
    [
        "GET https://ann:CANARY12345@example.org/ failed",
        "401 for Authorization: Bearer CANARY12345678901",
        "no access with api_key=CANARY12345",
        '{"access_token": "CANARY12345"}',
        "password: CANARY12345",
        "OPENAI_API_KEY=CANARY12345 is not valid",
        "Incorrect key sk-CANARY1234567890abcdef",
    ],
)
def test_what_looks_like_a_credential_is_blotted_out(text: str) -> None:
    message = message_of(caught(RuntimeError(text)))

    assert "CANARY" not in message
    assert "***" in message


@pytest.mark.parametrize("text", ["12 tokens were left", "no such shelf: attic", "https://example.org:8000/a@b"])
def test_other_text_is_left_alone(text: str) -> None:
    assert message_of(RuntimeError(text)) == text
