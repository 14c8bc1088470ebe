"""What a program did to the files of one folder, call by call, as strace wrote it down.

Each operation has the numbers of the lines at which it began and ended: what one thread does between them may come
before or after it. Knows nothing of what a disk makes of it.
Invariant: every write to a file in the folder is here with its bytes; an unknown way of writing is refused, and so is a
change to a file that nobody was seen to open.
Source: ALICE (Pillai and others, OSDI 2014), which finds crash states of applications from such logs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CALLS = (
    *("openat", "close", "pwrite64", "write", "fsync", "fdatasync", "ftruncate", "unlink", "link", "rename"),
    *("writev", "pwritev", "pwritev2", "fallocate", "sync_file_range", "renameat", "renameat2", "linkat", "unlinkat"),
)
"""What is written down; the second row is refused where it concerns the folder."""
_UNKNOWN = frozenset(CALLS[10:])
_OF_FILES = frozenset({"pwrite64", "ftruncate", "fsync", "fdatasync"})
"""What can be done to a file alone: `write` also goes to pipes and sockets, whose beginning is not written down."""

_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)")
_END = re.compile(r"^(.*)\) += (-?\d+|\?)(?: .*)?$")
_ARGUMENT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"|([^,"]+)')


@dataclass(frozen=True, slots=True)
class Operation:
    """What happened to a file, by its number, or to a name in the folder; `began` and `ended` are lines of the log.

    `kind`: "write" (`at`, `content`), "truncate" (to `at`), "sync" (of the file), "name" (`name` now is the file; no
    file: it is gone), "sync names" (of the folder), "said" (`content`, on standard output)."""

    kind: str
    began: int
    ended: int
    file: int | None = None
    at: int = 0
    content: bytes = b""
    name: str = ""


@dataclass(slots=True)
class _Call:
    pid: str
    name: str
    arguments: list[str | bytes]
    returned: int
    began: int
    ended: int


def operations(log: Path, folder: Path) -> list[Operation]:
    """Everything that the program did in the folder, by where it began. The program is one process."""
    found = _Reader(os.path.realpath(folder))
    for call in sorted(_calls(log.read_text().splitlines()), key=_counted_at):
        if call.returned >= 0:
            found.take(call)
    return sorted(found.done, key=lambda each: each.began)


def _calls(lines: Iterable[str]) -> Iterator[_Call]:
    unfinished: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines):
        matched = _LINE.match(line)
        if matched is None:
            continue
        pid, resumed, name, rest = matched.groups()
        began = number
        if resumed:
            before, began = unfinished.pop(pid)
            name, rest = resumed, before + rest
        if rest.endswith("<unfinished ...>"):
            unfinished[pid] = rest.removesuffix("<unfinished ...>").rstrip(), began
        elif ended := _END.match(rest):
            returned = -1 if ended[2] == "?" else int(ended[2])
            yield _Call(pid, name, list(_arguments(ended[1])), returned, began, number)


def _counted_at(call: _Call) -> int:
    """The line at which a call counts: its end, as only then somebody goes by what it did. A close counts from its
    beginning: another thread may be given the descriptor, and use it, before strace has seen that the close ended."""
    return call.began if call.name == "close" else call.ended


def _arguments(text: str) -> Iterator[str | bytes]:
    for matched in _ARGUMENT.finditer(text):
        if matched[2] is None:
            yield bytes.fromhex(matched[1].replace("\\x", ""))
        elif matched[2].strip():
            yield matched[2].strip()


@dataclass(slots=True)
class _Reader:
    """Follows descriptors and names while the log is read."""

    folder: str
    done: list[Operation] = field(default_factory=list)
    _files: dict[int, int | None] = field(default_factory=dict)
    """The file behind each open descriptor; the folder itself is file 0, and one that is elsewhere None."""
    _names: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def take(self, call: _Call) -> None:
        if call.name in _UNKNOWN:
            assert not self._concerns(call), f"{call.name} is not understood here"
        elif call.name == "openat":
            self._open(call)
        elif call.name in ("link", "rename", "unlink"):
            self._name(call)
        else:
            self._use(call)

    def _concerns(self, call: _Call) -> bool:
        names = [each for each in call.arguments if isinstance(each, bytes)]
        first = call.arguments[0] if call.arguments else ""
        is_ours = isinstance(first, str) and first.isdecimal() and self._files.get(int(first)) is not None
        return is_ours or any(self._entry(each) is not None for each in names)

    def _entry(self, path: str | bytes) -> str | None:
        """The name within the folder, if the path is in it."""
        text = os.fsdecode(path) if isinstance(path, bytes) else path
        return os.path.basename(text) if os.path.dirname(text) == self.folder else None

    def _open(self, call: _Call) -> None:
        path, flags = call.arguments[1], str(call.arguments[2])
        if isinstance(path, bytes) and os.fsdecode(path) == self.folder:
            self._files[call.returned] = 0
            return
        name = self._entry(path)
        self._files[call.returned] = None
        if name is None:
            return
        assert "O_TRUNC" not in flags, "a truncating open is not understood here"
        if name not in self._names:
            self._count += 1
            self._names[name] = self._count
            self.done.append(Operation("name", call.began, call.ended, self._count, name=name))
        self._files[call.returned] = self._names[name]

    def _name(self, call: _Call) -> None:
        *sources, target = (self._entry(each) for each in call.arguments)
        if call.name == "unlink":
            if target is not None:
                self._names.pop(target, None)
                self.done.append(Operation("name", call.began, call.ended, None, name=target))
            return
        if target is not None and sources and sources[0] is not None:
            file = self._names[sources[0]]
            self._names[target] = file
            self.done.append(Operation("name", call.began, call.ended, file, name=target))
            if call.name == "rename":
                del self._names[sources[0]]
                self.done.append(Operation("name", call.began, call.ended, None, name=sources[0]))

    def _use(self, call: _Call) -> None:
        descriptor = int(str(call.arguments[0]))
        if call.name == "close":
            self._files.pop(descriptor, None)
            return
        if call.name == "write" and descriptor == 1:
            self.done.append(Operation("said", call.began, call.ended, content=_bytes(call)))
        is_seen = descriptor in self._files or call.name not in _OF_FILES
        assert is_seen, f"line {call.ended + 1}: {call.name} of descriptor {descriptor}, which nobody was seen to open"
        file = self._files.get(descriptor)
        if file is None:
            return
        if call.name in ("fsync", "fdatasync"):
            self.done.append(Operation("sync" if file else "sync names", call.began, call.ended, file))
        elif call.name == "ftruncate":
            self.done.append(Operation("truncate", call.began, call.ended, file, at=int(str(call.arguments[1]))))
        elif call.name == "pwrite64":
            at, content = int(str(call.arguments[3])), _bytes(call)[: call.returned]
            self.done.append(Operation("write", call.began, call.ended, file, at=at, content=content))
        elif call.name == "write":
            # What is written here in sequence is the lease's signature, which is for people.
            self.done.append(Operation("write", call.began, call.ended, file, content=_bytes(call)))


def _bytes(call: _Call) -> bytes:
    content = call.arguments[1]
    assert isinstance(content, bytes)
    return content
