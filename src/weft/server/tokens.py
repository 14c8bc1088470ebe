"""Tokens and sessions as services: what lets somebody in. Everybody sees, makes and ends their own; who administers the
server those of all.

A token that leaked would live on in the tokens that it made: so a token makes and ends none, unless it may administer.

Knows nothing of how accounts are kept. Invariant: a token's text is told once, to whoever made it; of a session nothing
is told that lets anybody in.
Source: personal access tokens, as forges of code have them; the lists of devices that are logged in.
"""

from __future__ import annotations

from weft.server.accounts.sessions import Session
from weft.server.accounts.tokens import TOKEN_S, Token
from weft.server.caller import CAPABILITIES
from weft.server.method import Call, Json, Method
from weft.server.schemas import LIST, MAYBE_STRING, NAME, STRING, closed, listed, open_object
from weft.server.users import IDS, USER, accounts_of, check_is_person, check_is_theirs, moment

_DAY_S = 86400.0


def _about(call: Call) -> str | None:
    """Whose are asked for: one's own, unless somebody else's are named, or those of all by who administers. Raises
    `Denied`."""
    if "user" not in call.given:
        return None if call.caller.may("administer") else call.caller.user
    check_is_theirs(call, call.given["user"])
    return str(call.given["user"])


def _token(one: Token) -> Json:
    return {
        "user": one.user, "name": one.name, "may": sorted(one.capabilities),
        "entities": None if one.entities is None else sorted(one.entities), "made": moment(one.made_s),
        "expires": moment(one.expires_s), "used": moment(one.used_s), "revoked": moment(one.revoked_s),
    }  # fmt: skip


def _find_tokens(call: Call) -> Json:
    return {"tokens": [_token(one) for one in accounts_of(call).tokens.list(_about(call))]}


def _create_token(call: Call) -> Json:
    given, tokens = call.given, accounts_of(call).tokens
    user = given.get("user", call.caller.user)
    check_is_theirs(call, user)
    check_is_person(call)
    days = given.get("days", TOKEN_S / _DAY_S)
    lifetime_s = None if days is None else days * _DAY_S
    made = tokens.make(user, given["name"], given.get("may", ["read"]), entities=given.get("entities"),
                       lifetime_s=lifetime_s)  # fmt: skip
    found = next(one for one in tokens.list(user) if one.name == given["name"])
    return {**_token(found), "token": made.reveal()}


def _remove_token(call: Call) -> Json:
    check_is_theirs(call, call.given["user"])
    check_is_person(call)
    accounts_of(call).tokens.revoke(call.given["user"], call.given["token"])
    return {"user": call.given["user"], "revoked": call.given["token"]}


def _session(one: Session) -> Json:
    return {"id": one.id, "user": one.user, "opened": moment(one.opened_s), "used": moment(one.used_s)}


def _find_sessions(call: Call) -> Json:
    return {"sessions": [_session(one) for one in accounts_of(call).sessions.list(_about(call))]}


def _remove_session(call: Call) -> Json:
    sessions, id = accounts_of(call).sessions, call.given["session"]
    found = sessions.get(id)
    check_is_theirs(call, found.user)
    check_is_person(call)
    sessions.end(found)
    return {"session": id, "user": found.user}


_TOKEN = open_object(
    {"entities": {"anyOf": [listed(STRING), {"type": "null"}]}, "token": STRING},
    user=STRING, name=STRING, may=LIST, made=MAYBE_STRING, expires=MAYBE_STRING, used=MAYBE_STRING,
    revoked=MAYBE_STRING,
)  # fmt: skip
_MAY: Json = {"type": "array", "items": {"enum": [*CAPABILITIES]}}
_DAYS: Json = {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 36_500}, {"type": "null"}]}
_SESSION = open_object(id=STRING, user=STRING, opened=MAYBE_STRING, used=MAYBE_STRING)
TOKENS = (
    Method(
        service="tokens", name="find", http="GET", path="/tokens", act=_find_tokens, capability="read", reach="found",
        given=USER, gives=open_object(tokens=listed(_TOKEN)),
        summary="Tokens: one's own, or those of all, or of one user, for who administers. Never their texts.",
    ),
    Method(
        service="tokens", name="create", http="POST", path="/tokens", act=_create_token, capability="read",
        reach="found", changes=True, required=("name",), gives=_TOKEN,
        given={**USER, "name": STRING, "may": _MAY, "entities": IDS, "days": _DAYS},
        summary="Make a token for oneself; who administers, for anybody. `token` is its text, told this once. It is "
        "good for so many days, 90 where it is not said, for ever where that is null.",
    ),
    Method(
        service="tokens", name="remove", http="DELETE", path="/tokens/{user}/{token}", act=_remove_token,
        capability="read", reach="found", changes=True, given={**USER, "token": NAME},
        gives=closed(user=STRING, revoked=STRING), summary="Let nobody in by this token any more.",
    ),
)  # fmt: skip
SESSIONS = (
    Method(
        service="sessions", name="find", http="GET", path="/sessions", act=_find_sessions, capability="read",
        reach="found", given=USER, gives=open_object(sessions=listed(_SESSION)),
        summary="Sessions that are open: one's own, or those of all, or of one user, for who administers.",
    ),
    Method(
        service="sessions", name="remove", http="DELETE", path="/sessions/{session}", act=_remove_session,
        capability="read", reach="found", changes=True, given={"session": NAME},
        gives=closed(session=STRING, user=STRING), summary="End a session: its browser is logged out.",
    ),
)  # fmt: skip
