"""A call that is watched in another process: carried out there, and told with what it did to its inputs.

To a process runner this is a call of `watched` like any other, whose input is the order for the call itself. So workers
need to know nothing of it.

Knows nothing of what is compared with what.
Invariant: what a call comes to is the same as without being watched.
Source: the packet in a packet of tunnels.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from msgspec.structs import replace

from weft.blob import Blob
from weft.call import AttemptId, Broke, Call, Finished, Partial, Report
from weft.content import Cid, Plain, decode, encode
from weft.operation import op, operation_of
from weft.purity.inputs import Change, Inputs, opener_of, watching
from weft.runners.execution import Execution, run_here
from weft.runners.order import Bench, address_of, order_of
from weft.value import VALUE_BYTES_MAX


class Answer(NamedTuple):
    """What an execution came to, and what it did to its inputs, as far as that was watched."""

    report: Finished | Broke
    changes: tuple[Change, ...] = ()


_content: dict[Cid, Blob] = {}
"""The blobs of the call that is carried out now: a worker makes one call at a time."""
_bench = Bench(opener_of(_content))
"""Kept, so that a service is made once; it may be a model that takes long to load."""


@op(version=1, name="weft/watched")
def watched(order: bytes, blobs: tuple[Blob, ...]) -> bytes:
    """Carry out the order; what it came to, and what it did to its inputs."""
    asked = decode(order, bytes_max=VALUE_BYTES_MAX)
    assert isinstance(asked, dict)
    _content.clear()
    _content.update({blob.id: blob for blob in blobs})
    call = _bench.call_of(asked)
    changes: list[Change] = []
    said: list[Report] = []
    run_here(Execution(replace(call, operation=watching(call.operation, Inputs.of(call), changes)), said.append))
    listed: list[Plain] = [list(change) for change in changes]
    (outcome,) = (report for report in said if not isinstance(report, Partial))
    if isinstance(outcome, Finished):
        return encode({"encoded": outcome.encoded, "changes": listed})
    return encode({"broke": [outcome.kind, outcome.message, outcome.where, outcome.retry], "changes": listed})


def order_for(call: Call) -> Call:
    """The call of `watched`, of the same id, that stands for `call`. Raises what a process runner refuses it with."""
    order, blobs = order_of(call, address_of(call))
    return Call(call.id, operation_of(watched), (encode(order), tuple(blobs.values())), {}, call.timeout_s)


def answer_of(id: AttemptId, report: Finished) -> Answer:
    """What `watched` tells, as an answer of the call itself."""
    said = decode(report.encoded, bytes_max=VALUE_BYTES_MAX)
    said = decode(cast("bytes", said), bytes_max=VALUE_BYTES_MAX)  # it is a value of type bytes
    assert isinstance(said, dict)
    changes = tuple(Change(*change) for change in cast("list[list[str]]", said["changes"]))
    if "encoded" in said:
        return Answer(Finished(id, cast("bytes", said["encoded"]), report.took_s), changes)
    kind, message, where, retry = cast("list[str]", said["broke"])
    return Answer(Broke(id, kind, message, where, bool(retry), report.took_s), changes)
