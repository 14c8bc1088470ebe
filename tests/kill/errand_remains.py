"""What must be true of runs after their program was killed: at once, and when all that goes on has come to its end.

The log is folded anew here, as simply as can be, and knows more than the tables: what was told twice, and what was told
though it was no longer asked for. What a receiver has is in its file. The invariants are named as in the tests: I1 what
was acknowledged is there once, I7 an effect has one key and one recorded outcome, I8 a run ends or waits with a reason,
I10 a transition fires once.

Knows nothing of where the kill came, and shares no code with the engine's own fold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests.faults.survival import check_rebuilt
from tests.kill import errands as e
from tests.kill.errand_program import ACTOR, open_space
from tests.kill.receiver import Try, keys_of, received
from weft import Entity, Space
from weft.content import Plain, decode
from weft.definition import compiled_types
from weft.driving.driver import RECOVERIES_MAX
from weft.folding import event_id
from weft.graph import ToldNode
from weft.run_rows import RunRow
from weft.store import entries_of
from weft.stores.sqlite import SqliteStore
from weft.told_runs import RunsCell

SPECS = compiled_types(e.TYPES)
OF_RUNS = frozenset({"begin", "step", "done", "end", "doubt", "answer", "recover", "rewind"})
"""What is told of runs, and counted here."""
RunKey = tuple[str, str, str]


@dataclass
class Told:
    """One run, as the log tells of it."""

    begins: int = 0
    endings: list[tuple[str, Plain]] = field(default_factory=list)
    steps: dict[str, list[Plain]] = field(default_factory=dict)
    """What each asked for: [kind, what it said]."""
    outcomes: dict[str, list[Plain]] = field(default_factory=dict)
    """What each was told to have come to, as often as it was."""
    doubts: Counter[str] = field(default_factory=Counter)
    answers: dict[str, list[tuple[Plain, str]]] = field(default_factory=lambda: defaultdict(list))
    """By step: what was answered, and by whom; those alone that were taken in."""
    recoveries: int = 0
    recovered: int = 0
    """How often it was taken up again in all."""
    rewinds: int = 0


@dataclass
class Log:
    """All that the log tells of runs and of edits."""

    runs: dict[RunKey, Told] = field(default_factory=lambda: defaultdict(Told))
    fired: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    edits: Counter[str] = field(default_factory=Counter)
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Step and actor, of each answer that was told, taken in or not."""
    noted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By entity: what slices of its runs have added to its log."""

    def take(self, kind: str, said: Mapping[str, Plain], position: int) -> None:
        """The next record."""
        actor = str(said.get("actor"))
        self.edits[str(said.get("id"))] += 1
        for intent in cast("list[list[Any]]", said["intents"]):
            entity, node, verb, *args = intent
            if verb == "answer":
                self.answered[str(args[1]), actor] += 1
            if kind != "event":
                continue
            if node == "log" and verb == "add":
                self.noted[entity].append(str(args[1]))
            elif verb == "fire":
                self.fired[entity, node, args[1] or position] += 1
            elif verb in OF_RUNS:
                self._take_of_run(self.runs[entity, node, args[0]], verb, args[1:], actor)

    def _take_of_run(self, run: Told, verb: str, args: list[Any], actor: str) -> None:
        match verb:
            case "begin":
                run.begins += 1
            case "step":
                run.steps[args[0]] = args[1:3]
            case "done":
                run.outcomes.setdefault(args[0], []).append(args[1])
                run.recoveries = 0
            case "end":
                run.endings.append((args[0], args[1]))
            case "doubt":
                run.doubts[args[0]] += bool(args[1])
            case "answer":
                run.answers[args[0]].append((args[1], actor))
            case "recover":
                run.recoveries, run.recovered = run.recoveries + 1, run.recovered + 1
            case "rewind":
                assert run.endings and run.endings[-1][0] == "failed", "only what failed is rewound"
                run.endings.pop()
                run.recoveries, run.rewinds = 0, run.rewinds + 1


@dataclass(frozen=True)
class Remains:
    """A space as a kill left it, and what its receiver has."""

    log: Log
    waiting: Counter[tuple[str, str]]
    """Step and actor of the answers that the engine has not taken yet."""
    tries: dict[tuple[str, int], list[str]]
    rows: Mapping[RunKey, RunRow]


def look_into(path: Path, receiver: Path) -> Remains:
    """Read all of it. Raises AssertionError for a file that is damaged."""
    log = Log()
    with closing(SqliteStore(str(path))) as store:
        # A client that posts meanwhile is seen in the file and in its mark at two moments: what is damaged stays so.
        flaws = [set(map(repr, store.verify())) for _ in range(2)]
        assert flaws[0] & flaws[1] == set(), "the log's chain is whole"
        for entry in entries_of(store):
            if entry.kind in ("event", "refused"):
                log.take(entry.kind, entry.said, entry.position)
        waiting = Counter(step for _, payload in store.inbox() for step in _answers_in(decode(payload)))
    with closing(Space(SqliteStore(str(path)), {}, services={}, engine=False, actor="reader")) as space:
        rows = dict(_rows(space, {(entity, flow) for entity, flow, _ in log.fired}))
    return Remains(log, waiting, keys_of(received(str(receiver))), rows)


def _answers_in(message: Plain) -> Iterator[tuple[str, str]]:
    event = message.get("event") if isinstance(message, dict) else None
    for intent in cast("list[list[Any]]", event["intents"]) if isinstance(event, dict) else ():
        if intent[2] == "answer":
            assert isinstance(event, dict)
            yield str(intent[4]), str(event["actor"])


def _rows(space: Space, flows: Iterable[tuple[str, str]]) -> Iterator[tuple[RunKey, RunRow]]:
    with space.view() as engine:
        for entity, flow in flows:
            node = engine.node(entity, flow)
            assert isinstance(node, ToldNode) and isinstance(node.cell, RunsCell)
            for run, row in node.cell.runs.items():
                yield (entity, flow, run), row


# At once ------------------------------------------------------------------------------------------------------------


def check_left(found: Remains, acknowledged: Iterable[str], answered: Iterable[tuple[str, str]], lives: int) -> None:
    """What a kill left, after so many lives of the program."""
    for name in acknowledged:
        assert found.log.edits[event_id(ACTOR, name)] == 1, f"I1: {name}"
    for step, actor in answered:
        count = found.log.answered[step, actor] + found.waiting[step, actor]
        assert count == 1, f"I1: the answer of {actor} to {step} is there {count} times"
    assert [cause for cause, count in found.log.fired.items() if count > 1] == [], "I10"
    for run, told in found.log.runs.items():
        check_run(run, told, lives)
        check_row(told, found.rows.get(run))
    check_effects(found)


def check_run(run: RunKey, told: Told, lives: int) -> None:
    """No run begins, ends, or comes to something twice."""
    assert told.begins <= 1 and len(told.endings) <= 1, f"{run} began {told.begins} times, and ended {told.endings}"
    twice = {step: said for step, said in told.outcomes.items() if len(said) > 1}
    assert twice == {}, f"{run} was told twice what a step came to"
    assert told.recovered < lives, f"{run} was taken up {told.recovered} times in {lives} lives"
    assert told.recoveries <= RECOVERIES_MAX
    for step, answers in told.answers.items():
        taken = [said for said in answers if said[0] not in ("again", "leave")]
        assert len(taken) <= 1, f"{run} took {len(taken)} answers to {step}"


def check_row(told: Told, row: RunRow | None) -> None:
    """What a run's row counts is what the log does, whoever has counted; None for one that ended long ago."""
    if row is None:
        assert told.endings != []
        return
    assert (row.recoveries, row.rewinds) == (told.recoveries, told.rewinds)
    assert bool(row.ending) == bool(told.endings)
    kept = {key: step.outcome for key, step in row.steps.items() if step.is_done}
    assert all(told.outcomes.get(key) == [outcome] for key, outcome in kept.items()), "an outcome never changes"


