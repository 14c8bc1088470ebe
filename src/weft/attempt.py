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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from weft.builtin import whole_outcome
from weft.call import AttemptId, Broke, Call, Finished, Partial, Report, Runner
from weft.content import Cid, Plain, content_id, decode, encode, link
from weft.definition import service_name
from weft.engine import Engine, Settling
from weft.errors import Undecodable, WeftError
from weft.graph import Edge, Slot, Whole, edge_outcome, place_of
from weft.handle import Absent, Failed, Running, Settled, State
from weft.operation import Operation
from weft.points import OnPoint, pass_by
from weft.slot import Err, Gone, Ok, Outcome, SlotKey
from weft.spec import InputSpec, NodeCode
from weft.store import ATTEMPT
from weft.value import Shape

_log = logging.getLogger("weft")

QUICK_S = 0.001
"""A plain function that was seen to take less, twice, is called on the engine's own thread from then on."""
SLOW_S = 0.02
"""One that takes longer there goes back to a thread, so that the engine goes on."""


NOWHERE = "its reference leads nowhere"


class NotOffered(WeftError):
    """{slot} cannot be computed by this program: {why}."""

    slot: str
    why: str


class Waiting(NamedTuple):
    """A slot that cannot be run yet; `why` is empty where something else must settle first."""

    why: str = ""


@dataclass(slots=True, eq=False)
class Attempt:
    """One execution under way."""

    id: AttemptId
    slot: SlotKey
    at: int
    call_key: Cid
    preimage: bytes
    inputs: tuple[Plain, ...]
    used: tuple[Outcome, ...]
    runner: Runner
    is_provisional: bool
    is_listed: bool = False


