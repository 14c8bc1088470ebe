"""What an error means to a caller: a status as HTTP has them, and a body in the shape of Feathers' errors.

Knows nothing of requests. Invariant: what is no error of Weft's own says nothing of itself to callers: the server's log
has it.
Source: Feathers' errors; RFC 9110.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from weft.blob import BlobOutOfReach, NotABlob
from weft.client import ClientAdds, ClientDefines, NoEngine
from weft.content import NotAContentId
from weft.copies.fork import ErasedSince
from weft.copies.publishing import CannotWrite, NeighboursPlace, PlaceTaken
from weft.desk import TypeNotGiven
from weft.edit import OtherField, UnknownEntity, UnknownField
from weft.engine import EngineBroke, EventReused
from weft.erased import EntityErased
from weft.erasure.asking import NoEngineHere, NotItsEngine
from weft.erasure.forgetting import BlobInUse, BlobIsValue
from weft.errors import Undecodable, Unencodable, WeftError, text_of
from weft.folding import MalformedEvent
from weft.form import UnfitAnswer
from weft.past.as_of import NoSuchPosition
from weft.past.view import ValueNotKept
from weft.pins import PinnedByEngine
from weft.pump import EditInterrupted, SpaceClosed
from weft.questions import NoPlaceForSecrets, UnknownQuestion
from weft.reader import ReadOnly
from weft.record import EditTooLarge
from weft.reduce import Refused
from weft.server.accounts.file import AccountsFailed, DamagedAccounts, NewerAccounts
from weft.server.accounts.logins import WrongLogin
from weft.server.accounts.password import BadPassword
from weft.server.accounts.rights import NotOfOneEntity
from weft.server.accounts.sessions import UnknownSession
from weft.server.accounts.tokens import BadLifetime, TokenExists, TooManyTokens, UnknownToken
from weft.server.accounts.tries import TooManyTries
from weft.server.accounts.user import BadName
from weft.server.accounts.users import HeldToNone, NobodyWouldAdminister, UnknownUser, UserExists, WrongPassword
from weft.server.branches import NoSuchBranch, NotInAFile
from weft.server.caller import Denied, Stranger
from weft.server.ending import ConnectionOver, TooManyConnections
from weft.server.feathers.mark import NotAMark
from weft.server.feathers.refusals import RightsTaken, ServerEnds, SocketIOMissing, WebSocketsAlone
from weft.server.frames import BadFrame, SnapshotTooLarge, TooMany, UnknownChannel, WrongPosition
from weft.server.log import NoSuchEntry
from weft.server.method import UnfitCall
from weft.server.refusals import (
    BodyTooLarge,
    ForeignHost,
    ForeignOrigin,
    MethodNotServed,
    NoSuchRoute,
    NotDoneOnce,
    NotSaidByUs,
    OtherMediaType,
    TooManyCalls,
    UnreadableBody,
)
from weft.server.runs import UnknownRun
from weft.server.served import NameTaken, NoAccounts, OpensNone, UnknownSpace
from weft.server.telling import UnfitTelling
from weft.server.types import UnknownType
from weft.server.values import NothingToRetry, UnknownElement, UnknownNode
from weft.server.views import NotViewed
from weft.store import Fenced, NoBlob, NotASpace, OpenedElsewhere, SpaceDamaged, SpaceLocked, StoreFailed

log = logging.getLogger("weft.server")

_CLASSES: Mapping[int, tuple[type[WeftError], ...]] = {
    400: (
        BadFrame, BadLifetime, BadName, BadPassword, NoSuchPosition, NotAContentId, NotAMark, NotDoneOnce,
        SnapshotTooLarge, TooMany, UnfitCall, UnreadableBody, WebSocketsAlone, WrongPosition,
    ),
    401: (Stranger, WrongLogin),
    403: (Denied, ForeignHost, ForeignOrigin, NotSaidByUs, ReadOnly, RightsTaken, WrongPassword),
    404: (
        NoBlob, NoSuchBranch, NoSuchEntry, NoSuchRoute, NotViewed, SocketIOMissing, UnknownChannel, UnknownElement,
        UnknownEntity, UnknownField, UnknownNode, UnknownQuestion, UnknownRun, UnknownSession, UnknownSpace,
        UnknownToken, UnknownType, UnknownUser, ValueNotKept,
    ),
    405: (MethodNotServed,),
    409: (
        BlobInUse, BlobIsValue, ClientAdds, ClientDefines, ErasedSince, EventReused, HeldToNone, NameTaken,
        NeighboursPlace, NoAccounts, NobodyWouldAdminister, NoEngineHere, NoPlaceForSecrets, NothingToRetry, NotInAFile,
        NotItsEngine, NotOfOneEntity, OpensNone, OtherField, PinnedByEngine, PlaceTaken, Refused, TokenExists,
        TooManyTokens, TypeNotGiven, UserExists,
    ),
    410: (EntityErased,),
    413: (BodyTooLarge, EditTooLarge),
    415: (OtherMediaType,),
    422: (BlobOutOfReach, MalformedEvent, NotABlob, Undecodable, Unencodable, UnfitAnswer, UnfitTelling),
    429: (TooManyCalls, TooManyConnections, TooManyTries),
    503: (
        AccountsFailed, CannotWrite, ConnectionOver, DamagedAccounts, EditInterrupted, EngineBroke, Fenced,
        NewerAccounts, NoEngine, NotASpace, OpenedElsewhere, ServerEnds, SpaceClosed, SpaceDamaged, SpaceLocked,
        StoreFailed,
    ),
}  # fmt: skip
STATUS: Mapping[type[WeftError], int] = {kind: status for status, kinds in _CLASSES.items() for kind in kinds}
_NAMES = {
    400: "BadRequest", 401: "NotAuthenticated", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
    409: "Conflict", 410: "NotFound", 413: "BadRequest", 415: "BadRequest", 422: "Unprocessable",
    429: "TooManyRequests", 500: "GeneralError", 503: "Unavailable",
}  # fmt: skip
"""The names of Feathers' classes. Of a name that they do not know its clients make a plain `Error`: so what they make
no class of, 410, 413 and 415, has the nearest of their names, and its own code."""
_GENERAL = "Something went wrong in the server, whose log says what. Try again later, or tell whoever runs it."


class Told(NamedTuple):
    """An error as a caller is told of it."""

    status: int
    body: dict[str, Any]


def told_of(error: BaseException) -> Told:
    """The status and the body of an error; what callers are not to know is logged."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if status == 500:
        log.error("a call failed", exc_info=error)
        return Told(status, _body(status, _GENERAL, {}, {}))
    facts = {name: one for name, one in vars(error).items() if isinstance(one, str | int | None) and name[0] != "_"}
    text, path = text_of(error), facts.get("path")
    places = getattr(error, "places", ())
    if isinstance(error, UnfitAnswer):
        places = [(one.place, str(one)) for one in error.misfits]
    if isinstance(path, str) and not isinstance(error, NoSuchRoute | MethodNotServed):
        # Where a space's file is, is told to nobody.
        facts["path"] = PurePath(path).name
        text = text.replace(path, PurePath(path).name)
    return Told(status, _body(status, text, {"error": type(error).__name__, **facts}, dict(places)))


def _body(status: int, message: str, facts: Mapping[str, object], errors: Mapping[str, str]) -> dict[str, Any]:
    name = _NAMES[status]
    words = "".join(f"-{one.lower()}" if one.isupper() else one for one in name).lstrip("-")
    return {
        "name": name, "message": message, "code": status, "className": words, "data": dict(facts), "errors": errors,
    }  # fmt: skip


def headers_of(error: BaseException) -> dict[str, str]:
    """What is said of an error in headers of HTTP."""
    match error:
        case Stranger():
            return {"WWW-Authenticate": 'Bearer realm="weft"'}
        case MethodNotServed(allowed=str() as allowed):
            return {"Allow": allowed}
        case TooManyCalls(wait_s=wait_s) | TooManyTries(wait_s=wait_s):
            return {"Retry-After": str(math.ceil(wait_s))}
        case BodyTooLarge() | OtherMediaType():
            return {"Connection": "close"}
    return {}


ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"}, "message": {"type": "string"}, "code": {"type": "integer"},
        "className": {"type": "string"}, "data": {"type": "object"}, "errors": {"type": "object"},
    },
    "required": ["name", "message", "code", "className", "data", "errors"],
}  # fmt: skip
"""The schema of that body."""
