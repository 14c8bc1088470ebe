"""The description of the REST interface for programs, OpenAPI 3.1, made from the table of services.

Knows nothing of how requests are answered. Invariant: it names the routes of the table, all of them and no others.
Source: OpenAPI 3.1, whose schemas are JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.server.doorway import API
from weft.server.method import Json, Method
from weft.server.status import ERROR

_REFUSED = {"$ref": "#/components/responses/Refused"}


def openapi_of(table: Sequence[Method], version: str) -> Json:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for method in table:
        paths.setdefault(f"{API}{method.path}", {})[method.http.lower()] = _operation(method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Weft", "version": version},
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "weft_session"},
            },
            "schemas": {"Error": ERROR},
            "responses": {
                "Refused": {
                    "description": "Why it was not done.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
            },
        },
    }


def _operation(method: Method) -> Json:
    status = "201" if method.name == "create" else "200"
    said: Json = {
        "operationId": method.title, "tags": [method.service], "summary": method.summary,
        "x-weft-capability": method.capability, "parameters": _parameters(method),
        "responses": {status: _given_back(method), "default": _REFUSED},
    }  # fmt: skip
    if method.takes_content:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        said["requestBody"] = {"required": True, "content": content}
    elif method.changes and method.http != "DELETE":
        content = {"application/json": {"schema": _body(method)}}
        said["requestBody"] = {"required": bool(method.required), "content": content}
    return said


def _parameters(method: Method) -> list[Json]:
    found = [_parameter(method, name, "path") for name in method.in_path]
    found += [_parameter(method, name, "query") for name in method.in_query]
    if "once" in method.given:
        schema = method.given["once"]
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema})
    return found


def _parameter(method: Method, name: str, place: str) -> Json:
    is_required = place == "path" or name in method.required
    return {"name": name, "in": place, "required": is_required, "schema": method.given[name]}


def _body(method: Method) -> Json:
    properties = {name: one for name, one in method.given.items() if name not in method.in_path}
    said: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return said | ({"required": [*method.required]} if method.required else {})


def _given_back(method: Method) -> Json:
    if method.gives_content:
        schema: Json = {"type": "string", "format": "binary"}
        return {"description": "The content.", "content": {"application/octet-stream": {"schema": schema}}}
    return {"description": "It was done.", "content": {"application/json": {"schema": method.gives}}}
