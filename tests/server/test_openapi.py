"""The description of the interface: of all routes and no others, and true of what they answer."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from starlette.types import ASGIApp

from tests.server.house import Client, asked
from weft.form.check import Checker
from weft.server.services import SERVICES
from weft.server.status import ERROR, STATUS, told_of


@pytest.fixture
def said(client: Client) -> Any:
    """The description."""
    return client.get("/api/openapi.json").json()


def test_it_names_the_routes_of_the_table_and_no_others(said: Any) -> None:
    named = {(method.upper(), path) for path, methods in said["paths"].items() for method in methods}

    assert named == {(row.http, f"/api{row.path}") for row in SERVICES}
    ids = [one["operationId"] for methods in said["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids)) == len(SERVICES)


def test_every_route_that_it_names_is_served(said: Any, app: ASGIApp) -> None:
    for path, methods in said["paths"].items():
        for method, one in methods.items():
            at = re.sub(r"{\w+}", "1", path)
            kind = [*one.get("requestBody", {}).get("content", {})]
            headers = {
                "Authorization": "Bearer ann",
                **({"Content-Type": kind[0], "Content-Length": "0"} if kind else {}),
            }
            found = asked(app, method.upper(), at, headers, receive=_nothing)
            assert found.status not in (405, 415, 500), (method, path, found.said)
            assert found.said["data"]["error"] != "NoSuchRoute" if found.status >= 400 else True


async def _nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_every_schema_in_it_is_one(said: Any) -> None:
    for methods in said["paths"].values():
        for one in methods.values():
            for schema in _schemas(one):
                jsonschema.Draft202012Validator.check_schema(schema)
    assert said["openapi"] == "3.1.0"
    for methods in said["paths"].values():
        for one in methods.values():
            assert {"operationId", "summary", "parameters", "responses", "x-weft-capability"} <= one.keys()
            for parameter in one["parameters"]:
                assert parameter["in"] in ("path", "query", "header")


def _schemas(said: Any) -> list[Any]:
    if isinstance(said, dict):
        inner = [one for value in said.values() for one in _schemas(value)]
        return [*inner, *([said["schema"]] if "schema" in said else [])]
    return [one for value in said for one in _schemas(value)] if isinstance(said, list) else []


def test_what_a_path_holds_is_a_parameter_of_it(said: Any) -> None:
    for path, methods in said["paths"].items():
        for one in methods.values():
            in_path = {each["name"] for each in one["parameters"] if each["in"] == "path"}
            assert in_path == set(re.findall(r"{(\w+)}", path))


@pytest.mark.parametrize("row", SERVICES, ids=lambda row: str(row.title))
def test_what_is_checked_here_is_what_json_schema_says(row: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(row.schema)
    tried: list[Any] = [{}, {"space": 1}, {"space": "home"}]
    tried += [{"space": "home", **other} for other in ({"limit": -1}, {"wait_s": 1e9}, {"other": 1})]
    for given in tried:
        fits = jsonschema.Draft202012Validator(row.schema).is_valid(given)
        assert fits is (not Checker(row.schema).misfits(given)), given


def test_every_error_that_callers_are_told_of_has_the_shape_that_is_described() -> None:
    for kind, status in STATUS.items():
        names: dict[str, Any] = {name: "x" for one in kind.__mro__ for name in vars(one).get("__annotations__", {})}
        names |= {name: one for name, one in {"wait_s": 1.0, "places": (), "misfits": ()}.items() if name in names}
        told = told_of(kind(**names))
        jsonschema.validate(told.body, ERROR)
        assert (told.status, told.body["code"], told.body["data"]["error"]) == (status, status, kind.__name__)
        assert told.body["className"].replace("-", "") == told.body["name"].lower()
