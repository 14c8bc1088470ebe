"""What Weft says when it cannot do what was asked.

Every error is a small class whose docstring is its message: the text names what was wrong, the thing it was wrong with,
and what to do next. Fields hold the facts, so that callers match on classes and fields and never on text. An error that
belongs to one module lives in that module; this one holds the base and the few that several modules raise.

Knows nothing of what raises its errors, or of who catches them.
Invariant: `str(error)` is the docstring with the fields filled in, so a message cannot drift from its class.
Source: procrastinate, whose error classes carry their message as docstring.
"""

from __future__ import annotations

import inspect
import re


class WeftError(Exception):
    """Weft could not do this: {reason}."""

    exit_code = 1
    """What a command line exits with: 1 failed, 2 usage, 3 waiting for input, 4 space damaged, locked or newer."""

    def __init__(self, **fields: object) -> None:
        """Fill the message's fields; every name in the docstring's braces must be given."""
        super().__init__()
        self.__dict__.update(fields)

    def __str__(self) -> str:
        """The class's docstring, as one line, with its fields filled in."""
        text = " ".join(inspect.cleandoc(type(self).__doc__ or "").split())
        # A field may be a sentence of its own; its period and that of the message are one.
        return re.sub(r"(?<!\.)\.\.(?=\s|$)", ".", text.format_map(vars(self)))

    def __repr__(self) -> str:
        """The class, with its fields as they were given."""
        fields = (f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({', '.join(fields)})"

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the fields: `copy` would else call `__init__` with positional arguments."""
        return _rebuild, (type(self), dict(vars(self)))


def _rebuild(kind: type[WeftError], fields: dict[str, object]) -> WeftError:
    return kind(**fields)


def text_of(error: BaseException) -> str:
    """An exception's own text, as Unicode; also where its `__str__` itself raises."""
    try:
        text = str(error)
    except BaseException as failed:  # noqa: BLE001 - it is the user's class, and must not end who reports it
        text = f"(its text could not be made: {type(failed).__name__})"
    return text.encode(errors="backslashreplace").decode()


class Unencodable(WeftError):
    """{where} holds {what}, which cannot be kept: {why}."""

    where: str
    what: str
    why: str


class Undecodable(WeftError):
    """{where} does not decode as {wanted}: {why}."""

    where: str
    wanted: str
    why: str


OLDER_SHAPE = (
    "What is kept there is of an older shape: give a field that was gained a default, or declare a higher version of "
    "the operation that makes it; what was told, tell anew, or give it the annotation that fits"
)
"""What to do about a kept value that today's annotation does not fit."""
OLDER_TOLD = (
    "What was told there before is of another shape: tell it a new value, or give it the annotation that fits; a field "
    "that its class gained needs a default"
)
"""The same, where it is known that it was told."""
