"""What was: what a place came to at a position, what differs between two, and the moments of its history.

Knows nothing of how the past is read. Invariant: what is not known, or not kept, is said to be so, and never left out.
"""

from __future__ import annotations

from weft.content import cid_text, decode
from weft.dag_json import json_of
from weft.past.difference import Difference
from weft.past.history import Moment
from weft.past.known import Known, NotKept, Unknown
from weft.slot import Err, Gone, Ok


def difference_plain(difference: Difference) -> dict[str, object]:
    """A difference as one object."""
    said: dict[str, object] = {
        "kind": difference.kind,
        "position": difference.position,
        "type": difference.type,
        "entity": difference.entity,
        "node": difference.node,
        "element": difference.element,
    }
    if difference.kind in ("told", "computed"):
        said |= {"before": past_plain(difference.before), "after": past_plain(difference.after)}
    for name in ("entered", "left"):
        elements = getattr(difference, name)
        if elements:
            said[name] = [{"id": id, "value": json_of(decode(encoded))} for id, encoded in elements]
    return said


def past_plain(past: Known) -> dict[str, object]:
    """What it was, as one object: its `state`, and its value, error or reason; of what is unknown what was `shown`, and
    `since` which position."""
    match past:
        case Ok(content, encoded):
            return {"state": "value", "value": json_of(decode(encoded)), "content_id": cid_text(content)}
        case Err(kind, message):
            return {"state": "failed", "error": kind, "message": message}
        case Gone(why):
            return {"state": "absent", "why": why}
        case NotKept(why):
            return {"state": "not kept", "why": why}
        case Unknown(shown, since):
            return {"state": "unknown", "shown": past_plain(shown), "since": since}


def moment_plain(moment: Moment) -> dict[str, object]:
    """A moment as one object; what does not apply to it is left out."""
    said: dict[str, object] = {
        "position": moment.position,
        "how": moment.how,
        "at": moment.at,
        "element": moment.element,
        "operation": moment.operation,
        "version": moment.version,
        "took_us": moment.took_us,
        "superseded": moment.superseded,
        "by": moment.actor,
        "time": moment.time,
        "due_from": moment.due_from,
    }
    kept = {name: value for name, value in said.items() if value not in (None, "")}
    return kept | {"shown": past_plain(moment.outcome)}
