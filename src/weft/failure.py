"""What is told of an exception that user code raised: its class, its text, and where; bounded, without credentials;
and which of them is none of user code's, but a Ctrl-C.

The text ends up in the log of a space, where it stays, and goes wherever that goes. So it is cut to a length, what
looks like a credential is blotted out, and of the traceback only places and source lines are kept, never the values
that were there. Files are named as they are imported, without the folders of one machine or person.

Knows nothing of calls.
Invariant: each text is at most `MESSAGE_CHARS_MAX` or `WHERE_CHARS_MAX` long, whatever was raised; no file is named by
its absolute path.
Source: the traceback summaries of pytest and Sentry's scrubbing of events.
"""

from __future__ import annotations

import functools
import opcode
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType

from weft.errors import text_of

MESSAGE_CHARS_MAX = 2000
"""The longest text of an error that is kept."""
WHERE_CHARS_MAX = 2000
"""The longest account of where an error was raised that is kept."""
FRAMES_MAX = 5
"""How many places an error passed through are kept: the innermost ones in the user's own code."""
CAUSES_MAX = 3
"""How many errors behind an error are kept, with the last place of each."""
_CAUSE_CHARS_MAX = 200

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_OURS = (
    *(os.path.join(_PACKAGE, folder, "") for folder in ("runners", "purity")),
    *(os.path.join(_PACKAGE, file) for file in ("builtin.py", "gathered.py", "maintained.py", "tree.py")),
)
"""What stands around user code wherever it runs."""
_EXAMPLES = "examples/"
"""What is in this package, and is a user's code all the same."""
# Best effort, over the forms that libraries print: a credential in a form of its own passes, so services keep theirs in
# a Secret, whose text is never its value.
_NAMED = r"""(?i)(\b[\w-]*(?:api[_-]?key|secret|token|passw(?:or)?d)[\w-]*["']?\s*(?::=|[=:])\s*["']?)"""
_CREDENTIALS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    (re.compile(_NAMED + r"""[^\s"',;&)}]+"""), r"\1***"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), r"\1***@"),
    (re.compile(r"\b(?:sk|pk|rk|gh[opsu]|github_pat|xox[abp])[-_][\w-]{16,}"), "***"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "***"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), "***"),
    (re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\w+/=\s\\-]*"), r"\1 ***"),
)  # fmt: skip


def message_of(error: BaseException) -> str:
    """The exception's text, bounded; also where `__str__` itself raises."""
    return cleaned(text_of(error))


def cleaned(text: str) -> str:
    """A text of an error as it may be kept: bounded, in Unicode, without what looks like a credential."""
    return shortened(without_credentials(unicode_of(text)), MESSAGE_CHARS_MAX)


def where_of(error: BaseException) -> str:
    """The last frames of the traceback in the user's own code, outermost first, as `file:line in function: source`;
    then each error that this one was raised from, with its last frame. Empty where there are no frames.

    Frames of runners and built-in rules are left out always, others of this package and of libraries only if some
    remain.
    """
    shown = _frames_of(error)[-FRAMES_MAX:]
    for cause in _causes(error):
        said = shortened(message_of(cause), _CAUSE_CHARS_MAX).replace("\n", " ")
        shown += [f"from {type(cause).__name__}: {said}", *_frames_of(cause)[-1:]]
    return shortened(without_credentials(unicode_of("\n".join(shown))), WHERE_CHARS_MAX)


def told_failure(said: Mapping[str, object]) -> str:
    """An error as records hold it, for whoever waits: its class, its text, and the innermost place of the user's own
    code that it passed through."""
    message, places = str(said["message"]).rstrip("."), list[str]()
    for line in str(said.get("where") or "").splitlines():
        if line.startswith("from "):
            break
        places.append(line)
    return f"{said['error']!s}: {message}" + (f" ({own_place(places).rstrip(': ')})" if places else "")


