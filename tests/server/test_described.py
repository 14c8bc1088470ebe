"""The description of the API holds: calls that are made up from it are answered as it says, good ones and bad ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.types import Receive, Scope, Send

import weft
from tests.server.conftest import SETTINGS
from tests.server.house import GATE, Client, Keys, Late, Pointer, Sheet, everything
from weft.server.app import make_app
from weft.server.method import Method
from weft.server.services import SERVICES

HEADERS = {"Authorization": "Bearer ann", "Host": "localhost"}
MADE_UP = 6
"""So many good calls of each operation, and as many bad ones."""
SAYS_LESS = (
    "entities.find",
    "entities.create",
    "entities.patch",
    "entities.update",
    "entities.at",
    "diff.find",
    "blobs.create",
    "blobs.get",
)
"""What fits their schemas may still be refused: a position that is not reached yet, a page that nobody was given, a
field that the type has not, content whose name or type is none."""


@pytest.fixture(scope="module")
def api() -> Iterator[schemathesis.BaseSchema]:
    """A served space with an entity of each type."""
    GATE.set()
    with weft.open(types=[Sheet, Pointer, Late]) as space:
        sheet = space.create(Sheet, n=4)
        space.create(Pointer, to=sheet)
        app = make_app({"home": space}, Keys(everything("ann")), SETTINGS)

        async def unstopped(scope: Scope, receive: Receive, send: Send) -> None:
            """It would be started and stopped for each call."""
            if scope["type"] == "lifespan":
                for said in ("startup", "shutdown"):
                    await receive()
                    await send({"type": f"lifespan.{said}.complete"})
            else:
                await app(scope, receive, send)

        yield schemathesis.openapi.from_asgi("/api/openapi.json", unstopped, headers=HEADERS)


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
    def check(case: schemathesis.Case[Any]) -> None:
        if "space" in case.path_parameters and mode is GenerationMode.POSITIVE:
            case.path_parameters["space"] = "home"
        asked_more: list[Any] | None = [positive_data_acceptance] if row.title in SAYS_LESS else None
        case.call_and_validate(headers=HEADERS, excluded_checks=asked_more)

    check()


def test_a_diff_of_an_unknown_space_is_not_found(client: Client) -> None:
    answer = client.get("/api/spaces/nowhere/diff", params={"before": 0, "after": 1})

    assert answer.status_code == 404
    assert answer.json()["data"]["error"] == "UnknownSpace"
