"""Merge rule one: told records fold. What each kind of field makes of the edits that reach it.

A cell is one field of one entity. `apply` folds one intent into it and says what changed, element by element; a cell
that is one value has the single element "". Folds use the record's position and its author's `base` only: no clock, no
randomness, no derived value, so every replica that folds the same sequence holds the same state.

Knows nothing of slots, stores or Python types: values are plain.
Invariant: `load(rows of c)` is `c`, and a fold that raises has changed nothing.
Source: intents with a base, as in operational merging; observed-remove sets and multi-value registers.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol, TypeGuard

from msgspec import Struct, field

from weft.collection import ElementId, content_element, key_element, mapping_plain
from weft.content import Cid, Link, Plain, content_id, decode, encode
from weft.errors import WeftError
from weft.failure import is_ctrl_c, message_of
from weft.gathered import Gathered
from weft.slot import Gone, Ok
from weft.tree import Entry, Grown, Member, Tree

Step = Callable[[Plain, Plain], Plain]
"""A user's fold: (state, event) to state, all plain."""


ALTERNATIVES_MAX = 16
"""How many values that lost to one their author had not seen are kept beside it; the log has them all."""


class Refused(WeftError):
    """The edit of {place} was refused: {why}. Nothing was changed."""

    place: str
    why: str


class Told(NamedTuple):
    """What a fold may know of the record that it folds."""

    position: int
    base: int
    actor: str
    time: str = ""
    """When it was said, by its author's clock; empty of what was accepted before, and is folded once more."""


@dataclasses.dataclass(frozen=True, slots=True)  # no Struct, as not all that it has is compared
class CellSpec:
    """What a field declares: its kind, the key of its elements, what it starts as, and a fold's steps by event name.

    `versions` names each step's operation and version; the steps themselves are this program's code.
    """

    kind: str
    key: str | None = None
    has_default: bool = False
    default: Plain = None
    steps: Mapping[str, Step] = dataclasses.field(default_factory=dict, compare=False)
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    name: str = dataclasses.field(default="", compare=False)
    """What the field is called, for messages."""


class Change(Struct):
    """What an intent did to one element: its content before and after (None: not there), its row now, and moves; `was`
    is its row before, where that is known without looking there."""

    element: str
    before: Cid | None
    after: Cid | None
    row: bytes | None
    moved: bool = False
    was: bytes | None = None


