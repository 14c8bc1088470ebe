"""Stand-ins that tests move by hand: a clock with its alarms, and a runner whose calls end when a test says so."""

from __future__ import annotations

from collections.abc import Callable

from weft.call import AttemptId, Broke, Call, Finished, Reporter
from weft.value import shape_of


class HandClock:
    """A clock that stands still until it is moved; also an alarm."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._due: list[tuple[float, list[Callable[[], None]]]] = []

    def __call__(self) -> float:
        """The time now."""
        return self.now_s

    def after(self, delay_s: float, act: Callable[[], None], /) -> Callable[[], None]:
        """Do it when the clock is moved that far."""
        held = [act]
        self._due.append((self.now_s + delay_s, held))
        return held.clear

    def close(self) -> None:
        """Forget everything."""
        self._due.clear()

    def is_set(self, delay_s: float) -> bool:
        """Whether something is due in just this time."""
        return any(at_s == self.now_s + delay_s and held for at_s, held in self._due)

    def pass_s(self, delay_s: float) -> None:
        """Let time pass, and do what is due meanwhile, in order."""
        until_s = self.now_s + delay_s
        while due := [each for each in self._due if each[0] <= until_s]:
            at_s, held = min(due, key=lambda each: each[0])
            self._due = [each for each in self._due if each[1] is not held]
            self.now_s = max(self.now_s, at_s)
            for act in held:
                act()
        self.now_s = until_s


class HandRunner:
    """Keeps what it was given until the test ends it."""

    name = "hand"

    def __init__(self) -> None:
        self.started: list[AttemptId] = []
        self.cancelled: list[AttemptId] = []
        self._reporters: dict[AttemptId, Reporter] = {}

    def start(self, call: Call, report: Reporter, /) -> None:
        """Keep the call."""
        self.started.append(call.id)
        self._reporters[call.id] = report

    def cancel(self, id: AttemptId, /) -> None:
        """Remember that this was asked."""
        self.cancelled.append(id)

    def close(self) -> None:
        """Break what there is."""
        for id in list(self._reporters):
            self._reporters.pop(id)(Broke(id, "RunnerClosed", "", "", True, 0.0))

    def end(self, id: AttemptId) -> None:
        """Let the call have its value."""
        self._reporters.pop(id)(Finished(id, shape_of(int).encode(0), 0.0))
