"""Two people on one field: each says what they say having seen only so much."""

from __future__ import annotations

from typing import Any

from weft.content import Plain, decode
from weft.graph import ToldNode
from weft.testing.world import World


class People(World):
    """A world with one entity, `a`, of the first type, and people who edit it by name."""

    def __init__(self, *types: type) -> None:
        super().__init__(*types)
        self.start = self.tell(["a", "", "create", types[0].__name__])

    def say(self, actor: str, node: str, verb: str, *args: Plain, seen: int | None = None) -> int:
        """One intent by one person, who has seen the log up to `seen` (all of it unless said)."""
        return self.tell(["a", node, verb, *args], actor=actor, base=seen)

    def cell(self, node: str) -> Any:
        """The field, as it folds."""
        found = self.engine.node("a", node)
        assert isinstance(found, ToldNode)
        return found.cell

    def shown(self, node: str) -> Plain:
        """What the field holds."""
        shown: Plain = self.cell(node).shown()
        return shown

    def reopened(self) -> World:
        """The same space, read again from its rows."""
        self.crash()
        return self


__all__ = ["People", "decode"]
