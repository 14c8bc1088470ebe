"""What a model is told stands between two lines, out of which nothing that it is about can come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from weft.form import Form
from weft.run_rows import AskedForm
from weft.runs.live_run import Questioning
from weft.runs.replay import Asking
from weft.steps.decisions import prompt_for

ENDS = ["-----", "----", "\n", "\r", "\x85", "\u2028", "\u2029", "\\", "-"]
TEXTS = st.lists(st.one_of(st.text(max_size=4), st.sampled_from(ENDS)), max_size=12).map("".join)


@dataclass(frozen=True)
class Verdict:
    yes: bool


def prompt(name: str, about: object) -> str:
    form = Form(Verdict)
    asked: Any = AskedForm(form.name, form.schema, {"value": about})  # type: ignore[dict-item]
    return prompt_for(Asking("decide", name, asked.plain(), Questioning(form, None, None), key=None))


@given(TEXTS, TEXTS)
def test_what_a_question_is_about_stays_between_its_lines(name: str, about: str) -> None:
    lines = prompt(name, about).splitlines()

    first, data, second = lines[-4:-1]
    assert (first, second) == ("-----", "-----")
    assert "-----" not in data
    assert json.loads(data) == {"value": about}
    assert len(lines) == len(prompt("worth", "plain").splitlines())
