"""The call that a node would have made at a position: what its key was made of, and what came of that call at any time.

Knows nothing of how inputs are found. Invariant: two calls with one key then had one operation, version, settings,
services and inputs, so that what the one came to is what the other would have.
Source: input-addressed stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from weft.call_key import CallKeys
from weft.content import Cid, Link, Plain, content_id, encode, encoded_link, link
from weft.evolution import without_demand
from weft.past.as_of import AsOf
from weft.past.index import first_within, last_within
from weft.past.known import Known
from weft.past.made import Made
from weft.slot import Gone, Ok
from weft.spec import NodeSpec, TypeSpec
from weft.store import entry_at

SORTS = ("derive", "each")
"""Nodes that call an operation, whose values are kept by call key."""


class Given(NamedTuple):
    """What an input gave then. `place`: (entity, node by its name then, element); `number`: which of the node's inputs
    it serves, ~number where it is the reference that one is read through."""

    number: int
    place: tuple[str, str, str]
    outcome: Known


class CallsThen:
    """Calls as they would have been made at the position of `as_of`."""

    def __init__(self, as_of: AsOf) -> None:
        self._as_of = as_of
        self._fingerprints: Mapping[str, Cid] | None = None
        self._keys: CallKeys | None = None

    # ---- a result, and the inputs of another cut ----
    def is_of(self, made: Made, entity: str, spec: NodeSpec, given: Sequence[Given]) -> bool:
        """Whether a value was made by the same operation, from what the inputs gave then."""
        if not made.is_good or not self._is_same_node(made, entity, spec) or self._is_made_anew(made, spec):
            return False
        listed, names = made.said["inputs"], self._as_of.name_at
        assert isinstance(listed, list)
        was: dict[tuple[str, str, str], Cid | None] = {}
        for one in listed:
            assert isinstance(one, list)
            of, name, element = str(one[0]), str(one[1]), str(one[2])
            was[of, names(of, name, known_at=made.at), element] = one[3].cid if isinstance(one[3], Link) else None
        now = {one.place: one.outcome.content if isinstance(one.outcome, Ok) else None for one in given}
        return was == now and None not in now.values()

    def _is_same_node(self, made: Made, entity: str, spec: NodeSpec) -> bool:
        """Whether the definitions that came between say the same of a node."""
        as_of = self._as_of
        type, index = as_of.type_name(entity), as_of.index
        low, high = sorted((made.at, as_of.position))
        defined = [one.position for one in index.defined.get(type, ())]
        if not first_within(defined, low, high):
            return True
        entry = entry_at(as_of.engine.store, last_within(defined, 0, made.at))
        name = index.name_at(type, spec.name, known_at=as_of.position, position=made.at)
        was = TypeSpec.of_plain(entry.said).nodes.get(name) if entry is not None and entry.said else None
        return was is not None and _compared(was) == _compared(spec)

    def _is_made_anew(self, made: Made, spec: NodeSpec) -> bool:
        """Whether a service that it was made with was replaced between, so that another value may be right."""
        low, high = sorted((made.at, self._as_of.position))
        is_later = made.at > self._as_of.position
        return any(
            low < one.position <= high and (is_later or one.is_recomputed)
            for name, offered in self._as_of.index.offered.items()
            if spec.needs(name)
            for one in offered
        )

    # ---- what is kept by key ----
    def recall(self, spec: NodeSpec, given: Sequence[Given], own: Plain, key: bytes | None) -> Ok | None:
        """What the call of a node with these inputs came to, if it ever was made. `own`: what names its own last value,
        where it is given that; `key`: of a mapping's element its key's bytes. Raises `NoBlob`."""
        if spec.kind not in SORTS or (spec.key is not None and spec.sort == "sequence" and spec.kind != "each"):
            return None  # (the ids of a list's elements were decided when it was accepted, and at no other cut)
        names = [encode(own)] if spec.own else []
        for one in given:
            if one.number < 0:
                continue
            if spec.kind == "each" and one.number == 0 and key is not None:
                names.append(encoded_link(content_id(key)))
            is_state = spec.inputs[one.number].mode == "state"
            if isinstance(one.outcome, Ok):
                content = one.outcome.content
                names.append(encode(["settled", link(content)]) if is_state else encoded_link(content))
            elif is_state and isinstance(one.outcome, Gone):
                names.append(encode(["absent"]))
            else:
                return None  # (a failure's state holds the last good value, which depends on what came before)
        return self._as_of.engine.recall(self._key(spec, names))

    def _key(self, spec: NodeSpec, names: Sequence[bytes]) -> Cid:
        if self._keys is None or self._fingerprints is None:
            self._fingerprints = self._in_force()
            self._keys = CallKeys(self._fingerprints.keys())
        return self._keys.key(spec, names, self._fingerprints)[0]

    def _in_force(self) -> dict[str, Cid]:
        """The fingerprints of the services that were in force."""
        found: dict[str, Cid] = {}
        for name, offered in self._as_of.index.offered.items():
            at = last_within([one.position for one in offered], 0, self._as_of.position)
            entry = entry_at(self._as_of.engine.store, at)
            if entry is not None and entry.said:
                found[name] = content_id(encode(entry.said["fingerprint"]))
        return found


def _compared(spec: NodeSpec) -> bytes:
    """What a node says, but for the names of what it reads."""
    inputs: list[Plain] = [[one.mode, bool(one.ref), bool(one.node)] for one in spec.inputs]
    return encode(without_demand(spec.plain()) | {"inputs": inputs})
