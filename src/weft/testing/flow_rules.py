"""The rules of runs that no log shows alone: of what was sent, of who carried it out, and of what is in memory.

What is sent was told before, and has come to nothing yet; a receiver sees one key for each effect, and never two tries
of one that happens at most once (I7); what performs once is done once; a run that is replayed asks for what it asked
for; each that was under way when an engine died was counted as such; when the world is calm every run has ended, or
waits with a reason (I8).

Knows nothing of how a story came about. Invariant: a rule that does not hold raises `RuleBroken`, naming itself.
Source: TigerBeetle's state checkers; the exactly-once tests of durable execution engines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from weft.call import Call
from weft.driving.driver import RECOVERIES_MAX, RunDriver
from weft.driving.held_runs import HeldRuns
from weft.driving.run_log import RunLog
from weft.engine import Engine
from weft.run_list import listed_runs
from weft.testing.flow_log import FlowLog, Run, RunId, Step
from weft.testing.flow_types import OPERATIONS, Launch, Letter
from weft.testing.receiver import Receiver, Try
from weft.testing.rule import require


def check_sent(log: FlowLog, call: Call) -> None:
    """A call of a run is made for a step that was told, and has no outcome yet. An engine that does not know that it
    lost its lease may make it again, where it broke: what comes of that is nobody's."""
    if call.operation.name.rpartition("/")[2] not in OPERATIONS or call.id.epoch < log.epoch:
        return
    told = [
        step
        for step in log.open_steps()
        if step.kind == "call" and step.run[0] == call.by and step.said[::2] == [call.operation.name, [*call.arguments]]
    ]
    log.told += 1
    require(
        bool(told), "T4", f"{call.operation.name}{call.arguments} was called for {call.by}, where no step asks for it"
    )


def check_asked(log: FlowLog, prompt: str) -> None:
    """A model is asked what was told that it is asked, and not what people are asked in its place."""
    asked = [step for step in log.open_steps() if step.kind == "decide" and not step.doubt]
    names = {step.key.split()[1] for step in asked}
    log.told += 1
    require(
        any(f"Decide: {name}." in prompt for name in names), "T4", f"a model was asked, and no step asks it: {prompt}"
    )


def check_try(log: FlowLog, receiver: Receiver, one: Try) -> None:
    """What a receiver is asked for was told, has no receipt yet, and was not asked for too often."""
    wish = type(one.deed).__name__, one.deed.tag
    steps = log.steps.get(wish, [])
    log.told += 1
    require(bool(steps), "T4", f"{wish} was tried, and no step that was told asks for it")
    if not one.by_zombie:  # one that does not know that it lost its lease may try again, under the same key
        is_open = any(step.state == "open" for step in steps)
        require(is_open, "I7", f"{wish} was tried as {one.key}, and nobody waits for it any more")
        had = [place for place in (_once(step) for step in steps) if place in log.once]
        require(not had, "once", f"{wish} was tried again as {one.key}, and {had} was done")
    before = [each for each in receiver.tries if each.key == one.key and each is not one]
    others = [each for each in before if (type(each.deed), each.deed) != (type(one.deed), one.deed)]
    require(not others, "I7", f"{one.key} is the key of {others} and of {wish}")
    keys = {each.key for each in receiver.tries if each.deed == one.deed}
    effects = {_once(step) if step.once else (step.run, step.key) for step in steps}
    require(len(keys) <= len(effects), "I7", f"{wish} went by {len(keys)} keys, and was asked for {len(effects)} times")
    reached, allowed = sum(each.reached for each in before), sum(_begun_anew(log, run) for run in _runs(steps))
    if isinstance(one.deed, Launch):
        require(
            reached <= allowed, "I7", f"{wish} happens at most once, and was tried {reached + 1} times as {one.key}"
        )
    if isinstance(one.deed, Letter):
        allowed += sum(step.again for step in steps)
        require(reached <= allowed, "I7", f"{wish} was tried {reached + 1} times as {one.key}, and nobody said so")


def _once(step: Step) -> tuple[str, str, str]:
    return (*step.run[:2], step.once)


def _runs(steps: Iterable[Step]) -> set[RunId]:
    return {step.run for step in steps}


def _begun_anew(log: FlowLog, id: RunId) -> int:
    """How often somebody said that what a run asks for be asked for again."""
    run = log.runs.get(id)
    return 0 if run is None else run.restarts + run.rewinds