class Cell(Protocol):
    """A field's state, and the fold of its kind."""

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take up what was kept; called once, on a new cell."""
        ...

    def apply(self, verb: str, args: list[Plain], told: Told) -> list[Change]:
        """Fold one intent. Raises `Refused`, having changed nothing."""
        ...

    def outcome(self) -> Ok | Gone:
        """What readers are given."""
        ...

    def shown(self) -> Plain:
        """What a person or program reads."""
        ...


def _args(args: list[Plain], count: int, verb: str) -> list[Plain]:
    if len(args) != count:
        raise Refused(place=f"a field by {verb!r}", why=f"it takes {count} arguments and was given {len(args)}")
    return args


def _unknown(kind: str, verb: str, known: str) -> Refused:
    return Refused(place=f"a field of kind {kind!r}", why=f"it knows {known}, not {verb!r}")


class FieldCell(Struct):
    """One value. `set` over what its author had not seen keeps the other as a visible alternative."""

    spec: CellSpec
    value: Plain = None
    position: int = 0
    actor: str = ""
    others: list[Plain] = field(default_factory=list)
    _outcome: Ok | Gone | None = None

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        for _, row in rows:
            kept = decode(row)
            assert isinstance(kept, list) and len(kept) == 4
            value, position, actor, others = kept
            assert isinstance(position, int) and isinstance(actor, str) and isinstance(others, list)
            self.value, self.position, self.actor, self.others = value, position, actor, others

    def apply(self, verb: str, args: list[Plain], told: Told) -> list[Change]:
        if verb != "set":
            raise _unknown(self.spec.kind, verb, "set")
        (value,) = _args(args, 1, verb)
        before = self._content()
        if self._is_unseen(told) and value != self.value:
            self.others = [*self.others, [self.value, self.position, self.actor]][-ALTERNATIVES_MAX:]
        else:
            self.others = []
        self.value, self.position, self.actor = value, told.position, told.actor
        self._outcome = None
        return [Change("", before, self._content(), encode([value, told.position, told.actor, self.others]))]

    def _is_unseen(self, told: Told) -> bool:
        return told.base < self.position < told.position

    def _content(self) -> Cid | None:
        shown = self.outcome()
        return shown.content if isinstance(shown, Ok) else None

    def outcome(self) -> Ok | Gone:
        if self._outcome is None:
            if self.position or self.spec.has_default:
                self._outcome = Ok.of_bytes(encode(self.shown()))
            else:
                self._outcome = Gone(f"the {self.spec.kind} {self.spec.name} was never told")
        return self._outcome

    def shown(self) -> Plain:
        return self.value if self.position else self.spec.default


class CounterCell(Struct):
    """A sum: increments commute."""

    spec: CellSpec
    total: int = 0

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        for _, row in rows:
            total = decode(row)
            assert isinstance(total, int)
            self.total = total

    def apply(self, verb: str, args: list[Plain], told: Told) -> list[Change]:
        if verb != "increment":
            raise _unknown(self.spec.kind, verb, "increment")
        (by,) = _args(args, 1, verb)
        if not isinstance(by, int) or isinstance(by, bool):
            raise Refused(place="a counter", why=f"it is incremented by whole numbers, not {by!r}")
        if not -(2**63) <= self.total + by < 2**63:
            raise Refused(place="a counter", why="the sum leaves 64 bits")
        before = self.outcome().content
        self.total += by
        return [Change("", before, self.outcome().content, encode(self.total))]

    def outcome(self) -> Ok:
        return Ok.of_bytes(encode(self.total))

    def shown(self) -> Plain:
        return self.total


class TextCell(Struct):
    """Text that several people edit at once: an edit carries what its author changed, and edits of different places
    merge."""

    spec: CellSpec
    state: bytes = b""

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        for _, row in rows:
            self.state = row

    def apply(self, verb: str, args: list[Plain], told: Told) -> list[Change]:
        if verb != "edit":
            raise _unknown(self.spec.kind, verb, "edit")
        update, _ = _args(args, 2, verb)  # behind the bytes stands what they do, in words
        if not isinstance(update, bytes):
            raise Refused(place="a text", why="an edit is the bytes that its author's copy made")
        from weft.shared_text import empty_text, merge_text  # its library is an extra

        before = self.outcome().content
        self.state = merge_text(self.state or empty_text(), update)
        return [Change("", before, self.outcome().content, self.state)]

    def outcome(self) -> Ok:
        return Ok.of_bytes(encode(self.shown()))

    def shown(self) -> Plain:
        from weft.shared_text import text_of  # its library is an extra

        return text_of(self.state) if self.state else ""


def _is_order(order: Plain) -> TypeGuard[str]:
    """Whether it is an order key, behind which the next author can mint another."""
    return isinstance(order, str) and 0 < len(order) <= ORDER_CHARS_MAX and not set(order) - set("0123456789abcdef")


class Item(NamedTuple):
    """An element of an ordered set: where it stands, what it is, and the position of its last add."""

    order: str
    content: Cid
    encoded: bytes
    added: int


@dataclasses.dataclass(slots=True)  # likewise
class ItemsCell:
    """An ordered set. An element's id is its declared key's, else its content's; order keys come from the authors."""

    spec: CellSpec
    items: dict[str, Item] = dataclasses.field(default_factory=dict)
    order: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    _grown: Grown = dataclasses.field(default_factory=Grown, compare=False)

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        for element, row in rows:
            kept = decode(row)
            assert isinstance(kept, list) and len(kept) == 3
            order, encoded, added = kept
            assert isinstance(order, str) and isinstance(encoded, bytes) and isinstance(added, int)
            self.items[element] = Item(order, content_id(encoded), encoded, added)
        self.order = sorted((item.order, element) for element, item in self.items.items())

    def identity(self, value: Plain) -> ElementId:
        """The element id of a value. Raises `Refused` for one without its declared key."""
        return element_identity(value, self.spec.key)

    def apply(self, verb: str, args: list[Plain], told: Told) -> list[Change]:
        match verb:
            case "add":
                order, value = _args(args, 2, verb)
                return [self._add(order, value, told)]
            case "remove":
                (element,) = _args(args, 1, verb)
                return self._remove(element, told)
            case "move":
                # Last stands in front of which it was meant to be, for readers alone. Older logs hold shorter ones.
                element, order, *further = args if 2 <= len(args) <= 4 else _args(args, 4, verb)
                return self._move(element, order, further[0] if further else [])
            case _:
                raise _unknown(self.spec.kind, verb, "add, remove and move")

    def _add(self, order: Plain, value: Plain, told: Told) -> Change:
        if not _is_order(order):
            raise Refused(
                place="an ordered set", why=f"an order key is text of 1 to {ORDER_CHARS_MAX} hexadecimal digits"
            )
        element, encoded = self.identity(value), encode(value)
        content, had = content_id(encoded), self.items.get(element)
        # Adding what is there leaves its place alone, but counts as seen from here on: a remove whose author did not
        # know of this add must not win over it.
        place = had.order if had else order
        self.items[element] = Item(place, content, encoded, told.position)
        self._grown.touch(element)
        if had is None:
            insort(self.order, (place, element))
        # Taken out and put back by one event, it is what it was, at another place.
        return Change(element, had.content if had else None, content, self._row(element), moved=had is None)

    def _remove(self, element: Plain, told: Told) -> list[Change]:
        had = self.items.get(element) if isinstance(element, str) else None
        if had is None or told.base < had.added < told.position:
            return []
        assert isinstance(element, str)
        del self.items[element]
        self._grown.touch(element)
        del self.order[bisect_left(self.order, (had.order, element))]
        return [Change(element, had.content, None, None)]

    def _move(self, element: Plain, order: Plain, room: Plain) -> list[Change]:
        """`room`: id, key and new key of those around it, where there was no key between them. Who has been moved since
        keeps the place that it was moved to. What is no order key moves nothing: older logs hold such moves."""
        if not isinstance(element, str) or element not in self.items or not _is_order(order):
            return []
        changes = [self._place(element, order)]
        for one in room if isinstance(room, list) else []:
            match one:
                case [str(id), str(was), new] if id in self.items and self.items[id].order == was and _is_order(new):
                    changes.append(self._place(id, new))
        return changes

    def _place(self, element: str, order: str) -> Change:
        had = self.items[element]
        del self.order[bisect_left(self.order, (had.order, element))]
        insort(self.order, (order, element))
        self.items[element] = had._replace(order=order)
        self._grown.touch(element)
        return Change(element, had.content, had.content, self._row(element), moved=True)

    def _row(self, element: str) -> bytes:
        item = self.items[element]
        return encode([item.order, item.encoded, item.added])

    def entry(self, element: str) -> Entry | None:
        """An element at its place."""
        item = self.items.get(element)
        return None if item is None else Entry.of((item.order, element), Member(element, item.content, item.encoded))

    def tree(self) -> Tree:
        """Its elements. O(changes · log n)."""
        return self._grown.tree(self.entry, lambda: (self._placed(element) for _, element in self.order))

    def _placed(self, element: str) -> Entry:
        found = self.entry(element)
        assert found is not None
        return found

    def outcome(self) -> Ok:
        return Gathered.of(self.tree())

    def shown(self) -> Plain:
        return decode(self.outcome().encoded)


