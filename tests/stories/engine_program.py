"""A program that is the engine of a space, until its standard input ends.

Usage: python -m tests.stories.engine_program FILE. Prints `ready`, then does what each line says.
"""

from __future__ import annotations

import sys

import weft
from tests.stories.shared_type import Shared


def main(path: str) -> None:
    """Open, create one entity, and obey."""
    with weft.open(path, types=[Shared], engine=True) as space:
        if not space.find(Shared):
            space.create(Shared, x=1)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for line in sys.stdin:
            verb, _, value = line.strip().partition(" ")
            shared = space.find(Shared)[0]
            if verb == "set":
                shared.x = int(value)
            elif verb == "count":
                value = str(space.counts().get("tests.stories.operations/doubled", {}).get("executed", 0))
            sys.stdout.write(f"{verb} {value}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
