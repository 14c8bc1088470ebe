"""Attempts: from a slot that is due to a call, and from what comes back to a result.

`begin` decides, for one slot at the present cut, between four ways: pass on an error or an absence, take what its call
key came to before, compute a built-in rule here, or call the operation somewhere. `report` turns a runner's answer
into a settling, or into a partial frame. A call that leaves the process is written down before it is sent.

Knows nothing of stores' insides, threads or event loops.
Invariant: an attempt takes all its inputs as of one cut, and closes once.
Source: fenced completion (epoch, number); memoised builds, where the key is the operation with its exact inputs.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from weft.builtin import whole_outcome
from weft.call import AttemptId, Broke, Call, Finished, Partial, Report, Runner, answers_at_once
from weft.call_key import CallKeys
from weft.content import Cid, decode, encode, encoded_link
from weft.engine import Engine, Settling
from weft.errors import OLDER_SHAPE, Undecodable, WeftError
from weft.graph import Edge, Slot, edge_outcome, place_of
from weft.held.cuts import Cuts
from weft.held.quiet import Quiet
from weft.held.shown import Reading
from weft.identity import rule_of
from weft.intake import LOST, Kept, Taken, given, take, values_of
from weft.matching.vector import Vectors
from weft.operation import Operation
from weft.placing import SLOW_S, Placing
from weft.points import OnPoint, pass_by
from weft.slot import WAS_ERASED, Err, Gone, Ok, Outcome, SlotKey, is_same
from weft.spec import NodeCode
from weft.store import ATTEMPT
from weft.vectors import VectorRunner, Wanted, vectors_for, wanted_for

_log = logging.getLogger("weft")


class NotOffered(WeftError):
    """{slot} cannot be computed by this program: {why}."""

    slot: str
    why: str


class Waiting(NamedTuple):
    """A slot that cannot be run yet; `why` is empty where something else must settle first."""

    why: str = ""


class Asked(NamedTuple):
    """A call by what it is given: its arguments, and what it is looked up by."""

    taken: Taken
    names: list[bytes]
    kept: list[Kept]
    key: Cid
    preimage: bytes


class Keyed(NamedTuple):
    """Which call it is: as of which cut, its key with what the key was made from, and what it was given."""

    cut: int
    key: Cid
    preimage: bytes
    taken: Taken
    reading: Reading | None = None
    """What the inputs were at an older cut, where it was taken from there."""


class Attempt(Struct, eq=False):
    """One execution under way."""

    id: AttemptId
    slot: SlotKey
    what: Keyed
    runner: Runner
    is_provisional: bool
    is_listed: bool = False
    cuts: Cuts | None = None
    """Where its cut is pinned."""
    vectors_by: Cid | None = None
    """The fingerprint of the service that is asked for vectors."""
    is_known: bool = False
    """The list was made before, and only vectors are asked for."""
    partials: int = 0
    """The index from which on a partial value of it is newer than what is shown."""


CALLED = ("derive", "each")
"""The kinds of nodes that call an operation."""
TURN_PARTS = 16
"""Calls are looked up for such a part of a turn at once: what these make ready is begun in the next part."""
BACKOFF = object()
"""Stands in a slot's place for an attempt while a retry waits."""


