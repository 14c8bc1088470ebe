"""A program that computes a space for others: it opens it, and goes on until it is killed."""

from __future__ import annotations

import sys
import threading

from tests.kill.program import open_space
from tests.kill.stops import Points, tell_parent

if __name__ == "__main__":
    path, *stop = sys.argv[1:]
    points = Points(stop[0], int(stop[1])) if stop else Points()
    with open_space(path, on_point=points):
        tell_parent("opened")
        threading.Event().wait()
