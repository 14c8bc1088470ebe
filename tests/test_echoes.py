"""What a peer says back of a secret is known again in the forms in which it went over the line, or is quoted."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.echoes import Echoes, echoes_of

CANARY = "canary-4711?>"
LETTERS = st.text(st.sampled_from("abcXYZ019-_ü?"), min_size=9, max_size=40)


def base64_of(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        base64_of(CANARY),
        base64_of(CANARY).rstrip("="),
        urlsafe_b64encode(CANARY.encode()).decode(),
        base64_of(f"\0me\0{CANARY}"),
    ],
)
def test_no_form_of_a_secret_is_left(form: str) -> None:
    echoes = echoes_of([CANARY], user="me")

    assert echoes.cleared(f"you said {form}, and {form}") == "you said ***, and ***"
    assert echoes.cleared_bytes(b"\xff" + form.encode()) == b"\xff***"
    assert CANARY not in repr(echoes)


@pytest.mark.parametrize("secret", ['p"ä\\ss', "p'ss", "pass\ud800"])
def test_a_secret_that_programs_quote_is_known_again(secret: str) -> None:
    echoes = echoes_of([secret], instead="[password]")
    content = secret.encode(errors="surrogatepass")

    for quoted in (json.dumps(secret), json.dumps(secret, ensure_ascii=False), ascii(secret), repr(content)):
        assert "[password]" in echoes.cleared(f"said {quoted}")
        assert "ss" not in echoes.cleared(f"{quoted}").replace("[password]", "")


@given(st.text(max_size=9), LETTERS, st.text(max_size=9))
def test_what_is_encoded_within_a_longer_text_is_known_again(before: str, secret: str, behind: str) -> None:
    whole = before + secret + behind
    said = b64encode(whole.encode()).decode()

    assert "***" in echoes_of([secret]).cleared(said)


@given(LETTERS, LETTERS)
def test_of_one_secret_within_another_nothing_is_left(secret: str, more: str) -> None:
    longer = secret + more

    assert echoes_of([secret, longer]).cleared(f"<{longer}>") == "<***>"


def test_without_a_secret_all_is_left() -> None:
    assert Echoes().cleared("what was said") == "what was said"
    assert echoes_of([""]).cleared("what was said") == "what was said"