def own_place(places: Sequence[str]) -> str:
    """Of the places that an error passed through the innermost that is not in this package, as far as there is one."""
    own = [place for place in places if not place.startswith("weft/") or place.startswith(f"weft/{_EXAMPLES}")]
    return (own or places)[-1]


def _frames_of(error: BaseException) -> list[str]:
    frames = [frame for frame in _frames(error.__traceback__) if not frame.filename.startswith(_OURS)]
    own = [frame for frame in frames if is_own(frame.filename)]
    return [f"{relative_file(frame.filename)}:{frame.lineno} in {frame.name}: {frame.line}" for frame in own or frames]


def is_own(file: str) -> bool:
    """Whether a frame's file is the user's: neither Python's, nor a library's, nor this package's."""
    if file.startswith(package := os.path.join(_PACKAGE, "")):
        return file.startswith(os.path.join(package, _EXAMPLES))
    return not _is_of_library(file)


def _is_of_library(file: str) -> bool:
    return os.path.normcase(file).startswith(_libraries())


@functools.cache
def _libraries() -> tuple[str, ...]:
    import sysconfig  # only where something failed: it takes longer to import than most of the package

    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return "<frozen ", *(os.path.normcase(path) + os.sep for path in paths if path)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What an error was raised from, or while it was handled, as Python's own tracebacks show it."""
    for _ in range(CAUSES_MAX):
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            return
        yield cause
        error = cause


def relative_file(path: str) -> str:
    """The file's name as it was imported, else below the working folder, else without its folder."""
    if not os.path.isabs(path):
        return path
    roots = {os.path.abspath(root) + os.sep for root in (*sys.path, os.curdir)}
    found = [root for root in roots if path.startswith(root)]
    return path[len(max(found, key=len)) :].replace(os.sep, "/") if found else os.path.basename(path)


def unicode_of(text: str) -> str:
    """The text with half characters written out, as in a file name that is not UTF-8: only Unicode can be kept."""
    return text.encode(errors="backslashreplace").decode()


def without_credentials(text: str) -> str:
    """The text with what looks like a credential blotted out."""
    for form, blot in _CREDENTIALS:
        text = form.sub(blot, text)
    return text


def shortened(text: str, chars_max: int) -> str:
    """The text, with its middle left out where it is too long: both ends tell most."""
    if len(text) <= chars_max:
        return text
    half = (chars_max - 3) // 2
    return f"{text[:half]} … {text[len(text) - half :]}"


def _frames(raised: TracebackType | None) -> traceback.StackSummary:
    # A negative limit keeps the last frames: a recursion error has a thousand.
    return traceback.extract_tb(raised, limit=-50)


def is_ctrl_c(error: BaseException) -> bool:
    """Whether it is a Ctrl-C that the interpreter sent: whoever swallows one makes a program that cannot be stopped.
    Whatever else user code raises, SystemExit and a `raise KeyboardInterrupt` of its own too, is its own outcome."""
    if not isinstance(error, KeyboardInterrupt) or threading.current_thread() is not threading.main_thread():
        return False  # no other thread is sent one
    return not _is_raised_by_a_statement(error) or (error.__context__ is not None and is_ctrl_c(error.__context__))


def _is_raised_by_a_statement(error: BaseException) -> bool:
    """Whether a `raise` of other code began it than a handler of Ctrl-C, or asyncio, which passes one on so. The
    interpreter's own comes between any two other steps, or out of a function that is written in C."""
    handling = getattr(signal.getsignal(signal.SIGINT), "__code__", None)
    at, op = error.__traceback__, ""
    while at is not None:
        code = at.tb_frame.f_code
        if code is handling:
            return False
        is_passed_on = at.tb_frame.f_globals.get("__name__") == "asyncio.runners"
        op, at = "" if is_passed_on else opcode.opname[code.co_code[at.tb_lasti]], at.tb_next
    return op == "RAISE_VARARGS"
