"""`weft run`: one entity of a script's type, made or found by what it is told, and everything that follows from that.

Knows nothing of what types compute.
Invariant: the same file, type and arguments name the same entity of a space, however often they are given.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from weft.cli import terminal
from weft.cli.opening import load, pick, types_in
from weft.dag_json import json_of
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft.content import Plain
    from weft.entity import Entity
    from weft.space import Space
    from weft.value import Shape

SERVICES = "SERVICES"
"""The name under which a script may offer services: a dict by Protocol."""


class NotAnInput(WeftError):
    """{text!r} does not tell {type} anything: {why}"""

    exit_code = 2
    text: str
    type: str
    why: str


@click.command("run")
@click.argument("script", metavar="FILE[:TYPE]")
@click.argument("inputs", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--space", type=click.Path(dir_okay=False), help="Keep it in this space; without, in memory.")
@click.option("--timeout", "timeout_s", type=float, metavar="SECONDS", help="Wait no longer for any value.")
@click.option("--json", "as_json", is_flag=True, help="The entity as one JSON object.")
def command(script: str, inputs: tuple[str, ...], space: str | None, timeout_s: float | None, as_json: bool) -> int:
    """Create an entity of the type that FILE declares, tell it FIELD=VALUE, wait for all that is computed from it, and
    print it. Told the same again, it is the same entity, and what was computed in --space is not computed again.

    VALUE is JSON, or else text; @PATH is the file there, as text where the field is a str. What is `items` takes a
    list, or one item each time that it is named; what is `entries` takes an object. A dict called SERVICES in FILE
    gives the services, by Protocol.

    FILE is imported: guard what it does by itself with `if __name__ == "__main__":`.
    """
    from weft.opening import open as open_space

    path, colon, name = script.rpartition(":")
    if not colon or "/" in name or "\\" in name:
        path, name = script, ""
    click.Path(exists=True, dir_okay=False).convert(path, None, None)
    module = load(path)
    types = types_in(module)
    kind = pick(types, name or None, path)
    given = _parsed(kind, inputs)
    _refuse_missing(kind, given.inputs)
    services = getattr(module, SERVICES, {})
    with open_space(space, types=tuple(types.values()), services=services, actor="weft run") as opened:
        before = opened.position
        with opened.edit(once=once(kind, inputs)):
            entity = opened.create(kind, **given.inputs)
            _add(entity, given)
        failures = _wait(opened, entity, timeout_s)
        _print(opened, entity, as_json=as_json)
        again = list(_again(opened, entity, space, before)) if space is not None else []
        waits = list(_waits(opened, entity, space))
    for failure in failures:
        terminal.note(f"error: {failure}")
    for line in [*again, *waits]:
        terminal.note(line)
    return 1 if failures else 0


def once(kind: type[Entity], inputs: tuple[str, ...]) -> str:
    """What an entity with these inputs is known by: the order in which they are written says nothing."""
    return json.dumps([kind.__name__, sorted(inputs)], ensure_ascii=False)


class Given(NamedTuple):
    """What an entity is told: at creation, and, in the same edit, added to its collections; by name."""

    inputs: dict[str, object]
    items: dict[str, tuple[object, ...]]
    entries: dict[str, dict[Hashable, object]]


def _parsed(kind: type[Entity], texts: tuple[str, ...]) -> Given:
    """What is written as FIELD=VALUE; a collection takes all that is said of it. Raises `NotAnInput`."""
    from weft.declare import nodes_of
    from weft.told import Entries, Items

    given = Given({}, {}, {})
    for text in texts:
        name, value = parse_input(kind, text)
        match nodes_of(kind)[name]:
            case Items():
                assert isinstance(value, tuple)
                given.items[name] = given.items.get(name, ()) + value
            case Entries():
                assert isinstance(value, Mapping)
                given.entries[name] = {**given.entries.get(name, {}), **value}
            case _:
                given.inputs[name] = value
    return given


def _add(entity: Entity, given: Given) -> None:
    """Sorted by name, so that the same arguments are the same edit in whatever order they are written."""
    for name, values in sorted(given.items.items()):
        getattr(entity, name).add(*values)
    for name, entries in sorted(given.entries.items()):
        live = getattr(entity, name)
        for key in sorted(entries, key=repr):
            live[key] = entries[key]


def _refuse_missing(kind: type[Entity], given: Mapping[str, object]) -> None:
    try:
        kind(**given)  # a draft, for what it checks
    except TypeError as why:
        raise click.UsageError(f"{why}.") from None


def parse_input(kind: type[Entity], text: str) -> tuple[str, object]:
    """A node and its value from FIELD=VALUE: of items a tuple, of entries a dict. Raises `NotAnInput`."""
    from weft.declare import nodes_of
    from weft.entity import inputs_of_kind
    from weft.node_type import annotation_of
    from weft.spelling import nearest
    from weft.told import Entries, Items, Ref
    from weft.value import shape_of

    def refused(why: str) -> NotAnInput:
        return NotAnInput(text=text, type=kind.__name__, why=why)

    fields: dict[str, object] = dict(inputs_of_kind(kind))
    fields |= {name: node for name, node in nodes_of(kind).items() if isinstance(node, Items | Entries)}
    name, equals, said = text.partition("=")
    if not equals:
        raise refused("write FIELD=VALUE")
    if name not in fields:
        raise refused(f"it has no input {name!r}: {nearest(name, fields)}")
    node = nodes_of(kind)[name]
    if isinstance(node, Ref):
        raise refused(f"{name} is a reference, which only a program can give")
    shape = shape_of(annotation_of(kind, node))
    problems = []
    for read in _readings(shape, said, is_many=isinstance(node, Items)):
        try:
            found = read()
            shape.encode(found)
        except json.JSONDecodeError:
            continue
        except UnicodeDecodeError as why:
            problems.append(f"the file is not text in UTF-8: {why.reason} at byte {why.start}")
        except (WeftError, TypeError, ValueError) as why:
            problems.append(str(why))
        else:
            return name, found
    raise refused(problems[0])


def _readings(shape: Shape, said: str, *, is_many: bool) -> Iterator[Callable[[], object]]:
    """What a VALUE may mean, each to be tried in turn: a file's text first as it is, all else first as JSON."""
    from weft.blob import Blob

    def plain(reading: Plain) -> object:
        return shape.from_plain([reading] if is_many and not isinstance(reading, list) else reading)

    if not said.startswith("@"):
        yield lambda: plain(json.loads(said))
        yield lambda: plain(said)
    elif shape.has_blobs:
        yield lambda: (Blob.read(said[1:]),) if is_many else Blob.read(said[1:])
    else:
        yield lambda: plain(_text(said[1:]))
        yield lambda: plain(json.loads(_text(said[1:])))


