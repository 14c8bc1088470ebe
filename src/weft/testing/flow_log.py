"""What a log says of runs, read anew beside the engine, and held against the rules of runs as it is read.

Every record is read once, as it becomes durable. What fires is worked out from what was told and computed, without a
look at what the engine fired; a step, an answer, an outcome and an end are held against what stood before. So the first
record that breaks a rule names it: a transition fires each flow that listens once (I10); of a flow's runs one is under
way (and of a queue so many); a step has one outcome, of which nobody else has a part (L18); an answer that was taken is
what the run is handed; what a run edits is told once; who lost the lease writes nothing (I9).

Knows nothing of engines, drivers or receivers, and of the words of the log those that it reads.
Invariant: a rule that does not hold raises `RuleBroken`, naming itself and the record.
Source: TigerBeetle's state checkers; the linearizability checkers of Jepsen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, cast

from weft.collection import short_id
from weft.content import Plain, cid_text, content_id, decode, encode
from weft.flow_spec import ChangeSpec, FlowSpec
from weft.record import Record
from weft.run_rows import SET_ASIDE
from weft.runs.approval import FORM as APPROVAL
from weft.spec import TypeSpec
from weft.testing.computed import Computed, computed_in
from weft.testing.flow_types import Contract
from weft.testing.rule import RuleBroken, require

RunId: TypeAlias = tuple[str, str, str]
Flow: TypeAlias = tuple[str, str]
ACTOR = "weft"
UNDER_WAY = ("call", "decide", "node", "perform")
"""The kinds of steps that somebody carries out: a run that waits for one is taken up when its engine has died."""
FAILURES = (
    "Deliberate", "StepFailed", "EffectRefused", "NotReached", "InDoubt", "Expired", "DeadlinePassed", "NodeFailed",
    "RunFailed", "NotFired", "RunPoisoned",
)  # fmt: skip
"""What a run of a script may fail by."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Step:
    """One step, as far as the log has it."""

    run: RunId
    key: str
    kind: str
    said: Any
    until_us: int
    asked_us: int = 0
    """When it was asked for."""
    state: str = "open"
    """`open done dropped left`: a run that failed left it, and takes it up if it goes on."""
    is_known: bool = False
    """Whether it came to something, of which its run is to be told once more."""
    is_error: bool = False
    answer: Any = None
    """[what was answered], until it is taken or refused."""
    doubt: str = ""
    rests_until_us: int = 0
    """When it is to be tried again that was tried in vain; 0 while somebody is at work on it."""
    is_of_flow: bool = False
    """Whether it awaits a run, which is under way itself where anything is."""
    told: int = 0
    again: int = 0
    """How often somebody said that it be tried again."""

    approves: str = ""
    """The content id of the effect that was approved, where this is what it came to."""

    @property
    def once(self) -> str:
        """Under which name it is performed once."""
        return str(self.said[2] or "") if self.kind == "perform" else ""

    @property
    def only_waits(self) -> bool:
        """Whether nobody is at work on it: it rests, waits for people, or for another run."""
        is_left = self.doubt or self.is_known or self.answer
        return bool(is_left or self.is_of_flow or self.rests_until_us)

    @property
    def wish(self) -> tuple[str, str]:
        """Of an effect, its class and tag."""
        return self.said[0], self.said[1]["tag"]


@dataclass(slots=True)
class Run:
    """One run."""

    id: RunId
    cause: int
    began: int = 0
    ending: str = ""
    is_cancelled: bool = False
    stopped: int = 0
    resumes: bool = False
    is_blocked: bool = False
    failed_step: str = ""
    """Whose failure it came to, where it failed by that of a step."""
    is_set_aside: bool = False
    """Whether it failed as engines ended under it."""
    restarts: int = 0
    rewinds: int = 0
    recoveries: int = 0
    recovered_at: int = 0
    steps: dict[str, Step] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)

    @property
    def is_under_way(self) -> bool:
        """Whether it has begun, and not ended."""
        return self.began > 0 and not self.ending

    @property
    def is_carried(self) -> bool:
        """Whether it waits for something that somebody carries out."""
        return self.is_under_way and any(
            step.state == "open" and step.kind in UNDER_WAY and not step.only_waits for step in self.steps.values()
        )


