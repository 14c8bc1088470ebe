"""Why a request is not let through, before anything is done for it.

Knows nothing of what is refused where. Invariant: each says what is wrong with the request, and what to send instead.
"""

from __future__ import annotations

from weft.errors import WeftError


class ForeignHost(WeftError):
    """Nothing is served here under the name {host!r}. Use the address that `weft serve` prints, or serve that name too,
    by `--allow-host`."""

    host: str


class ForeignOrigin(WeftError):
    """A page of {origin!r} asked for this, and only pages that come from here may. Open the address that `weft serve`
    prints."""

    origin: str


class NotSaidByUs(WeftError):
    """Whoever is known by a cookie changes things by requests with the header `Weft-Request: 1`, which no other page
    can send. Send that header, or a token."""


class NoSuchRoute(WeftError):
    """There is nothing at {path}. `/api/openapi.json` lists what there is."""

    path: str


class MethodNotServed(WeftError):
    """{path} does not take {method}, but {allowed}."""

    path: str
    method: str
    allowed: str


class NotDoneOnce(WeftError):
    """{method} takes no header `Idempotency-Key`: it has no name under which it is done once, and said again it is done
    again. Nothing was done. Leave that header out."""

    method: str


class OtherMediaType(WeftError):
    """{given!r} is not taken here. Send {wanted}."""

    given: str
    wanted: str


class BodyTooLarge(WeftError):
    """The body has more than the {size_bytes_max} bytes that are taken here. Send less at once; large content goes to
    blobs."""

    size_bytes_max: int


class UnreadableBody(WeftError):
    """The request cannot be read: {why}. Send a JSON object."""

    why: str


class TooManyCalls(WeftError):
    """There were too many calls in a short time. Wait for {wait_s:.1f} s, and send fewer."""

    wait_s: float
