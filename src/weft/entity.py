"""Entities: things with an id and a type, as users declare and hold them.

A class body declares nodes and flows. Calling the class records what the thing is told at creation and makes a draft;
`space.create` turns a draft into an entity by giving it a seat: a space's desk, and an id there. All that an entity
shows is asked from its desk, so any number of them for one id agree.

Knows nothing of spaces, storage or computing.
Invariant: an entity has no state but its seat; nothing can be assigned that is not told.
Source: dataclasses, for how a type reads; active records, without the record.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Never, TypeVar, cast, dataclass_transform

from weft.declare import Derived, Node, nodes_of
from weft.definition import check_class
from weft.handle import NOTHING, Desk, Seat, State, state_html, value_html
from weft.spelling import nearest
from weft.told import Counter, Entries, Field, Fold, Items, LiveRef, Ref, Target, Text, field, ref, target_of
from weft.transition import Created, Missed, Transition, scheduled

if TYPE_CHECKING:
    from weft.handle import Awaited

Ent = TypeVar("Ent", bound="Entity")
RESERVED = frozenset({"id", "created", "tell"})
"""What every entity has, so that no node can be called it."""


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field, ref))
class Entity:
    """A thing with a stable id and a type. What is annotated is told at creation; the rest starts empty or is computed.

    Two entities are equal when they are one thing in one space.
    """

    __weft_entity__ = True
    __weft_seat__: Seat

    created = Transition((Created(),))
    """The entity comes to be: `@on(Entity.created)`."""

    @staticmethod
    def scheduled(expression: str, /, *, zone: str = "UTC", missed: Missed = "last") -> Transition:
        """Whenever a time comes, as a cron expression of five fields says, or a name such as `@daily`, by the clocks of
        a zone: `@on(Entity.scheduled("0 8 * * 1-5"))`. `missed`: what becomes of the times that came while no program
        computed the space: of all of them the flow is fired for the `last`, for `all`, or for none (`none`)."""
        return scheduled(expression, zone=zone, missed=missed)

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        _check_body(cls)
        check_class(cls)

    def __init__(self, **inputs: object) -> None:
        kind = type(self)
        if kind is Entity:
            raise TypeError("Entity is the base of types: declare a class that derives from it")
        declared = inputs_of_kind(kind)
        wrong = [_no_input(kind, name, declared) for name in inputs if name not in declared]
        wrong += [f"needs {name}=…" for name, node in declared.items() if name not in inputs and _is_required(node)]
        if wrong:
            raise TypeError(f"{kind.__name__} {'; it '.join(wrong)}")
        given = {name: _told(declared[name], value) for name, value in inputs.items()}
        take_seat(self, Seat(_Drafts(kind, given), ""))

    @property
    def id(self) -> str:
        """Its id: the same in every copy of the space, for ever."""
        desk, entity_id = self.__weft_seat__
        if isinstance(desk, _Drafts):
            desk.refuse("id")
        return entity_id

    def tell(self, event: object, /) -> None:
        """Say an event of your own; every fold that takes its type is changed by it."""
        desk, entity_id = self.__weft_seat__
        desk.edit(entity_id, None, "tell", event)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entity):
            return NotImplemented
        (desk, entity_id), (others_desk, others_id) = self.__weft_seat__, other.__weft_seat__
        return desk is others_desk and entity_id == others_id

    def __hash__(self) -> int:
        return hash((id(self.__weft_seat__.desk), self.__weft_seat__.entity_id))

    def __repr__(self) -> str:
        entity_id = self.__weft_seat__.entity_id
        return f"<{type(self).__name__} {entity_id[:12] if entity_id else 'draft'}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{name}</th><td>{shown}</td></tr>" for name, shown in _shown(self))
        return f"<table><caption>{type(self).__name__} {self.__weft_seat__.entity_id[:12]}</caption>{rows}</table>"

    if not TYPE_CHECKING:  # Checkers know every attribute; at run time the refusal says what to do instead.

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            # Without `obj`, in which Python would look for what was meant a second time.
            raise AttributeError(_unknown(type(self), name), name=name)

        def __setattr__(self, name, value):
            declared = inspect.getattr_static(type(self), name, None)
            if declared is None:
                raise AttributeError(f"{_unknown(type(self), name)} An entity keeps only what its class declares")
            if not hasattr(type(declared), "__set__"):
                raise AttributeError(f"{type(self).__name__}.{name} is not told, so it cannot be assigned")
            declared.__set__(self, value)


# What a class says -------------------------------------------------------------------------------------------------


def inputs_of_kind(kind: type[Entity]) -> dict[str, Field[object] | Ref[object]]:
    """What a type is told at creation: its annotated fields and references, in the order of declaration."""
    annotated = {name for base in kind.__mro__ for name in _annotations(base)}
    return {name: node for name, node in nodes_of(kind).items() if name in annotated and isinstance(node, Field | Ref)}


def _check_body(kind: type[Entity]) -> None:
    named, nodes, annotated = kind.__name__, nodes_of(kind), _annotations(kind)
    if "__init__" in vars(kind):
        raise TypeError(
            f"{named} defines __init__: what it is told at creation are its annotated fields and references"
        )
    for name in RESERVED.intersection(vars(kind)):
        raise TypeError(f"{named}.{name}: every entity has an attribute of that name; choose another")
    for name, annotation in annotated.items():
        if name not in nodes and "ClassVar" not in str(annotation):
            raise TypeError(f"{named}.{name} is annotated but holds nothing told: write {name}: Field[…] = field()")
        if name in nodes and not isinstance(nodes[name], Field | Ref):
            raise TypeError(f"{named}.{name} is not told at creation: leave out its annotation")
    for name, node in nodes.items():
        if node.owner is kind and name not in annotated and isinstance(node, Field | Ref) and _is_required(node):
            raise TypeError(f"{named}.{name} must be told at creation, so it needs its annotation, as in Field[str]")


def _annotations(kind: type) -> Mapping[str, object]:
    return inspect.get_annotations(kind) if kind not in (Entity, object) else {}


def _is_required(node: Field[object] | Ref[object]) -> bool:
    return isinstance(node, Ref) or node.default is NOTHING


def _told(node: Field[object] | Ref[object], value: object) -> object:
    return target_of(node, value) if isinstance(node, Ref) else value


# Seats -------------------------------------------------------------------------------------------------------------


def given_to(draft: Entity) -> Mapping[str, object]:
    """What a draft was told; a reference by its `Target`. Defaults that nobody gave are left out."""
    desk = draft.__weft_seat__.desk
    if not isinstance(desk, _Drafts):
        raise TypeError(f"{draft!r} is in a space already: create takes the class, or a draft of it")
    return desk.given


def told_to(draft: Entity) -> tuple[dict[str, object], Collection[str]]:
    """All that a draft's type is told at its creation, and the names of what nobody gave, which are its defaults."""
    given = given_to(draft)
    values = {
        name: given.get(name, node.default if isinstance(node, Field) else None)
        for name, node in inputs_of_kind(type(draft)).items()
    }
    return values, values.keys() - given.keys()


