"""Weft keeps a graph of computed values up to date while people, programs and services change its inputs.

What is here is the whole public interface of the library; `weft.testing` holds what tests may use beside it. Names are
looked up in their modules when they are first used, so that a command line starts without loading the engine.

Import what you use by its name: `from weft import *` brings `open` too, in the place of Python's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft.blob import Blob
    from weft.budget import Budget
    from weft.declare import Derived, Node
    from weft.elements import element
    from weft.entity import Entity
    from weft.errors import WeftError
    from weft.flow import Effect, Flow, Run, Secret, on
    from weft.handle import Absent, Failed, NodeFailed, NotFired, Running, Settled, State, Value, WaitTimeout
    from weft.opening import open
    from weft.operation import Retry, op
    from weft.policy import Debounce
    from weft.runs.purse import BudgetSpent
    from weft.space import Space
    from weft.told import Field, Ref, counter, entries, field, fold, items, ref, text
    from weft.transition import Transition
    from weft.wiring import choose, derive

__all__ = [
    "Absent",
    "Blob",
    "Budget",
    "BudgetSpent",
    "Debounce",
    "Derived",
    "Effect",
    "Entity",
    "Failed",
    "Field",
    "Flow",
    "Node",
    "NodeFailed",
    "NotFired",
    "Ref",
    "Retry",
    "Run",
    "Running",
    "Secret",
    "Settled",
    "Space",
    "State",
    "Transition",
    "Value",
    "WaitTimeout",
    "WeftError",
    "choose",
    "counter",
    "derive",
    "element",
    "entries",
    "field",
    "fold",
    "items",
    "on",
    "op",
    "open",
    "ref",
    "text",
]

_HOMES = {
    "weft.blob": "Blob",
    "weft.budget": "Budget",
    "weft.declare": "Derived Node",
    "weft.elements": "element",
    "weft.entity": "Entity",
    "weft.errors": "WeftError",
    "weft.flow": "Effect Flow Run Secret on",
    "weft.handle": "Absent Failed NodeFailed NotFired Running Settled State Value WaitTimeout",
    "weft.opening": "open",
    "weft.operation": "Retry op",
    "weft.policy": "Debounce",
    "weft.runs.purse": "BudgetSpent",
    "weft.space": "Space",
    "weft.told": "Field Ref counter entries field fold items ref text",
    "weft.transition": "Transition",
    "weft.wiring": "choose derive",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

if not TYPE_CHECKING:  # Checkers read the imports above.

    def __getattr__(name):
        if name not in _HOME:
            raise AttributeError(f"module 'weft' has no attribute {name!r}", name=name)
        found = globals()[name] = getattr(import_module(_HOME[name]), name)
        return found

    def __dir__():
        return sorted({*globals(), *__all__})
