"""The description of the API holds: calls that are made up from it are answered as it says, good ones and bad ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode

import weft
from tests.server.conftest import SETTINGS
from tests.server.house import GATE, Keys, Late, Pointer, Sheet, everything
from weft.server.app import make_app
from weft.server.method import Method
from weft.server.services import SERVICES

HEADERS = {"Authorization": "Bearer ann", "Host": "localhost"}
MADE_UP = 12
"""So many calls of each operation."""


@pytest.fixture(scope="module")
def api() -> Iterator[schemathesis.BaseSchema]:
    """A served space with an entity of each type."""
    GATE.set()
    with weft.open(types=[Sheet, Pointer, Late]) as space:
        sheet = space.create(Sheet, n=4)
        space.create(Pointer, to=sheet)
        app = make_app({"home": space}, Keys(everything("ann")), SETTINGS)
        yield schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=HEADERS)


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("row", SERVICES, ids=lambda row: row.title)
def test_what_is_made_up_is_answered_as_it_is_described(
    api: schemathesis.BaseSchema, row: Method, mode: GenerationMode
) -> None:
    operation = api[f"/api{row.path}"][row.http]

    @seed(0)
    @settings(
        max_examples=MADE_UP, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        if "space" in case.path_parameters and mode is GenerationMode.POSITIVE:
            case.path_parameters["space"] = "home"
        case.call_and_validate(headers=HEADERS)

    check()
