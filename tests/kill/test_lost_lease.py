"""An engine that was frozen while another took its lease over goes on: what it writes is refused, and it says so."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import NEEDS_PROC
from tests.kill.errand_kills import Space, client
from tests.kill.errand_program import FROZEN
from tests.kill.errand_remains import check_rest
from tests.kill.errands import RECEIVED
from tests.kill.victim import victim
from weft.record import Record
from weft.stores.sqlite import SqliteStore

pytestmark = [pytest.mark.kill, NEEDS_PROC]


PROGRAM = "tests.kill.letter_program"


def records(path: Path) -> list[Record]:
    with closing(SqliteStore(str(path))) as store:
        return list(store.records())


AT = (("slice told", 1), ("slice told", 2), ("slices kept", 2), ("effect begun", 1))
"""Where it is frozen, in the order in which a letter passes there: it is answered, sleeps, and is mailed."""

REFUSED = ("lease (epoch 1) was taken over by epoch 2", "was told before and said something else")
"""What it says: its lease is gone; or, where the new engine has told the very same slice, that this was told."""


@pytest.mark.parametrize(("point", "turn"), AT)
def test_a_step_that_an_engine_without_its_lease_finishes_is_refused_and_the_new_ones_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, turn: int
) -> None:
    space = Space(tmp_path, lives=1)
    monkeypatch.setenv(RECEIVED, str(space.receiver))
    variables, calls = {RECEIVED: str(space.receiver), FROZEN: "yes"}, tmp_path / "calls"
    with victim(PROGRAM, space.path, point, turn, calls=calls, workers=False, variables=variables) as frozen:
        assert frozen.wait_stopped(), frozen.errors
        # What nobody should do: so it is free, and its holder knows nothing of that.
        os.unlink(f"{space.path}-lease")
        with client(space), space.life(1) as program:
            assert program.finish() == 0, program.errors
        stood = records(space.path)

        frozen.go_on()

        assert frozen.finish() == 1
        assert any(why in frozen.errors for why in REFUSED), frozen.errors[-2000:]
        assert records(space.path) == stood
    space.rounds = 1
    space.finish()  # what the client said last is taken
    check_rest(space.path, space.receiver, 1)
    space.look()
