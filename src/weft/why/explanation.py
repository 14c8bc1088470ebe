"""An explanation as programs hold it: its text, and the same as data, as JSON, as a drawing.

Knows nothing of how it was found. Invariant: all its forms tell the same reasons.
Source: `str` of an exception, which is its message.
"""

from __future__ import annotations

import json

from weft.content import Plain
from weft.dag_json import json_of
from weft.engine import Engine
from weft.why.mermaid import mermaid_of
from weft.why.naming import May, anybody
from weft.why.plain import plain_of
from weft.why.reading import reasons
from weft.why.reason import Reasons
from weft.why.text import lines_of


class Explanation(str):
    """Why a value is what it is. It is its text, so it can be printed, searched and cut as any text can."""

    __slots__ = ("reasons",)
    reasons: Reasons
    """The explanation as typed data: see `weft.why.reason`."""

    def __new__(cls, reasons: Reasons) -> Explanation:
        """The text of these reasons, and the reasons."""
        said = super().__new__(cls, "\n".join(lines_of(reasons)))
        said.reasons = reasons
        return said

    def plain(self) -> dict[str, Plain]:
        """As plain data, with the keys that docs/reference/why.md lists."""
        return plain_of(self.reasons)

    def json(self) -> str:
        """As JSON text: `plain()`, with bytes as dag-json writes them."""
        return json.dumps(json_of(self.plain()), ensure_ascii=False, indent=2)

    def mermaid(self) -> str:
        """As a Mermaid flowchart, for Markdown: put it into a block that begins with ```mermaid."""
        return mermaid_of(self.reasons)


def explain(engine: Engine, entity: str, node: str, element: str = "", *, may: May = anybody) -> Explanation:
    """The explanation of one place. `may`: of which entities its values and runs may tell."""
    return Explanation(reasons(engine, entity, node, element, may=may))