def take_seat(entity: Entity, seat: Seat) -> None:
    """Put a draft where it belongs from now on."""
    object.__setattr__(entity, "__weft_seat__", seat)


def entity_at(kind: type[Ent], seat: Seat) -> Ent:
    """The entity of this type and id, without asking whether it is there."""
    entity = kind.__new__(kind)
    take_seat(entity, seat)
    return entity


class _Drafts(Desk):
    """The desk of one draft: it reads what was given, and refuses the rest in words."""

    def __init__(self, kind: type[Entity], given: Mapping[str, object]) -> None:
        self._kind = kind
        self.given = given

    def refuse(self, what: str) -> Never:
        name = self._kind.__name__
        raise TypeError(f"this {name} was made outside a space, so it has no {what}: use space.create({name}, …)")

    def read(self, entity_id: str, node: Node[object], /) -> object:
        value = self.given.get(node.name, node.default if isinstance(node, Field) else NOTHING)
        if value is NOTHING:
            self.refuse(node.name)
        return LiveRef[object](Seat(self, ""), value) if isinstance(value, Target) else value

    def edit(self, entity_id: str, node: Node[object] | None, verb: str, /, *args: object) -> None:
        self.refuse("events" if node is None else f"{node.name} to edit")

    def state(self, entity_id: str, node: Awaited, key: object, /) -> State[object]:
        self.refuse(node.name)

    def wait(self, entity_id: str, node: Awaited, key: object, /, timeout_s: float | None) -> object:
        self.refuse(node.name)

    def wait_async(self, entity_id: str, node: Awaited, key: object, /) -> Awaitable[object]:
        self.refuse(node.name)

    def element(self, entity_id: str, node: Node[object], key: object, /) -> Ref[object]:
        self.refuse(node.name)


# Words -------------------------------------------------------------------------------------------------------------


def _shown(entity: Entity) -> Iterator[tuple[str, str]]:
    desk, entity_id = entity.__weft_seat__
    for name, node in nodes_of(type(entity)).items():
        if isinstance(desk, _Drafts):
            yield name, value_html(desk.given[name]) if name in desk.given else ""
        elif isinstance(node, Derived):
            yield name, state_html(desk.state(entity_id, cast("Node[object]", node), NOTHING))
        else:
            yield name, value_html(desk.read(entity_id, node))


def _no_input(kind: type[Entity], name: str, declared: Iterable[str]) -> str:
    """Why a name is told nothing at creation, after "it": what starts empty is told later, by verbs of its own."""
    node = nodes_of(kind).get(name)
    verbs = {
        Items: f".{name}.add(…)",
        Entries: f".{name}[…] = …",
        Counter: f".{name}.increment(…)",
        Text: f".{name}.insert(0, …)",
        Fold: ".tell(…)",
    }
    if isinstance(node, Derived):
        return f"computes {name} from other nodes: leave it out"
    if type(node) in verbs:
        starts = "starts as it was declared" if isinstance(node, Fold | Counter) else "starts empty"
        return f"cannot be given {name}: {name} {starts}; tell it with {verbs[type(node)]} once the entity is there"
    return f"has no input {name!r}: {nearest(name, declared)}"


def _names(kind: type) -> Iterable[str]:
    return [name for name in dir(kind) if not name.startswith("_")]


def _unknown(kind: type, name: str) -> str:
    return f"{kind.__name__} has no {name!r}: {nearest(name, _names(kind))}"
