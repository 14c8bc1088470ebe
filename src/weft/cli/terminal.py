"""What commands write: data on standard output, remarks on standard error, in lines that fit where they are read.

Colour only on a terminal, and not where NO_COLOR is set. Text from a space may hold anything, so characters that would
steer a terminal, turn a text's order round or hide in it are shown, not sent.

Knows nothing of spaces.
Invariant: no line of `shortened` or `wrapped` is wider than was asked, counted in a terminal's cells; whatever is said
here steers nothing but the style that is given here.
Source: no-color.org; Unicode's East Asian width; its report 36 on texts that look like others.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator

import click

WIDTH = 80
"""Where the width is not known."""
_STYLE = re.compile(r"(\x1b\[(?:0|1|2|31)m)")
"""What `strong`, `faint` and `alarming` put around a text."""
_STEERING = ("Cc", "Cs", "Cf", "Zl", "Zp")
_JOINERS = "\u200c\u200d"
"""Without these some scripts, and some pictures, are written otherwise."""


def width() -> int:
    """How many cells a line has: COLUMNS, else the terminal's, else 80."""
    return max(40, shutil.get_terminal_size((WIDTH, 24)).columns)


def say(text: str = "") -> None:
    """A line of data."""
    click.echo(_sent(text), color=_has_colour(sys.stdout))


def note(text: str = "") -> None:
    """A remark: progress, or what went wrong; on a terminal in lines that fit."""
    is_long = sys.stderr.isatty() and cells(text) > width() and not _STYLE.search(text)
    for line in wrapped(text, width(), hanging="  ") if is_long else (text,):
        click.echo(_sent(line), err=True, color=_has_colour(sys.stderr))


def program() -> str:
    """How this program is called from here: `weft` where a shell finds it, else its path."""
    if shutil.which("weft"):
        return "weft"
    started = sys.argv[0] if sys.argv else ""
    if os.path.basename(started) == "__main__.py":
        return f"{sys.executable} -m weft"
    return started if os.path.basename(started).startswith("weft") else "weft"


def say_json(value: object, *, in_one_line: bool = False) -> None:
    """A value as JSON: indented, or as one line of a stream."""
    indent = None if in_one_line else 2
    say_written_json(json.dumps(value, ensure_ascii=False, indent=indent))


def say_written_json(text: str) -> None:
    """JSON as it was written: other escapes in it mean the same."""
    for one in set(text) - {"\n"}:
        if _steers(one):
            text = text.replace(one, json.dumps(one)[1:-1])
    click.echo(text, color=False)


def strong(text: str) -> str:
    """A heading."""
    return click.style(text, bold=True)


def faint(text: str) -> str:
    """What matters less."""
    return click.style(text, dim=True)


def alarming(text: str) -> str:
    """What went wrong."""
    return click.style(text, fg="red")


def cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    return sum(_cells_of(character) for character in text)


def shortened(text: str, cells_max: int) -> str:
    """The text on one line, cut with an ellipsis where it does not fit."""
    text = printable(text.replace("\n", " "))
    if cells(text) <= cells_max:
        return text
    kept, used = [], 0
    for character in text:
        used += _cells_of(character)
        if used > cells_max - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"


def wrapped(text: str, cells_max: int, *, indent: str = "", hanging: str = "") -> Iterator[str]:
    """The text in lines, broken between words, or inside one that is longer than a line."""
    line, is_empty = indent, True
    for word in printable(text.replace("\n", " ")).split(" "):
        for piece in _pieces(word, max(cells_max - cells(indent + hanging), 8)):
            gap = "" if is_empty else " "
            if not is_empty and cells(line) + len(gap) + cells(piece) > cells_max:
                yield line
                line, gap = indent + hanging, ""
            line, is_empty = line + gap + piece, False
    if not is_empty:
        yield line


def padded(text: str, cells_wanted: int) -> str:
    """The text, filled up with spaces."""
    return text + " " * max(0, cells_wanted - cells(text))


def counted(count: int, one: str, many: str = "") -> str:
    """A number of things: `1 blob`, `2 blobs`; `many` where that takes more than an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def printable(text: str) -> str:
    """The text with characters that steer, turn or hide shown as escapes."""
    if text.isprintable():
        return text
    return "".join(ascii(character)[1:-1] if _steers(character) else character for character in text)


def _steers(character: str) -> bool:
    return unicodedata.category(character) in _STEERING and character not in _JOINERS


def _sent(text: str) -> str:
    """What is printable of it, with the style that was put around it here, and its lines and columns."""
    return "".join(
        part if _STYLE.fullmatch(part) or part in ("\n", "\t") else printable(part)
        for part in re.split(f"{_STYLE.pattern}|([\n\t])", text)
        if part
    )


def _pieces(word: str, cells_max: int) -> Iterator[str]:
    piece, used = "", 0
    for character in word:
        taken = _cells_of(character)
        if used + taken > cells_max:
            yield piece
            piece, used = "", 0
        piece, used = piece + character, used + taken
    yield piece


def _cells_of(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _has_colour(stream: object) -> bool:
    is_terminal = getattr(stream, "isatty", lambda: False)()
    return bool(is_terminal) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
