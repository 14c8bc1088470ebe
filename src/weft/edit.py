"""An edit: what one person or program says at once, put together before it is told.

Handles stage intents here. Each is checked and encoded as it is staged, so a wrong value is refused on its own line;
what was staged is readable at once, through a fold of its own over what the space holds. At the end the intents become
one event, with one actor and one idempotency key.

Knows nothing of how events are appended. Invariant: ids of what an edit creates depend on its event id and their order
alone, so that the same edit told twice creates the same things.
Source: units of work; client-minted ids and order keys.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import Token
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from weft.blob import Blob
from weft.cells import make_cell
from weft.collection import is_element_id, order_key_after, order_key_at, short_id
from weft.content import Plain
from weft.declare import Node
from weft.engine import Engine
from weft.erased import erased_entity
from weft.errors import Unencodable, WeftError
from weft.glance import shape_in
from weft.graph import ToldNode
from weft.meant import no_fold
from weft.misfits import names_item
from weft.reduce import Cell, ItemsCell, TextCell, Told, element_identity
from weft.spec import NodeSpec, TypeSpec
from weft.spelling import nearest
from weft.store import STATE
from weft.told import Target
from weft.value import Shape, shape_of

if TYPE_CHECKING:
    from weft.space import Space

LATER = 1 << 61
"""A position behind every record's: that of an edit which has not been told yet."""


class UnknownEntity(WeftError, KeyError):
    """There is no entity {entity} in this space. It may be the id of another space, or have been mistyped."""

    entity: str


class UnknownField(WeftError, KeyError):
    """{type} has no field {name!r} in the definition in force: {nearest}."""

    type: str
    name: str
    nearest: str


class OtherField(WeftError, TypeError):
    """{field} is declared as {here} here, and as {there} in force. Open the space with types=[…] to put this program's
    declaration in force, or use the code that it is from."""

    field: str
    here: str
    there: str