class Given(NamedTuple):
    """An input's part in a call: what names it in the call key, its bytes, and what they decode as (None: no bytes but
    the value itself)."""

    name: Plain
    kept: object
    shape: Shape | None = None


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
        on_point: OnPoint = pass_by,
    ) -> None:
        self.engine, self.runners, self.services = engine, runners, services
        self.report_to, self.later, self._point = report, later, on_point
        self.open: dict[AttemptId, Attempt] = {}
        self.closed: dict[AttemptId, Attempt] = {}
        """Those whose outcome is not durable yet."""
        self.sending: list[tuple[Call, Runner]] = []
        self.stuck: dict[SlotKey, str] = {}
        self.number = 0
        self.pace: dict[str, int] = {}
        self.counts: dict[tuple[str, str], int] = {}

    # ---- beginning ----
    def pump(self, results_max: int) -> bool:
        """Begin what is ready, in order; returns whether something is left. Nothing is sent before `send`."""
        ready = self.engine.graph.ready
        taken = 0
        while taken < len(ready) and taken < results_max:
            slot = ready[taken]
            taken += 1
            slot.queued = False
            self.begin(slot)
        del ready[:taken]
        return bool(ready)

    def begin(self, slot: Slot) -> None:
        """Do what there is to do for one slot now."""
        if not slot.demand or slot.blocking or slot.attempt is not None or (slot.due is None and not slot.pending):
            return
        try:
            step = self._step(slot)
        except Undecodable as why:
            # Today's annotations do not fit what was kept: that node cannot be computed, and the others can.
            inputs, used = self._taken(slot)
            step = Settling(self.engine.cut, Err("Undecodable", str(why)), inputs=inputs, used=used, how="passed on")
        if isinstance(step, Settling):
            self._count(slot, step.how)
            self.engine.settle(slot, step)
        elif step is not None and step.why:
            self.stuck[slot.key] = step.why

    def _step(self, slot: Slot) -> Settling | Waiting | None:
        spec, cut = slot.spec, self.engine.cut
        if spec.kind == "choose":
            return self._choose(slot, cut)
        edges = {edge.input: edge for edge in slot.edges}
        outcomes: list[Outcome] = []
        for number, entry in enumerate(spec.inputs):
            edge = edges.get(number)
            outcome = edge_outcome(edge) if edge is not None else Gone(NOWHERE)
            if edge is not None and not edge.source.current and entry.mode in ("state", "partials"):
                outcomes.append(outcome)
                continue
            if entry.mode != "state" and not isinstance(outcome, Ok):
                return self._pass_on(slot, edge, outcome, cut) if not slot.pending else Waiting()
            outcomes.append(outcome)
        if spec.code is None:
            return Waiting(f"the type {slot.thing.type.name} was opened without its code; give it to open(types=…)")
        if spec.kind not in ("derive", "each"):
            return self._built_in(slot, cut, outcomes)
        return self._call(slot, spec.code, cut, edges, outcomes)

    def _pass_on(self, slot: Slot, edge: Edge | None, outcome: Outcome, cut: int) -> Settling:
        """An error or an absence above is one here, without a call; the error names where it began."""
        if isinstance(outcome, Err):
            origin = outcome.origin or (place_of(edge.source) if edge is not None else "")
            said = outcome.message if outcome.origin else f"{origin} failed: {outcome.kind}: {outcome.message}"
            outcome = Err("InputFailed", said, outcome.where, origin)
        inputs, used = self._taken(slot)
        return Settling(cut, outcome, inputs=inputs, used=used, how="passed on")

    def _choose(self, slot: Slot, cut: int) -> Settling | Waiting | None:
        edge = self._input(slot, 0)
        test = edge_outcome(edge) if edge is not None else Gone(NOWHERE)
        if edge is not None and not edge.source.current:
            return Waiting()
        if not isinstance(test, Ok):
            return self._pass_on(slot, edge, test, cut)
        branch = 1 if decode(test.encoded) is True else 2
        self.engine.graph.choose(slot, branch, cut)
        if slot.pending:
            return Waiting()
        edge = self._input(slot, branch)
        outcome = edge_outcome(edge) if edge is not None else Gone(NOWHERE)
        if not isinstance(outcome, Ok):
            return self._pass_on(slot, edge, outcome, cut)
        key, preimage = self.call_key(slot, [link(test.content), link(outcome.content)])
        inputs, used = self._taken(slot)
        return Settling(cut, outcome, key, (0, 0), inputs, used, "built in", preimage)

    def _input(self, slot: Slot, number: int) -> Edge | None:
        return next((edge for edge in slot.edges if edge.input == number), None)

    def _built_in(self, slot: Slot, cut: int, outcomes: Sequence[Outcome]) -> Settling | Waiting:
        if slot.pending:
            return Waiting()
        source = slot.edges[-1].source
        key, preimage = self.call_key(slot, [link(found.content) for found in outcomes if isinstance(found, Ok)])
        code = slot.spec.code
        assert code is not None
        members = source.members(only_good=True) if isinstance(source, Whole) else source.members()
        outcome = whole_outcome(slot.spec, code, members, self.engine.store.open_blob)
        inputs, used = self._taken(slot)
        return Settling(cut, outcome, key, (0, 0), inputs, used, "built in", preimage)

    def _call(
        self, slot: Slot, code: NodeCode, cut: int, edges: Mapping[int, Edge], outcomes: Sequence[Outcome]
    ) -> Settling | Waiting | None:
        operation = code.operation
        assert operation is not None
        given = [
            part
            for number, entry in enumerate(slot.spec.inputs)
            for part in self._given(slot, code, number, entry, edges[number], outcomes[number])
        ]
        if any(part is None for part in given):
            return Waiting()
        parts = [part for part in given if part is not None]
        names = [part.name for part in parts]
        if slot.spec.own:
            own = link(slot.last.content) if slot.last is not None else slot.spec.initial
            if not slot.pending and self._same_inputs(slot, names):
                assert slot.result is not None
                return self._again(slot, cut)
            names = [own, *names]
        key, preimage = self.call_key(slot, names)
        if not slot.pending:
            known = self.engine.recall(key)
            if known is not None:
                return self._reuse(slot, cut, key, known)
            self._carry_tries(slot, key)
        elif slot.seen == key:
            return None
        missing = self._missing_service(operation)
        if missing:
            return Waiting(missing)
        open_blob = self.engine.store.open_blob
        values = [kept if shape is None else shape.decode(cast("bytes", kept), open_blob) for _, kept, shape in parts]
        if slot.spec.own:
            values.insert(0, self._own(slot, code))
        self._start(slot, code, operation, cut, key, preimage, tuple(values))
        return None

    def _same_inputs(self, slot: Slot, names: list[Plain]) -> bool:
        """Whether a node that is given its own last value shows one made from these very inputs."""
        result = slot.result
        if result is None or not isinstance(result.outcome, Ok) or result.call_key is None:
            return False
        preimage = self.engine.preimage(result.call_key)
        if preimage is None:
            return False
        said = decode(preimage)
        assert isinstance(said, list)
        own, *rest = said[-1] if isinstance(said[-1], list) else []
        return said[:-1] == decode(self.call_key(slot, [own, *names])[1])[:-1] and rest == names  # type: ignore[index]

    def _again(self, slot: Slot, cut: int) -> Settling:
        result = slot.result
        assert result is not None
        inputs, used = self._taken(slot)
        return Settling(cut, result.outcome, result.call_key, (0, 0), inputs, used, "reused")

    def _reuse(self, slot: Slot, cut: int, key: Cid, known: Ok) -> Settling:
        result = slot.result
        if result is not None and result.call_key == key and isinstance(result.outcome, Ok):
            known = result.outcome
        inputs, used = self._taken(slot)
        return Settling(cut, known, key, (0, 0), inputs, used, "reused")

    def _own(self, slot: Slot, code: NodeCode) -> object:
        if slot.last is None:
            return code.shape.from_plain(slot.spec.initial)
        return code.shape.decode(slot.last.encoded, self.engine.store.open_blob)

    def _given(
        self, slot: Slot, code: NodeCode, number: int, entry: InputSpec, edge: Edge, outcome: Outcome
    ) -> list[Given | None]:
        shape = code.inputs[number + (len(code.inputs) - len(slot.spec.inputs) if number else 0)]
        if entry.mode == "state":
            state, name = self._state(edge, outcome, shape)
            return [Given(name, state)]
        if entry.mode == "partials" and not edge.source.current:
            frame = edge.source.frame if isinstance(edge.source, Slot) else None
            return [None if frame is None else self._value(shape, content_id(frame), frame)]
        assert isinstance(outcome, Ok)
        if slot.spec.kind == "each" and number == 0 and len(code.inputs) > len(slot.spec.inputs):
            source = edge.source if edge.element else edge.source.thing.nodes[edge.source.spec.name]
            member = source.member(slot.key.element)
            key = member.key if member is not None and member.key is not None else b"\xf6"
            return [
                self._value(shape, content_id(key), key),
                self._value(code.inputs[1], outcome.content, outcome.encoded),
            ]
        return [self._value(shape, outcome.content, outcome.encoded)]

    def _value(self, shape: Shape, content: Cid, encoded: bytes) -> Given:
        return Given(link(content), encoded, shape)

    def _state(self, edge: Edge, outcome: Outcome, shape: Shape) -> tuple[State[object], Plain]:
        """A node's state as an operation sees it, and what names it in a call key."""
        source = edge.source
        open_blob = self.engine.store.open_blob
        if not source.current:
            last = source.last if isinstance(source, Slot) else None
            frame = source.frame if isinstance(source, Slot) else None
            tries = source.tries + 1 if isinstance(source, Slot) else 1
            partial = None if frame is None else shape.decode(frame, open_blob)
            old = None if last is None else shape.decode(last.encoded, open_blob)
            return Running(partial, old, tries), ["running", frame, None if last is None else link(last.content), tries]
        match outcome:
            case Ok(content, encoded):
                return Settled(shape.decode(encoded, open_blob)), ["settled", link(content)]
            case Err():
                last = source.last if isinstance(source, Slot) else None
                old = None if last is None else shape.decode(last.encoded, open_blob)
                return Failed(outcome.message, old), [
                    "failed",
                    outcome.message,
                    None if last is None else link(last.content),
                ]
            case Gone():
                return Absent(), ["absent"]

    def call_key(self, slot: Slot, inputs: Sequence[Plain]) -> tuple[Cid, bytes]:
        """The id of (operation, version, settings, service fingerprints, inputs), and the bytes it was made from."""
        operation = slot.spec.operation
        name, version, settings = (
            (operation.name, operation.version, operation.settings)
            if operation
            else (f"weft/{slot.spec.kind}", "1", None)
        )
        services: list[Plain] = []
        for parameter, service in operation.services if operation else ():
            fingerprint = None if self._is_left_out(slot, service) else self.engine.fingerprints.get(service)
            services.append([parameter, None if fingerprint is None else link(fingerprint)])
        preimage = encode([name, version, settings, services, list(inputs)])
        return content_id(preimage), preimage

    def _is_left_out(self, slot: Slot, service: str) -> bool:
        """Whether a call goes without a service: it is optional, and this program has none, whatever is in force."""
        code = slot.spec.code
        operation = code.operation if code is not None else None
        if operation is None or service in self.services:
            return False
        return any(one.default is None and service_name(one.annotation) == service for one in operation.services)

    def _taken(self, slot: Slot) -> tuple[tuple[Plain, ...], tuple[Outcome, ...]]:
        """What each input shows: for `why` (entity, node, element, content id), and to see later whether it changed."""
        inputs: list[Plain] = []
        used: list[Outcome] = []
        for edge in slot.edges:
            source, outcome = edge.source, edge_outcome(edge)
            element = edge.element or (source.key.element if isinstance(source, Slot) else "")
            name = link(outcome.content) if isinstance(outcome, Ok) else None
            inputs.append([source.thing.id, source.spec.name, element, name])
            if edge.mode != "state":
                used.append(outcome)
        return tuple(inputs), tuple(used)

    def _carry_tries(self, slot: Slot, key: Cid) -> None:
        result = slot.result
        is_same = result is not None and result.call_key == key
        if is_same and result is not None and isinstance(result.outcome, Err) and not result.outcome.final:
            slot.tries = result.outcome.tries
        else:
            slot.tries = 0

    def _missing_service(self, operation: Operation) -> str:
        for service in operation.services:
            name = service_name(service.annotation)
            if name not in self.services and service.default is not None:
                return f"{operation.name} needs {name}; open the space with services={{{name}: …}}"
        return ""

    def _start(
        self,
        slot: Slot,
        code: NodeCode,
        operation: Operation,
        cut: int,
        key: Cid,
        preimage: bytes,
        values: tuple[object, ...],
    ) -> None:
        self.number += 1
        id = AttemptId(self.engine.epoch, self.number)
        services = {service.name: self.services.get(service_name(service.annotation)) for service in operation.services}
        runner = self._runner(code, operation, services.values())
        inputs, used = self._taken(slot)
        attempt = Attempt(id, slot.key, cut, key, preimage, inputs, used, runner, bool(slot.pending))
        call = Call(id, operation, values, services, slot.spec.timeout_s)
        slot.seen = key
        if runner.name == "inline" and not services:
            # With a service a call may have to wait for its turn, and then answers from another thread.
            self._run_now(slot, attempt, call)
            return
        self.open[id] = attempt
        slot.attempt = attempt
        if not attempt.is_provisional:
            attempt.is_listed = True
            self.engine.batch.put(ATTEMPT, id, (*slot.key, cut, key))
        self.sending.append((call, runner))

    def _run_now(self, slot: Slot, attempt: Attempt, call: Call) -> None:
        """A call that answers before anything else can happen. What the engine makes of the answer happens outside of
        the call, or its failures would be taken for the call's."""
        answers: list[Report] = []
        attempt.runner.start(call, answers.append)
        (answer,) = answers
        assert not isinstance(answer, Partial), "plain functions have no partial values"
        self._close(slot, attempt, answer)

    def _runner(self, code: NodeCode, operation: Operation, services: Collection[object]) -> Runner:
        """Where the code says; else where a service says; else by kind, plain functions by the pace seen so far."""
        wanted = code.runner
        if wanted is None and services:
            wanted = next((r for s in services if (r := getattr(s, "runner", None))), None)
        if wanted is None:
            wanted = (
                "loop" if operation.kind != "sync" else "inline" if self.pace.get(operation.name, 0) >= 2 else "thread"
            )
        elif wanted in ("inline", "thread") and operation.kind != "sync":
            wanted = "loop"
        return self.runners.get(wanted) or self.runners["inline" if operation.kind == "sync" else "loop"]

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
        slot = self._slot(attempt)
        if isinstance(report, Partial):
            self._frame(slot, attempt, report.encoded)
            return
        self.closed[report.id] = self.open.pop(report.id)
        if slot is not None and slot.attempt is attempt:
            slot.attempt = None
        if attempt.is_listed:
            self.engine.batch.put(ATTEMPT, attempt.id, None)
        self._close(slot, attempt, report)

    def _keep_made(self, report: Finished | Broke) -> None:
        """What a call made is kept before its result names it."""
        for blob in report.blobs if isinstance(report, Finished) else ():
            self.engine.store.keep_blob(blob.chunks())
            self._point("made content kept")

    def _close(self, slot: Slot | None, attempt: Attempt, report: Finished | Broke) -> None:
        self._keep_made(report)
        if attempt.is_provisional:
            if isinstance(report, Finished):
                self._frame(slot, attempt, report.encoded)
        else:
            self._settle(slot, attempt, report)
        if slot is not None:
            self.engine.graph.offer(slot)

    def _slot(self, attempt: Attempt) -> Slot | None:
        """The slot an attempt was for, as it is in memory now."""
        found = self.engine.node(*attempt.slot)
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
        took_us = int(report.took_s * 1e6)
        outcome = self._outcome(slot, attempt, report)
        target = slot or self.engine.lost_slot(attempt.slot)
        if target is None:
            return
        other: Ok | None = None
        if isinstance(report, Finished) and isinstance(outcome, Ok) and outcome.encoded != report.encoded:
            other = Ok(content_id(report.encoded), report.encoded)
        self._count(target, "ran")
        self._note_pace(target, attempt, report)
        said = Settling(
            attempt.at,
            outcome,
            attempt.call_key,
            attempt.id,
            attempt.inputs,
            attempt.used,
            "ran",
            attempt.preimage,
            took_us,
            other,
        )
        self.engine.settle(target, said)
        if isinstance(outcome, Err) and not outcome.final and slot is not None:
            retry = slot.spec.retry
            assert retry is not None
            slot.attempt = BACKOFF
            self.later(retry.delay_s_before(outcome.tries + 1), slot.key)

    def _outcome(self, slot: Slot | None, attempt: Attempt, report: Finished | Broke) -> Outcome:
        if isinstance(report, Finished):
            made = Ok(content_id(report.encoded), report.encoded)
            return self.engine.recall(attempt.call_key) or made
        tries = slot.tries + 1 if slot is not None else 1
        retry = slot.spec.retry if slot is not None else None
        is_final = retry is None or not report.retry or tries >= retry.attempts
        if slot is not None:
            slot.tries = tries
        return Err(report.kind, report.message, report.where, "", tries, is_final)

    def wake(self, key: SlotKey) -> None:
        """A retry's pause is over."""
        slot = self.engine.node(*key)
        if isinstance(slot, Slot) and slot.attempt is BACKOFF:
            slot.attempt = None
            self.engine.graph.offer(slot)

    def reattach(self) -> None:
        """Memory was read anew: attempts under way hold on to the slots that stand there now."""
        self.sending = [(call, runner) for call, runner in self.sending if call.id in self.open]
        for attempt in self.open.values():
            slot = self._slot(attempt)
            if slot is not None:
                slot.attempt = attempt

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
            if isinstance(attempt, Attempt) and isinstance(slot.outcome(), Gone) and self._slot(attempt) is not slot:
                attempt.runner.cancel(attempt.id)

    def retire(self) -> None:
        """Drop the rows of attempts of former epochs: whoever ran them answers in vain."""
        for key, _ in list(self.engine.rows(ATTEMPT)):
            if key[0] != self.engine.epoch:
                self.engine.batch.put(ATTEMPT, key, None)
        self._point("attempts retired")

    def _count(self, slot: Slot, how: str) -> None:
        name = slot.spec.operation.name if slot.spec.operation is not None else f"weft/{slot.spec.kind}"
        self.counts[name, how] = self.counts.get((name, how), 0) + 1

    def _note_pace(self, slot: Slot, attempt: Attempt, report: Finished | Broke) -> None:
        operation = slot.spec.operation
        if operation is None or attempt.runner.name not in ("inline", "thread"):
            return
        if report.took_s < QUICK_S:
            self.pace[operation.name] = self.pace.get(operation.name, 0) + 1
        elif report.took_s > SLOW_S:
            self.pace[operation.name] = -10
