"""What must be true of flows after a kill can be found untrue: each of these spaces is spoiled in one way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kill.errand_kills import Space, client
from tests.kill.errand_program import ACTOR
from tests.kill.errand_remains import Remains, Told, check_left, check_rest, look_into
from tests.kill.errands import RECEIVED
from weft.folding import event_id
from weft.run_rows import StepRow

pytestmark = pytest.mark.kill


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    space = Space(tmp_path_factory.mktemp("undisturbed"))
    with pytest.MonkeyPatch.context() as patch, client(space):
        patch.setenv(RECEIVED, str(space.receiver))
        with space.life(2) as program:
            assert program.finish() == 0, program.errors
    space.finish()  # what the client said last is taken
    return space


@pytest.fixture
def found(space: Space) -> Remains:
    return look_into(space.path, space.receiver)


def check(space: Space, found: Remains) -> None:
    check_left(found, space.acknowledged, space.answered, 2)


def performing(found: Remains, effect: str) -> tuple[Told, str]:
    """A run, and its step that performs such an effect."""
    return next(
        (run, key) for run in found.log.runs.values() for key in run.steps if key.startswith(f"perform {effect}")
    )


def end_twice(found: Remains) -> None:
    run, _ = performing(found, "Mail")
    run.endings *= 2


def begin_twice(found: Remains) -> None:
    performing(found, "Mail")[0].begins = 2


def tell_an_outcome_twice(found: Remains) -> None:
    run, key = performing(found, "Ship")
    run.outcomes[key] *= 2


def change_an_outcome(found: Remains) -> None:
    row = next(row for row in found.rows.values() if row.steps)
    row.steps[next(iter(row.steps))] = StepRow("ask", None, outcome=[1], told=5)


def fire_twice(found: Remains) -> None:
    found.log.fired[next(iter(found.log.fired))] += 1


def lose_an_edit(found: Remains) -> None:
    del found.log.edits[event_id(ACTOR, "round 1: sent")]


def tell_an_edit_twice(found: Remains) -> None:
    found.log.edits[event_id(ACTOR, "round 1: sent")] += 1


def lose_an_answer(found: Remains) -> None:
    del found.log.answered[next(key for key in found.log.answered if key[0].startswith("ask send"))]


def take_two_answers(found: Remains) -> None:
    run = next(run for run in found.log.runs.values() if run.answers)
    next(iter(run.answers.values())).append(({"by": "somebody", "to": "else"}, "somebody"))


def try_a_launch_again(found: Remains) -> None:
    found.tries["Launch", 10].append(found.tries["Launch", 10][0])


def try_a_mail_again_unasked(found: Remains) -> None:
    found.tries["Mail", 0].append(found.tries["Mail", 0][0])


def try_under_another_key(found: Remains) -> None:
    found.tries["Ship", 3].append("another")


def share_a_key(found: Remains) -> None:
    found.tries["Ship", 3][0] = found.tries["Mail", 0][0]


def lose_a_try(found: Remains) -> None:
    del found.tries["Mail", 100]


def forget_who_recovered(found: Remains) -> None:
    next(row for row in found.rows.values() if not row.ending).recoveries += 1


def recover_for_ever(found: Remains) -> None:
    performing(found, "Mail")[0].recovered = 2


SPOILT: list[Callable[[Remains], None]] = [
    end_twice, begin_twice, tell_an_outcome_twice, change_an_outcome, fire_twice, lose_an_edit, tell_an_edit_twice,
    lose_an_answer, take_two_answers, try_a_launch_again, try_a_mail_again_unasked, try_under_another_key, share_a_key,
    lose_a_try, forget_who_recovered, recover_for_ever,
]  # fmt: skip


def test_nothing_is_wrong_with_one_that_nobody_disturbed(space: Space, found: Remains) -> None:
    check(space, found)


@pytest.mark.parametrize("spoil", SPOILT)
def test_what_is_spoilt_is_found(space: Space, found: Remains, spoil: Callable[[Remains], None]) -> None:
    spoil(found)

    with pytest.raises(AssertionError):
        check(space, found)


@pytest.mark.parametrize("rounds", [1, 3])
def test_what_did_not_come_to_its_end_is_found(space: Space, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RECEIVED, str(space.receiver))

    with pytest.raises(AssertionError, match="2 of"):
        check_rest(space.path, space.receiver, rounds)


def test_at_rest_it_is_what_it_should_be(space: Space) -> None:
    assert check_rest(space.path, space.receiver, 2).tries != {}
