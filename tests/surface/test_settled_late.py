"""Who waits only so long, for what is settled at the very moment at which that time is over."""

from __future__ import annotations

import pytest

from weft import WaitTimeout
from weft.settlement import fail, finish, open_settlement, wait_for


def test_what_is_settled_while_its_state_is_looked_at_was_waited_for() -> None:
    settled, failed = open_settlement(), open_settlement()

    def look_at_failed() -> str:
        fail(failed, LookupError("gone"))
        return "Failed"

    def look_at_settled() -> str:
        finish(settled)
        return "Settled"

    wait_for(settled, 0.001, "total", "e", look_at_settled)
    with pytest.raises(LookupError, match="gone"):
        wait_for(failed, 0.001, "total", "e", look_at_failed)


def test_what_is_not_settled_in_time_is_given_up_with_its_state() -> None:
    waits = open_settlement()

    with pytest.raises(WaitTimeout, match=r"was not settled after 0\.001 s: Computing"):
        wait_for(waits, 0.001, "total", "e", lambda: "Computing")
    assert waits.cancelled()
