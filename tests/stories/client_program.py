"""A program that demands a node of another program's engine, until its standard input ends.

Usage: python -m tests.stories.client_program FILE. Prints `demanded`.
"""

from __future__ import annotations

import sys

import weft
from tests.stories.shared_type import Shared


def main(path: str) -> None:
    """Open, demand, and stay."""
    with weft.open(path, types=[Shared], engine=False) as space:
        shared = space.find(Shared)[0]
        space.watch(shared.fourfold)
        sys.stdout.write("demanded\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