def _text(path: str) -> str:
    from weft.blob import UnreadableFile

    try:
        return Path(path).read_bytes().decode("utf-8")
    except OSError as why:
        raise UnreadableFile(path=path, why=why.strerror or str(why)) from None


def _wait(opened: Space, entity: Entity, timeout_s: float | None) -> list[str]:
    """Wait for every computed node, all in all no longer than asked; returns what failed or is not there, in words."""
    from weft.declare import Derived, nodes_of
    from weft.handle import NodeFailed, Value, WaitTimeout
    from weft.slot import short_places

    failures, kind_name = [], type(entity).__name__
    deadline = time.monotonic() + timeout_s if timeout_s is not None else None
    nodes: Mapping[str, object] = nodes_of(type(entity))
    for name, node in nodes.items():
        if isinstance(node, Derived):
            value = getattr(entity, name)
            assert isinstance(value, Value)
            try:
                value.wait(timeout_s=max(0.0, deadline - time.monotonic()) if deadline is not None else None)
            except NodeFailed as failed:
                failures.append(f"{kind_name}.{name} failed: {short_places(failed.cause, {entity.id: kind_name})}")
            except WaitTimeout:
                late = f"{kind_name}.{name} was not settled after {timeout_s} s{_so_far(opened, entity.id, name)}"
                failures.append(f"{late}. Give a longer --timeout; with --space, what is finished is kept.")
    return failures


def _again(opened: Space, entity: Entity, space: str, before: int) -> Iterator[str]:
    """What to do about errors that are kept in a space, and whether this run met them anew."""
    from weft.cli.again import KEPT, is_kept, next_step, roots_in

    with opened.view() as engine:
        keys = roots_in(engine, [entity.id])
        if is_kept(engine, keys, before):
            yield KEPT[0].upper() + KEPT[1:] + "."
        yield from next_step(space, keys)


def _waits(opened: Space, entity: Entity, space: str | None) -> Iterator[str]:
    """That its flows go on, and where they wait for somebody: who looks at the values alone would not see it."""
    from weft.run_list import listed_runs

    with opened.view() as engine:
        runs = [one for one in listed_runs(engine) if one.entity == entity.id and one.stands != "failed"]
    if not runs:
        return
    flows = " and ".join(dict.fromkeys(one.flow for one in runs))
    awaits = ", ".join(dict.fromkeys(name for one in runs for name in one.awaits))
    said = f"{flows} {'waits' if len(runs) == 1 else 'wait'} for {awaits or 'something'}"
    if space is None:
        yield from terminal.wrapped(f"{said}; give --space FILE to keep it, and go on later.", terminal.width())
        return
    is_asked = any(one.entity == entity.id for one in opened.questions())
    yield from terminal.wrapped(f"{said}:", terminal.width())
    yield f"  {terminal.program()} {'questions' if is_asked else 'runs'} {space}"


def _so_far(opened: Space, entity: str, node: str) -> str:
    from weft.content import decode
    from weft.graph import Slot
    from weft.subscription import plain_text, shortened

    with opened.view() as engine:
        slot = engine.node(entity, node)
        frame = slot.frame if isinstance(slot, Slot) else None
    return f" (so far: {shortened(plain_text(decode(frame)))})" if frame is not None else ""


def _print(opened: Space, entity: Entity, *, as_json: bool) -> None:
    from weft.cli.show import entity_lines
    from weft.portrait.entity import entity_plain, named

    with opened.view() as engine:
        found = entity_plain(engine, entity.id)
        lines = entity_lines(named(engine, found))
    if as_json:
        terminal.say_json(json_of(found))
        return
    for line in lines:
        terminal.say(line)
