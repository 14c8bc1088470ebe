"""Users as a service: who they are, and what they may do, for those who administer the server; and who one is oneself.

Knows nothing of how accounts are kept. Invariant: of others nobody is told anything but who administers all of it, and
a password leaves nobody.
Source: the table of services; `weft user`, which says the same.
"""

from __future__ import annotations

from collections.abc import Callable

from weft.moment import moment_text
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.accounts.rights import ROLES
from weft.server.accounts.user import User, folded
from weft.server.caller import Denied
from weft.server.method import Call, Json, Method, UnfitCall
from weft.server.schemas import FLAG, MAP, MAYBE_STRING, NAME, STRING, TEXT, closed, listed, open_object

ROLE: Json = {"type": "string", "enum": [*ROLES]}
IDS: Json = {"type": "array", "items": NAME, "maxItems": 1000}
USER: Json = {"user": NAME}


def accounts_of(call: Call) -> Accounts:
    """Those of this server. Raises `NoAccounts`."""
    return call.served.accounts


def check_is_theirs(call: Call, user: str) -> None:
    """That the caller asks about themselves, or administers all. Raises `Denied`."""
    if folded(user) != folded(call.caller.user):
        call.caller.check("administer")


def check_is_person(call: Call) -> None:
    """That no token changes what lets somebody in, unless it may administer. Raises `Denied`."""
    if call.caller.is_token and not call.caller.may("administer"):
        where = " by this token, which changes nothing that lets anybody in: log in"
        raise Denied(user=call.caller.user, capability="administer", where=where)


def moment(at_s: float | None) -> str | None:
    """A moment in words."""
    return None if at_s is None else moment_text(int(at_s * 1_000_000))


def _portrait(user: User) -> Json:
    grants = user.grants
    return {
        "name": user.name, "display": user.display, "role": user.role,
        "entities": None if grants is None else sorted(grants),
        "roles": {entity: role for entity, role in (grants or {}).items() if role},
        "disabled": user.is_disabled, "owner": user.is_owner, "made": moment(user.made_s),
    }  # fmt: skip


def _find(call: Call) -> Json:
    return {"users": [_portrait(one) for one in accounts_of(call).users.list()]}


def _get(call: Call) -> Json:
    check_is_theirs(call, call.given["user"])
    return _portrait(accounts_of(call).users.get(call.given["user"]))


def _create(call: Call) -> Json:
    given, users = call.given, accounts_of(call).users
    role, display = given.get("role", "editor"), given.get("display", "")
    return _portrait(users.add(given["name"], Hidden(given["password"]), role=role, display=display))


def _patch(call: Call) -> Json:
    """Each by itself, in this order: what fails leaves those before it told."""
    given, users, name = call.given, accounts_of(call).users, call.given["user"]
    acts: dict[str, Callable[[], object]] = {
        "role": lambda: users.set_role(name, given["role"]),
        "display": lambda: users.rename(name, given["display"]),
        "password": lambda: users.set_password(name, Hidden(given["password"])),
        "disabled": lambda: (users.disable if given["disabled"] else users.enable)(name),
    }
    said = [act for title, act in acts.items() if title in given]
    if len(said) != 1:
        raise call.unfit(f"one thing is told at a time: {', '.join(acts)}")
    said[0]()
    return _portrait(users.get(name))


def _password(call: Call) -> Json:
    given, accounts, keep = call.given, accounts_of(call), call.caller.session
    check_is_theirs(call, given["user"])
    check_is_person(call)
    user, new = accounts.users.get(given["user"]).name, Hidden(given["new"])
    if "old" in given:
        accounts.logins.change_password(user, Hidden(given["old"]), new, keep=keep)
    elif call.caller.may("administer"):
        accounts.users.set_password(user, new, keep=keep)
    else:
        why = "who changes their own password says the old one too"
        raise UnfitCall(method=call.method.title, why=f"`old` is missing: {why}", places=(("old", why),))
    return _portrait(accounts.users.get(user))


def _remove(call: Call) -> Json:
    users, name = accounts_of(call).users, call.given["user"]
    name = users.get(name).name
    users.remove(name)
    return {"user": name}


def _grant(call: Call) -> Json:
    given, users = call.given, accounts_of(call).users
    if given.get("all"):
        if "entities" in given:
            raise call.unfit("`all` and `entities` exclude each other")
        return _portrait(users.grant_all(given["user"], role=given.get("role")))
    if not given.get("entities"):
        raise call.unfit("say `entities`, or that it is `all`")
    return _portrait(users.grant(given["user"], *given["entities"], role=given.get("role")))


def _revoke(call: Call) -> Json:
    return _portrait(accounts_of(call).users.revoke(call.given["user"], *call.given["entities"]))


_GIVEN = open_object(
    {"entities": {"anyOf": [listed(STRING), {"type": "null"}]}},
    name=STRING, display=STRING, role=STRING, roles=MAP, disabled=FLAG, owner=FLAG, made=MAYBE_STRING,
)  # fmt: skip
USERS = (
    Method(
        service="users", name="find", http="GET", path="/users", act=_find, capability="administer",
        summary="Who may use this server.", gives=open_object(users=listed(_GIVEN)),
    ),
    Method(
        service="users", name="get", http="GET", path="/users/{user}", act=_get, capability="read", reach="found",
        given=USER, gives=_GIVEN, summary="One user: oneself, or anybody for who administers.",
    ),
    Method(
        service="users", name="create", http="POST", path="/users", act=_create, capability="administer",
        changes=True, given={"name": STRING, "password": STRING, "role": ROLE, "display": TEXT},
        required=("name", "password"), gives=_GIVEN, summary="Add a user, who logs in by a password.",
    ),
    Method(
        service="users", name="patch", http="PATCH", path="/users/{user}", act=_patch, capability="administer",
        changes=True, given={**USER, "role": ROLE, "display": TEXT, "password": STRING, "disabled": FLAG}, gives=_GIVEN,
        summary="Give a user another role, name to be shown or password, or let them in no longer, or again.",
    ),
    Method(
        service="users", name="password", http="POST", path="/users/{user}/password", act=_password, capability="read",
        reach="found", changes=True, given={**USER, "old": STRING, "new": STRING}, required=("new",), gives=_GIVEN,
        summary="Another password: one's own, for which the old one is said, or anybody's by who administers. All "
        "other sessions of that user end.",
    ),
    Method(
        service="users", name="remove", http="DELETE", path="/users/{user}", act=_remove, capability="administer",
        changes=True, given=USER, gives=closed(user=STRING),
        summary="Forget a user, with their tokens and sessions; what they did stays in the logs.",
    ),
    Method(
        service="users", name="grant", http="POST", path="/users/{user}/grant", act=_grant, capability="administer",
        changes=True, given={**USER, "entities": IDS, "role": ROLE, "all": FLAG}, gives=_GIVEN,
        summary="Let a user act upon these entities, and only upon what was granted; `role`: for these, in place of "
        "their own. Or upon all, with that role.",
    ),
    Method(
        service="users", name="revoke", http="POST", path="/users/{user}/revoke", act=_revoke, capability="administer",
        changes=True, given={**USER, "entities": IDS}, required=("entities",), gives=_GIVEN,
        summary="Let a user act upon these entities no longer.",
    ),
)  # fmt: skip