class FlowLog:
    """The log of one space, read from its beginning on."""

    def __init__(self) -> None:
        self.position = 0
        self.runs: dict[RunId, Run] = {}
        self.expected: dict[tuple[str, str, int], str] = {}
        """What was to fire and was not told to have fired: (entity, flow, cause), and why it was to."""
        self.flows: dict[str, tuple[FlowSpec, ...]] = {}
        self.steps: dict[tuple[str, str], list[Step]] = {}
        """Effects that were told, by class and tag."""
        self.once: dict[tuple[str, str, str], Any] = {}
        """What came of what is performed once, by (entity, flow, name)."""
        self.notes: Counter[tuple[str, str]] = Counter()
        self.numbers: dict[int, str] = {}
        """Of which step each number is the outcome that dice threw, or somebody answered."""
        self.told = 0
        """How many rules were asked."""
        self._types: dict[str, str] = {}
        self._values: dict[tuple[str, str], Any] = {}
        self._shown: dict[tuple[str, str], Any] = {}
        self.epoch = 0
        """Of the engine that wrote last."""

    def read(self, records: Iterable[Record]) -> None:
        """Read on. Raises `RuleBroken`."""
        for record in records:
            self.position = record.position
            require(
                record.epoch >= self.epoch, "I9", f"record {record.position} was written by an engine without lease"
            )
            self.epoch = record.epoch
            match record.kind:
                case "event":
                    self._event(record)
                case "refused":
                    self._refused(record)
                case "definition":
                    said = {key: part for key, part in record.content().items() if key != "renamed"}
                    spec = TypeSpec.of_plain(said)
                    self.flows[spec.name] = spec.flows
                case _:
                    for result in computed_in(record):
                        self._result(result)

    def spec(self, id: RunId | Flow) -> FlowSpec | None:
        """A run's flow, as it is in force; None where its type has it no longer."""
        return next((flow for flow in self.flows[self._types[id[0]]] if flow.name == id[1]), None)

    def of_flow(self, entity: str, flow: str) -> Iterator[Run]:
        """The runs of a flow of an entity, in the order in which they were fired."""
        return (run for run in self.runs.values() if run.id[:2] == (entity, flow))

    def open_steps(self) -> Iterator[Step]:
        """All that runs wait for."""
        for run in self.runs.values():
            if run.is_under_way:
                yield from (step for step in run.steps.values() if step.state == "open" and not step.is_known)

    # ---- what fires ----
    def _event(self, record: Record) -> None:
        said = record.content()
        intents, actor = cast("list[list[Any]]", said["intents"]), str(said["actor"])
        at_us = (datetime.fromisoformat(str(said["time"])) - _EPOCH) // timedelta(microseconds=1)
        self._told_fields(record.position, intents)
        for entity, node, verb, *of in intents:
            if verb == "create" or not node:
                continue
            if verb == "add" and node == "notes":
                self._noted(entity, of[1])
            elif verb in _VERBS:
                _VERBS[verb](self, (entity, node), of, _Now(record.position, at_us, actor))

    def _told_fields(self, position: int, intents: list[list[Any]]) -> None:
        before: dict[tuple[str, str], Any] = {}
        created = []
        for entity, node, verb, *of in intents:
            if verb == "create":
                self._types[entity] = of[0]
                created.append(entity)
            elif verb == "set":
                before.setdefault((entity, node), self._values.get((entity, node)))
                self._values[entity, node] = of[0]
        changed = {place: was for place, was in before.items() if was != self._values[place]}
        for entity in dict.fromkeys([*created, *(place[0] for place in changed)]):
            for flow in self.flows[self._types[entity]]:
                if any(self._fires(one, entity, changed, entity in created) for one in flow.when):
                    self.expected[entity, flow.name, position] = "an edit"

    def _fires(self, one: ChangeSpec, entity: str, changed: dict[tuple[str, str], Any], is_created: bool) -> bool:
        if one.kind == "created":
            return is_created
        place = entity, one.node
        if place not in changed:
            return False
        return one.kind == "changes" or (one.kind == "becomes" and self._values[place] == one.value)

    def _result(self, result: Computed) -> None:
        if result.superseded or result.how == "removed" or result.slot.element:
            return
        place = result.slot.entity, result.slot.node
        before, after = self._shown.get(place), result.encoded if result.is_ok else None
        self._shown[place] = after
        if after is None or after == before:
            return
        for flow in self.flows[self._types[place[0]]]:
            if any(one.kind == "settles" and one.node == place[1] for one in flow.when):
                self.expected[place[0], flow.name, result.position] = "a result"

    def _refused(self, record: Record) -> None:
        said = record.content()
        if said["actor"] == ACTOR:
            raise RuleBroken(rule="nothing raises", what=f"the engine's own word was refused: {said['why']!s}")

    def check_fired(self) -> None:
        """Whatever fires was told with what fired it, or right behind. Raises `RuleBroken`."""
        self.told += 1
        for (entity, flow, cause), what in self.expected.items():
            raise RuleBroken(rule="I10", what=f"{flow} of {entity} was not fired by {what} at {cause}")

    # ---- runs ----
    def _fire(self, flow: Flow, of: list[Any], now: _Now) -> None:
        run, cause, _ = of
        require(now.actor == ACTOR, "I10", f"{now.actor} fired {flow}")
        why = self.expected.pop((*flow, cause), None)
        require(
            why is not None, "I10", f"{flow} was fired at {now.position} by {cause}, which does not fire it, or did"
        )
        require((*flow, run) not in self.runs, "I10", f"the run {run} of {flow} was fired twice")
        self.runs[*flow, run] = Run((*flow, run), cause)

    def _begin(self, flow: Flow, of: list[Any], now: _Now) -> None:
        run = self._going(flow, of[0], now)
        require(not run.began, "runs", f"{run.id} began at {run.began} and at {now.position}")
        spec = self.spec(flow)
        assert spec is not None
        others = [one.id[2] for one in self.of_flow(*flow) if one.is_under_way]
        require(not others, "overlap", f"{run.id} began at {now.position} while {others} went on")
        if spec.overlap == "queue" and not spec.queue:
            before = next(one for one in self.of_flow(*flow) if not one.ending)
            require(before is run, "overlap", f"{run.id} began at {now.position} before {before.id}")
        if spec.queue:
            many = sum(one.is_under_way and self._queue(one.id) == spec.queue for one in self.runs.values())
            require(many < spec.limit, "queues", f"{run.id} began at {now.position} beside {many} in {spec.queue}")
        run.began = now.position

    def _queue(self, id: RunId) -> str:
        spec = self.spec(id)
        return "" if spec is None else spec.queue

    def _asked(self, flow: Flow, of: list[Any], now: _Now) -> None:
        run = self._going(flow, of[0], now)
        _, key, kind, said, _, until_us = of
        found = run.steps.get(key)
        is_new = found is None or found.state == "dropped"
        require(run.began > 0 and is_new, "runs", f"{run.id} asked for {key} again at {now.position}")
        run.steps[key] = step = Step(run.id, key, kind, said, until_us, now.at_us)
        step.is_of_flow = kind == "node" and self.spec((said[0], said[1])) is not None
        if kind == "perform":
            self.steps.setdefault(step.wish, []).append(step)
            self._check_approved(run, step)

    def _check_approved(self, run: Run, step: Step) -> None:
        """What needs approval is asked for once somebody has approved of it, and of nothing else."""
        if step.wish[0] == Contract.__name__:
            self.told += 1
            content = cid_text(content_id(encode(step.said[1])))
            are_so = [one for one in run.steps.values() if one.state == "done" and one.approves == content]
            require(bool(are_so), "approvals", f"{run.id} performs {step.wish}, and nobody approved of that")

    def _drop(self, flow: Flow, of: list[Any], now: _Now) -> None:
        self._open(flow, of, now).state = "dropped"

    def _answer(self, flow: Flow, of: list[Any], now: _Now) -> None:
        step = self._open(flow, of, now)
        require(
            step.answer is None, "answers", f"{step.key} of {step.run} was answered twice, at last at {now.position}"
        )
        is_late = 0 < step.until_us <= now.at_us
        require(not is_late, "answers", f"{step.key} of {step.run} was answered at {now.position}, and had expired")
        step.answer = [of[2]]
        step.again += of[2] == "again"

    def _refuse(self, flow: Flow, of: list[Any], now: _Now) -> None:
        step = self._open(flow, of, now)
        require(step.answer is not None, "answers", f"{step.key}: no answer was there to be refused at {now.position}")
        require(not _fits(step, step.answer[0]), "answers", f"{step.key}: {step.answer} fits, and was refused")
        step.answer = None

    def _doubt(self, flow: Flow, of: list[Any], now: _Now) -> None:
        step = self._open(flow, of, now)
        was, step.doubt, answer, step.answer = step.doubt, of[2], step.answer, None
        require(not (step.doubt and step.rests_until_us), "rests", f"{step.key} of {step.run} is in doubt, and rests")
        is_taken = answer is None or (was and not step.doubt and answer == ["again"])
        require(bool(is_taken), "answers", f"the answer {answer} to {step.key} was lost at {now.position}")

    def _tried(self, flow: Flow, of: list[Any], now: _Now) -> None:
        step = self._open(flow, of, now)
        require(not step.rests_until_us, "rests", f"{step.key} of {step.run} was tried while it rested")
        step.rests_until_us = of[3]

    def _try(self, flow: Flow, of: list[Any], now: _Now) -> None:
        step = self._open(flow, of, now)
        is_due = 0 < step.rests_until_us <= now.at_us
        require(is_due, "rests", f"{step.key} of {step.run} is tried again at {now.position}, and is not due")
        step.rests_until_us = 0

    def _done(self, flow: Flow, of: list[Any], now: _Now) -> None:
        step, run = self._open(flow, of, now), self.runs[*flow, of[0]]
        outcome = of[2]
        require(not step.rests_until_us, "rests", f"{step.key} of {step.run} came to {outcome} while it rested")
        self.told += 1
        _OUTCOMES[step.kind](self, step, outcome, now)
        said = outcome[1] if step.kind == "node" else outcome
        step.state, step.told, step.is_error = "done", now.position, isinstance(said, dict) and "error" in said
        step.is_known = False
        run.recoveries, run.recovered_at = 0, now.position

    def _ended(self, flow: Flow, of: list[Any], now: _Now) -> None:
        run = self._going(flow, of[0], now)
        _, ending, outcome = of
        if ending == "failed":
            require(outcome["error"] in FAILURES, "nothing raises", f"{run.id} failed: {outcome}")
            run.failed_step, run.is_set_aside = outcome.get("step", ""), SET_ASIDE in outcome
        elif ending == "returned" and flow[1] != "announced":
            made_up = [one for one in outcome if one.split()[0] in _HEARD and one not in run.heard]
            require(not made_up, "outcomes", f"{run.id} returned {made_up}, which no step of it came to")
        elif ending == "skipped":
            self._check_skipped(run, str(outcome), now)
        elif ending == "cancelled":
            require(run.is_cancelled, "runs", f"{run.id} was cancelled at {now.position}, and nobody said so")
        if ending == "continued":
            self._continue(run)
        self._end(run, ending)

    def _check_skipped(self, run: Run, why: str, now: _Now) -> None:
        require(not run.began and bool(why), "runs", f"{run.id} was skipped at {now.position}: {why!r}")
        if "was under way" in why:
            others = [one for one in self.of_flow(*run.id[:2]) if one.is_under_way]
            require(bool(others), "overlap", f"{run.id} was skipped at {now.position} for one that was over")

    def _end(self, run: Run, ending: str) -> None:
        run.ending = ending
        for step in run.steps.values():
            is_left = ending == "failed" and step.kind == "perform"
            step.state = ("left" if is_left else "dropped") if step.state == "open" else step.state

    def _continue(self, run: Run) -> None:
        """Another takes its place in the order."""
        id = *run.id[:2], short_id("run", run.id[2], "continued")
        found: dict[RunId, Run] = {}
        for each, one in self.runs.items():
            found[each] = one
            if one is run:
                found[id] = Run(id, run.cause)
        self.runs = found

    def _cancel(self, flow: Flow, of: list[Any], now: _Now) -> None:
        run = self.runs[*flow, of[0]]
        run.is_cancelled = True
        if run.ending == "failed":
            run.ending = "cancelled"

    def _stop(self, flow: Flow, of: list[Any], now: _Now) -> None:
        run = self._going(flow, of[0], now)
        require(
            run.is_cancelled and not run.stopped, "runs", f"{run.id} was stopped at {now.position}, again or unasked"
        )
        run.stopped = now.position

    def _adopt(self, flow: Flow, of: list[Any], now: _Now) -> None:
        self._going(flow, of[0], now).resumes = True

    def _resume(self, flow: Flow, of: list[Any], now: _Now) -> None:
        run = self._going(flow, of[0], now)
        require(run.resumes, "runs", f"{run.id} was resumed at {now.position}, and nobody said so")
        run.resumes = False

    def _block(self, flow: Flow, of: list[Any], now: _Now) -> None:
        """The code is the same all the time, so none is blocked."""
        raise RuleBroken(rule="replay", what=f"{of[0]} of {flow} was blocked at {now.position}: {of[1]}")

    def _rewind(self, flow: Flow, of: list[Any], now: _Now) -> None:
        """It goes on before a step, or, where it was set aside, where it stood; where its own code failed it is told
        once more what it was told last, and where it was told nothing, it begins anew."""
        run = self.runs[*flow, of[0]]
        steps = {key: step for key, step in run.steps.items() if step.state != "dropped"}
        if not steps:
            self._restart(flow, of, now)
            return
        if found := steps.get(of[1] if len(of) > 1 else run.failed_step):
            told = found.told if found.state == "done" else now.position
            steps = {key: one for key, one in steps.items() if one is not found and one.told < told}
        elif not run.is_set_aside:
            last = max(steps.values(), key=lambda step: step.told)
            last.state, last.is_known = "open", True
        for step in steps.values():
            step.state = "open" if step.state == "left" else step.state
        run.steps = steps
        run.ending, run.resumes, run.rewinds, run.recoveries = "", True, run.rewinds + 1, 0

    def _restart(self, flow: Flow, of: list[Any], now: _Now) -> None:
        run = self.runs[*flow, of[0]]
        again = Run(run.id, run.cause, restarts=run.restarts + 1, rewinds=run.rewinds, heard=run.heard)
        self._end(run, "restarted")
        self.runs[run.id] = again

    def _recover(self, flow: Flow, of: list[Any], now: _Now) -> None:
        run = self._going(flow, of[0], now)
        require(run.is_carried, "recoveries", f"{run.id} was counted at {now.position}, and only waits")
        run.recoveries, run.recovered_at = run.recoveries + 1, now.position

    def _going(self, flow: Flow, run: str, now: _Now) -> Run:
        found = self.runs.get((*flow, run))
        require(
            found is not None and not found.ending,
            "runs",
            f"the run {run} of {flow} is over or unknown at {now.position}",
        )
        assert found is not None
        return found

    def _open(self, flow: Flow, of: list[Any], now: _Now) -> Step:
        found = self._going(flow, of[0], now).steps.get(of[1])
        is_open = found is not None and found.state == "open"
        require(
            is_open, "outcomes", f"{of[1]} of {flow} {of[0]} was told of at {now.position}, and does not stand open"
        )
        assert found is not None
        return found

    # ---- what steps come to ----
    def _call_came(self, step: Step, outcome: Any, now: _Now) -> None:
        if "error" not in outcome:
            number = cast("int", decode(outcome["value"]))
            self._take_number(number, step)
            self.runs[step.run].heard.add(f"call {number}")

    def _ask_came(self, step: Step, outcome: Any, now: _Now) -> None:
        if step.answer is not None:
            require(
                outcome[:1] == step.answer, "answers", f"{step.key}: {step.answer} was answered, and {outcome} taken"
            )
        elif step.kind == "ask":
            is_over = 0 < step.until_us <= now.at_us
            require(is_over, "answers", f"{step.key} came to {outcome} at {now.position}, and nobody answered it")
            default = step.said.get("default")
            expected = {"error": "Expired"} if default is None else default
            require(outcome == expected, "answers", f"{step.key} expired, and came to {outcome}, not {expected}")
        if isinstance(outcome, list) and "is_approved" in outcome[0]:
            step.approves = outcome[0]["effect"] if outcome[0]["is_approved"] else ""
        elif isinstance(outcome, list):
            number = outcome[0]["boxes"]
            if step.answer is not None or step.kind == "decide":
                self._take_number(number, step)
            self.runs[step.run].heard.add(f"ask {number}")

    def _take_number(self, number: int, step: Step) -> None:
        name = f"{step.run} {step.key}"
        was = self.numbers.setdefault(number, name)
        require(was == name, "L18", f"{number} is what {was} came to, and {name} too")

    def _sleep_came(self, step: Step, outcome: Any, now: _Now) -> None:
        left_us = step.asked_us + step.said - now.at_us
        require(left_us <= 0, "sleeps", f"{step.key} was over {left_us} µs too soon")

    def _node_came(self, step: Step, outcome: Any, now: _Now) -> None:
        """Any cut will do here: what nodes show is held against the other rules."""

    def _perform_came(self, step: Step, outcome: Any, now: _Now) -> None:
        if step.answer is not None:
            is_left = outcome.get("error") == "InDoubt"
            require(
                step.answer == ["leave"] and is_left, "answers", f"{step.key}: {step.answer}, and it came to {outcome}"
            )
        if "error" in outcome:
            return
        receipt = str(decode(outcome["value"]))
        self.runs[step.run].heard.add(f"perform {receipt}")
        if step.once:
            place = (*step.run[:2], step.once)
            was = self.once.setdefault(place, receipt)
            require(was == receipt, "once", f"{place} was performed twice: {was} and {receipt}")

    def _noted(self, entity: str, note: str) -> None:
        self.notes[entity, note] += 1
        flow = next((run for id, run in self.runs.items() if id[2] == note.partition(" ")[0]), None)
        if flow is not None:
            many = self.notes[entity, note]
            require(many <= 1 + flow.restarts + flow.rewinds, "edits", f"{flow.id} said {note!r} {many} times")