class Edit:
    """One atomic batch. Use it with `with`, or `async with` in an async space."""

    def __init__(
        self, space: Space, *, id: str, actor: str, once: str | None = None, cause: int = 0, base: int | None = None
    ) -> None:
        self.space, self.id, self.actor, self.once, self.cause = space, id, actor, once, cause
        self.base = base
        """The newest position that its author had seen; None for what this program has."""
        self.intents: list[Plain] = []
        self.created: dict[str, TypeSpec] = {}
        self.blobs: list[Blob] = []
        self.position = 0
        """Where it was told, once it was; of a client whose engine takes its time, the newest that is known."""
        self._tails: dict[tuple[str, str], str] = {}
        self._token: Token[Edit | None] | None = None

    # ---- staging ----
    def create(self, spec: TypeSpec, values: Mapping[str, object], by_default: Iterable[str]) -> str:
        """Stage a new entity and what it is told, some of it by its type's defaults; returns its id. Raises what is
        wrong, having staged nothing."""
        entity, before = short_id("entity", self.id, len(self.created)), len(self.intents)
        names: list[Plain] = [*sorted(by_default)]
        self.intents.append([entity, "", "create", spec.name, *([names] if names else [])])
        try:
            for name, value in values.items():
                with _naming(f"{spec.name}.{name}"):
                    self._set(entity, spec.nodes[name], value)
        except BaseException:
            del self.intents[before:]
            raise
        self.created[entity] = spec
        return entity

    def say(self, engine: Engine, entity: str, node: Node[Any] | None, verb: str, args: tuple[object, ...]) -> None:
        """Stage one verb of a handle. Raises what is wrong with it, having staged nothing."""
        spec = self.type_of(engine, entity)
        if node is None:
            self._tell(spec, entity, args[0])
            return
        found = self._with_code(spec, field_of(spec, node.name), node)
        with _naming(f"{spec.name}.{found.name}"):
            self._say(engine, entity, found, verb, args)

    def _with_code(self, spec: TypeSpec, found: NodeSpec, node: Node[Any]) -> NodeSpec:
        """Where the space was opened without the type, the handle's class says what may be told, as far as it declares
        what is in force. Raises `OtherField`."""
        if found.code is not None or node.owner is None:
            return found
        own = self.space.declared(node.owner).nodes[node.name]
        if (own.kind, own.type_text) != (found.kind, found.type_text):
            raise OtherField(field=f"{spec.name}.{found.name}", here=_kind_text(own), there=_kind_text(found))
        return replace(found, code=own.code)

    def _say(self, engine: Engine, entity: str, found: NodeSpec, verb: str, args: tuple[object, ...]) -> None:
        match verb:
            case "set":
                self._set(entity, found, args[0])
            case "add":
                self._add(engine, entity, found, args)
            case "remove":
                # What is staged is looked at only for what has the form of an id.
                is_id = isinstance(args[0], str) and is_element_id(args[0])
                is_named = is_id and names_item(args[0], self.cell(engine, entity, found), shape_in(found))
                element = args[0] if is_named else self._identity(found, args[0])
                self.intents.append([entity, found.name, "remove", cast("str", element)])
            case "move":
                self._move(engine, entity, found, args[0], args[1])
            case "increment":
                self.intents.append([entity, found.name, "increment", cast("int", args[0])])
            case "put":
                key, value = self._entry_shapes(found)
                self.intents.append([entity, found.name, "put", key.to_plain(args[0]), self._plain(value, args[1])])
            case "drop":
                key, _ = self._entry_shapes(found)
                self.intents.append([entity, found.name, "drop", key.to_plain(args[0])])
            case _:
                self._edit_text(engine, entity, found, verb, args)

    def retry(self, entity: str, node: str, element: str) -> None:
        """Stage that a failed node is to be tried again."""
        self.intents.append([entity, node, "retry", element])

    def type_of(self, engine: Engine, entity: str) -> TypeSpec:
        """The type of an entity, staged or there. Raises `UnknownEntity`."""
        staged = self.created.get(entity)
        if staged is not None:
            return staged
        thing = engine.graph.thing(entity)
        if thing is None:
            raise erased_entity(engine, entity) or UnknownEntity(entity=entity)
        return thing.type

    def cell(self, engine: Engine, entity: str, spec: NodeSpec) -> Cell:
        """A field as this edit would leave it, in a copy of its own."""
        cell = make_cell(spec.cell) if entity in self.created else self.cell_before(engine, entity, spec)
        told = Told(LATER, LATER - 1, self.actor)
        for intent in self.intents:
            assert isinstance(intent, list)
            if intent[0] != entity:
                continue
            if intent[1] == spec.name and intent[2] != "retry":
                cell.apply(str(intent[2]), intent[3:], told)
            elif intent[2] == "tell" and spec.kind == "fold":
                cell.apply("tell", intent[3:], told)
        return cell

    def cell_before(self, engine: Engine, entity: str, spec: NodeSpec) -> Cell:
        """A field of an entity that is there, without this edit, in a copy of its own."""
        return make_cell(spec.cell, engine.rows(STATE, (entity, spec.name)))

    def stages(self, entity: str) -> bool:
        """Whether it says anything of this entity."""
        return any(isinstance(intent, list) and intent[0] == entity for intent in self.intents)

    def _plain(self, shape: Shape, value: object) -> Plain:
        self.blobs.extend(shape.blobs(value))
        shape.encode(value)  # what only its bytes can show, such as its size, is refused on this line too
        return shape.to_plain(value)

    def _set(self, entity: str, spec: NodeSpec, value: object) -> None:
        if spec.kind == "ref":
            assert isinstance(value, Target)
            plain: Plain = {"entity": value.entity, "node": value.node, "element": value.element}
        else:
            plain = self._plain(shape_in(spec), value)
        self.intents.append([entity, spec.name, "set", plain])

    def _tell(self, spec: TypeSpec, entity: str, event: object) -> None:
        if type(event).__name__ not in spec.events():
            raise no_fold(spec.name, event, spec.events())
        self.intents.append([entity, "", "tell", type(event).__name__, self._plain(shape_of(type(event)), event)])

    def _add(self, engine: Engine, entity: str, spec: NodeSpec, values: tuple[object, ...]) -> None:
        shape = shape_in(spec)
        staged: list[Plain] = []
        tail = self._tail(engine, entity, spec)
        for value in values:
            (plain,) = cast("list[Plain]", self._plain(shape, (value,)))
            element_identity(plain, spec.key)
            tail = order_key_after(tail)
            staged.append([entity, spec.name, "add", tail, plain])
        self._tails[entity, spec.name] = tail
        self.intents.extend(staged)

    def _tail(self, engine: Engine, entity: str, spec: NodeSpec) -> str:
        known = self._tails.get((entity, spec.name))
        if known is not None:
            return known
        if entity in self.created:
            return ""
        node = engine.node(entity, spec.name)
        cell = node.cell if isinstance(node, ToldNode) else None
        return cell.order[-1][0] if isinstance(cell, ItemsCell) and cell.order else ""

    def _identity(self, spec: NodeSpec, value: object) -> str:
        (plain,) = cast("list[Plain]", shape_in(spec).to_plain((value,)))
        return element_identity(plain, spec.key)

    def _move(self, engine: Engine, entity: str, spec: NodeSpec, item: object, before: object) -> None:
        cell = self.cell(engine, entity, spec)
        assert isinstance(cell, ItemsCell)
        element, front = self._identity(spec, item), "" if before is None else self._identity(spec, before)
        if element == front:
            said = f"{spec.name} cannot have {item!r} moved in front of itself"
            raise ValueError(f"{said}; name another item, or None for the end")
        order = [(key, id) for key, id in cell.order if id != element]
        place: int | None = len(order)
        if front:
            place = next((n for n, (_, id) in enumerate(order) if id == front), None)
        if place is None:
            raise KeyError(f"{spec.name} holds no {before!r} to move in front of")
        key, others = order_key_at([key for key, _ in order], place)
        room: list[Plain] = [[order[at][1], order[at][0], new] for at, new in others.items()]
        last = others.get(len(order) - 1, order[-1][0]) if order else ""
        self._tails[entity, spec.name] = max(key, last)
        self.intents.append([entity, spec.name, "move", element, key, room, front])

    def _entry_shapes(self, spec: NodeSpec) -> tuple[Shape, Shape]:
        arguments = getattr(shape_in(spec).annotation, "__args__", (object, object))
        return shape_of(arguments[0]), shape_of(arguments[1])

    def _edit_text(self, engine: Engine, entity: str, spec: NodeSpec, verb: str, args: tuple[object, ...]) -> None:
        from weft.shared_text import Delete, Insert, Replace, edit_text, empty_text

        cell = self.cell(engine, entity, spec)
        assert isinstance(cell, TextCell)
        kinds: dict[str, Callable[..., Any]] = {"insert": Insert, "delete": Delete, "replace": Replace}
        update = edit_text(cell.state or empty_text(), self.actor, [kinds[verb](*args)], session=self.id)
        self.intents.append([entity, spec.name, "edit", update, [verb, *cast("list[Plain]", list(args))]])

    # ---- telling ----
    def __enter__(self) -> Self:
        self.space._check_blocking("space.edit()", "async with space.edit()")
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if kind is None:
            self.space._tell(self)

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if kind is None:
            await self.space._tell_async(self)

    def _begin(self) -> None:
        if self.space._staged.get() is not None:
            raise RuntimeError("an edit is open already: what it stages is told when it ends; leave it first")
        self._token = self.space._staged.set(self)

    def _end(self) -> None:
        if self._token is not None:
            with contextlib.suppress(ValueError):  # left in another context than it was entered in
                self.space._staged.reset(self._token)
            self._token = None


@contextlib.contextmanager
def _naming(place: str) -> Iterator[None]:
    """Say of a value that cannot be kept for which field it was meant."""
    try:
        yield
    except Unencodable as why:
        why.where = f"{place}, {why.where}"
        raise


def field_of(spec: TypeSpec, name: str) -> NodeSpec:
    """A told node of a type. Raises `UnknownField`, naming the nearest."""
    found = spec.nodes.get(name)
    if found is None or not found.is_told:
        told = [node.name for node in spec.nodes.values() if node.is_told]
        raise UnknownField(type=spec.name, name=name, nearest=nearest(name, told))
    return found


def _kind_text(spec: NodeSpec) -> str:
    return spec.type_text or spec.kind