class EntriesCell(Struct):
    """Values by key. Each key is a field of its own: a concurrent `put` keeps the other value as an alternative."""

    spec: CellSpec
    keys: dict[str, Plain] = field(default_factory=dict)
    values: dict[str, FieldCell] = field(default_factory=dict)
    _outcome: Ok | None = None

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        for element, row in rows:
            kept = decode(row)
            assert isinstance(kept, list) and len(kept) == 2
            key, value_row = kept
            assert isinstance(value_row, bytes)
            self.keys[element], self.values[element] = key, FieldCell(dataclasses.replace(self.spec, has_default=False))
            self.values[element].load([("", value_row)])

    def apply(self, verb: str, args: list[Plain], told: Told) -> list[Change]:
        self._outcome = None
        match verb:
            case "put":
                key, value = _args(args, 2, verb)
                element = key_element(key)
                self.keys[element] = key
                cell = self.values.setdefault(element, FieldCell(dataclasses.replace(self.spec, has_default=False)))
                (change,) = cell.apply("set", [value], told)
                return [Change(element, change.before, change.after, encode([key, change.row]))]
            case "drop":
                (key,) = _args(args, 1, verb)
                element = key_element(key)
                had = self.values.get(element)
                if had is None or told.base < had.position < told.position:
                    return []
                del self.values[element], self.keys[element]
                shown = had.outcome()
                return [Change(element, shown.content if isinstance(shown, Ok) else None, None, None)]
            case _:
                raise _unknown(self.spec.kind, verb, "put and drop")

    def outcome(self) -> Ok:
        if self._outcome is None:
            self._outcome = Ok.of_bytes(encode(self.shown()))
        return self._outcome

    def shown(self) -> Plain:
        return mapping_plain((self.keys[element], cell.shown()) for element, cell in self.values.items())


