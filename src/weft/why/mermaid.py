"""An explanation as a Mermaid flowchart, to be pasted where Markdown is shown.

Values may hold anything, so labels are written in characters that mean nothing to Mermaid, and all others as its
entity codes: no value can end its label, begin a directive, or add markup.

Knows nothing of browsers. Invariant: apart from labels, what is written follows from the graph's shape alone.
Source: Mermaid's flowchart syntax and entity codes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from weft.subscription import shortened
from weft.why.reason import Place, Reason, Reasons
from weft.why.runs import before_text
from weft.why.text import cost_text, name_of, spent_text

LABEL_CHARS_MAX = 60
SHAPES = {"told": ('(["', '"])'), "computed": ('["', '"]'), "elements": ('[["', '"]]'), "missing": ('{{"', '"}}')}
STYLES = {
    "told": "fill:#eef6ee,stroke:#4a7c4a,color:#1b1b1b",
    "computed": "fill:#eef1f8,stroke:#4a5f8c,color:#1b1b1b",
    "elements": "fill:#f6f6f6,stroke:#777777,color:#1b1b1b",
    "missing": "fill:#f6f6f6,stroke:#777777,color:#1b1b1b,stroke-dasharray:4 3",
    "failed": "fill:#fbeaea,stroke:#a33a3a,color:#1b1b1b",
}
_SAFE = frozenset(" ,.'()=…")
"""Beside letters and digits."""


def mermaid_of(said: Reasons) -> str:
    """The flowchart: what was told above, what was made from it below."""
    return "\n".join(_lines(said)) + "\n"


def _lines(said: Reasons) -> Iterator[str]:
    ids: dict[Place, str] = {place: f"n{number}" for number, place in enumerate(said.found)}
    yield "flowchart TD"
    for place, reason in said.found.items():
        opened, closed = SHAPES[reason.kind]
        drawn = "failed" if reason.shown.state == "failed" else reason.kind
        yield f"    {ids[place]}{opened}{'<br/>'.join(_label(reason))}{closed}:::{drawn}"
    if said.more:
        yield f'    more["{said.more} more inputs"]:::missing'
    yield from dict.fromkeys(_edges(said, ids))
    for name, style in STYLES.items():
        yield f"    classDef {name} {style}"


def _edges(said: Reasons, ids: dict[Place, str]) -> Iterator[str]:
    for place, reason in said.found.items():
        for input in reason.inputs:
            arrow = "-->" if input.is_shown else "-. changed since .->"
            yield f"    {ids[input.place]} {arrow} {ids[place]}" if input.place in ids else f"    more --> {ids[place]}"


def _label(reason: Reason) -> Iterator[str]:
    yield escaped(name_of(reason))
    yield escaped(reason.shown.text)
    if reason.call is not None:
        yield escaped(f"{reason.call.operation} {reason.call.version}")
        for service in reason.call.services:
            if service.fingerprint is not None:
                yield escaped(f"with {service.parameter}{cost_text(service)}")
    if reason.spent is not None:
        yield escaped(spent_text(reason.spent))
    if reason.edits:
        edit = reason.edits[-1]
        by = edit.actor if edit.run is None else f"the run {edit.run.run[:8]} of {edit.run.flow}"
        yield escaped(f"told by {by} at {edit.position}")
        if edit.run is not None:
            yield escaped(f"just before, {before_text(edit.run)}")
    if reason.inputs_more:
        yield escaped(f"… {reason.inputs_more} more")


def escaped(text: str) -> str:
    """The text as a part of a quoted label, shortened."""
    return "".join(map(_character, shortened(text, LABEL_CHARS_MAX)))


def _character(character: str) -> str:
    if character in _SAFE or (character.isascii() and character.isalnum()):
        return character
    category = unicodedata.category(character)
    if category[0] in "LNM" and not character.isascii():
        return character
    if category[0] in "CZ":
        return " "  # control characters, and those that turn the direction of what follows
    return f"#{ord(character)};"
