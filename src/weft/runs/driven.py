"""What the engine's loop asks of whoever drives runs.

Knows nothing of how they are driven. Invariant: all of it is asked within a turn of the engine.
Source: ports and adapters; null objects.
"""

from __future__ import annotations

from typing import Protocol


class Runs(Protocol):
    """Drives the runs of flows, within the engine's turns."""

    @property
    def has_more(self) -> bool:
        """Whether another turn has something to do here."""
        ...

    def settle(self) -> None:
        """Take every run as far as it goes now, before the turn is made durable."""
        ...

    def send(self) -> None:
        """Have carried out what was told, once that is durable."""
        ...

    def resume(self, *, is_new: bool = True) -> None:
        """Take up what is under way: under a new engine, or where its memory was read anew."""
        ...

    def redefine(self) -> None:
        """See to what a new definition changed: runs whose code went wait, those whose code came go on."""
        ...

    def close(self, *, is_clean: bool) -> None:
        """Let go of every run: it goes on where the space is opened again. `is_clean`: nothing went wrong under it."""
        ...

    def why_stuck(self, entity: str, flow: str) -> str:
        """Why the newest run of a flow cannot go on in this program; empty where it can."""
        ...


class NoRuns:
    """Where nobody drives runs: what fires stands in the log, and waits."""

    has_more = False

    def settle(self) -> None:
        """Nothing."""

    def send(self) -> None:
        """Nothing."""

    def resume(self, *, is_new: bool = True) -> None:
        """Nothing."""

    def redefine(self) -> None:
        """Nothing."""

    def close(self, *, is_clean: bool) -> None:
        """Nothing."""

    def why_stuck(self, entity: str, flow: str) -> str:
        """Nobody knows."""
        return ""
