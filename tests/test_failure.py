"""What is told of an exception is short, points at the user's code, and gives no credential away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft.cli.flow_lines import place_text
from weft.examples.mail.planning import by_rules
from weft.failure import (
    MESSAGE_CHARS_MAX,
    WHERE_CHARS_MAX,
    is_ctrl_c,
    message_of,
    shortened,
    told_failure,
    where_of,
)


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


def test_frames_of_weft_are_left_out_where_the_user_called_it() -> None:
    with pytest.raises(TypeError) as caught_error:
        weft.open(types=7)  # type: ignore[arg-type]

    where = where_of(caught_error.value)

    assert [line.partition(":")[0] for line in where.splitlines()] == ["tests/test_failure.py"]


def test_an_example_that_comes_with_weft_is_a_users_code() -> None:
    with pytest.raises(AttributeError) as caught_error:
        by_rules(None)  # type: ignore[arg-type]

    where = where_of(caught_error.value)

    assert "weft/examples/mail/planning.py:" in where.splitlines()[-1]
    assert "weft/examples/mail/planning.py:" in told_failure({"error": "A", "message": "b", "where": where})
    assert "in by_rules" in place_text(where)


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


def test_files_are_named_as_they_are_imported_and_never_by_their_folders() -> None:
    where = where_of(caught(ValueError("x")))

    assert where.startswith("tests/test_failure.py:")
    assert " in caught: raise raised" in where
    assert os.getcwd() not in where


def test_a_file_from_nowhere_in_particular_is_named_without_its_folder(tmp_path: Path) -> None:
    script = tmp_path / "secret folder" / "script.py"
    script.parent.mkdir()
    script.write_text("def fall():\n    raise ValueError('x')\n")
    made: dict[str, object] = {}
    exec(compile(script.read_text(), str(script), "exec"), made)

    with pytest.raises(ValueError) as caught_error:
        made["fall"]()  # type: ignore[operator]
    where = where_of(caught_error.value)

    assert "\nscript.py:2 in fall: raise ValueError('x')" in where
    assert "secret folder" not in where


def test_no_value_of_a_local_variable_is_kept() -> None:
    def fall() -> None:
        hidden = "CANARY" + "12345"
        raise ValueError(len(hidden))

    with pytest.raises(ValueError) as caught_error:
        fall()

    assert "CANARY12345" not in where_of(caught_error.value)


def test_a_credential_in_a_line_of_source_is_blotted_out() -> None:
    with pytest.raises(ValueError) as caught_error:
        raise ValueError(len(api_key := "CANARY12345"))
    where = where_of(caught_error.value)

    assert api_key not in where
    assert "***" in where


def test_what_an_error_was_raised_from_is_told_with_its_last_place() -> None:
    def look() -> None:
        dict[str, int]()["token=CANARY12345"]

    def ask() -> None:
        try:
            look()
        except KeyError as missing:
            raise LookupError("not there") from missing

    with pytest.raises(LookupError) as caught_error:
        ask()
    lines = where_of(caught_error.value).splitlines()

    (cause,) = [at for at, line in enumerate(lines) if line.startswith("from KeyError: ")]
    assert 'raise LookupError("not there") from missing' in lines[cause - 1]
    assert " in look: " in lines[cause + 1]
    assert "CANARY" not in "".join(lines)


def test_a_long_chain_of_causes_is_cut_and_one_that_is_hidden_stays_so() -> None:
    error: Exception = ValueError("0")
    for number in range(1, 50):
        error, before = ValueError("x" * 10_000 + str(number)), error
        error.__cause__ = before
    hidden = ValueError("shown")
    hidden.__context__, hidden.__suppress_context__ = KeyError("hidden"), True

    assert len(where_of(caught(error))) <= WHERE_CHARS_MAX
    assert where_of(caught(error)).count("from ValueError") == 3
    assert "hidden" not in where_of(caught(hidden)).replace("caught(hidden)", "")


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
        "github_pat_CANARY1234567890abcdef was refused",
        "AKIACANARY1234567890 is unknown",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJDQU5BUlkifQ.CANARYCANARY",
        "-----BEGIN RSA PRIVATE KEY-----\nCANARY+/=\nCANARY\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_credential_is_blotted_out(text: str) -> None:
    message = message_of(caught(RuntimeError(text)))

    assert "CANARY" not in message
    assert "***" in message


@pytest.mark.parametrize("text", ["12 tokens were left", "no such shelf: attic", "https://example.org:8000/a@b"])
def test_other_text_is_left_alone(text: str) -> None:
    assert message_of(RuntimeError(text)) == text


# Ctrl-C --------------------------------------------------------------------------------------------------------------


def raised_by(act: Callable[[], object]) -> BaseException:
    try:
        act()
    except BaseException as error:  # noqa: BLE001 - it is what was asked for
        return error
    raise AssertionError("it raised nothing")


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Also where the tests were started with it switched off, as in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def raise_an_interrupt() -> None:
    raise KeyboardInterrupt


def press_it_within_c() -> None:
    sorted([1, 2], key=lambda _: press_ctrl_c())  # type: ignore[arg-type, return-value]


def pass_it_on() -> None:
    try:
        press_ctrl_c()
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt("stopped") from interrupt


def press_it_in_a_loop(times: int) -> None:
    async def insist() -> None:
        for _ in range(times):
            press_ctrl_c()
        await asyncio.sleep(0)

    asyncio.run(insist())  # its own handler asks the task to end, and raises the second time


@pytest.mark.parametrize(
    "press",
    [press_ctrl_c, press_it_within_c, pass_it_on, lambda: press_it_in_a_loop(1), lambda: press_it_in_a_loop(2)],
    ids=["by itself", "within C", "passed on", "in a loop", "twice in a loop"],
)
def test_a_ctrl_c_is_known_wherever_it_lands(press: Callable[[], None]) -> None:
    assert is_ctrl_c(raised_by(press))


def test_a_ctrl_c_is_known_where_a_handler_of_its_own_raises_it() -> None:
    found: list[bool] = []

    def handle(number: int, frame: object) -> None:
        raise_an_interrupt()

    before = signal.signal(signal.SIGINT, handle)
    try:
        found.append(is_ctrl_c(raised_by(press_ctrl_c)))
    finally:
        signal.signal(signal.SIGINT, before)

    assert found == [True]


def test_an_interrupt_that_code_raises_itself_is_no_ctrl_c() -> None:
    assert not is_ctrl_c(raised_by(raise_an_interrupt))
    assert not is_ctrl_c(raised_by(lambda: raise_an_interrupt()))
    assert not is_ctrl_c(SystemExit())


def test_away_from_the_main_thread_nothing_is_a_ctrl_c() -> None:
    found: list[bool] = []

    thread = threading.Thread(target=lambda: found.append(is_ctrl_c(KeyboardInterrupt())))
    thread.start()
    thread.join()

    assert found == [False]
