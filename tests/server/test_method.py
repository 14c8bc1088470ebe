"""The table of services: what its rows must declare, and what is asked before one is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.server.house import Keys, everything
from weft import Space
from weft.blob import Blob
from weft.server.app import make_app
from weft.server.caller import Caller, Denied
from weft.server.method import Undeclared, UnfitCall, call, check_table
from weft.server.served import Served, UnknownSpace
from weft.server.services import SERVICES

ROWS = {row.title: row for row in SERVICES}


def test_a_row_without_a_declared_capability_stops_the_start(space: Space) -> None:
    table = [*SERVICES, replace(ROWS["runs.find"], path="/more", given={}, capability=None)]

    with pytest.raises(Undeclared, match=r"runs\.find declares no capability, so nothing is served"):
        make_app({"home": space}, Keys(), table=table)


LACKING: list[tuple[dict[str, Any], str]] = [
    ({"capability": "rule"}, "declares no capability"),
    ({"reach": "none"}, "says of nobody"),
    ({"reach": "entity"}, "asks about an entity, and is given none"),
    ({"path": "/spaces/{space}/{other}"}, "has no schema of what stands in its path"),
    ({"required": ("other",)}, "requires what it has no schema of"),
    ({"gives": {}}, "has no schema of what it gives"),
    ({"changes": True}, "changes things, or does not"),
]


@pytest.mark.parametrize(("other", "lacks"), LACKING)
def test_a_row_that_leaves_something_out_is_refused(other: dict[str, Any], lacks: str) -> None:
    with pytest.raises(Undeclared, match=lacks):
        check_table([replace(ROWS["runs.find"], **other)])


def test_two_rows_of_one_route_are_refused() -> None:
    with pytest.raises(Undeclared, match="has the route of another: GET /spaces"):
        check_table([*SERVICES, ROWS["spaces.find"]])


def test_whoever_lacks_the_capability_is_denied_before_anything_is_looked_at(space: Space) -> None:
    nobody = Caller("bob", frozenset())

    for row in SERVICES:
        with pytest.raises(Denied):
            call(row, Served({"home": space}), nobody, {"entity": "x"})


def test_what_does_not_fit_the_schema_is_refused_with_its_places(space: Space) -> None:
    served = Served({"home": space})

    with pytest.raises(UnfitCall, match=r"entities\.find cannot be done .* limit: 0 where") as refused:
        call(ROWS["entities.find"], served, everything("ann"), {"space": "home", "limit": 0})
    assert [place for place, _ in refused.value.places] == ["limit"]
    with pytest.raises(UnfitCall, match="colour"):
        call(ROWS["entities.find"], served, everything("ann"), {"space": "home", "colour": "red"})
    with pytest.raises(UnknownSpace, match="No space 'hom' is served here"):
        call(ROWS["entities.find"], served, everything("ann"), {"space": "hom"})


def test_content_goes_in_and_out_in_process_too(space: Space) -> None:
    served, ann = Served({"home": space}), everything("ann")

    kept = call(ROWS["blobs.create"], served, ann, {"space": "home", "content": Blob.from_bytes(b"hello")})
    assert isinstance(kept, dict)
    found = call(ROWS["blobs.get"], served, ann, {"space": "home", "blob": kept["blob"]["/"]})

    assert isinstance(found, Blob)
    assert found.bytes() == b"hello"
