"""What a remote server does not do, and why: errors of clients.

Knows nothing of how servers are asked. Invariant: what a server says of its own errors is passed on as it said it.
Source: RFC 9457.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from weft.errors import WeftError


class RemoteMissing(WeftError):
    """Remote spaces need {part}, which is not installed. Install it with: pip install 'weft[client]'."""

    part: str


class UnknownMethod(WeftError, KeyError):
    """The server at {base} has no method {title}. It has {known}."""

    base: str
    title: str
    known: str


class CallRefused(WeftError):
    """{message}"""

    method: str
    message: str
    """The server's own words."""
    code: int
    """The status of HTTP."""
    name: str
    """As `NotFound`."""
    error: str
    """The class of the error in the server's program, as `UnknownEntity`; "" where it does not say."""
    facts: Mapping[str, object]
    errors: Mapping[str, str]
    """What is wrong at which place of what was given."""


class Unreachable(WeftError):
    """{method} got no answer from {base} ({why}), so it is not known whether it was done. See whether the server can be
    reached, and say it again under the same `once`."""

    method: str
    base: str
    why: str


class NoServer(Unreachable):
    """No Weft server was found at {base}: {why}. Give the address that `weft serve` says when it starts, as
    http://127.0.0.1:8707, and see whether it runs there."""

    base: str
    why: str


class LiveOver(WeftError):
    """{base} ended the live connection, and coming again would change nothing ({code}): {why}. Bring a credential that
    is known there, or ask for the rights; `reconnect_now` tries once more."""

    base: str
    code: int
    why: str


def check_installed(*parts: str) -> None:
    """Raises `RemoteMissing`."""
    for part in parts:
        if find_spec(part) is None:
            raise RemoteMissing(part=part)
