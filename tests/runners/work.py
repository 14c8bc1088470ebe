"""Operations and services that worker processes find by their names."""

from __future__ import annotations

import enum
import functools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from weft.blob import Blob
from weft.content import Plain


class Tone(enum.Enum):
    """A setting that is not plain."""

    LOUD = "loud"
    LOW = "low"


@dataclass(frozen=True)
class Page:
    """A value with a blob in it."""

    title: str
    scan: Blob


class Ocr(Protocol):
    """A service."""

    def text(self) -> str:
        """What it reads."""
        ...


class Reader:
    """A service that another process can make."""

    made = 0

    def __init__(self, text: str) -> None:
        type(self).made += 1
        self._text = text

    def text(self) -> str:
        """What it reads, and the how-many-th of its kind it is."""
        return f"{self._text} {self.made}"

    def recipe(self) -> tuple[str, Mapping[str, Plain]]:
        """By its class and text."""
        return "tests.runners.work:Reader", {"text": self._text}


class Bare:
    """A service without a recipe."""

    def text(self) -> str:
        """Nothing."""
        return ""


class Lost(Bare):
    """A service whose recipe leads nowhere."""

    def recipe(self) -> tuple[str, Mapping[str, Plain]]:
        """By a name that nothing has."""
        return "tests.runners.work:Nowhere", {}


class Odd(Bare):
    """A service whose settings cannot be sent."""

    def recipe(self) -> tuple[str, Mapping[str, Plain]]:
        """With a setting that is no plain value."""
        return "tests.runners.work:Odd", {"lock": threading.Lock()}  # type: ignore[dict-item]


class Refuser(Bare):
    """A service that cannot be made."""

    def __init__(self, is_worker: bool = False) -> None:
        if is_worker:
            raise ConnectionError("the model is not there")

    def recipe(self) -> tuple[str, Mapping[str, Plain]]:
        """So that the worker fails."""
        return "tests.runners.work:Refuser", {"is_worker": True}


def pid(number: int) -> int:
    """The process that runs this."""
    return os.getpid()


def read(number: int, *, ocr: Ocr) -> str:
    """What the service reads."""
    return ocr.text()


def read_if(number: int, *, ocr: Ocr | None = None) -> str:
    """What the service reads, if there is one."""
    return "nobody reads" if ocr is None else ocr.text()


def shout(text: str, *, mark: str, tone: Tone = Tone.LOW, times: tuple[int, ...] = ()) -> str:
    """The text with settings."""
    return f"{text}{mark} {tone.name} {times}"


def prefixed(prefix: str, text: str) -> str:
    """Two texts; the first may be bound."""
    return prefix + text


shouted = functools.partial(shout, mark="!", tone=Tone.LOUD, times=(1, 2))
greeted = functools.partial(prefixed, "hello ")


def print_much(lines: int) -> int:
    """Print by every way there is."""
    for line in range(lines):
        print(f"printed {line}")  # noqa: T201
        os.write(1, b"written\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    return lines


def read_input(number: int) -> str:
    """What is on standard input."""
    return sys.stdin.read()


def size_of(blob: Blob, times: int) -> int:
    """How many bytes there are, however often it is read."""
    return sum(len(chunk) for _ in range(times) for chunk in blob.chunks())


def seen_of(pages: tuple[Page, ...]) -> list[bytes]:
    """The third byte of each page's scan, from a reader that seeks."""
    found = []
    for page in pages:
        with page.scan.open() as reader:
            reader.seek(2)
            found.append(reader.read(1))
    return found


def make_pages(size_bytes: int, given: Blob) -> tuple[Page, ...]:
    """A page that is made here, and one that was given."""
    return Page("made", Blob.from_bytes(bytes(size_bytes), media_type="image/png")), Page("given", given)


def make_from_file(path: str, text: str) -> Blob:
    """A blob of a file that is written here."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    blob = Blob.read(path)
    if not text:
        with open(path, "w", encoding="ascii") as file:
            file.write("changed")
    return blob


def never_open(blob: Blob) -> int:
    """The size, without the content."""
    return blob.size_bytes


def fork_and_die(path: str) -> int:
    """Leave a forked child behind that holds every descriptor, and end."""
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    with open(path, "w", encoding="ascii") as file:
        file.write(str(child))
    os._exit(9)


def leave_grandchild(path: str) -> int:
    """Start a program that would outlive this one, say its id, and wait."""
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open(path + ".part", "w", encoding="ascii") as file:
        file.write(str(program.pid))
    os.rename(path + ".part", path)
    time.sleep(60)
    return 0


def large(size_bytes: int) -> bytes:
    """So many bytes."""
    return bytes(size_bytes)


def echo(content: bytes) -> int:
    """How many bytes came."""
    return len(content)


def outer() -> object:
    """A function that no other process can find."""

    def inner(number: int) -> int:
        return number

    return inner


def _replaced(number: int) -> int:
    """Stands under its name no more."""
    return number


gone = _replaced


def _replaced(number: int) -> int:  # type: ignore[no-redef]
    """Stands there instead."""
    return number + 1
