"""What callers may do."""

from __future__ import annotations

import pytest

from weft.server.caller import CAPABILITIES, Caller, Denied


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_what_nobody_granted_is_denied(capability: str) -> None:
    caller = Caller("ann", frozenset(CAPABILITIES) - {capability})

    assert [one for one in CAPABILITIES if not caller.may(one)] == [capability]
    with pytest.raises(Denied, match=f"ann may not {capability}"):
        caller.check(next(one for one in CAPABILITIES if one == capability))


def test_who_is_held_to_some_entities_may_act_upon_these_alone() -> None:
    caller = Caller("ann", frozenset(CAPABILITIES), frozenset({"a shelf"}))

    caller.check("edit", "a shelf")
    with pytest.raises(Denied, match=r"ann may not edit the entity another\. Somebody"):
        caller.check("edit", "another")
    with pytest.raises(Denied, match=r"ann may not read\. Somebody"):
        caller.check("read")
