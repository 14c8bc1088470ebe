"""Effects that runs perform: drivers carry them out, each under one key however often it is tried.

An effect is told before it is tried, and its receipt is told with what its run does next. In between somebody may have
carried it out without anybody knowing: then its class says whether it is tried again with the same key, left at that,
or asked about.

Knows nothing of what drivers do. Invariant: one receipt is told for a step; an effect that is left at that when it is
in doubt is tried once at most.
Source: the outbox of transactional systems; two-phase commit's in-doubt transactions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeAlias, cast

from msgspec import Struct

from weft.collection import short_id
from weft.content import Plain
from weft.driver import Driver, EffectError, EffectRefused, InDoubt, NoDriver, NotReached, driver_of, when_in_doubt
from weft.engine import Engine
from weft.errors import Undecodable, Unencodable
from weft.failure import cleaned, is_ctrl_c, message_of, where_of
from weft.form import UnfitAnswer
from weft.graph import ToldNode
from weft.operation import Retry
from weft.run_rows import NOBODY, NOBODY_HERE, OnceRow
from weft.runs.live_run import Performing
from weft.runs.replay import Asking
from weft.runs.strands import Outcome, Raised, Value
from weft.slot import Err, Ok
from weft.steps.carrier import Again, Begins, Doubt, Moments, Over, RunId, StepFailed, Tried
from weft.steps.due import DueSteps
from weft.told_runs import RunsCell

TRIES = Retry(attempts=10, delay_s=1.0, factor=2.0, delay_s_max=300.0)
"""How often an effect is tried that did not reach its receiver, or that is tried again where it is in doubt."""
AFTER_S_MAX = 86_400.0
"""A driver may ask for no longer pause than this before it is tried again."""
BEGUN = "whoever carried it out last ended, or waits no longer, and did not say what became of it"
"""Why an effect is in doubt that may have been begun before."""


class _Open(Struct, eq=False):
    """One that is under way, or is waited for while another step carries it out."""

    run: RunId
    key: str
    step: Asking
    id: str
    tries: int = 0
    may_be_done: bool = False
    """Whether a try before may have carried it out."""
    under_way: Future[None] | None = None


class _Rest(NamedTuple):
    """What becomes of one that was tried in vain, and is tried again."""

    why: str
    next_us: int


_Came: TypeAlias = "Ok | Err | _Rest | str"
"""What an effect came to; a text says why it is in doubt."""


class Effects:
    """The effects of one space's runs."""

    parks = False

    def __init__(
        self,
        engine: Engine,
        drivers: Sequence[Driver[Any]],
        due: DueSteps,
        *,
        begin: Begins,
        ring: Callable[[], None],
    ) -> None:
        """`due`: those that have rested."""
        self._engine, self._drivers, self._due = engine, drivers, due
        self._begin, self._ring = begin, ring
        self._open: dict[tuple[RunId, str], _Open] = {}
        self._waiting: dict[tuple[RunId, str], _Open] = {}
        """Of those, the ones that another step carries out."""
        self._came: deque[tuple[_Open, _Came]] = deque()
        self._found: deque[_Open] = deque()
        """Those that nobody carried out, and somebody does now."""
        self._handed: dict[tuple[RunId, str], tuple[int, _Open, _Came]] = {}
        """What they came to and may not be durable, each with where the log ended when that was said."""

    def moments(self, step: Asking, /) -> Moments:
        """None."""
        return Moments()

    def send(self, run: RunId, key: str, step: Asking, since: int, /, *, again: bool) -> None:
        """Have it carried out, unless it rests; or is to be once, and another step does; or unless it is known here
        what becomes of it: no program has ended where what was told of it could not be kept."""
        row, once = self._cell(run).runs[run[2]].steps[key], _once(step)
        if row.due_us:
            self._due.look_again()
            return
        if again and self._is_known(run, key):
            return
        id = _effect_id(run, key, once)
        self._open[run, key] = one = _Open(run, key, step, id, row.tries, row.may_be_done)
        if once:
            owner = self._owner(run, once)
            again = again or owner.is_begun
            if not _is_by(owner, run, key):
                self._waiting[run, key] = one
                return
        if row.doubt:  # somebody was asked
            is_free = row.doubt.startswith((NOBODY, NOBODY_HERE))
            if is_free and any(_carries_out(driver, step) for driver in self._drivers):
                self._found.append(one)
                self._ring()
            return
        if again:
            self._in_doubt(one, BEGUN)
        else:
            self._try(one)

    def _is_known(self, run: RunId, key: str) -> bool:
        """Whether it is under way here, or came to something that was not kept, which is said again."""
        at, one, to = self._handed.pop((run, key), (-1, None, ""))
        if one is not None and at == self._engine.kept_position:
            self._open[run, key] = one
            self._came.append((one, to))
        return (run, key) in self._open

    def _try(self, one: _Open) -> None:
        one.tries += 1
        one.under_way = self._begin(self._carry_out(one))

    async def _carry_out(self, one: _Open) -> None:
        if self._open.get((one.run, one.key)) is not one:
            return  # nobody waits for it any more, and it was not begun
        performing = one.step.of
        assert isinstance(performing, Performing)
        try:
            driver = driver_of(performing.effect, self._drivers)
            value = await driver.carry_out(performing.made(one.step), one.id)
            made = _receipt(performing, value, driver)
        except NoDriver as why:
            self._come(one, (NOBODY_HERE if one.may_be_done else NOBODY) + message_of(why))
        except NotReached as why:
            self._again_later(one, why)
        except EffectRefused as why:
            self._fail(one, why)
        except InDoubt as why:
            self._in_doubt(one, why.why or "its driver did not say why", why)
        except GeneratorExit:
            raise  # the loop is gone
        except BaseException as why:  # whatever a driver raises, it may have carried it out before
            if is_ctrl_c(why) or _is_asked_to_end(why):
                raise
            self._in_doubt(one, f"{type(why).__name__}: {message_of(why)}", why)
        else:
            self._come(one, made)

    def _in_doubt(self, one: _Open, why: str, error: BaseException | None = None) -> None:
        performing = one.step.of
        assert isinstance(performing, Performing)
        policy = when_in_doubt(performing.effect)
        said, one.may_be_done = InDoubt(effect=one.step.name, why=why, after_s=getattr(error, "after_s", None)), True
        if policy == "ask":
            self._come(one, why)
        elif policy != "retry":
            self._fail(one, said)
        elif error is None:  # whoever was at it is gone: this goes on with what they had begun
            self._try(one)
        else:
            self._again_later(one, said)

    def _again_later(self, one: _Open, why: NotReached | InDoubt) -> None:
        if one.tries >= TRIES.attempts:
            self._come(one, why.why) if one.may_be_done else self._fail(one, why)
            return
        asked_s = TRIES.delay_s_before(one.tries + 1) if why.after_s is None else why.after_s
        next_us = self._due.after_us(min(AFTER_S_MAX, max(0.0, asked_s)))
        self._come(one, _Rest(cleaned(why.why), next_us))

    def _fail(self, one: _Open, why: EffectError) -> None:
        self._come(one, Err(type(why).__name__, cleaned(why.why), where_of(why), "", one.tries, True))

    def _come(self, one: _Open, to: _Came) -> None:
        one.under_way = None
        self._came.append((one, to))
        self._ring()

    def over(self) -> Iterator[Over | Doubt | Tried | Again]:
        """Those with a receipt, those that failed, and those in doubt or tried again."""
        while self._found:
            one = self._found.popleft()
            yield Again(one.run, one.key)
        ends = self._engine.kept_position
        self._handed = {place: handed for place, handed in self._handed.items() if handed[0] == ends}
        while self._came:
            one, to = self._came.popleft()
            if self._open.get((one.run, one.key)) is not one:
                continue
            self._handed[one.run, one.key] = ends, one, to
            if isinstance(to, str):
                yield Doubt(one.run, one.key, to)
                continue
            del self._open[one.run, one.key]
            if isinstance(to, _Rest):
                yield Tried(one.run, one.key, to.why, to.next_us, one.may_be_done)
                self._due.look_again()
            else:
                yield Over(one.run, one.key, self._engine.outcome_plain(to))
        yield from self._over_by_others()
        yield from (Again(run, key) for run, key in self._due.come())

    def _over_by_others(self) -> Iterator[Over]:
        for (run, key), one in list(self._waiting.items()):
            if self._waiting.get((run, key)) is not one:
                continue  # its run went on without it, by what came before
            if not self._has_cell(run):
                self.forget(run, key)  # its flow is gone: it is sent again when that is back
                continue
            owner = self._owner(run, _once(one.step))
            if _is_by(owner, run, key):  # whoever saw to it waits for it no longer
                del self._waiting[run, key]
                self._in_doubt(one, BEGUN)
            elif owner.outcome is not None:
                del self._open[run, key], self._waiting[run, key]
                yield Over(run, key, owner.outcome)

    def read(self, step: Asking, answer: Plain, /) -> Plain:
        """What becomes of one in doubt: `again`, which tries it again with its key, is nothing that it came to."""
        if answer not in ("again", "leave"):
            raise UnfitAnswer(form="resolution", why="it is neither 'again' nor 'leave'")
        if answer == "again":
            return None
        return self._engine.outcome_plain(Err("InDoubt", "somebody said to leave it at that", "", "", 1, True))

    def outcome(self, step: Asking, said: Plain, /) -> Outcome:
        """What its receipt holds, or why there is none."""
        performing = step.of
        assert isinstance(performing, Performing)
        outcome = self._engine.outcome_of(said)
        if isinstance(outcome, Err):
            return Raised(_raised(step, outcome))
        assert isinstance(outcome, Ok)
        try:
            return Value(performing.receipt.decode(outcome.encoded, self._engine.store.open_blob))
        except Undecodable as why:
            return Raised(why)

    def forget(self, run: RunId, key: str, /) -> None:
        """Ask its driver to stop; whether it did, nobody waits for."""
        one = self._open.pop((run, key), None)
        self._waiting.pop((run, key), None)
        if one is not None and one.under_way is not None:
            one.under_way.cancel()

    def _has_cell(self, run: RunId) -> bool:
        return isinstance(self._engine.node(run[0], run[1]), ToldNode)

    def _cell(self, run: RunId) -> RunsCell:
        node = self._engine.node(run[0], run[1])
        assert isinstance(node, ToldNode) and isinstance(node.cell, RunsCell)
        return node.cell

    def _owner(self, run: RunId, once: str) -> OnceRow:
        return self._cell(run).once[once]


