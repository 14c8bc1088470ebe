"""Places as people write them: ENTITY.NODE[KEY], and how each part is found.

ENTITY is an id or the beginning of one, a name (what a field called `name` or `title` holds), a type that has one
entity, or what commands print: a type and the beginning of an id. KEY is what people call an element: its key, its
place (from 0) in a list whose keys are no numbers, or the beginning of its id.

Knows nothing of what is done with a place.
Invariant: a text names one place or is refused, in words that name what it might have meant.
Source: git's abbreviated ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from weft.element_names import called
from weft.engine import Engine
from weft.erased import erased_entity
from weft.errors import WeftError
from weft.graph import Source
from weft.spec import TypeSpec
from weft.spelling import nearest
from weft.store import ENTITY, KIND, STATE
from weft.why.naming import NAMING, describe, name_of

_WRITTEN = re.compile(r"(?P<entity>.*?)\.(?P<node>[^.\[\]]+)(?:\[(?P<key>.*)\])?", re.DOTALL)
_PRINTED = re.compile(r"(?P<type>\S+) (?P<id>[a-z2-7]+)(?: \(.*\))?", re.DOTALL)
_SHOWN_MAX = 6
_ID_SHOWN = 8


class NotAPlace(WeftError):
    """{text!r} is not ENTITY.NODE or ENTITY.NODE[KEY]: name a node, as in {example}."""

    exit_code = 2
    text: str
    example: str


class NoEntityNamed(WeftError):
    """{text!r} names a node and no entity: write whose it is, as in {example}."""

    exit_code = 2
    text: str
    example: str


class NoSuchEntity(WeftError):
    """There is no entity {name!r} in this space: {nearest}"""

    exit_code = 2
    name: str
    nearest: str


class ManyEntities(WeftError):
    """{name!r} may be {which}: say which, as {examples}."""

    exit_code = 2
    name: str
    which: str
    examples: str


class NoSuchNode(WeftError):
    """{type} {entity} has no node {name!r}: {nearest}"""

    exit_code = 2
    type: str
    entity: str
    name: str
    nearest: str


class NoSuchElement(WeftError):
    """{node} of {entity} has no element {key!r}: {nearest}"""

    exit_code = 2
    node: str
    entity: str
    key: str
    nearest: str


class Written(NamedTuple):
    """A place as it was written, in its parts; `key` is None where there were no brackets."""

    entity: str
    node: str
    key: str | None


def parse_place(text: str) -> Written:
    """The parts of ENTITY.NODE[KEY]. Raises `NotAPlace`."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise NotAPlace(text=text, example=f"{text or 'Bookshelf'}.topics")
    return Written(found["entity"], found["node"], found["key"])


def find_place(engine: Engine, text: str) -> tuple[str, str, str]:
    """(entity id, node, element id) of a text. Raises what it does not name, with what it might have meant."""
    try:
        written = parse_place(text)
    except NotAPlace as refused:
        refused.example = f"{text or 'Bookshelf'}.{_some_node(engine, text)}"
        raise
    rest = text[len(written.entity) :]
    if not written.entity:
        example = next((id[:_ID_SHOWN] for id in _with_node(engine, written.node)), "Bookshelf")
        raise NoEntityNamed(text=text, example=f"{example}{rest}")
    entity = find_entity(engine, written.entity, rest)
    node = _node(engine, entity, written.node)
    if written.key is None:
        return entity, node.spec.name, ""
    return entity, node.spec.name, _element(node, entity, written.key)


def find_entity(engine: Engine, name: str, rest: str = "") -> str:
    """The id of the entity that a name, a type, or the beginning of an id names. `rest`: what follows it where it was
    written, for the message where it names several."""
    row = engine.row(ENTITY, (name,))
    if row is not None and row[2] is None:
        return name
    found = of_type(engine, name) or list(_named(engine, name)) or _by_prefix(engine, name) or _printed(engine, name)
    if not found:
        gone = [id for id in _ids(engine, erased=True) if name and id.startswith(name)]
        if len(gone) == 1 and (erased := erased_entity(engine, gone[0])) is not None:
            raise erased
        raise NoSuchEntity(name=name, nearest=nearest(name, _known(engine)))
    if len(found) > 1:
        shown = [describe(engine, id) for id in found[:_SHOWN_MAX]]
        more = f", or one of {len(found) - _SHOWN_MAX} more" if len(found) > _SHOWN_MAX else ""
        short = _short_ids(found)
        examples = " or ".join(f"{id}{rest}" for id in short[:2])
        raise ManyEntities(name=name, which=" or ".join(shown) + more, examples=examples)
    return found[0]


