"""What a flow's own code does to the outside, beside its steps: it is refused in tests, by name.

A flow goes through its code again whenever it is taken up, and then it would do the same again. Python tells an audit
hook of files, sockets and programs that are opened; who opens them is seen by the frames from there up to where runs
are driven. What Weft itself reads meanwhile, and what an import reads, is no flow's doing. Clocks and random numbers
are not told of, and are not found.

Knows nothing of what runs ask for. Invariant: outside of flows, and of spaces that are watched, nothing is refused.
Source: the sandboxes of workflow engines' tests; PEP 578.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from weft.errors import WeftError

if TYPE_CHECKING:
    from weft.space import Space

REFUSED = frozenset(
    {
        "ftplib.connect", "http.client.connect", "imaplib.open", "open", "os.listdir", "os.mkdir", "os.posix_spawn",
        "os.remove", "os.rename", "os.rmdir", "os.scandir", "os.system", "poplib.connect", "shutil.copyfile",
        "smtplib.connect", "socket.bind", "socket.connect", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen",
        "urllib.Request",
    }
)  # fmt: skip
"""The audit events of what a flow may do in no other way than by a step."""
_DRIVES, _STRANDS = "weft.driving.driver", "weft.runs.strands"


class OutsideStep(WeftError):
    """{flow} does {what} in its own code, at {where}: it would do so again whenever its run is taken up. Do it in an
    operation, by run.call(…), or as an effect, by run.perform(…)."""

    flow: str
    what: str
    where: str


_watched: WeakKeyDictionary[Space, list[OutsideStep]] = WeakKeyDictionary()
_is_hooked = False


def watch(space: Space, found: list[OutsideStep]) -> None:
    """Refuse, in the flows of this space, whatever is done to the outside in their own code: there `OutsideStep` is
    raised, and put into `found`, whoever catches it."""
    global _is_hooked
    _watched[space] = found
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_hear)


def _hear(event: str, args: tuple[object, ...]) -> None:
    if event not in REFUSED or not _watched or (event == "open" and isinstance(args[0], int)):
        return
    by = _flow_above(sys._getframe(1))
    if by is not None:
        flow, at, found = by
        what = f"{event} of {args[0]!r}" if args and isinstance(args[0], str | bytes) else event
        where = f"{at.f_code.co_filename}:{at.f_lineno} in {at.f_code.co_name}"
        found.append(OutsideStep(flow=flow, what=what, where=where))
        raise found[-1]


def _flow_above(frame: FrameType | None) -> tuple[str, FrameType, list[OutsideStep]] | None:
    """The flow of a watched space whose own code it is that is there, the frame of that code, and where that is put."""
    last, flow = frame, ""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if flow and module == _DRIVES:
            found = _watched.get(frame.f_locals["self"]._space)
            return (flow, last, found) if found is not None and last is not None else None
        if not flow and module == _STRANDS:
            flow = str(frame.f_locals["self"]._flow)
        elif not flow and module.startswith(("weft.", "importlib.", "_frozen_importlib")):
            return None
        elif not flow:
            last = frame
        frame = frame.f_back
    return None
