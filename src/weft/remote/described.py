"""The methods of a server as it describes them, and where what they are given goes: the path, the query, the body.

Knows nothing of how requests are sent. Invariant: nothing is placed that the method has no place for in its path.
Source: OpenAPI 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

ONCE_HEADER = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Placed:
    """A request, without its server."""

    verb: str
    path: str
    query: dict[str, str]
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Described:
    """One method. `takes_once`: it can be said twice under one name, and is done once."""

    title: str
    verb: str
    path: str
    takes_once: bool
    has_body: bool

    @property
    def is_safe(self) -> bool:
        """Whether it may be sent again where no answer came."""
        return self.takes_once or self.verb == "GET"

    def place(self, given: Mapping[str, Any]) -> Placed:
        """Where what is given goes. Raises `TypeError` for a path with a gap in it."""
        left = dict(given)

        def fill(found: re.Match[str]) -> str:
            text = str(left.pop(found[1], ""))
            if text in ("", ".", ".."):
                raise TypeError(f"{self.title} needs {found[1]!r}, and {text!r} is none")
            return quote(text, safe="")

        path = re.sub(r"{(\w+)}", fill, self.path)
        if self.has_body:
            return Placed(self.verb, path, {}, left)
        return Placed(self.verb, path, {name: _text(one) for name, one in left.items()}, None)


def methods_of(description: Mapping[str, Any]) -> dict[str, Described]:
    """The methods of an OpenAPI document, by their titles."""
    found = {}
    for path, verbs in description["paths"].items():
        for verb, one in verbs.items():
            if title := one.get("operationId"):
                headers = {each["name"] for each in one.get("parameters", ()) if each["in"] == "header"}
                has_body = "application/json" in one.get("requestBody", {}).get("content", {})
                found[title] = Described(title, verb.upper(), path, ONCE_HEADER in headers, has_body)
    return found


def _text(one: object) -> str:
    return str(one).lower() if isinstance(one, bool) else str(one)
