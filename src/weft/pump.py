"""The pump: the one loop that feeds the engine, commits what it makes, and tells whoever waits.

Edits and runners' answers are put down from any thread; each turn of the loop takes all there are, lets the engine fold
and settle them, runs what became ready, and commits once. So a hundred waiting writers share one sync. Waiters and
subscribers are told after the commit, never before.

Knows nothing of handles, files or user types. One lock guards the engine; it is held for a turn, so a reader on another
thread sees the state between two turns. Invariant: an edit's future is done only when its record is durable.
Source: group commit of databases; event loops as the single writer.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future

from weft.attempt import Attempts
from weft.call import Partial, Report, Runner, calls_ended
from weft.engine import Engine, EngineBroke
from weft.errors import WeftError
from weft.inbox import Inbox
from weft.points import OnPoint, pass_by
from weft.runs.driven import NoRuns, Runs
from weft.slot import Ok, SlotKey
from weft.store import StoreFailed
from weft.turns.alarms import Alarms
from weft.turns.crowd import Crowd

_log = logging.getLogger("weft")

RESULTS_MAX = 1024
"""How many slots one turn settles before it commits, or looks whether anybody waits for it: bounds what an edit waits
behind."""
UNASKED_MAX = 5120
"""How many it settles while nobody waits, on a loop of its own: the more a commit takes along, the fewer pages are
written for each."""
RECORDS_MAX = 256
"""It takes along no more than so many records, of some 32 KiB each."""
RESULTS_HERE_MAX = 16
"""How many an edit settles that is made where it is asked for; the loop settles the rest, and all where more are ready
at once."""
POLL_S = 0.02
"""How often the inbox of other programs is looked at."""
STALL_S = 1.0
"""How long the pump rests after the store has refused a batch."""

Waiter = Callable[[], bool]
"""Somebody who waits: answers, under the lock, whether that is over."""
Answer = tuple[Future[object], object, Exception | None]
"""Who is to be told what, once the turn's batch is durable."""


