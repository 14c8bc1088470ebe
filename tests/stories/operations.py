"""Operations of the stories, and the services that they need."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from weft import Blob


def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    """Whether a condition came to hold in time; looked at again and again."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


class Model(Protocol):
    """Completes prompts."""

    def complete(self, prompt: str) -> str:
        """The answer."""
        ...


class Echo:
    """Answers with the prompt in capitals, and counts."""

    def __init__(self, name: str = "echo", **traits: object) -> None:
        self.name, self.asked = name, 0
        for trait, value in traits.items():
            setattr(self, trait, value)

    def fingerprint(self) -> dict[str, str]:
        """What answers depend on."""
        return {"name": self.name}

    def complete(self, prompt: str) -> str:
        """The prompt, shouted, with the model's name."""
        self.asked += 1
        return f"{self.name}: {prompt.upper()}"


def answer(prompt: str, *, model: Model) -> str:
    return model.complete(prompt)


class Gate:
    """Lets calls through when the test says so."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def reset(self) -> None:
        """Shut it again."""
        self.reached.clear()
        self.opened.clear()

    def pass_through(self) -> None:
        """Called within an operation."""
        self.reached.set()
        assert self.opened.wait(20)


GATE = Gate()


def gated(a: int) -> int:
    GATE.pass_through()
    return a * 10


async def slow_words(text: str) -> AsyncIterator[str]:
    so_far = ""
    for word in text.split():
        so_far = f"{so_far} {word}".strip()
        yield so_far
        if word == "wait":
            await asyncio.to_thread(GATE.pass_through)


async def length_of(text: str) -> int:
    await asyncio.sleep(0)
    return len(text)


def doubled(a: int) -> int:
    return a * 2


def checked(a: int) -> int:
    if a < 0:
        raise ValueError(f"{a} is below zero")
    return a


def lies(a: int) -> int:
    return f"not {a}"  # type: ignore[return-value]


def unkeepable(a: int) -> object:
    return threading.Lock() if a else a


def sleeps(a: int) -> int:
    time.sleep(a)
    return a


async def hangs(a: int) -> int:
    await asyncio.sleep(3600 if a else 0)
    return a


def size_of(photo: Blob) -> int:
    content = photo.bytes()
    if content.startswith(b"bad"):
        raise ValueError("it is no picture: it begins with b'bad'")
    return len(content)
