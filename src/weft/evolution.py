"""What changes when a definition does: which nodes are new or different, which were renamed, which are gone.

Knows nothing of how rows become due. Invariant: a node whose plain form is the same, apart from when it is run, keeps
all that was computed. Source: schema migrations by comparison; build systems that rerun what a changed rule made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from weft.content import Plain, encode
from weft.errors import WeftError
from weft.ledger import Ledger
from weft.spec import NodeSpec, TypeSpec
from weft.store import DUE, KIND, STATE, TREE, VERSION


class DefinitionChange:
    """What differs between two forms of a type, and the rows that follow a renamed node."""

    def __init__(self, old: TypeSpec, new: TypeSpec, *, renamed: Mapping[str, str] | None = None) -> None:
        """`renamed`: what the log says of it, former name to new; by default what the new form's nodes say. Raises
        `KindChanged`."""
        self._old, self._new = old, new
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
        pairs = [(before[name] or node, node) for name, node in new.nodes.items() if name in self.changed]
        self.former = [was.name for was, _ in pairs]
        """What the nodes that differ were called before."""
        self.lists = {now.name: was.name for was, now in pairs if "each" in (was.kind, now.kind)}
        """Of those the ones that have, or had, a slot for each element, and may have others now; by what they were
        called before."""
        for name, node in new.nodes.items():
            self._check_kind(before[name], node)

    def _check_kind(self, was: NodeSpec | None, now: NodeSpec) -> None:
        if was is not None and was.kind != now.kind and (was.is_told or now.is_told):
            raise KindChanged(type=self._new.name, node=now.name, was=was.kind, now=now.kind)

    def check_kept(self, ledger: Ledger) -> None:
        """Refuse a form that could not go on with what was told, also under a former form to a node that had gone
        since. Raises `KindChanged` and `KeyChanged`. O(entities of the type) for each node that is new or has another
        key, O(log) where one that is new was told before."""
        told = {name: node for name, node in self._old.nodes.items() if node.is_told}
        new = [name for name in self._new.nodes if name not in self._old.nodes]
        if back := [name for name in new if self._is_kept(ledger, name)]:
            told |= _last_told(ledger, self._new.name, back)
        for name, was in told.items():
            now = self._new.nodes.get(name)
            if now is None:
                continue
            self._check_kind(was, now)
            if was.key != now.key and self._is_kept(ledger, name):
                raise KeyChanged(type=self._new.name, node=name, was=_known_by(was.key), now=_known_by(now.key))

    def _is_kept(self, ledger: Ledger, name: str) -> bool:
        """Whether anything that was told to this node of any entity is kept."""
        ids = (str(key[2]) for key, _ in ledger.rows(KIND, (self._new.name,)))
        return any(True for id in ids for _ in ledger.rows(STATE, (id, name)))

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


class KeyChanged(WeftError):
    """The elements of {type}.{node} are known {was}, and would be {now}: those that it holds could neither be removed
    nor moved, and equal ones would stand beside them. Give the list with the new key another name, add them to it, and
    keep the old one while it is read."""

    type: str
    node: str
    was: str
    now: str


def _known_by(key: str | None) -> str:
    return "by their content" if key is None else f"by their field {key!r}"


def _last_told(ledger: Ledger, type: str, names: Iterable[str]) -> dict[str, NodeSpec]:
    """What these nodes were when they last were told, as the log says it. O(log)."""
    found: dict[str, NodeSpec] = {}
    for record in (*ledger.store.records(), *ledger.batch.records):
        said = record.content() if record.kind == "definition" else {}
        if said.get("name") == type:
            nodes = TypeSpec.of_plain(said).nodes
            found |= {name: nodes[name] for name in names if name in nodes and nodes[name].is_told}
    return found


def without_demand(said: dict[str, Plain]) -> dict[str, Plain]:
    """A node's plain form without what changes no value: when it is run, how often it is tried, and source whose author
    says by a declared version that its results are the same."""
    kept = {name: value for name, value in said.items() if name not in ("eager", "timeout_s", "retry", "match")}
    operation = kept.get("operation")
    return kept | ({"operation": operation[:-1]} if isinstance(operation, list) else {})
