"""What changes when a definition does: which nodes are new or different, which were renamed, which are gone.

Knows nothing of how rows become due. Invariant: a node whose plain form is the same, apart from when it is run, keeps
all that was computed. Source: schema migrations by comparison; build systems that rerun what a changed rule made.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.content import Plain, encode
from weft.errors import WeftError
from weft.ledger import Ledger
from weft.spec import NodeSpec, TypeSpec
from weft.store import DUE, STATE, TREE, VERSION


class DefinitionChange:
    """What differs between two forms of a type, and the rows that follow a renamed node."""

    def __init__(self, old: TypeSpec, new: TypeSpec, *, renamed: Mapping[str, str] | None = None) -> None:
        """`renamed`: what the log says of it, former name to new; by default what the new form's nodes say."""
        self.renamed = (
            dict(renamed)
            if renamed is not None
            else {
                node.was: name
                for name, node in new.nodes.items()
                if node.was and name not in old.nodes and node.was in old.nodes and node.was not in new.nodes
            }
        )
        came_from = {name: old_name for old_name, name in self.renamed.items()}
        before = {name: old.nodes.get(came_from.get(name, name)) for name in new.nodes}
        self.changed = {name for name, node in new.nodes.items() if not self._is_same(before[name], node)}
        self._kept = [(was, new.nodes[name]) for name, was in before.items() if was is not None]
        self.dropped = [
            name
            for name, node in old.nodes.items()
            if not node.is_told and name not in new.nodes and name not in self.renamed
        ]
        for name, node in new.nodes.items():
            was = before[name]
            if was is not None and was.kind != node.kind and (was.is_told or node.is_told):
                raise KindChanged(type=new.name, node=name, was=was.kind, now=node.kind)

    def _is_same(self, old: NodeSpec | None, new: NodeSpec) -> bool:
        if old is None:
            return False
        inputs: list[Plain] = [
            [self.renamed.get(entry.node, entry.node), entry.mode, entry.ref] for entry in old.inputs
        ]
        said = old.plain() | ({"inputs": inputs} if inputs else {})
        return encode(without_demand(said)) == encode(without_demand(new.plain()))

    def unannounced(self) -> list[str]:
        """Operations whose source changed while their declared version did not: nothing is rerun for them."""
        found = []
        for old, new in self._kept:
            was, now = old.operation, new.operation
            if was is not None and now is not None and was.version == now.version and was.source != now.source:
                found.append(now.name)
        return sorted(set(found))

    def move_rows(self, ledger: Ledger, id: str) -> None:
        """Rows of renamed nodes to their new name; those of dropped computed nodes away."""
        for table in (STATE, VERSION, DUE, TREE):
            for old, new in self.renamed.items():
                for key, row in list(ledger.rows(table, (id, old))):
                    ledger.batch.put(table, key, None)
                    ledger.batch.put(table, (id, new, *key[2:]), row)
        for table in (VERSION, DUE, TREE):
            for name in self.dropped:
                for key, _ in list(ledger.rows(table, (id, name))):
                    ledger.batch.put(table, key, None)


class KindChanged(WeftError):
    """{type}.{node} was declared as {was} and is {now} now: what is kept of it would be lost. Give the new one another
    name, and keep the old one while it is read."""

    type: str
    node: str
    was: str
    now: str


def without_demand(said: dict[str, Plain]) -> dict[str, Plain]:
    """A node's plain form without what changes no value: when it is run, how often it is tried, and source whose author
    says by a declared version that its results are the same."""
    kept = {name: value for name, value in said.items() if name not in ("eager", "timeout_s", "retry", "match")}
    operation = kept.get("operation")
    return kept | ({"operation": operation[:-1]} if isinstance(operation, list) else {})