@dataclass(frozen=True, slots=True)
class _Now:
    """Where and when a record stands, and who says it."""

    position: int
    at_us: int
    actor: str


def _fits(step: Step, answer: Plain) -> bool:
    if step.kind == "perform":
        return answer in ("again", "leave")
    if step.said["form"] == APPROVAL:
        return isinstance(answer, dict) and answer.get("effect") == step.said["about"]["content"]
    return isinstance(answer, dict) and answer.keys() == {"boxes"} and type(answer["boxes"]) is int


def _nothing(log: FlowLog, flow: Flow, of: list[Any], now: _Now) -> None:
    """Of no consequence here."""


_HEARD = ("call", "ask", "perform")
_OUTCOMES: dict[str, Any] = {
    "call": FlowLog._call_came, "ask": FlowLog._ask_came, "decide": FlowLog._ask_came, "sleep": FlowLog._sleep_came,
    "node": FlowLog._node_came, "perform": FlowLog._perform_came,
}  # fmt: skip
_VERBS: dict[str, Any] = {
    "fire": FlowLog._fire, "begin": FlowLog._begin, "step": FlowLog._asked, "drop": FlowLog._drop,
    "answer": FlowLog._answer, "refuse": FlowLog._refuse, "doubt": FlowLog._doubt, "done": FlowLog._done,
    "end": FlowLog._ended, "cancel": FlowLog._cancel, "stop": FlowLog._stop, "adopt": FlowLog._adopt,
    "resume": FlowLog._resume, "block": FlowLog._block, "rewind": FlowLog._rewind, "restart": FlowLog._restart,
    "recover": FlowLog._recover, "remind": _nothing, "bear": _nothing,
    "tried": FlowLog._tried, "try": FlowLog._try,
}  # fmt: skip