def _is_by(owner: OnceRow, run: RunId, key: str) -> bool:
    """Whether a step sees to what is to happen once, and it has come to nothing yet."""
    return owner.by == [run[2], key] and owner.outcome is None


def _carries_out(driver: Driver[Any], step: Asking) -> bool:
    performing = step.of
    assert isinstance(performing, Performing)
    return issubclass(performing.effect, tuple(driver.effects))


def _is_asked_to_end(error: BaseException) -> bool:
    """Whether it is this very task that was cancelled, and not something that its driver awaited."""
    import asyncio

    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _receipt(performing: Performing, value: object, driver: Driver[Any]) -> Ok:
    """What a driver returned. Raises `Unencodable`, which names the driver, for what is no receipt of the effect."""
    try:
        return Ok.of_bytes(performing.receipt.encode(value))
    except Unencodable as why:
        what = f"what {type(driver).__name__}.carry_out returned for {performing.effect.__name__}"
        why.where = why.where.replace("the value", what, 1)
        raise


def _once(step: Asking) -> str:
    _, _, once = cast("list[Plain]", step.said)
    return str(once or "")


def _effect_id(run: RunId, key: str, once: str) -> str:
    """The key under which its receiver knows it: of its cause, not of how often it was tried."""
    return short_id("effect", *run[:2], "once", once) if once else short_id("effect", *run, key)


def _raised(step: Asking, error: Err) -> BaseException:
    match error.kind:
        case "EffectRefused":
            return EffectRefused(effect=step.name, why=error.message)
        case "NotReached":
            return NotReached(effect=step.name, why=error.message, after_s=None)
        case "InDoubt":
            return InDoubt(effect=step.name, why=error.message, after_s=None)
        case _:
            return StepFailed(step=str(step.asks), kind=error.kind, why=error.message)
