"""What drives runs: firings begin them, what their steps come to takes them on, and each slice is told as one event.

A slice is what a run does between two waits. It is told with what began it (the run's beginning, or a step's outcome),
with the edits that its code made, with the steps that it asks for then, and with its end: so after a crash the run
stands before or behind a slice, never within one. What a step asks for is sent when that is durable.

Knows nothing of how steps of a kind are carried out: those who do are given each step, and say what it came to.
Invariant: a run's slices are told in order, each once; what a step asks for is sent only after it was told.
Source: event-sourced actors; the single commit per step of durable execution engines.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, cast

from weft.content import Plain
from weft.driving.beginnings import Beginnings
from weft.driving.carriers import Carriers
from weft.driving.held_runs import BEGINS, STILL, STOPS, HeldRun, HeldRuns, NotHere, ServiceNotHere, slice_name
from weft.driving.run_log import RunLog, intent
from weft.driving.schedules import SHARE, Schedules
from weft.engine import Engine
from weft.errors import Unencodable, WeftError
from weft.failure import message_of, where_of
from weft.form import UnfitAnswer
from weft.graph import Slot, Whole
from weft.record import EditTooLarge
from weft.reduce import Refused
from weft.run_desk import RunEdit
from weft.run_rows import NOBODY, NOBODY_HERE, SET_ASIDE, RunRow, Wait, spent_of
from weft.runs.awaits import NeverAwaited, told_outside
from weft.runs.firing import tell_fired
from weft.runs.replay import Asking, RunDiverged, Told
from weft.runs.strands import Cancelled, ContinuedAsNew, Raised, Value
from weft.steps.carrier import Again, Doubt, Over, Reminder, RunId, Tried
from weft.steps.due import DueSteps
from weft.store import NEWEST, WAIT, Fenced

if TYPE_CHECKING:
    from weft.space import Space

_log = logging.getLogger("weft")
ROUNDS_MAX = 50
"""How often each run may go on within one turn: one that never waits shares the engine with everybody."""
TOLD_MAX = 500
"""Once so much is told in one turn, the rest waits for the next one: what people do meanwhile comes in between."""
RECOVERIES_MAX = 5
"""A run that was under way when its engine died, so often one after another, is taken up no more by itself."""
_CLOSED = ("closed",)
"""The row of `NEWEST` that says that the engine before ended well: none of the runs that were under way ended it."""


class RunDriver:
    """Drives the runs of one space's engine. All of it happens within the engine's turns."""

    def __init__(
        self,
        space: Space,
        engine: Engine,
        carriers: Carriers,
        services: Mapping[str, object],
        dues: Mapping[str, DueSteps],
    ) -> None:
        """`dues`: what comes by the clock, by kind, schedules among it."""
        self._space, self._engine, self._answered, self._stuck = space, engine, carriers.answered, carriers.stuck
        self._point, self._carriers = space._point, carriers.all
        self._unparked = [kind for kind, carrier in self._carriers.items() if not carrier.parks]
        self._log = RunLog(engine)
        self._beginnings, self._schedules = Beginnings(self._log), Schedules(self._log, dues["schedule"])
        self._dues = dues.values()
        self._runs = HeldRuns(space, self._log, self._carriers, services)
        self._may_move = False
        """Whether some may go further than the last turn took them."""
        self._untaken: list[Over | Tried] = []
        """What steps came to that is said once, of runs that cannot go on here, or whose flow is gone."""
        self._was_refused = False
        """Whether memory was read anew since something was kept: another engine may have taken over meanwhile."""
        self._is_uncounted = False
        """Whether this engine has taken up runs of the one before, and it is not durable that it did."""

    # ---- in the engine's turns ----
    def settle(self) -> None:
        """Take every run as far as it goes now. Before the turn is made durable."""
        for _ in range(ROUNDS_MAX):
            # What fired before a time came is told before that: a flow hears of its causes in their order.
            moved = bool(tell_fired(self._engine)) | self._schedules.settle() | self._take_woken()
            if not (moved | self._begin_some() | self._take_on_some()):
                self._may_move = False
                return
            if len(self._engine.batch.records) >= TOLD_MAX:
                break
        self._may_move = True  # others have their turn first

    def send(self) -> None:
        """Have carried out what was told, once the turn is durable, and let go of the runs that wait for long. Where
        something is not durable yet, as that a run was taken up, nothing is sent. Raises `Fenced` where another engine
        took over while this one could not write."""
        if not self._engine.batch.is_empty():
            return
        if self._was_refused:
            self._refuse_taken_over()
        self._is_uncounted = self._was_refused = False
        if self._has_unsent:
            self._point("slices kept")
        moved, self._runs.moved = self._runs.moved, {}
        for held in [held for id in moved if (held := self._runs.held.get(id)) is not None]:
            for key, step in held.unsent.items():
                self._carriers[step.kind].send(held.id, key, step, held.desk.position, again=key in held.again)
                self._point("step sent")
            held.again.clear()
            held.sent |= held.unsent
            held.unsent.clear()
            if self._runs.is_parked(held):
                self._runs.park(held)

    @property
    def has_more(self) -> bool:
        """Whether another turn has something to do here."""
        return self._may_move or self._has_unsent

    @property
    def _has_unsent(self) -> bool:
        return any(held.unsent for id in self._runs.moved if (held := self._runs.held.get(id)) is not None)

    def resume(self, *, is_new: bool = True) -> None:
        """Take up what is under way from what was told of it, after another engine, or where memory was read anew: what
        somebody here carries out is sent again."""
        is_new = self._is_uncounted = is_new or self._is_uncounted
        self._was_refused = not is_new
        self._runs.clear(() if is_new else STILL)
        self._take_up(is_new=is_new)

    def _refuse_taken_over(self) -> None:
        holder = self._engine.store.holder()
        if holder is not None and holder.epoch != self._engine.epoch:
            raise Fenced(epoch=self._engine.epoch, newest=holder.epoch)

    def redefine(self) -> None:
        """See to what a new definition changed: runs whose code went wait, those whose code came go on. Those that go
        on as they were are not disturbed."""
        self._runs.let_go_changed()
        self._take_up(is_new=self._is_uncounted)

    def _take_up(self, *, is_new: bool) -> None:
        self._beginnings.clear()
        self._schedules.resume()
        for due in self._dues:
            due.look_again()
        for kind in ("begin", "answered", "cancel", "resume", "blocked"):
            self._engine.woken += [(*id[:2], wait) for id, wait in self._log.waits(kind)]
        if any(flow.queue for type in self._engine.in_force.values() for flow in type.flows):
            for kind in (*self._carriers, "doubt", "answered", "cancel", "resume", "blocked"):
                for id, _ in self._log.waits(kind):
                    self._beginnings.went_on(id)
        was_closed = is_new and self._engine.store.row(NEWEST, _CLOSED) is not None
        if was_closed:
            self._engine.batch.put(NEWEST, _CLOSED, None)
        self._recover_all(is_counted=is_new and not was_closed)

    def _recover_all(self, *, is_counted: bool) -> None:
        waits = [one for kind in self._unparked for one in self._log.waits(kind)]
        under_way = {id for id, wait in waits if is_counted and self._is_under_way(id, wait)}
        for id in dict.fromkeys(id for id, _ in waits):
            if id not in self._runs.held and id not in self._runs.blocked:
                self._recover(id, is_counted=id in under_way)
        for id, wait in self._log.waits("doubt"):  # somebody may be there now who carries it out
            row = self._log.row(id)
            if row is not None and row.steps[wait.step].doubt.startswith((NOBODY, NOBODY_HERE)):
                self._held(id, row)

    def close(self, *, is_clean: bool) -> None:
        """Let go of every run: each goes on from what was told of it. Where it ends well, that is kept as long as some
        are under way; a crash says nothing."""
        self._beginnings.clear()
        self._runs.clear()
        is_known = is_clean and not self._is_uncounted and self._engine.batch.is_empty()
        if is_known and any(True for kind in self._unparked for _ in self._engine.rows(WAIT, (kind,))):
            self._engine.batch.put(NEWEST, _CLOSED, (self._engine.cut,))
            with contextlib.suppress(WeftError):  # then the next engine counts as if it had died
                self._engine.commit()

    def why_stuck(self, entity: str, flow: str) -> str:
        """Why the newest run of a flow cannot go on in this program; empty where it can."""
        newest = self._log.flow((entity, flow, ""))[1].newest() if self._log.has_flow((entity, flow, "")) else None
        id = (entity, flow, "" if newest is None else newest[0])
        return self._runs.blocked.get(id, "") or next((why for (run, _), why in self._stuck.items() if run == id), "")

    # ---- what people and programs said of runs ----
    def _take_woken(self) -> bool:
        if not (woken := self._engine.woken):
            return False
        self._engine.woken, left, told = [], iter(woken), self._engine.batch.records
        until = len(told) + SHARE
        for entity, flow, wait in left:
            self._wake((entity, flow, wait.run), wait)
            if len(told) >= until:
                break
        self._engine.woken[:0] = left
        return True

    def _wake(self, id: RunId, wait: Wait) -> None:
        row = self._log.row(id)
        if wait.kind == "schedule" and self._log.has_flow(id):
            self._schedules.look_again(id, wait)
        if row is None or row.ending:
            return
        match wait.kind:
            case "begin" if not row.began:
                self._begin_anew(id)
            case "cancel" if row.is_cancelled and not row.stopped:
                self._cancel(id, row)
            case "resume" | "blocked" if row.resumes:
                self._resume(id, row)
            case "answered":
                self._take_answer(id, wait.step, row)
            case _:
                pass  # it was seen to meanwhile

    def _begin_anew(self, id: RunId) -> None:
        if (held := self._runs.held.get(id)) is not None:
            self._runs.drop(held)
        self._runs.blocked.pop(id, None)
        self._untaken = [came for came in self._untaken if came.run != id]
        self._beginnings.add(id)

    def _cancel(self, id: RunId, row: RunRow) -> None:
        """Have its code hear that it is to end; what it awaits then puts things right. One that has not begun, or whose
        code is not here, ends at once."""
        self._beginnings.drop(id)
        for child in cast("list[RunId]", [(*map(str, cast("list[Plain]", each)),) for each in row.children]):
            if (born := self._log.row(child)) is not None and not born.ending and not born.is_cancelled:
                self._log.note(child, "cancel")
        held = self._held(id, row) if row.began else None
        if held is None:
            self._runs.blocked.pop(id, None)
            self._log.tell(f"{id[2]} ends {self._engine.cut}", [intent(id, "end", "cancelled", None)], row.cause)
        else:
            self._slice(held, row, slice_name(id, row, STOPS), intent(id, "stop"), held.replay.cancel)

    def _take_answer(self, id: RunId, key: str, row: RunRow) -> None:
        step = row.steps.get(key)
        held = self._held(id, row) if step is not None and isinstance(step.answer, list) else None
        if held is None or step is None or not isinstance(step.answer, list):
            return
        asked = held.step(key)
        try:
            said = self._answered[asked.kind].read(asked, step.answer[0])
        except UnfitAnswer as why:
            self._log.note(id, "refuse", key, message_of(why))
            return
        if said is not None:
            self._take_on(held, key, said)
            return
        self._send_again(held, key, row)

    def _send_again(self, held: HeldRun, key: str, row: RunRow) -> None:
        """What was in doubt, or rested, does so no more: it is to be carried out."""
        asked = held.step(key)
        self._log.note(held.id, *(("doubt", key, "") if row.steps[key].doubt else ("try", key)))
        held.sent.pop(key, None)
        held.unsent[key] = asked
        held.again.discard(key)
        self._runs.moved[held.id] = None

    # ---- beginning ----
    def _begin_some(self) -> bool:
        begun = False
        for id, never in islice(self._beginnings.come(), SHARE):
            begun = True
            row = self._log.row(id)
            assert row is not None
            if never:
                self._log.tell(f"{id[2]} skipped", [intent(id, "end", "skipped", never)], row.cause)
            else:
                self._begin(id, row)
        return begun

    def _begin(self, id: RunId, row: RunRow) -> None:
        try:
            held = self._runs.begin(id)
        except (NotHere, ServiceNotHere) as why:
            self._block(id, why)
            return
        version = self._log.flow(id)[0].version
        self._slice(held, row, slice_name(id, row, BEGINS), intent(id, "begin", version), held.replay.start)

    # ---- going on ----
    def _take_on_some(self) -> bool:
        """Whether any went on. What a run came to that cannot go on here is said again and again, and waits."""
        untaken, self._untaken, gone_on = self._untaken, [], False
        for came in untaken:
            gone_on |= self._hear(came, is_repeated=False)
        for carrier in self._carriers.values():
            heard = 0  # without those that cannot go on: else none behind them would have its share
            for said in carrier.over():
                self._point("step over")
                heard += self._hear(said, is_repeated=carrier.parks)
                if heard == SHARE:
                    break
            gone_on |= heard > 0
        return gone_on

    def _hear(self, came: Over | Doubt | Reminder | Tried | Again, *, is_repeated: bool) -> bool:
        row = self._log.row(came.run)
        step = None if row is None or row.ending else row.steps.get(came.key)
        is_awaited = step is not None and not step.is_done
        if row is not None and is_awaited and self._take(came, row):
            return True
        if isinstance(came, Over | Tried) and not is_repeated and (is_awaited or not self._log.has_flow(came.run)):
            self._untaken.append(came)
        return False

    def _take(self, came: Over | Doubt | Reminder | Tried | Again, row: RunRow) -> bool:
        """Returns whether anything came of it: what is over for a run that cannot go on here is told of again, turn
        after turn."""
        match came:
            case Doubt(id, key, why):
                self._log.note(id, "doubt", key, why)
            case Reminder(id, key, next_us):
                self._log.note(id, "remind", key, next_us)
            case Tried(id, key, why, next_us, may_be_done):
                self._log.note(id, "tried", key, why, next_us, may_be_done)
            case Again(id, key):
                held = self._held(id, row)
                if held is None:
                    return False
                self._send_again(held, key, row)
            case Over(id, key, said):
                held = self._held(id, row)
                if held is None or not held.asks(key):  # what is due at once is over before it is sent
                    return False
                self._take_on(held, key, said)
        return True

    def _take_on(self, held: HeldRun, key: str, said: Plain) -> None:
        """A step came to something."""
        row, step = self._log.row(held.id), held.step(key)
        assert row is not None
        if held.sent.pop(key, None) is not None:  # also where it was the clock or somebody's answer that ended it
            self._carriers[step.kind].forget(held.id, key)
        held.unsent.pop(key, None)
        outcome, name = self._carriers[step.kind].outcome(step, said), slice_name(held.id, row, key)
        done, spent = intent(held.id, "done", key, said), spent_of(said)
        self._slice(held, row, name, done, lambda at: held.replay.hand([Told(key, outcome, at, spent)]))

    def _slice(self, held: HeldRun, row: RunRow, name: str, because: Plain, go: Callable[[int], None]) -> None:
        """Let the code go on, and tell what it did."""
        with self._runs.editing(held, name, row) as edit:
            go(self._engine.cut)
        for blob in edit.blobs:
            self._space._host.keep(blob)
        asked, dropped = held.replay.take_changes()
        goes_on = self._tell(held, name, because, edit, asked, sorted(dropped))
        self._point("slice told")
        if goes_on:
            self._runs.forget(held, dropped)
            held.unsent |= asked
            self._runs.moved[held.id] = None

    def _tell(
        self, held: HeldRun, name: str, because: Plain, edit: RunEdit, asked: Mapping[str, Asking], dropped: list[str]
    ) -> bool:
        """Tell what a run did, what it asks for and what it waits for no longer. Where that is refused, it ends it, and
        is what it came to. Returns whether it goes on."""
        ends = end_of(held)
        rest = [ends] if ends else [self._asking(held.id, *one) for one in asked.items()]
        rest += [intent(held.id, "drop", key) for key in dropped if not ends]
        try:
            self._log.tell(name, [because, *edit.intents, *rest], edit.cause, id=edit.id)
        except (Refused, Unencodable, EditTooLarge) as why:
            ends = _failed(held.id, why, where_of(why))
            self._log.tell(f"{name} refused", [because, ends], edit.cause)
        if ends:
            self._runs.drop(held)
        return not ends

    def _asking(self, id: RunId, key: str, step: Asking) -> Plain:
        return intent(id, "step", key, step.kind, step.said, *self._carriers[step.kind].moments(step))

    # ---- taking up again ----
    def _recover(self, id: RunId, *, is_counted: bool) -> None:
        """Take up a run that is not parked. One under which engines die again and again may be what ends them: it
        fails, and stands among those that somebody has to see to. One that only waits ends nobody."""
        row = self._log.row(id)
        assert row is not None
        if row.ending or row.resumes:
            return  # it ended just now, for another of its steps, or is looked at anyway
        if not is_counted:
            self._held(id, row)
        elif row.recoveries >= RECOVERIES_MAX:
            why = f"it was under way when its engine died, {row.recoveries} times one after another"
            poisoned: Plain = {"error": "RunPoisoned", "message": why, "where": "", SET_ASIDE: True}
            self._log.note(id, "end", "failed", poisoned)
        elif self._held(id, row) is not None:
            self._log.note(id, "recover")

    def _is_under_way(self, id: RunId, wait: Wait) -> bool:
        """Whether somebody was at work on what it waits for, and not on another run, which is counted itself."""
        row = self._log.row(id)
        assert row is not None
        if wait.kind == "node":
            entity, name, _ = cast("list[str]", row.steps[wait.step].said)
            return isinstance(self._engine.node(entity, name), Slot | Whole)
        return wait.kind == "decide" or not wait.due_us  # else it rests

    def _held(self, id: RunId, row: RunRow) -> HeldRun | None:
        """A run in memory; None for one that cannot go on here, which is said once."""
        if id in self._runs.blocked:
            return None
        try:
            held = self._runs.of(id, row)
        except WeftError as why:
            self._block(id, why, row if isinstance(why, RunDiverged) else None)
            return None
        if row.blocked and not row.resumes:  # its code does the same again now
            self._log.note(id, "resume", row.version)
        return held

    def _block(self, id: RunId, why: WeftError, row: RunRow | None = None) -> None:
        """Why it cannot go on is said here; with `row` on record, too."""
        _log.error("%s", why)
        self._runs.blocked[id] = message = message_of(why)
        if row is not None and row.blocked != message:
            self._log.note(id, "block", message)

    def _resume(self, id: RunId, row: RunRow) -> None:
        """Have a run go on with the code that is here, which is first tried over all that the run was told. Where it
        would have asked for something else it stays as it is, and why is on record."""
        self._runs.blocked.pop(id, None)
        if (held := self._runs.held.get(id)) is not None:
            self._runs.drop(held)
        try:
            held = self._runs.replay(id, row)
        except WeftError as why:
            self._block(id, why, row)
            return
        version, awaited = self._log.flow(id)[0].version, held.asked()
        dropped = [key for key, step in row.steps.items() if not step.is_done and key not in awaited]
        asked = _without(awaited, row.steps)
        name = f"{id[2]} resumes {self._engine.cut}"
        with self._runs.editing(held, name, row) as edit:
            pass  # its code says nothing
        if not self._tell(held, name, intent(id, "resume", version), edit, asked, dropped):
            return
        self._beginnings.went_on(id)
        held.unsent |= asked
        held.again -= asked.keys()
        held.sent = _without(held.sent, asked)
        for key, step in list(row.steps.items()):
            if not step.is_done and step.outcome is not None and key in awaited:  # it is told that once more
                self._take_on(held, key, step.outcome)
        # What came while it could not go on is looked at now.
        waits = [Wait("answered", 0, id[2], key) for key, step in row.steps.items() if step.answer is not None]
        waits += [Wait("cancel", 0, id[2], "")] if row.is_cancelled and not row.stopped else []
        self._engine.woken += [(*id[:2], wait) for wait in waits]


def _without(steps: Mapping[str, Asking], others: Mapping[str, object]) -> dict[str, Asking]:
    return {key: step for key, step in steps.items() if key not in others}


def end_of(held: HeldRun) -> Plain:
    """How a run ends, as events say it; None while it goes on."""
    match held.replay.outcome:
        case None:
            return None
        case Value(value):
            return _returned(held, value)
        case Raised(Cancelled()):
            return intent(held.id, "end", "cancelled", None)
        case Raised(ContinuedAsNew() as new):
            return intent(held.id, "end", "continued", new.carried)
        case Raised(error):
            return _failed(held.id, told_outside(held.replay.flow, error), where_of(error), held.replay.failed_step)


def _returned(held: HeldRun, value: object) -> Plain:
    try:
        held.made.refuse_left(value)
        held.returns.encode(value)
    except NeverAwaited as why:
        return _failed(held.id, why, why.where)
    except Unencodable as why:
        return _failed(held.id, why, "")
    return intent(held.id, "end", "returned", held.returns.to_plain(value))


def _failed(id: RunId, why: BaseException, where: str, step: str = "") -> Plain:
    said: dict[str, Plain] = {"error": type(why).__name__, "message": message_of(why), "where": where}
    return intent(id, "end", "failed", said | ({"step": step} if step else {}))