class Attempts:
    """The open attempts of an engine, and the runners they are sent to."""

    def __init__(
        self,
        engine: Engine,
        *,
        runners: Mapping[str, Runner],
        services: Mapping[str, object],
        report: Callable[[Report], None],
        later: Callable[[float, SlotKey], None],
        clock: Callable[[], float] = lambda: 0.0,
        on_point: OnPoint = pass_by,
    ) -> None:
        self.engine, self.runners, self.services = engine, runners, services
        self.keys = CallKeys(services)
        self._answers = {runner.name: answers_at_once(runner) for runner in runners.values()}
        self.report_to, self.later, self._point = report, later, on_point
        engine.timer.clock, engine.timer.later = clock, later
        self.open: dict[AttemptId, Attempt] = {}
        self.closed: dict[AttemptId, Attempt] = {}
        """Those whose outcome is not durable yet."""
        self.sending: list[tuple[Call, Runner]] = []
        self.stuck: dict[SlotKey, str] = {}
        self._ahead: dict[Slot, Asked] = {}
        """Of the slots that are begun next, the calls."""
        self.number = 0
        self.quiet = Quiet()
        self.placing = Placing(runners, services)
        self.counts: dict[tuple[str, str], int] = defaultdict(int)

    # ---- beginning ----
    def pump(self, results_max: int) -> bool:
        """Begin what is ready: in order where that fits in a turn, else by turns. Returns whether something is left.
        Nothing is sent before `send`."""
        ready = self.engine.graph.ready
        for key in self.placing.released(self.open):
            if (slot := self._slot(key)) is not None:
                self.engine.graph.offer(slot)
        for slots in ready.turn(results_max, max(1, results_max // TURN_PARTS)):
            if len(slots) > 1 or self._ahead:
                self._look_ahead(slots)
            for slot in slots:
                slot.queued = False
                self.begin(slot)
        pins = self.engine.graph.pins
        if pins and not self.open and (not ready or pins[0] == self.engine.cut):
            self.engine.cuts.forget()  # nobody holds an older cut than the newest
        return bool(ready)

    def _look_ahead(self, slots: Sequence[Slot]) -> None:
        """Ask the store once what many calls came to before. What they are given stays what it is until they are begun:
        nothing that is read there is unsettled, and nobody tells anything meanwhile."""
        self._ahead.clear()
        for slot in slots if len(slots) > 1 else ():
            if slot.due is None or slot.pending or slot.spec.kind not in CALLED or slot.spec.own:
                continue
            try:
                taken, code = take(slot), slot.spec.code
                asked = self._asked(slot, code, taken) if taken.has_all and code is not None else None
            except Undecodable:
                continue  # said when it is begun
            if asked is not None:
                self._ahead[slot] = asked
        self.engine.look_up([one.key for one in self._ahead.values()])

    def begin(self, slot: Slot) -> None:
        """Do what there is to do for one slot now."""
        is_needed = slot.demand and (slot.due is not None or slot.pending)
        if not is_needed or (slot.attempt is not None and not self._is_dropped(slot, slot.attempt)):
            return
        if not self.engine.graph.pins:
            if not slot.blocking:
                self._begin_at(slot, self.engine.cut, None)
            return
        # While others are under way: perhaps not now, perhaps at an older cut.
        chosen = self.engine.cuts.choose(slot, self.engine.cut)
        if chosen is not None:
            step = self._begin_at(slot, *chosen)
            if isinstance(step, Settling):
                self.engine.cuts.settled(slot, step.at)
            elif step is not None and (step.why or chosen.reading is not None):
                self.engine.cuts.waits(slot, is_stuck=bool(step.why))

    def _begin_at(self, slot: Slot, cut: int, reading: Reading | None) -> Settling | Waiting | None:
        try:
            step = self._step(slot, cut, reading)
        except Undecodable as why:
            # Today's annotations do not fit what was kept: that node cannot be computed, and the others can.
            taken, said = take(slot, reading and reading.edges), Err("Undecodable", f"{why} {OLDER_SHAPE}.")
            step = Settling(cut, said, inputs=taken.inputs, used=taken.used, how="passed on")
        if isinstance(step, Settling):
            self._count(slot, step.how)
            self.engine.settle(slot, step if reading is None or not reading.is_past else replace(step, is_stale=True))
            if isinstance(step.outcome, Err):
                self._back_off(slot, step.outcome)
        elif step is not None and step.why:
            self.stuck[slot.key] = step.why
        return step

    def _is_dropped(self, slot: Slot, attempt: object) -> bool:
        """Whether the call under way was cancelled now, as an input has changed and its node is to begin anew."""
        policy = slot.spec.code.policy if slot.spec.code is not None else None
        if policy is None or slot.due is None or not isinstance(attempt, Attempt) or attempt.is_provisional:
            return False
        if policy.debounce is not None:
            self.quiet.note(slot, self.engine.timer.clock())
        used, shown = attempt.what.taken.used, self.engine.shown_inputs(slot)
        if not policy.restart or slot.pending or (len(used) == len(shown) and all(map(is_same, used, shown))):
            return False
        del self.open[attempt.id]
        self.engine.batch.put(ATTEMPT, attempt.id.row, None)
        self.sending = [one for one in self.sending if one[0].id != attempt.id]
        attempt.runner.cancel(attempt.id)
        if attempt.cuts is not None:
            attempt.cuts.end(slot, attempt.what.cut)
        slot.attempt = None
        return True

    def _step(self, slot: Slot, cut: int, reading: Reading | None) -> Settling | Waiting | None:
        spec, is_whole = slot.spec, reading is not None or not slot.pending
        if spec.kind == "choose":
            return self._choose(slot, cut, reading)
        ahead = self._ahead.get(slot) if reading is None else None
        taken = ahead.taken if ahead is not None else take(slot, None if reading is None else reading.edges)
        if not taken.has_all and (number := _lacking(slot, taken)) is not None:
            edge, outcome = taken.edges[number], taken.outcomes[number]
            return self._pass_on(slot, taken, edge, outcome, cut) if is_whole else Waiting()
        if spec.code is None:
            return Waiting(f"the type {slot.thing.type.name} was opened without its code; give it to open(types=…)")
        if spec.kind not in CALLED:
            return self._built_in(slot, cut, taken) if is_whole else Waiting()
        policy = spec.code.policy
        if policy is not None and is_whole and not self.quiet.may_begin(slot, policy, self.engine.timer):
            return None
        asked = ahead or self._asked(slot, spec.code, taken)
        return self._call(slot, spec.code, cut, asked, reading) if asked is not None else Waiting()

    def _asked(self, slot: Slot, code: NodeCode, taken: Taken) -> Asked | None:
        """The call of a slot that was given this; None while a partial value is still to come."""
        found = given(slot, code, taken, self.engine.store.open_blob)
        if found is None:
            return None
        names, kept = found
        if slot.spec.own:
            own = encoded_link(slot.last.content) if slot.last is not None else encode(slot.spec.initial)
            names = [own, *names]
        return Asked(taken, names, kept, *self.keys.key(slot.spec, names, self.engine.fingerprints))

    def _pass_on(self, slot: Slot, taken: Taken, edge: Edge | None, outcome: Outcome, cut: int) -> Settling:
        """An error or an absence above is one here, without a call; the error names where it began."""
        refs = [entry.ref for entry in slot.spec.inputs if entry.ref] if outcome is LOST else []
        if any(self.engine.is_lost(slot.thing, ref) for ref in refs):
            outcome = WAS_ERASED
        if isinstance(outcome, Err):
            origin = outcome.origin or (place_of(edge.source) if edge is not None else "")
            said = outcome.message if outcome.origin else f"{origin} failed: {outcome.kind}: {outcome.message}"
            outcome = Err("InputFailed", said, outcome.where, origin)
        return Settling(cut, outcome, inputs=taken.inputs, used=taken.used, how="passed on")

    def _choose(self, slot: Slot, cut: int, reading: Reading | None) -> Settling | Waiting | None:
        edge = _input(slot.edges if reading is None else reading.edges, 0)
        test = edge_outcome(edge) if edge is not None else LOST
        if edge is not None and not edge.source.current:
            return Waiting()
        if not isinstance(test, Ok):
            return self._pass_on(slot, take(slot), edge, test, cut) if reading is None else Waiting()
        branch = 1 if decode(test.encoded) is True else 2
        self.engine.graph.choose(slot, branch, cut)
        edges = slot.edges
        if reading is not None:
            reading = self.engine.cuts.branch(slot, cut)
            if reading is None:
                return Waiting()
            edges = reading.edges
        elif slot.pending:
            return Waiting()
        edge, taken = _input(edges, branch), take(slot, edges)
        outcome = edge_outcome(edge) if edge is not None else LOST
        is_stale = True if reading is not None and reading.is_past else None
        if not isinstance(outcome, Ok):
            return replace(self._pass_on(slot, taken, edge, outcome, cut), is_stale=is_stale)
        key, preimage = self.call_key(slot, [encoded_link(test.content), encoded_link(outcome.content)])
        said = Settling(cut, outcome, key, (0, 0), taken.inputs, taken.used, "built in", preimage)
        return replace(said, is_stale=is_stale)

    def _built_in(self, slot: Slot, cut: int, taken: Taken) -> Settling:
        edge = taken.edges[0]
        assert edge is not None
        names = [encoded_link(found.content) for found in taken.outcomes if isinstance(found, Ok)]
        key, preimage = self.call_key(slot, names)
        code = slot.spec.code
        assert code is not None
        open_blob = self.engine.store.open_blob
        outcome, slot.maintained = whole_outcome(slot.spec, code, edge.source.tree(), open_blob, before=slot.maintained)
        return Settling(cut, outcome, key, (0, 0), taken.inputs, taken.used, "built in", preimage)

    def _call(
        self, slot: Slot, code: NodeCode, cut: int, asked: Asked, reading: Reading | None
    ) -> Settling | Waiting | None:
        spec, operation, open_blob = slot.spec, code.operation, self.engine.store.open_blob
        (taken, names, kept, key, preimage), is_whole = asked, reading is not None or not slot.pending
        assert operation is not None
        if spec.own and is_whole and self._same_inputs(slot, names[1:]):
            assert slot.result is not None
            return self._reuse(slot, cut, taken, slot.result.call_key, slot.result.outcome)
        wanted: Wanted | None = None
        if is_whole:
            known = self.engine.recall(key)
            wanted = self._wanted(slot, key, known) if code.matchers else None
            if known is not None and wanted is None:
                return self._reuse(slot, cut, taken, key, known)
            self._carry_tries(slot, key)
        elif slot.seen == key:
            return None
        if (operation.services or wanted is not None) and (missing := self.placing.missing_service(operation, wanted)):
            return Waiting(missing)
        services = self.placing.services_of(operation) if operation.services else {}
        id, by = self.new_id(), slot.key.entity
        runner = self.placing.runner(code.runner, operation, services, spec.timeout_s)
        is_plain = not services and is_whole and wanted is None
        if is_plain and not self.placing.may_begin(slot, code, runner, id, self.open):
            return None
        call = Call(id, operation, values_of(slot, code, kept, open_blob), services, spec.timeout_s, by)
        slot.seen = key
        # With a service a call may have to wait for its turn, and then answers from another thread.
        answer = self._answers[runner.name] if is_plain else None
        if answer is not None:
            made = self._made_here(slot, operation, answer(call), cut, key, preimage, taken)
            return made if reading is None else replace(made, used=taken.used, is_stale=None)
        self._start(slot, call, runner, Keyed(cut, key, preimage, taken, reading), wanted)
        return None

    def new_id(self) -> AttemptId:
        """The id of the next call that this engine makes."""
        self.number += 1
        return AttemptId(self.engine.epoch, self.number)

    def _wanted(self, slot: Slot, key: Cid, known: Ok | None) -> Wanted | None:
        """The vectors that telling this call's elements apart asks for, if it does, and they are not kept already."""
        matcher, result = rule_of(slot.spec).embedded, slot.result
        is_shown = result is not None and result.call_key == key and isinstance(result.outcome, Ok)
        if matcher is None or (known is not None and is_shown):
            return None
        made, held = known.encoded if known is not None else None, self.engine.held(slot)
        kept = vectors_for(self.engine, matcher, held, *([made] if made is not None else []))
        return wanted_for(matcher, self.services.get(matcher.service), held, made, frozenset(kept))

    def _same_inputs(self, slot: Slot, names: list[bytes]) -> bool:
        """Whether a node that is given its own last value shows one made from these very inputs."""
        result = slot.result
        if result is None or not isinstance(result.outcome, Ok) or result.call_key is None:
            return False
        preimage = self.engine.preimage(result.call_key)
        if not preimage:  # not there where what was first computed by that key was erased
            return False
        said = decode(preimage)
        assert isinstance(said, list) and isinstance(said[-1], list)
        own = encode(said[-1][0]) if said[-1] else b""
        return self.call_key(slot, [own, *names])[1] == preimage

    def _reuse(self, slot: Slot, cut: int, taken: Taken, key: Cid | None, known: Outcome) -> Settling:
        result = slot.result
        if result is not None and result.call_key == key and isinstance(result.outcome, Ok):
            known = result.outcome
        return Settling(cut, known, key, (0, 0), taken.inputs, taken.used, "reused")

    def call_key(self, slot: Slot, names: Sequence[bytes]) -> tuple[Cid, bytes]:
        """The id of (operation, version, settings, service fingerprints, inputs), and the bytes it was made from."""
        return self.keys.key(slot.spec, names, self.engine.fingerprints)

    def _carry_tries(self, slot: Slot, key: Cid) -> None:
        shown = slot.result.outcome if slot.result is not None and slot.result.call_key == key else None
        slot.tries = shown.tries if isinstance(shown, Err) and not shown.final else 0

    def _start(self, slot: Slot, call: Call, runner: Runner, what: Keyed, wanted: Wanted | None) -> None:
        """Have the call made somewhere."""
        if wanted is not None:
            runner = VectorRunner(runner, self.runners["loop"], wanted)
        attempt = Attempt(call.id, slot.key, what, runner, what.reading is None and bool(slot.pending))
        if wanted is not None:
            attempt.is_known = wanted.made is not None
            attempt.vectors_by = self.engine.fingerprints.get(wanted.matcher.service)
        self.open[call.id] = attempt
        slot.attempt = attempt
        if not attempt.is_provisional:
            attempt.is_listed = True
            self.engine.batch.put(ATTEMPT, call.id.row, (*slot.key, what.cut, what.key))
            attempt.cuts = self.engine.cuts
            attempt.cuts.begin(slot, what.cut, self.engine.cut)
        self.sending.append((call, runner))

    def _made_here(
        self,
        slot: Slot,
        operation: Operation,
        report: Finished | Broke,
        cut: int,
        key: Cid,
        preimage: bytes,
        taken: Taken,
    ) -> Settling:
        """What a call came to that ended before anything else could happen: nothing it was given has changed, and
        nobody else has come to a result for its key."""
        self._keep_made(report, is_provisional=False)
        outcome = self._outcome(slot, report)
        if report.took_s > SLOW_S:
            self.placing.note(operation, report.took_s)
        took_us = int(report.took_s * 1e6)
        return Settling(
            cut, outcome, key, report.id.row, taken.inputs, None, "ran", preimage, took_us, None, False, True
        )

    def send(self) -> None:
        """Send what was begun; its attempts are durable by now, and so are the outcomes of those before."""
        self.closed.clear()
        sending, self.sending = self.sending, []
        for call, runner in sending:
            attempt = self.open.get(call.id)
            if attempt is not None:
                if attempt.is_listed:
                    self._point("attempt listed")
                runner.start(call, self.report_to)
                self._point("attempt sent")

    # ---- what comes back ----
    def report(self, report: Report) -> None:
        """Take a runner's answer. One for an attempt that is closed, or another epoch's, changes nothing."""
        attempt = self.open.get(report.id)
        if attempt is None:
            return
        slot = self._slot(attempt.slot)
        if isinstance(report, Partial):
            if report.index >= attempt.partials:
                attempt.partials = report.index + 1
                self._frame(slot, attempt, report.encoded)
            return
        self.closed[report.id] = self.open.pop(report.id)
        if slot is not None and slot.attempt is attempt:
            slot.attempt = None
        if attempt.is_listed:
            self.engine.batch.put(ATTEMPT, attempt.id.row, None)
        self._close(slot, attempt, report)

    def _keep_made(self, report: Finished | Broke, *, is_provisional: bool) -> None:
        """What a call made is kept before its result names it; what it made for a cut that went by has no result."""
        for blob in report.blobs if isinstance(report, Finished) else ():
            cid, _ = self.engine.store.keep_blob(blob.chunks(), is_made=True)
            self.engine.batch.named += [] if is_provisional else [cid]
            self._point("made content kept")

    def _close(self, slot: Slot | None, attempt: Attempt, report: Finished | Broke) -> None:
        self._keep_made(report, is_provisional=attempt.is_provisional)
        if attempt.is_provisional:
            if isinstance(report, Finished):
                self._frame(slot, attempt, report.encoded)
        else:
            self._settle(slot, attempt, report)
        if attempt.cuts is not None:
            attempt.cuts.end(slot, attempt.what.cut)
        if slot is not None:
            self.engine.graph.offer(slot)

    def _slot(self, key: SlotKey) -> Slot | None:
        """A slot as it is in memory now."""
        found = self.engine.node(*key)
        return found if isinstance(found, Slot) else None

    def _frame(self, slot: Slot | None, attempt: Attempt, encoded: bytes) -> None:
        """A partial value: shown beside what is settled, never in its place, and never kept."""
        if slot is None or (slot.current and not attempt.is_provisional) or slot.attempt not in (None, attempt):
            return
        if attempt.is_provisional and not slot.pending:
            return
        slot.frame = encoded
        self.engine.touched[slot] = None
        self._point("partial shown")
        self.wake_soft_readers(slot)

    def wake_soft_readers(self, slot: Slot) -> None:
        """Whoever reads this as it streams, or its state, may look again."""
        for edges in slot.readers.values():
            for edge in edges:
                if edge.mode in ("partials", "state") and isinstance(edge.reader, Slot):
                    self.engine.graph.offer(edge.reader)

    def _settle(self, slot: Slot | None, attempt: Attempt, report: Finished | Broke) -> None:
        target = slot or self.engine.lost_slot(attempt.slot)
        cut, key, preimage, taken, reading = attempt.what
        outcome, other = self._outcome(slot, report), None
        if isinstance(outcome, Ok) and (known := self.engine.recall(key)) is not None:
            outcome, other = known, outcome if outcome.encoded != known.encoded else None
        if target is None:
            return
        how = "reused" if attempt.is_known else "ran"
        self._count(target, how)
        operation = target.spec.code.operation if target.spec.code is not None else None
        if operation is not None and attempt.runner.name in ("inline", "thread") and not attempt.is_known:
            self.placing.note(operation, report.took_s)
        took_us = int(report.took_s * 1e6)
        said = Settling(cut, outcome, key, attempt.id.row, taken.inputs, taken.used, how, preimage, took_us, other)
        if report.spent is not None:
            said = replace(said, spent=report.spent)
        if isinstance(report, Broke) and report.made is not None:
            said = replace(said, made=Ok.of_bytes(report.made))
        elif isinstance(report, Finished) and report.vectors:
            said = replace(said, vectors=Vectors(attempt.vectors_by, report.vectors))
        if (reading is not None and reading.is_past) or target in self.engine.cuts.passed:
            said = replace(said, is_stale=True)
        self.engine.settle(target, said)
        if slot is not None:
            self._back_off(slot, outcome)
            if self.engine.graph.pins:
                self.engine.cuts.settled(slot, cut)

    def _back_off(self, slot: Slot, outcome: Outcome) -> None:
        """Wait before the next try, where one is left."""
        if isinstance(outcome, Err) and not outcome.final:
            retry = slot.spec.retry
            assert retry is not None
            slot.attempt = BACKOFF
            self.later(retry.delay_s_before(outcome.tries + 1), slot.key)

    def _outcome(self, slot: Slot | None, report: Finished | Broke) -> Outcome:
        if isinstance(report, Finished):
            return Ok.of_bytes(report.encoded)
        tries = slot.tries + 1 if slot is not None else 1
        retry = slot.spec.retry if slot is not None else None
        is_final = retry is None or not report.retry or tries >= retry.attempts
        if slot is not None:
            slot.tries = tries
        return Err(report.kind, report.message, report.where, "", tries, is_final)

    def wake(self, key: SlotKey) -> None:
        """A pause is over, before a retry or another look."""
        if (slot := self._slot(key)) is not None:
            if slot.attempt is BACKOFF:
                slot.attempt = None
            self.quiet.wake(slot)
            self.engine.cuts.wake(slot)
            self.engine.graph.offer(slot)

    def reattach(self) -> None:
        """Memory was read anew: attempts under way hold on to the slots that stand there now. Those for nodes that are
        not there any more are given up: such a node may come back, and has no tombstone for what they answer."""
        for attempt in list(self.open.values()):
            slot = self._slot(attempt.slot)
            if slot is not None:
                slot.attempt = attempt
            elif self.engine.lost_slot(attempt.slot) is None:
                del self.open[attempt.id]
                self.engine.batch.put(ATTEMPT, attempt.id.row, None)
                attempt.runner.cancel(attempt.id)
        self.sending = [(call, runner) for call, runner in self.sending if call.id in self.open]

    def reopen(self, ids: Iterable[AttemptId]) -> None:
        """What was done since the last commit is lost. Attempts whose answers came since wait for them again; those
        that were not sent yet were made from what is lost, and have never been."""
        for call, _ in self.sending:
            self.open.pop(call.id, None)
        self.sending.clear()
        self.open.update({id: self.closed[id] for id in ids if id in self.closed})
        self.closed.clear()
        self.reattach()

    def cancel_removed(self, touched: Iterable[Slot]) -> None:
        """Ask the calls for slots that are no longer there to stop: advisory, their answers come too late anyway."""
        for slot in touched:
            attempt = slot.attempt
            if isinstance(attempt, Attempt) and isinstance(slot.outcome(), Gone) and self._slot(slot.key) is not slot:
                attempt.runner.cancel(attempt.id)

    def retire(self) -> None:
        """Drop the rows of attempts of former epochs: whoever ran them answers in vain."""
        for key, _ in list(self.engine.rows(ATTEMPT)):
            if key[0] != self.engine.epoch:
                self.engine.batch.put(ATTEMPT, key, None)
        self._point("attempts retired")

    def _count(self, slot: Slot, how: str) -> None:
        operation = slot.spec.operation
        self.counts[operation.name if operation is not None else f"weft/{slot.spec.kind}", how] += 1


def _lacking(slot: Slot, taken: Taken) -> int | None:
    """The first input without whose value a slot cannot be run."""
    for number, outcome in enumerate(taken.outcomes):
        mode, edge = slot.spec.inputs[number].mode, taken.edges[number]
        is_needed = mode in ("plain", "settled") or (mode == "partials" and (edge is None or edge.source.current))
        if is_needed and not isinstance(outcome, Ok):
            return number
    return None


def _input(edges: Iterable[Edge], number: int) -> Edge | None:
    return next((edge for edge in edges if edge.input == number), None)
