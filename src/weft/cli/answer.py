"""`weft answer`: a question of a run is answered, by an event like any other.

The event goes into the inbox of the space: an engine at work takes it at once, else the next one to open the space
does. So this needs neither the lease nor the code of the types. What the form keeps outside goes where `weft secret`
keeps such things, and is taken from a prompt that shows nothing, or from standard input, never from an argument.

Knows nothing of what an answer leads to. Invariant: what does not fit the form is told to nobody.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, existing
from weft.cli.secret import FILE, KEYRING, store_of
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft.content import Plain
    from weft.form import Blank
    from weft.form.check import Checker
    from weft.questions import Question

ACTOR = "weft answer"
"""By whom these events are told, unless it is said."""


class SecretInArgument(WeftError):
    """The question {name} asks for {fields}: what is kept outside the space must not stand in an argument, where others
    on this machine can see it. Leave ANSWER out to be asked, or give - and the JSON on standard input."""

    exit_code = 2
    name: str
    fields: str


class AskedPlainly(WeftError):
    """The question {name} cannot be asked for here: {why}. Give - as ANSWER, and on standard input JSON that
    fits the schema in `weft questions SPACE --json`."""

    exit_code = 2
    name: str
    why: str


class AnsweredAlready(WeftError):
    """The question {name} is answered already, and of several answers the first counts. Its run goes on once a program
    has the space open with its types; where it is blocked even then, `weft runs` says why."""

    name: str


class AnsweredByAnother(WeftError):
    """{by} may not answer the question {name}, but {may} may: say who answers, by --by."""

    name: str
    by: str
    may: str


@click.command("answer")
@click.argument("space", type=SPACE)
@click.argument("question")
@click.argument("answer", required=False)
@click.option("--by", default=ACTOR, show_default=True, metavar="ACTOR", help="Who answers.")
@FILE
@KEYRING
def command(space: str, question: str, answer: str | None, by: str, path: str | None, in_keyring: bool) -> None:
    """Answer QUESTION, which `weft questions` lists, named by its id, how that begins, or a name that it alone has, by
    an ANSWER as JSON, or in plain words where a text or one of several is wanted; - reads it from standard input, and
    without one it is asked for, field by field.

    The program that computes SPACE goes on with it at once; if there is none, the next one that opens it with its
    types. Passwords are kept as `weft secret` keeps them.
    """
    from weft.opening import open as open_space
    from weft.portrait.question import answers_waiting
    from weft.questions import find_question

    with existing(space):
        opened = open_space(space, engine=False, actor=by)
    try:
        with opened.view() as engine:
            found = find_question(engine, question)
            _check_open(found, by, is_waiting=found.id in answers_waiting(engine))
        opened.answer(found, _answer(found, answer), secrets=store_of(path, in_keyring))
        with opened.view() as engine:
            goes_on = engine.store.holder() is not None or found.id not in answers_waiting(engine)
    finally:
        opened.close()
    when = "" if goes_on else " when a program opens the space with its types"
    for line in terminal.wrapped(f"{found.name} is answered; its run goes on{when}", terminal.width(), hanging="  "):
        terminal.say(line)


def _check_open(question: Question, by: str, *, is_waiting: bool) -> None:
    """Refuse at once what an engine would refuse later, when nobody is there to hear of it."""
    if question.by and by not in question.by:
        raise AnsweredByAnother(name=question.name, by=by, may=" or ".join(question.by))
    if question.is_answered or is_waiting:
        raise AnsweredAlready(name=question.name)


def _answer(question: Question, answer: str | None) -> Plain:
    from weft.form import Blank

    blank = Blank(question.form, question.schema)
    if answer is None:
        return asked_for(question)
    if answer != "-" and blank.has_secrets:
        raise SecretInArgument(name=question.name, fields=" and ".join(_secret_names(question.schema)) or "a secret")
    return _said(blank, sys.stdin.buffer.read() if answer == "-" else answer)


def _said(blank: Blank, given: str | bytes) -> Plain:
    """JSON that fits; else the words as they stand, where a text is wanted, or one of several. Of a form with secrets
    it is JSON in any case. Raises `UnfitAnswer`."""
    from weft.form import UnfitAnswer

    text = _text_of(given)
    is_text = text is not None and not blank.has_secrets and not blank.checker.misfits(text)
    try:
        value = blank.parse(given)
    except UnfitAnswer:
        if text is not None and (is_text or _is_choice(blank)):
            return text
        raise
    return text if is_text and blank.checker.misfits(value) else value


def _is_choice(blank: Blank) -> bool:
    """Whether one of several words is wanted: what is none of them is told which there are."""
    choices = blank.checker.resolved(blank.schema).get("enum")
    return isinstance(choices, list) and all(isinstance(one, str) for one in choices)


def _text_of(given: str | bytes) -> str | None:
    """What was written, less the line end that a shell puts behind it; None for what is not Unicode."""
    try:
        text = given if isinstance(given, str) else given.decode()
    except UnicodeDecodeError:
        return None
    return text.removesuffix("\n").removesuffix("\r")


def _secret_names(schema: dict[str, Any]) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        if _may_hold_secrets(field, schema):
            yield name


def _may_hold_secrets(field: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether any branch of it is a secret. What refers to a form with secrets is taken for one: it shows too little
    rather than too much."""
    said = repr(field)
    return "'writeOnly': True" in said or ("'$ref'" in said and "'writeOnly': True" in repr(schema.get("$defs")))


