"""The program that is frozen: it begins a round of errands, then lets a letter go on, and waits for what comes of that.

Run as `python -m tests.kill.letter_program SPACE POINT TURN`: it stops itself as the letter passes POINT for the
TURN-th time.
"""

from __future__ import annotations

import sys
import time

from tests.kill.errand_program import LOOK_S, Clerk, answer, open_space
from tests.kill.stops import Points, tell_parent


def main(path: str, wanted: str, turn: int) -> None:
    points = Points()
    space = open_space(path, on_point=points)
    Clerk(space).begin(0)
    while not (found := [one for one in space.questions() if one.name == "send 0"]) or len(space.runs()) > 4:
        time.sleep(LOOK_S)  # the letter, the crew and the race wait for answers, somebody idle for nothing
    points.passed.clear()
    points.turn, points.wanted = turn, wanted
    tell_parent("begun")
    answer(space, found[0], "program")
    while True:
        space.wait_settled(timeout_s=30)  # raises what ended the engine
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
