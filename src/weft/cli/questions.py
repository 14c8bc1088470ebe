"""`weft questions`: what runs of flows have asked, and nobody has answered.

Knows nothing of answering. Invariant: what is listed can be answered by the id that is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, reading
from weft.moment import moment_text

if TYPE_CHECKING:
    from weft.content import Plain
    from weft.questions import Question

ID_CHARS = 8
"""So much of an id is shown; any beginning of it that no other has will do."""
ABOUT_LINES_MAX = 10
"""So much is shown of what a question is about."""


@click.command("questions")
@click.argument("space", type=SPACE)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, each with the schema of its answer.")
def command(space: str, as_json: bool) -> None:
    """What runs of flows in SPACE have asked, and nobody has answered: `weft answer` does. The oldest come first. Those
    that were answered stand apart, until their runs have gone on.

    The code of the types is not needed, and another program may be computing the space meanwhile.
    """
    from weft.portrait.question import answers_waiting, question_plain
    from weft.questions import open_questions

    with reading(space) as opened, opened.view() as engine:
        found, waiting = list(open_questions(engine)), answers_waiting(engine)
    if as_json:
        terminal.say_json({"questions": [question_plain(one, is_waiting=one.id in waiting) for one in found]})
        return
    still = [one for one in found if not one.is_answered and one.id not in waiting]
    for one in still:
        for line in _lines(one, is_waiting=False):
            terminal.say(line)
    if not still:
        terminal.note("nothing is asked" if not found else "nothing is asked that nobody has answered")
    if len(still) < len(found):
        terminal.say(("" if not still else "\n") + terminal.strong("Answered, and their runs have not gone on yet"))
    for one in found:
        if one not in still:
            for line in _lines(one, is_waiting=one.id in waiting):
                terminal.say(line)


def _expires(one: Question) -> str:
    return moment_text(one.expires_us) if one.expires_us else ""


def _lines(one: Question, *, is_waiting: bool) -> Iterator[str]:
    width = terminal.width()
    said = f"{one.id[:ID_CHARS]}  {wanted_text(one)}, for {one.flow} of {one.entity[:ID_CHARS]}"
    yield from terminal.wrapped(said, width, hanging="  ")
    default = f", and is then {_text(one.default[0])}" if isinstance(one.default, list) else ""
    notes = [
        ("about", about_text(one)),
        ("fields", _fields_text(one)),
        ("may be answered by", ", ".join(one.by)),
        ("expires", f"{_expires(one)}{default}" if one.expires_us else ""),
        ("in doubt", one.doubt),
        ("an answer did not fit", one.refused),
        ("answered", "its run has not gone on yet" if one.is_answered else ""),
        ("answered", "no program that computes the space has taken it yet" if is_waiting else ""),
    ]
    for name, text in notes:
        if text:
            yield from terminal.wrapped(f"{name}: {text}", width, indent="  ", hanging="  ")


def wanted_text(one: Question) -> str:
    """What it is called, and what fits as an answer: `size: a Size`."""
    from weft.form.check import wanted_of

    return f"{one.name}: {wanted_of(one.schema)}"


def about_text(one: Question) -> str:
    """What it is about, as one text, which is cut only where it is very long, and of what is to be approved never; of
    an effect, what that holds, for its name is in that of the question."""
    said, is_approval = one.about, False
    if isinstance(said, dict) and said.keys() - {"content"} == {"effect", "value"}:
        is_approval, said = "content" in said, said["value"]
    text = "" if said is None else _text(said)
    return text if is_approval else terminal.shortened(text, ABOUT_LINES_MAX * terminal.width())


def _fields_text(one: Question) -> str:
    """The names of its fields, with what each wants; empty for what has none."""
    from weft.form import Blank
    from weft.form.check import wanted_of

    fields, required = one.schema.get("properties"), one.schema.get("required", ())
    if not isinstance(fields, dict):
        return ""
    checker = Blank(one.form, one.schema).checker
    known = {name: checker.resolved(field) for name, field in fields.items()}
    # A class is said by its own name, not by the field's.
    wanted = {name: wanted_of(fields[name] if "properties" in one else one) for name, one in known.items()}
    # The one value that there is may have to be copied from here, so it is not cut.
    wanted |= {name: repr(one["enum"][0]) for name, one in known.items() if len(one.get("enum", ())) == 1}
    return ", ".join(f"{name} ({said}{'' if name in required else ', or left out'})" for name, said in wanted.items())


def _text(value: Plain) -> str:
    """In one line; what a flow gave as no object was wrapped up on its own."""
    from weft.portrait.line import line_of

    return line_of(value["value"] if isinstance(value, dict) and value.keys() == {"value"} else value)
