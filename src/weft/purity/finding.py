"""A finding: an operation that is declared pure, and one call of it that shows that it is not.

Knows nothing of spaces or runners.
Invariant: two findings of the same call in one program read the same.
Source: hypothesis's flaky-test reports; pytest's assertion messages.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from weft.content import Cid, cid_text
from weft.errors import WeftError
from weft.failure import relative_file
from weft.operation import Operation

Kind: TypeAlias = Literal["two values", "a value and an error", "two errors", "changed input"]
FINDINGS_SHOWN_MAX = 10
"""How many findings one report shows in full; the others are counted."""
_CID_SHOWN = 12
_MEANS: dict[Kind, str] = {
    "two values": "gave two values for one call",
    "a value and an error": "gave a value once and an error once for one call",
    "two errors": "raised two errors for one call",
    "changed input": "changed an input that it was given",
}


class Given(NamedTuple):
    """An input of the call: its parameter, its content id, and a view of it."""

    name: str
    content: Cid
    view: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found. `first` and `again` are what stands at `path` (as Python would write it behind the value, or the
    input) in the first and in the second execution; of a changed input, before and after the call."""

    kind: Kind
    operation: str
    version: str
    declared_at: str
    """FILE:LINE of the function; empty where it cannot be said."""
    inputs: tuple[Given, ...]
    path: str
    first: str
    again: str
    hint: str = ""

    @property
    def headline(self) -> str:
        """It in one sentence, without the values."""
        return f"{self.operation}, version {self.version}, is declared pure and {_MEANS[self.kind]}"

    def lines(self) -> Iterator[str]:
        """All of it, for people."""
        yield self.headline
        if self.declared_at:
            yield f"  declared at {self.declared_at}"
        if self.inputs:
            room = max(len(each.name) for each in self.inputs)
            yield "  with the inputs"
            for each in self.inputs:
                yield f"    {each.name:<{room}}  {cid_text(each.content)[:_CID_SHOWN]}…  {each.view}"
        place = f" at {self.path}" if self.path else ""
        words = ("before", "after") if self.kind == "changed input" else ("first", "again")
        yield f"  {words[0]}{place}: {self.first}"
        yield f"  {words[1]}{place}: {self.again}"
        if self.hint:
            yield f"  {self.hint}"

    def __str__(self) -> str:
        return "\n".join(self.lines())


class NotPure(WeftError, AssertionError):
    """{count} of operations that are declared pure: declare what they depend on as an input, a setting or a service, or
    leave out pure=True."""

    count: str
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        """With the findings below, up to `FINDINGS_SHOWN_MAX` of them in full."""
        shown = [f"\n\n{finding}" for finding in self.findings[:FINDINGS_SHOWN_MAX]]
        more = len(self.findings) - len(shown)
        return super().__str__() + "".join(shown) + (f"\n\n… and {more} more" if more else "")


def not_pure(findings: Sequence[Finding]) -> NotPure:
    """The error that names these findings."""
    count = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    return NotPure(count=count, findings=tuple(findings))


def declared_at(operation: Operation) -> str:
    """FILE:LINE of the function, the file as it is imported; empty for what has no source."""
    bare = operation.function
    while isinstance(bare, functools.partial):
        bare = bare.func
    bare = inspect.unwrap(bare)
    try:
        file, (_, line) = inspect.getsourcefile(bare), inspect.getsourcelines(bare)
    except (OSError, TypeError):
        return ""
    return f"{relative_file(file)}:{line}" if file else ""
