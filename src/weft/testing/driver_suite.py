"""What every driver must do, as tests that the author of a driver inherits.

    class TestMyDriver(AnsweredSuite):
        def new_driver(self) -> Driver[MyEffect]: …

`DriverSuite` is for all; `AnsweredSuite` for those whose receiver is told, and answers: that answer can be lost. pytest
finds the inherited tests. The suite needs no test library.

Knows only the Driver port.
Invariant: a driver that says "refused" or "not reached" is believed only where its receiver agrees.
Source: the suites of runners and stores; two-phase commit's in-doubt transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from weft.driver import Driver, EffectRefused, NotReached, driver_of, receipt_of, when_in_doubt
from weft.flow import Effect
from weft.value import shape_of

T = TypeVar("T")
LIMIT_S = 120.0
"""How long to wait for what must come."""
MANY = 20
KEY = "bafyreigkey"
OTHER_KEY = "bafyreigother"


class DriverSuite:
    """What every driver does."""

    def new_driver(self) -> Driver[Any]:
        """A driver whose receiver is there; override."""
        raise NotImplementedError

    def new_effect(self, number: int) -> Effect[Any]:
        """An effect that is carried out; another one for each number; override."""
        raise NotImplementedError

    def carried_out(self) -> Sequence[str]:
        """What was carried out since the test began, each by what its receiver knows it by; override."""
        raise NotImplementedError

    def refused_effect(self) -> Effect[Any]:
        """An effect that is refused; override."""
        raise NotImplementedError

    def unreachable_driver(self) -> Driver[Any]:
        """A driver whose receiver is not there; override."""
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What it comes to, on a loop of its own, on which no task is left."""

        async def alone() -> T:
            try:
                async with asyncio.timeout(LIMIT_S):
                    return await work
            finally:
                await asyncio.sleep(0)
                assert asyncio.all_tasks() == {asyncio.current_task()}

        return asyncio.run(alone())

    def fails(self, driver: Driver[Any], effect: Effect[Any]) -> Exception:
        """What carrying it out raises."""
        try:
            receipt = self.run(driver.carry_out(effect, KEY))
        except Exception as failed:  # noqa: BLE001 - the tests look at what it is
            return failed
        raise AssertionError(f"it was carried out: {receipt}")

    def test_the_classes_of_effects_it_names_are_complete(self) -> None:
        """Each is a frozen dataclass that says what its receipt holds, and what to do in doubt."""
        driver = self.new_driver()

        assert driver.effects
        for kind in driver.effects:
            assert issubclass(kind, Effect)
            assert vars(kind)["__dataclass_params__"].frozen
            shape_of(receipt_of(kind))
            assert when_in_doubt(kind)
        assert driver_of(type(self.new_effect(1)), [driver]) is driver

    def test_an_effect_and_its_receipt_can_be_kept(self) -> None:
        """Both decode to what they were."""
        effect = self.new_effect(1)
        receipt = self.run(self.new_driver().carry_out(effect, KEY))

        wish, outcome = shape_of(type(effect)), shape_of(receipt_of(type(effect)))

        assert wish.decode(wish.encode(effect)) == effect
        assert outcome.decode(outcome.encode(receipt)) == receipt
        assert len(self.carried_out()) == 1

    def test_a_second_try_is_known_as_the_same(self) -> None:
        """By its key, or because it changes nothing."""
        driver, effect = self.new_driver(), self.new_effect(1)

        self.run(driver.carry_out(effect, KEY))
        self.run(driver.carry_out(effect, KEY))

        assert len(set(self.carried_out())) == 1

    def test_two_effects_are_known_apart(self) -> None:
        """Each by its own key."""
        driver = self.new_driver()

        self.run(driver.carry_out(self.new_effect(1), KEY))
        self.run(driver.carry_out(self.new_effect(2), OTHER_KEY))

        assert len(set(self.carried_out())) == 2

    def test_many_at_once_are_each_carried_out(self) -> None:
        """None stands for another."""
        driver = self.new_driver()

        async def all_of_them() -> None:
            await asyncio.gather(*(driver.carry_out(self.new_effect(each), f"key{each}") for each in range(MANY)))

        self.run(all_of_them())

        assert len(set(self.carried_out())) == len(self.carried_out()) == MANY

    def test_a_refusal_is_told_as_one(self) -> None:
        """Nothing was carried out, and the message says why."""
        failed = self.fails(self.new_driver(), self.refused_effect())

        assert isinstance(failed, EffectRefused), failed
        assert failed.why
        assert self.carried_out() == []

    def test_a_receiver_that_is_not_there_is_not_reached(self) -> None:
        """Nothing was carried out."""
        failed = self.fails(self.unreachable_driver(), self.new_effect(1))

        assert isinstance(failed, NotReached), failed
        assert failed.why
        assert failed.after_s is None or failed.after_s >= 0
        assert self.carried_out() == []


class AnsweredSuite(DriverSuite):
    """What drivers do whose receivers answer."""

    def cut_driver(self) -> Driver[Any]:
        """A driver whose receiver takes an effect, and goes without an answer; override."""
        raise NotImplementedError

    def silent_driver(self, *, patience_s: float) -> Driver[Any]:
        """A driver whose receiver takes an effect and never answers, and that waits so long for it; override."""
        raise NotImplementedError

    def wait_taken(self) -> None:
        """Wait until the silent receiver has taken an effect; override."""
        raise NotImplementedError

    def test_an_answer_that_was_cut_off_leaves_doubt(self) -> None:
        """Neither yes nor no."""
        failed = self.fails(self.cut_driver(), self.new_effect(1))

        assert not isinstance(failed, EffectRefused | NotReached), failed

    def test_an_answer_that_never_comes_leaves_doubt(self) -> None:
        """However long it was waited for."""
        failed = self.fails(self.silent_driver(patience_s=0.5), self.new_effect(1))

        self.wait_taken()
        assert not isinstance(failed, EffectRefused | NotReached), failed

    def test_waiting_for_an_answer_can_be_cancelled(self) -> None:
        """It ends as cancelled, and leaves no task."""
        driver = self.silent_driver(patience_s=LIMIT_S)

        async def cancelled() -> bool:
            task = asyncio.ensure_future(driver.carry_out(self.new_effect(1), KEY))
            await asyncio.to_thread(self.wait_taken)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=LIMIT_S)
            return bool(done) and task.cancelled()

        assert self.run(cancelled())
