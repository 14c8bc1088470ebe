"""A client that answers what flows ask, beside the program that is killed: it knows no types, and outlives the kills.

It prints `answered STEP client` for each answer that it was told is durable. Run as `python -m tests.kill.answerer
SPACE`: it waits until there is a space, and goes on until its standard input ends.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import weft
from tests.kill.errand_program import LOOK_S, answer
from weft import WeftError


def main(path: str) -> None:
    over = threading.Event()
    threading.Thread(target=wait_for_end, args=(over,), daemon=True).start()
    while not over.is_set():
        time.sleep(LOOK_S)
        if Path(path).exists():
            try:
                answer_on(path, over)
            except WeftError as why:  # it is being made, or was lost sight of
                sys.stderr.write(f"began anew: {why}\n")


def wait_for_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def answer_on(path: str, over: threading.Event) -> None:
    """Answer, with the space held open."""
    answered: set[str] = set()
    with weft.open(path, engine=False, actor="client") as space:
        while not over.is_set():
            for question in space.questions():
                if question.name.split()[0] in ("client", "either") and question.id not in answered:
                    answered.add(question.id)
                    answer(space, question, "client")
            time.sleep(LOOK_S * 10)


if __name__ == "__main__":
    main(sys.argv[1])
