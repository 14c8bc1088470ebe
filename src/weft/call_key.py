"""Call keys: what a call is known by, so that the same call is never made twice.

A key is the content id of its preimage: the operation's name, version and settings, the fingerprints of its services,
and what names each input. All but the inputs is the same for every call of a node, and is encoded once.

Knows nothing of slots, results or runners.
Invariant: two calls have one key if, and only if, their preimages are the same bytes.
Source: memoised builds (Nix, Bazel); input-addressed stores.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from weft.content import Cid, Plain, content_id, encode, encoded_list, link
from weft.definition import service_name
from weft.spec import NodeSpec

_FIVE = b"\x85"
"""The head of a list of five."""


class CallKeys:
    """The keys of calls made by one program, which offers these services."""

    def __init__(self, services: Collection[str]) -> None:
        self._services = services
        self._heads: dict[int, tuple[NodeSpec, bytes]] = {}
        """By identity of the node; the node is held, so that no other one takes its identity."""
        self._fingerprints: Mapping[str, Cid] = {}

    def key(self, spec: NodeSpec, names: Sequence[bytes], fingerprints: Mapping[str, Cid]) -> tuple[Cid, bytes]:
        """The key of a call of this node with inputs of these encoded names, and its preimage. `fingerprints` is
        another mapping whenever one of them has changed."""
        if fingerprints is not self._fingerprints:
            self._fingerprints = fingerprints
            self._heads.clear()
        found = self._heads.get(id(spec))
        if found is None:
            found = self._heads[id(spec)] = spec, self._head(spec)
        preimage = found[1] + encoded_list(names)
        return content_id(preimage), preimage

    def _head(self, spec: NodeSpec) -> bytes:
        operation = spec.operation
        name, version, settings = operation.identity() if operation is not None else (f"weft/{spec.kind}", "1", None)
        services: list[Plain] = []
        for parameter, service in operation.services if operation is not None else ():
            fingerprint = None if self._is_left_out(spec, service) else self._fingerprints.get(service)
            services.append([parameter, None if fingerprint is None else link(fingerprint)])
        return _FIVE + b"".join(map(encode, (name, version, settings, services)))

    def _is_left_out(self, spec: NodeSpec, service: str) -> bool:
        """Whether a call goes without a service: it is optional, and this program has none, whatever is in force."""
        operation = spec.code.operation if spec.code is not None else None
        if operation is None or service in self._services:
            return False
        return any(one.default is None and service_name(one.annotation) == service for one in operation.services)