def check_effects(found: Remains) -> None:
    """I7: each effect has one key and one outcome, and is tried as often as its class allows."""
    named = [keys[0] for effect, keys in found.tries.items() if effect[0] != "weigh"]
    assert len(set(named)) == len(named), "two effects have one key"
    told = _effects_told(found.log)
    for (effect, number), keys in found.tries.items():
        if effect == "weigh":
            continue
        assert len(set(keys)) == 1, f"{effect} {number} was tried under {len(set(keys))} keys"
        steps = told[effect, number]
        assert steps != [], f"{effect} {number} was carried out before it was told"
        again = sum(said == "again" for one, key in steps for said, _ in one.answers[key])
        if effect == "Launch":
            assert len(keys) == 1, f"{effect} {number} was tried {len(keys)} times"
        elif effect == "Mail":
            assert len(keys) <= 1 + again, f"{effect} {number} was tried {len(keys)} times, and {again} were asked for"
    for effect_of, steps in told.items():
        outcomes = {repr(outcome) for one, key in steps for outcome in one.outcomes.get(key, ())}
        assert len(outcomes) <= 1, f"{effect_of} has {len(outcomes)} outcomes"
        if any("ok" in outcome for outcome in outcomes):
            assert found.tries[effect_of] != [], f"{effect_of} has a receipt, and was never carried out"


