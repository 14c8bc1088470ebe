"""An explanation as plain data, for programs: stable keys, content ids as text, each reason once.

The keys are those of docs/reference/why.md; what is not known, or is as usual, is left out.

Knows nothing of files. Invariant: equal explanations are equal data, and `nodes` refer to each other by `id` alone.
Source: W3C PROV-JSON.
"""

from __future__ import annotations

from weft.content import Cid, Link, Plain, cid_text, decode
from weft.slot import SlotKey
from weft.spent import Spent, money_text
from weft.why.reason import Alternative, CallMade, Edit, Failure, Input, Match, Place, Reason, Reasons, RunTold, Shown
from weft.why.text import facts_of, title_of

VALUE_BYTES_MAX = 4096
"""Larger values are named by their content id alone."""


def plain_of(said: Reasons) -> dict[str, Plain]:
    """The explanation; `nodes` in order of their distance from the value that was asked for, itself first."""
    return {
        "root": id_of(said.root),
        "position": said.head,
        "nodes": [_node(reason) for reason in said.found.values()],
        "more": said.more,
        "superseded_after": said.looked_back_to,
    }


def id_of(place: Place) -> str:
    """ENTITY.NODE[ELEMENT], ids in full."""
    return str(SlotKey(*place))


def _node(reason: Reason) -> dict[str, Plain]:
    entity, node, element = reason.place
    said: dict[str, Plain] = {
        "id": id_of(reason.place),
        "entity": entity,
        "type": reason.type,
        "node": node,
        "element": element,
        "kind": reason.kind,
        "title": title_of(reason),
        "said": [*facts_of(reason)],
        **_shown(reason.shown),
    }
    if reason.position:
        said |= {"cut": reason.cut, "position": reason.position, "how": reason.how, "took_us": reason.took_us}
    if reason.spent is not None:
        said["spent"] = spent_plain(reason.spent)
    said["standing"] = [*reason.standing]
    if reason.call is not None:
        said["call"] = _call(reason.call)
    elif reason.called is not None:
        said["call"] = {"key": cid_text(reason.called)}
    said["edits"] = [_edit(edit) for edit in reason.edits]
    said["alternatives"] = [_alternative(other) for other in reason.alternatives]
    if reason.match is not None:
        said["match"] = _match(reason.match)
    if reason.failure is not None:
        said["failure"] = _failure(reason.failure)
    if reason.over:
        said["over"] = reason.over
    said["inputs"] = [_input(input) for input in reason.inputs]
    said |= {"edits_more": reason.edits_more, "inputs_more": reason.inputs_more}
    return {name: value for name, value in said.items() if value is not None and value != [] and value != ""}


def spent_plain(spent: Spent) -> dict[str, Plain]:
    """What was spent, money by currency as decimal text; what is not known is null."""
    is_told = spent.requests > spent.untold
    return {
        "requests": spent.requests,
        "tokens_in": spent.tokens_in if is_told else None,
        "tokens_out": spent.tokens_out if is_told else None,
        "money": {name: money_text(amount) for name, amount in spent.money.items()} if spent.money else None,
        "untold": spent.untold,
        "unpriced": spent.unpriced,
    }


def _shown(shown: Shown) -> dict[str, Plain]:
    said: dict[str, Plain] = {"state": shown.state, "text": shown.text}
    if shown.encoded is not None:
        said |= {"content_id": _id(shown.content), "size": len(shown.encoded)}
        if len(shown.encoded) <= VALUE_BYTES_MAX:
            said["value"] = _readable(decode(shown.encoded))
    return said


def _call(call: CallMade) -> dict[str, Plain]:
    services: list[Plain] = [
        {
            "parameter": service.parameter,
            "service": service.service,
            "fingerprint": _readable(service.fingerprint),
            "content_id": _id(service.content),
            "in_force": service.is_in_force,
            "cost": service.cost or None,
        }
        for service in call.services
    ]
    return {
        "operation": call.operation,
        "version": call.version,
        "settings": _readable(call.settings),
        "services": services,
        "key": cid_text(call.key),
    }


def _edit(edit: Edit) -> dict[str, Plain]:
    said: dict[str, Plain] = {
        "position": edit.position,
        "actor": edit.actor,
        "time": edit.time,
        "base": int(edit.base) if edit.base.isdecimal() else None,
        "said": [*edit.said],
        "late": edit.is_late,
    }
    said |= {"cause": edit.cause} if edit.cause else {}
    return said | ({"run": _run(edit.run)} if edit.run is not None else {})


def _run(run: RunTold) -> dict[str, Plain]:
    said: dict[str, Plain] = {
        "id": run.run, "entity": run.entity, "type": run.type, "flow": run.flow, "after": run.after, "step": run.step,
        "came_to": run.came_to, "answered_by": run.answered_by, "answered_at": run.answered_at,
        "fired_by": run.fired_by, "fired": run.fired,
    }  # fmt: skip
    return {name: one for name, one in said.items() if one not in ("", 0)}


def _alternative(other: Alternative) -> dict[str, Plain]:
    return {
        "kind": other.kind,
        "position": other.position,
        "text": other.text,
        "content_id": _id(other.content),
        "actor": other.actor or None,
        "reason": other.reason or None,
    }


def _match(match: Match) -> dict[str, Plain]:
    said: dict[str, Plain] = {"by": match.rule, "key": _readable(match.key), "new": match.is_new}
    if match.by is not None:
        said["decided"] = {"by": match.by[0], "score": match.by[1], "second": match.by[2]}
    if match.alias:
        said["alias_of"] = match.alias
    if match.flags:
        said["flags"] = [flag._asdict() for flag in match.flags]
    return said | {"gone": [*map(_readable, match.gone)]}


def _failure(failure: Failure) -> dict[str, Plain]:
    return {
        "error": failure.kind,
        "message": failure.message,
        "where": failure.where,
        "origin": failure.origin or None,
        "tries": failure.tries,
        "final": failure.is_final,
        "last": failure.last or None,
    }


def _input(input: Input) -> dict[str, Plain]:
    return {"id": id_of(input.place), "given": _id(input.given), "still_shown": input.is_shown}


def _id(content: Cid | None) -> str | None:
    return cid_text(content) if content is not None else None


def _readable(value: Plain) -> Plain:
    """The value with each link as the text of its content id. What is kept is at most 64 lists and maps deep."""
    match value:
        case Link():
            return cid_text(value.cid)
        case list():
            return [_readable(one) for one in value]
        case dict():
            return {name: _readable(one) for name, one in value.items()}
        case _:
            return value
