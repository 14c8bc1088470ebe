"""Approvals: questions whether one effect, and no other, may be carried out.

An answer names the content id of the effect that it is about. So what was approved is what is performed: where the run
would perform anything else by then, it is another question.

Knows nothing of who approves. Invariant: no answer that fits one effect's question fits another's.
Source: what-you-see-is-what-you-sign; four-eyes principles of payments.
"""

from __future__ import annotations

from typing import Any

from weft.content import Plain, cid_text, content_id
from weft.form import Blank

FORM = "approval"


class Approval:
    """The form of one effect."""

    name = FORM

    def __init__(self, encoded: bytes) -> None:
        self.content = cid_text(content_id(encoded))
        """What is approved: the content id of the effect."""
        self.schema: dict[str, Any] = {
            "title": "Approval",
            "type": "object",
            "properties": {"effect": {"enum": [self.content]}, "is_approved": {"type": "boolean"}},
            "required": ["effect", "is_approved"],
            "additionalProperties": False,
        }

    def told(self, plain: Plain) -> bool:
        """Whether it is approved. Raises `UnfitAnswer`, also for an approval of another effect."""
        Blank(self.name, self.schema).check(plain, None)
        assert isinstance(plain, dict)
        return bool(plain["is_approved"])