def of_type(engine: Engine, name: str) -> list[str]:
    """The ids of a type's entities, in order of creation."""
    return [str(key[2]) for key, _ in engine.rows(KIND, (name,))]


def _named(engine: Engine, name: str) -> Iterator[str]:
    for id in _ids(engine):
        # Rows first: most entities have no such field, and need not be loaded.
        if any(True for field in NAMING for _ in engine.rows(STATE, (id, field))) and name_of(engine, id) == name:
            yield id


def _by_prefix(engine: Engine, prefix: str) -> list[str]:
    return [id for id in _ids(engine) if id.startswith(prefix)]


def _ids(engine: Engine, *, erased: bool = False) -> Iterator[str]:
    """The ids of all entities there are; or of those that were erased."""
    return (str(key[0]) for key, row in engine.rows(ENTITY) if (row[2] is not None) is erased)


def _printed(engine: Engine, text: str) -> list[str]:
    """What `describe` says of an entity, read back."""
    found = _PRINTED.fullmatch(text)
    return [id for id in of_type(engine, found["type"]) if id.startswith(found["id"])] if found is not None else []


def _some_node(engine: Engine, name: str) -> str:
    """A node that may be asked for, of what `name` names if it names anything: a computed one before a told one."""
    nodes = [node for spec in _specs(engine, name) for node in spec.nodes.values()]
    return min(nodes, key=lambda node: node.is_told).name if nodes else "topics"


def _specs(engine: Engine, name: str) -> Iterable[TypeSpec]:
    """The type of that name, or of the entity that it names; all types where there is neither."""
    if name in engine.in_force:
        return [engine.in_force[name]]
    try:
        thing = engine.graph.thing(find_entity(engine, name))
    except WeftError:
        thing = None
    return [thing.type] if thing is not None else engine.in_force.values()


def _with_node(engine: Engine, node: str) -> Iterator[str]:
    for name, spec in engine.in_force.items():
        if node in spec.nodes:
            yield from of_type(engine, name)


def _short_ids(ids: list[str]) -> list[str]:
    """Beginnings of ids that tell them apart."""
    length = _ID_SHOWN
    while len({id[:length] for id in ids}) < len(ids):
        length += 1
    return [id[:length] for id in ids]


def _known(engine: Engine) -> Iterable[str]:
    """What might have been meant: types that have entities, names, ids."""
    ids = list(_ids(engine))
    kinds = dict.fromkeys(str(key[0]) for key, _ in engine.rows(KIND))
    return [*kinds, *(name for id in ids[:1000] if (name := name_of(engine, id))), *(id[:8] for id in ids)]


def _node(engine: Engine, entity: str, name: str) -> Source:
    thing = engine.graph.thing(entity)
    assert thing is not None
    found = thing.nodes.get(name)
    if found is None:
        near = nearest(name, thing.nodes)
        raise NoSuchNode(type=thing.type.name, entity=entity[:8], name=name, nearest=near)
    return found


def _element(node: Source, entity: str, key: str) -> str:
    keys, places = called(node)
    names = {str(name): element for name, element in (places | keys).items()}
    if key in names:
        return names[key]
    ids = node.element_ids() if node.spec.sort != "plain" or node.spec.is_told else []
    beginning = [id for id in ids if id.startswith(key)] if key else []
    if len(beginning) == 1:
        return beginning[0]
    known = [str(name) for name in keys or places]
    raise NoSuchElement(node=node.spec.name, entity=entity[:8], key=key, nearest=nearest(key, known))