class FoldCell(Struct):
    """A fold of the user's own: each told event is given to the step declared for it."""

    spec: CellSpec
    state: Plain = None
    is_told: bool = False
    _outcome: Ok | None = None

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        for _, row in rows:
            self.state, self.is_told = decode(row), True

    def apply(self, verb: str, args: list[Plain], told: Told) -> list[Change]:
        if verb != "tell":
            raise _unknown(self.spec.kind, verb, "tell")
        name, event = _args(args, 2, verb)
        step = self.spec.steps.get(name) if isinstance(name, str) else None
        if step is None:
            return []
        before = self.outcome().content
        state = _stepped(step, self.shown(), event)
        row = encode(state)
        self.state, self.is_told, self._outcome = state, True, None
        return [Change("", before, self.outcome().content, row)]

    def outcome(self) -> Ok:
        if self._outcome is None:
            self._outcome = Ok.of_bytes(encode(self.shown()))
        return self._outcome

    def shown(self) -> Plain:
        return self.state if self.is_told else self.spec.default


def _stepped(step: Step, state: Plain, event: Plain) -> Plain:
    """What a user's fold makes. What would end the program, such as SystemExit, is refused like any other error, but
    for a Ctrl-C: told through the inbox it would else end every engine that opens the space."""
    try:
        return step(state, event)
    except Exception:
        raise
    except BaseException as why:
        if is_ctrl_c(why):
            raise
        raise Refused(place="a fold", why=f"{type(why).__name__}: {message_of(why)}") from why


ORDER_CHARS_MAX = 1024


def element_identity(value: Plain, key: str | None) -> ElementId:
    """The id of an element by its declared key, or by its content. Raises `Refused` when the key is missing."""
    if key is None:
        blob = value.get("blob") if isinstance(value, dict) and value.keys() == {"blob", "media", "size"} else None
        # A photo is the same photo whatever its file was called: a blob is known by its bytes alone.
        return content_element(blob.cid if isinstance(blob, Link) else content_id(encode(value)))
    if not isinstance(value, dict) or key not in value:
        raise Refused(place="an element", why=f"it has no {key!r}, which is its declared key")
    return key_element(value[key])