def check_receipts(log: FlowLog, receiver: Receiver) -> None:
    """What is on record of effects is what their receiver said, each of its own."""
    of: dict[str, tuple[Any, ...]] = {}
    given = {receipt for receipts in receiver.receipts.values() for receipt in receipts}
    for run in log.runs.values():
        for receipt in [one.partition(" ")[2] for one in run.heard if one.startswith("perform ")]:
            require(receipt in given, "I7", f"{run.id} was told {receipt}, which nobody gave")
    for wish, steps in log.steps.items():
        keys = {one.key for one in receiver.tries if (type(one.deed).__name__, one.deed.tag) == wish}
        for key in keys:
            was = of.setdefault(key, wish)
            require(was == wish, "I7", f"{key} is the key of {was} and of {wish}")
        done = {(step.run, step.key) for step in steps if step.state == "done" and not step.is_error and not step.once}
        require(len(keys) >= len(done), "I7", f"{len(done)} effects {wish} were performed under {len(keys)} keys")
    log.told += 1


def check_counted(log: FlowLog, engine: Engine) -> None:
    """What stands of a run says how often it was under way when its engine ended, as the log does."""
    rows = RunLog(engine)
    for run in log.runs.values():
        row = rows.row(run.id) if run.is_under_way and engine.graph.thing(run.id[0]) is not None else None
        if row is not None and rows.has_flow(run.id):
            log.told += 1
            what = f"{run.id} was taken up {run.recoveries} times, and {row.recoveries} are on record"
            require(row.recoveries == run.recoveries, "recoveries", what)
            require(run.recoveries <= RECOVERIES_MAX, "recoveries", f"{what}, of {RECOVERIES_MAX} at most")


def check_recovered(log: FlowLog, carried: Iterable[Run], since: int, *, was_closed: bool) -> None:
    """Each run that was under way when an engine died was taken up by the next, and counted, or set aside; none was
    where the one before ended well."""
    if was_closed:
        counted = [run.id for run in log.runs.values() if run.recoveries and run.recovered_at > since]
        require(not counted, "recoveries", f"{counted} were counted from {since} on, and nobody died")
        return
    for run in carried:
        is_seen = run.ending or run.recovered_at > since or log.spec(run.id) is None or log.runs.get(run.id) is not run
        require(
            bool(is_seen), "recoveries", f"{run.id} was under way when an engine began at {since}, and was not counted"
        )


def check_replay(log: FlowLog, engine: Engine, driver: RunDriver) -> None:
    """Each run that goes on, taken from its beginning over what it was told, asks for what it has asked for."""
    held = driver._runs
    for run in list(log.runs.values()):
        row = RunLog(engine).row(run.id) if run.is_under_way and log.spec(run.id) is not None else None
        if row is None or not row.began or run.resumes or run.id in held.blocked:
            continue
        again = HeldRuns(held._space, held._log, held._carriers, held._services)
        replayed = again.replay(run.id, row)
        asks = {key: step.said for key, step in replayed.asked().items()}
        told = {key: step.said for key, step in run.steps.items() if step.state == "open"}
        replayed.replay.let_go()
        log.told += 1
        require(asks == told, "replay", f"{run.id} asks for {sorted(asks)} when it is replayed, not {sorted(told)}")


def check_calm(log: FlowLog, engine: Engine) -> None:
    """When nothing is left to be done, every run has ended: those that failed are listed, and nothing else is."""
    listed = {(one.entity, one.flow, one.run): one for one in listed_runs(engine)}
    for run in log.runs.values():
        log.told += 1
        if not run.ending:
            said = listed.get(run.id)
            stands = "is not listed" if said is None else f"{said.stands}, {said.awaits}, {said.why!r}"
            require(False, "I8", f"{run.id} has not ended: {stands}; {_awaits(run)}")
        require(run.ending != "failed" or run.id in listed, "I8", f"{run.id} failed, and is not listed")
    open_ids = {run.id for run in log.runs.values() if run.ending == "failed"}
    require(listed.keys() <= open_ids, "I8", f"listed and over: {sorted(listed.keys() - open_ids)}")


def _awaits(run: Run) -> str:
    return ", ".join(key for key, step in run.steps.items() if step.state == "open") or "nothing"
