"""What was meant, where a program writes what no checker would let pass: the refusal, with what to write.

Knows nothing of fields, and of nodes only how they are called.
Invariant: it only words errors; nothing is done in the place of what was refused.
Source: compilers that name the fix beside the mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Never

from weft.elements import key_of
from weft.spelling import nearest

_VERBS = {
    "append": ("add", "insert"),
    "extend": ("add", "insert"),
    "insert": ("add",),
    "update": ("add",),
    "discard": ("remove",),
    "pop": ("remove",),
    "add": ("increment", "insert"),
    "delete": ("forget",),
    "remove": ("forget",),
    "erase": ("forget",),
}
"""What Python's own collections and other libraries call it, and the verbs here that do it."""


def unknown_verb(called: object, kind: type, name: str) -> AttributeError:
    """The error for an attribute that there is not: the verb that does it here, else the nearest name."""
    if name.startswith("_"):
        return AttributeError(name)
    verbs = [one for one in dir(kind) if not one.startswith("_")]
    meant = next((f"use .{verb}(…)" for verb in _VERBS.get(name, ()) if verb in verbs), None)
    # Without the object, in which Python would look for what was meant a second time.
    return AttributeError(f"{called} has no {name!r}: {meant or nearest(name, verbs)}", name=name)


def no_function(verb: str, given: object, nodes: Sequence[object]) -> TypeError:
    """The error for a node in the place of a function, with what that node calls, where it calls anything."""
    later = next((getattr(one, "__name__", "fn") for one in nodes if callable(one)), None)
    if later is not None:
        return TypeError(f"{verb} takes a function first, then its inputs: {verb}({later}, …)")
    called = getattr(getattr(getattr(given, "made", None), "fn", None), "__name__", "")
    which = f"one that calls {called}" if called else str(given)
    return TypeError(
        f"{verb} takes a function first, not a node, {which}: below a node that is named like its function, the class "
        "body has only the node by that name. Give the node a name of its own"
    )


_TRANSITIONS = {"changes": "changes()", "settles": "settles()", "becomes": "becomes(…)", "scheduled": "scheduled(…)"}
"""What gives a transition, and how it is called."""


def no_transition(given: object) -> TypeError:
    """The error for what stands in the place of a transition; where that is what would give one, how it is called."""
    call = _TRANSITIONS.get(getattr(given, "__name__", "")) if callable(given) else None
    if call is None:
        return TypeError(f"on() takes a transition, as in on(status.becomes(…)) or on(Entity.created), not {given!r}")
    node = getattr(given, "__self__", None)
    # A node has no name before the class body ends, which `on` stands in.
    owner = "Entity" if node is None else str(node) if getattr(node, "name", "") else "NODE"
    called, _, _ = call.partition("(")
    return TypeError(f"on() takes a transition, and {owner}.{called} is not called: write {owner}.{call}")


def no_place(node: object, name: str, held: Sequence[object], index: object) -> LookupError | TypeError:
    """The error for an index of `items` at which nothing stands, or which is no place."""
    if isinstance(index, int):
        return IndexError(f"{node} has no place {index}: it holds {len(held)} now")
    key = key_of(type(held[0])) if held else None
    found = "go through the items, or declare entries, which are had by key"
    if key is not None:
        found = f"for a key, go through the items, as in next(one for one in entity.{name} if one.{key} == …)"
    return TypeError(f"{node}[…] takes a place, from 0, not {index!r}: {found}")


# What a handle has at run time in the place of Python's operators; each names itself by its node.


class _Handle:
    node: object


def no_deletion(handle: _Handle, index: object) -> Never:
    """In the place of `del items[…]`."""
    raise TypeError(f"{handle.node} loses an item by a verb: use .remove(item), where an item with its key will do")


def no_assignment(handle: _Handle, index: object, item: object) -> Never:
    """In the place of `items[…] = item`."""
    raise TypeError(f"{handle.node} gains an item by a verb: use .add(item); one whose key is there takes its place")


def no_addition(handle: _Handle, by: object) -> Never:
    """In the place of `counter += by`, which would say what the number is, and lose what others add."""
    raise TypeError(f"{handle.node} is added to by a verb: use .increment({by!r})")


def no_subtraction(handle: _Handle, by: object) -> Never:
    """In the place of `counter -= by`."""
    raise TypeError(f"{handle.node} is added to by a verb: use .increment(-{by!r})")


def no_fold(owner: str, event: object, known: Sequence[str]) -> TypeError:
    """The error for an event that no fold of its type takes."""
    name = type(event).__name__
    if not known:
        return TypeError(f"{owner} has no fold, so nothing is told to it: declare one, as in fold(…).on({name}, …)")
    return TypeError(f"no fold of {owner} takes {name}: {nearest(name, known)}")


def not_of_its_own(reference: object, name: str) -> AttributeError:
    """The error for an attribute of a reference that is one of what it points to."""
    if name.startswith("_") or name == "name":  # (asked for only while it is being made)
        return AttributeError(name)
    return AttributeError(
        f"{reference} has no {name!r} of its own: ask what it points to, as in .wait().{name} or (await …).{name}"
    )


def unready(node: object, what: str) -> TypeError:
    """The error for what is asked of a handle, and its value alone may have."""
    return TypeError(
        f"{node} may not be settled yet, so it has no {what}. "
        "Read its value first, with .wait() or await; .state says where it stands"
    )


def unready_attribute(handle: object, node: object, name: str) -> AttributeError:
    """The same, for an attribute."""
    said = f"{node} may not be settled yet, so it has no attribute {name!r} of its own: read .wait().{name}, or "
    return AttributeError(f"{said}(await …).{name}", name=name, obj=handle)