class Pump:
    """Feeds one engine."""

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        *,
        runners: Mapping[str, Runner],
        services: Mapping[str, object],
        lock: threading.RLock,
        crowd: Crowd,
        is_alone: bool,
        on_turn: Callable[[], None],
        on_point: OnPoint = pass_by,
        make_attempts: Callable[..., Attempts] = Attempts,
    ) -> None:
        import asyncio

        self.engine, self.inbox, self.lock, self.on_turn, self._point = engine, inbox, lock, on_turn, on_point
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self.attempts = make_attempts(
            engine,
            runners=runners,
            services=services,
            report=self.put_report,
            later=self._later,
            clock=self._loop.time,
            on_point=on_point,
        )
        self.submitted: deque[tuple[Callable[[], object], Future[object]]] = deque()
        self.reports: deque[Report] = deque()
        self._taken: list[Report] = []
        self.alarms = Alarms(self._loop, self._wake.set)
        self.runs: Runs = NoRuns()
        self.waiters: dict[Waiter, None] = {}
        """Asked after every turn. Whoever adds one, or takes one away, holds the lock."""
        self.is_closing = False
        self.failure: BaseException | None = None
        self._broken: Exception | None = None
        """What broke the engine on another thread than the loop's."""
        self.undo: list[Callable[[], None]] = []
        """What puts back what this turn has changed outside the engine, where nothing of it was kept."""
        self._stalled_until = 0.0
        self._was_refused = False
        """Whether the newest turn was refused by the store."""
        self._is_over = False
        self._is_rung = False
        """Whether the loop was told to take another turn, and has not begun it."""
        self._is_idle = False
        """Whether the loop rests, with nothing to do that it knows of."""
        self._is_crowded = False
        """Whether the newest turn of the loop that took edits took several: then others are likely to come while one is
        made durable, and they had better share a sync than wait for one of each."""
        self._thread, self._is_alone, self.crowd = threading.get_ident(), is_alone, crowd
        self.turner: int | None = None
        """The thread that does something of the engine's now."""

    # ---- from any thread ----
    def submit(self, act: Callable[[], object]) -> Future[object]:
        """Have `act` done by the engine within one of its turns; the future is done when what it wrote is durable."""
        future: Future[object] = Future()
        if self.is_closing or self.failure is not None:
            future.set_exception(self.failure or SpaceClosed())
            return future
        self.submitted.append((act, future))
        if self._is_over:
            self._refuse_submitted()  # the loop ended between the question above and now
        self.ring()
        return future

    def do_here(self, act: Callable[[], object]) -> Future[object] | None:
        """Have `act` done by the calling thread itself, while the loop rests: two switches of threads less, which take
        longer than all else that an edit does. None when the loop has something to do, or many edit at once; then
        `submit` it.

        What it makes due is settled here too, as far as that is little and quick, and made durable by the same commit;
        calls that go elsewhere, and the rest, are the loop's. Raises what broke the engine, and whatever was sent to
        this thread meanwhile (a Ctrl-C); then memory is read anew, and the edit is kept whole or not at all.
        """
        if not self.lock.acquire(blocking=False):
            return None
        try:
            is_over = self.is_closing or self.failure is not None or self._broken is not None
            may = self._is_idle and not (self._is_crowded or self.submitted or is_over)
            if not may or self._loop.time() < self._stalled_until:
                return None
            self.turner = threading.get_ident()
            # What the caller has set for its own work (as for decimals) is not for what is computed here.
            return contextvars.Context().run(self._turn_here, act)
        finally:
            self.turner = None
            self.lock.release()

    def _turn_here(self, act: Callable[[], object]) -> Future[object]:
        future: Future[object] = Future()
        answers: list[Answer] = []
        try:
            self._take(act, future, answers)
            is_much = len(self.engine.graph.ready) > RESULTS_HERE_MAX
            more, made = self._settle(0 if is_much else RESULTS_HERE_MAX, answers)
        except StoreFailed as why:
            self._refuse(answers, why)
            return future
        except Exception as why:
            self._broken = why
            self.ring()
            raise
        except BaseException:
            self._broken = EditInterrupted()
            self._read_anew()
            self._broken = None
            raise
        self._tell(made, answers)
        self._tell_waiters()
        self.on_turn()
        if more or self.attempts.sending or self.submitted or self.runs.has_more:
            self.ring()
        return future

    def put_report(self, report: Report) -> None:
        """Take a runner's answer."""
        if not isinstance(report, Partial):
            self._point("call ended")
        self.reports.append(report)
        self.ring()

    def ring(self) -> None:
        """Wake the loop."""
        self._is_idle = False
        if self._is_rung:  # its next turn, which is still to begin, finds whatever this is about
            return
        self._is_rung = True
        with contextlib.suppress(RuntimeError):  # the loop was closed: there is nobody left to wake
            if threading.get_ident() == self._thread:  # where no turn of the loop can sleep over it
                self._wake.set()
            else:
                self._loop.call_soon_threadsafe(self._wake.set)

    # ---- the loop ----
    async def run(self) -> None:
        """Turn until closed. What the engine cannot recover from ends it, and is every later caller's answer."""
        import asyncio

        try:
            while not self.is_closing:
                self._wake.clear()
                self._is_rung = False
                with self.lock:  # what breaks the engine elsewhere may be mended there before that thread lets go
                    broken = self._broken
                if broken is not None:
                    raise broken
                has_more = self._loop.time() >= self._stalled_until and self.turn()
                if has_more or self._wake.is_set():
                    await asyncio.sleep(0)  # others of this loop have their turn
                else:
                    await self._rest()
        except BaseException as why:
            self.failure = why
            raise
        finally:
            self._let_go()
            for runner in self.attempts.runners.values():
                await calls_ended(runner)

    async def _rest(self) -> None:
        # Not asyncio.wait_for, which makes a task each time: whoever waits for an edit waits for that too.
        poll = self._loop.call_later(POLL_S, self._wake.set)
        # After a refusal the inbox may hold what was told to be durable long ago: the next turn takes that first.
        self._is_idle = not self._was_refused
        try:
            await self._wake.wait()
        finally:
            self._is_idle = False
            poll.cancel()

    def turn(self) -> bool:
        """One turn; returns whether there is more to do at once."""
        with self.lock, self._turning():
            answers: list[Answer] = []
            self._send()  # what an edit on another thread left to be sent is durable
            try:
                # In this order: what a client was told is durable comes before an edit that was made here after that.
                self.inbox.take()
                self._take_edits(answers)
                self._take_reports()
                self.inbox.forget_gone(self._loop.time())
                more, made = self._settle(RESULTS_MAX, answers)
            except StoreFailed as why:
                self._refuse(answers, why)
                return False
            except BaseException as why:
                for future, _, _ in answers:
                    future.set_exception(why)
                raise
            self._was_refused = False
            self._is_crowded = len(answers) > 1 if answers else self._is_crowded
            self._tell(made, answers)
            self._send()
            self._tell_waiters()
        self.on_turn()
        return more or self.runs.has_more or bool(self.submitted or self.reports)

    @contextlib.contextmanager
    def _turning(self) -> Iterator[None]:
        """This thread does something of the engine's: what is called in place meanwhile does nothing of it."""
        self.turner = self._thread
        try:
            yield
        finally:
            self.turner = None

    def _send(self) -> None:
        self.attempts.send()
        self.runs.send()

    def _settle(self, results_max: int, answers: list[Answer]) -> tuple[bool, tuple[bool, bool, bool]]:
        """Settle what is ready, and make the turn durable. Returns whether more is ready, and what was made durable."""
        more, begun = self.attempts.pump(results_max), results_max
        may_more = self._is_alone and results_max == RESULTS_MAX and not answers
        while more and may_more and begun < UNASKED_MAX and not self._is_asked():
            more, begun = self.attempts.pump(results_max), begun + results_max
        self.runs.settle()
        more = more or bool(self.engine.graph.ready)
        made = (bool(answers), bool(self.engine.batch.taken), self.engine.has_results)
        self._pass(made, "edits folded", "inbox folded", "results settled")
        self.engine.commit()
        return more, made

    def _is_asked(self) -> bool:
        """Whether anybody waits for the end of this turn: to edit, to read, or for what it settled."""
        is_for_loop = bool(self.submitted or self.reports or self.alarms or self.is_closing)
        is_long = len(self.engine.batch.records) > RECORDS_MAX
        return is_for_loop or is_long or self.crowd.count > 0 or self.engine.graph.ready.is_served

    def _tell(self, made: tuple[bool, bool, bool], answers: list[Answer]) -> None:
        """The turn is durable: say so to whoever edited."""
        self._taken.clear()
        self.undo.clear()
        self._pass(made, "edits kept", "inbox kept", "results kept")
        for future, value, refusal in answers:
            future.set_result(value) if refusal is None else future.set_exception(refusal)
        self._retry_by_key()

    def _pass(self, made: tuple[bool, bool, bool], *points: str) -> None:
        for is_made, point in zip(made, points, strict=True):
            if is_made:
                self._point(point)

    def _take_edits(self, answers: list[Answer]) -> None:
        """Do what was submitted. A refusal is an answer too, and may have been recorded: it is told with the others."""
        while self.submitted:
            act, future = self.submitted.popleft()
            if future.set_running_or_notify_cancel():  # else whoever submitted it gave up before it was begun
                self._take(act, future, answers)

    def _take(self, act: Callable[[], object], future: Future[object], answers: list[Answer]) -> None:
        try:
            answers.append((future, act(), None))
        except Exception as why:
            answers.append((future, None, why))  # whatever it is, it is told to whoever asked
            if isinstance(why, EngineBroke):
                raise

    def _take_reports(self) -> None:
        while self.reports:
            self._taken.append(self.reports.popleft())
            self.attempts.report(self._taken[-1])
        self.alarms.take()

    def _retry_by_key(self) -> None:
        """A slot that shows an error of a call that came out well elsewhere is tried again, by a told record."""
        for slot in list(self.engine.touched):
            result = slot.result
            if result is None or result.call_key is None or slot.due is not None or isinstance(result.outcome, Ok):
                continue
            if slot in self.engine.failed_keys.get(result.call_key, ()) and self.engine.memo(result.call_key):
                del self.engine.failed_keys[result.call_key][slot]
                self.submit(lambda key=slot.key: self.engine.tell_retry(key))  # type: ignore[misc]

    def _refuse(self, answers: list[Answer], why: StoreFailed) -> None:
        """Nothing of this turn was kept: say so to everybody, and go on from what is durable, after a pause. Answers of
        calls are taken again then; calls that were not sent yet are forgotten, as they were made from what is lost."""
        _log.error("%s", why)
        self._stalled_until, self._was_refused = self._loop.time() + STALL_S, True
        self._is_idle = False  # also where the loop rests meanwhile, as it was refused elsewhere
        self._read_anew()
        for future, _, _ in answers:
            future.set_exception(why)

    def _read_anew(self) -> None:
        while self.undo:
            self.undo.pop()()
        self.engine.forget()
        self.engine.resume()
        self.runs.resume(is_new=False)
        self.attempts.reopen(report.id for report in self._taken)
        self.reports.extendleft(reversed(self._taken))
        self._taken.clear()

    def _later(self, delay_s: float, key: SlotKey) -> None:
        def wake() -> None:
            self._point("retry woken")
            self.attempts.wake(key)

        self.alarms.after(delay_s, wake)

    def _tell_waiters(self) -> None:
        for waiter in [one for one in self.waiters if one()]:
            self.waiters.pop(waiter, None)
        self.attempts.cancel_removed(self.engine.touched)
        self.engine.touched.clear()

    def close(self) -> None:
        """Stop after the present turn."""
        self.is_closing = True
        self.ring()

    def _let_go(self) -> None:
        for runner in self.attempts.runners.values():
            runner.close()
        with self.lock:
            self._is_over = True
            self._refuse_submitted()
            for waiter in list(self.waiters):
                waiter()
            self.runs.close(is_clean=self.failure is None)

    def _refuse_submitted(self) -> None:
        with contextlib.suppress(IndexError):  # another thread may take the last ones
            while True:
                _, future = self.submitted.popleft()
                if future.set_running_or_notify_cancel():
                    future.set_exception(self.failure or SpaceClosed())


class SpaceClosed(WeftError):
    """The space is closed. Open it again with weft.open(…)."""


class EditInterrupted(WeftError):
    """An edit was interrupted, and interrupted again while what is durable was read anew. Open the space again: what
    was acknowledged is kept."""