def _effects_told(log: Log) -> Mapping[tuple[str, int], list[tuple[Told, str]]]:
    """By effect and number: the steps that ask for it."""
    steps: dict[tuple[str, int], list[tuple[Told, str]]] = defaultdict(list)
    for run in log.runs.values():
        for key, (kind, said) in run.steps.items():
            if kind == "perform":
                name, value, _ = cast("list[Any]", said)
                steps[name, value["number"]].append((run, key))
    return steps


# At rest ------------------------------------------------------------------------------------------------------------


def check_rest(path: Path, receiver: Path, rounds: int) -> Remains:
    """All that went on has come to its end, which is the one that it has without a kill."""
    found = look_into(path, receiver)
    assert not found.waiting
    with closing(open_space(str(path))) as space:
        check_runs(space)
        for kind in e.TYPES:
            entities = space.find(kind)
            times = {"Leg": 2 * rounds, "Idle": 1}.get(kind.__name__, rounds)
            assert len(entities) == times, f"{len(entities)} of {kind.__name__}, not {times}"
            for entity in entities:
                check_entity(entity, found.log)
    for (name, number), steps in _effects_told(found.log).items():
        outcomes = [outcome for one, key in steps for outcome in one.outcomes.get(key, ())]
        said = {"ok" in cast("dict[str, Plain]", outcome) for outcome in outcomes}
        assert said == {True} if name == "Ship" else len(said) == 1, f"I7: {name} {number} came to {outcomes}"
    check_rebuilt(path, is_at_rest=True, types=SPECS)
    return found


def check_runs(space: Space) -> None:
    """I8: nothing is left but what waits for what never comes, and says so."""
    (idle,) = space.runs()
    assert (idle.type, idle.stands) == ("Idle", "goes on")
    assert sorted(step.split()[0] for step in idle.awaits) == ["ask", "sleep"]


def check_entity(entity: Entity, log: Log) -> None:
    """What its flows came to, and what their slices have edited, each once."""
    kind = type(entity).__name__
    number = getattr(entity, "number", 0)
    for flow in e.FLOWS[kind]:
        fired = sum(count for (of, name, _), count in log.fired.items() if (of, name) == (entity.id, flow))
        assert fired == (2 if flow == "serve" else 1), f"I10: {kind}.{flow} {number} was fired {fired} times"
        ended = [
            end for (of, name, _), one in log.runs.items() if (of, name) == (entity.id, flow) for end in one.endings
        ]
        endings = [how for how, _ in ended]
        if kind == "Watch":
            assert endings == ["cancelled"], ended
        elif kind == "Idle":
            assert endings == []
        else:
            before = {"count": ["continued"] * e.ROUNDS_OF_A_TALLY, "serve": ["returned"]}.get(flow, [])
            assert endings == [*before, "returned"], f"{kind}.{flow} {number}: {ended}"
            assert str(ended[-1][1]) in e.EXPECTED[f"{kind}.{flow}"](number), f"{kind}.{flow} {number}: {ended}"
    if kind in e.LOGS:
        expected = e.LOGS[kind](number)
        assert log.noted[entity.id] == expected == [*entity.log], f"{kind} {number}: {log.noted[entity.id]}"  # type: ignore[attr-defined]


def answers_of(said: Sequence[str]) -> list[tuple[str, str]]:
    """Step and actor of the answers that programs were told are durable."""
    actors = {"program": ACTOR, "client": "client"}
    words = [line.removeprefix("answered ").rpartition(" ") for line in said if line.startswith("answered ask ")]
    return [(step, actors[by]) for step, _, by in words]


def tried(tries: Mapping[tuple[str, int], list[str]]) -> Counter[str]:
    """How many effects of each class were tried more than once."""
    return Counter(effect for (effect, _), keys in tries.items() if len(keys) > 1 and effect != "weigh")


def made(tries: Sequence[Try]) -> int:
    """How many tries there were of effects."""
    return sum(one.effect != "weigh" for one in tries)