def asked_for(question: Question) -> Plain:
    """The answer, asked for in a terminal, under what the question is and is about: each field of a form, first those
    that must be given, and what has no fields as a whole. What can have one value alone is not asked for."""
    from weft.cli.questions import about_text, wanted_text

    if not sys.stdin.isatty():
        raise AskedPlainly(name=question.name, why="there is no terminal to ask in")
    schema = question.schema
    _note(wanted_text(question))
    notes = {"about": about_text(question), "in doubt": question.doubt, "an answer did not fit": question.refused}
    for name, text in notes.items():
        _note(f"{name}: {text}" if text else None, indent="  ")
    _note(schema.get("description"))
    if not isinstance(fields := schema.get("properties"), dict):
        return _field(question.name, schema, schema, is_required=True)
    required = schema.get("required", [])
    names = dict.fromkeys([*required, *fields])
    answer = {name: _field(name, fields[name], schema, is_required=name in required) for name in names}
    return {name: given for name, given in answer.items() if given is not None}


def _field(name: str, field: dict[str, Any], schema: dict[str, Any], *, is_required: bool) -> Plain:
    """What is given for one field, which is asked for until it fits; None for what is left out."""
    from weft.form import Blank

    blank = Blank(name, {**field, "$defs": schema.get("$defs", {})})
    wanted = blank.checker.resolved(blank.schema)
    values = wanted.get("enum") or [wanted[key] for key in ("const",) if key in wanted]
    if is_required and field is not schema and len(values) == 1:
        return cast("Plain", values[0])
    if field is not schema:
        _note(field.get("description"), indent="  ")
    title = field.get("title") or (name if field is schema else name.replace("_", " ").capitalize())
    choices = f" ({said})" if (said := _choices(blank.checker, wanted)) else ""
    if (default := field.get("default")) not in (None, "", []):
        choices += f" [{_written(default)}]"

    def read(given: str) -> Plain:
        return _fitting(blank, given) if given or is_required else None

    given: Plain = click.prompt(
        terminal.printable(f"{title}{choices}"),
        default=None if is_required else "",
        show_default=False,
        hide_input=_may_hold_secrets(field, schema),
        value_proc=read,
        err=True,
    )
    return given


def _choices(checker: Checker, wanted: dict[str, Any]) -> str:
    """Which values there are, or how one is written; empty where any text or number will do."""
    match wanted:
        case {"enum": [*values]}:
            return ", ".join(map(_written, values))
        case {"type": "boolean"}:
            return "yes, no"
        case {"type": "array", "items": {"type": "string" | "integer" | "number"}}:
            return "with commas between"
        case {"type": "array"}:
            return "a list, as JSON"
        case {"anyOf": [*branches]}:
            several = [_choices(checker, checker.resolved(one)) for one in branches if one.get("type") != "null"]
            return several[0] if len(several) == 1 else "as JSON"
        case {"type": "object"}:
            return "as JSON"
        case _:
            return ""


def _written(value: Plain) -> str:
    """A value as somebody may type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_SPOKEN = {"yes": "true", "y": "true", "no": "false", "n": "false"}


def _note(description: object, *, indent: str = "") -> None:
    """What the form's author says of what is asked for."""
    if isinstance(description, str):
        for line in terminal.wrapped(description, terminal.width(), indent=indent):
            terminal.note(line)


_ERROR = "Error: "
"""What click writes before what was wrong."""


def _fitting(blank: Blank, given: str) -> Plain:
    """What somebody typed: as it stands where a text fits, else as JSON, else as a list with commas between its items.
    Raises UsageError, for click asks again."""
    from weft.form import UnfitAnswer

    value: Plain = given
    if blank.checker.misfits(given):
        try:
            value = blank.parse(_SPOKEN.get(given.lower(), given))
        except UnfitAnswer:
            value = given
        if blank.checker.misfits(value) and not blank.checker.misfits(items := _items(blank, given)):
            value = items
    if wrong := blank.checker.misfits(value):
        lines = terminal.wrapped(_ERROR + "; ".join(map(str, wrong)), terminal.width(), hanging="  ")
        raise click.UsageError("\n".join(lines).removeprefix(_ERROR))
    return value


def _items(blank: Blank, given: str) -> Plain:
    """What stands between the commas, as texts or as numbers; the text itself where it is JSON that went wrong."""
    from weft.form import UnfitAnswer

    if given.lstrip()[:1] in ("[", "{"):
        return given
    words: Plain = [word.strip() for word in given.split(",") if word.strip()]
    if not blank.checker.misfits(words):
        return words
    try:
        return blank.parse(f"[{given}]")
    except UnfitAnswer:
        return given
