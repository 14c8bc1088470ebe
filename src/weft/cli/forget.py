"""`weft forget`: what would go and what would stay, and, when that was agreed to, gone.

Knows nothing of how it is found or taken away. Invariant: without --yes, or a yes at the terminal, nothing is changed.
Source: rm's -i; terraform's plan before apply.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.listing import place_text
from weft.cli.opening import SCRIPT, SPACE, load, reading, types_in

if TYPE_CHECKING:
    from weft.engine import Engine
    from weft.erasure import Forgetting
    from weft.slot import SlotKey
    from weft.spec import TypeSpec

ACTOR = "weft forget"
"""By whom it is told, where nobody says --by."""
NOT_AGREED = 3
PLACES_MAX = 5
_ID_SHOWN = 8


@click.command("forget")
@click.argument("space", type=SPACE)
@click.argument("words", metavar="BLOB|ENTITY", nargs=-1, required=True)
@click.option("--yes", "is_agreed", is_flag=True, help="Do it, without being asked.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only say what would go and what would stay.")
@click.option("--derived", is_flag=True, help="What other entities made from it goes too.")
@click.option("--even-if-used", is_flag=True, help="A BLOB goes even where something still names it.")
@click.option("--why", default="", metavar="TEXT", help="Why, for the record that stays.")
@click.option("--by", "actor", default=ACTOR, metavar="NAME", help="Who asked for it, for the record that stays.")
@click.option("--app", type=SCRIPT, metavar="FILE", help="The script that declares its types, for folds of your own.")
@click.option("--json", "as_json", is_flag=True, help="What goes and what stays, as one JSON object.")
def command(
    space: str,
    words: tuple[str, ...],
    is_agreed: bool,
    is_dry: bool,
    derived: bool,
    even_if_used: bool,
    why: str,
    actor: str,
    app: str | None,
    as_json: bool,
) -> int:
    """Take an ENTITY, or a BLOB by its content id, out of SPACE for good: its bytes go, from the history too, and a
    record stays that says so. An entity takes along the blobs that only it names.

    First it says what would go and what would stay; then it asks, or, where nobody can be asked, ends with 3 unless
    --yes is given. Copies that were made before are out of reach. No program may be computing SPACE: it can call
    space.forget itself.
    """
    if is_agreed and is_dry:
        raise click.UsageError("--yes and --dry-run exclude each other.")
    with reading(space) as opened, opened.view() as engine:
        what = _named(engine, " ".join(words))
        found = _look(engine, what, even_if_used=even_if_used, derived=derived)
        lines, types = list(_lines(engine, space, found, derived=derived)), _types_of(engine, found)
    said: dict[str, object] = {"space": space, **_plain(found, types)}
    if not as_json:
        for line in lines:
            terminal.say(line)
    if not (is_agreed or (not is_dry and not as_json and _is_agreed_to())):
        if as_json:
            terminal.say_json({**said, "done": False})
        elif not is_dry:
            terminal.note("nothing was changed; --yes does it")
        return 0 if is_dry else NOT_AGREED
    from weft.erasure import forget_in_file

    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    done = forget_in_file(
        space, what, actor=actor, time=now, why=why, even_if_used=even_if_used, derived=derived, types=_specs(app)
    )
    if as_json:
        terminal.say_json({**said, "done": True, "position": done.position, "unswept": done.unswept})
        return 0
    for line in terminal.wrapped(_ending(space, done.position, done.unswept), terminal.width(), hanging="  "):
        terminal.say(line)
    return 0


def _named(engine: Engine, text: str) -> str:
    """An entity as people name it, or the content id of a blob."""
    from weft.cli.place import find_entity
    from weft.content import NotAContentId, is_raw_id, parse_cid

    try:
        if is_raw_id(parse_cid(text)):
            return text
    except NotAContentId:
        pass
    return find_entity(engine, text)


def _look(engine: Engine, what: str, *, even_if_used: bool, derived: bool) -> Forgetting:
    from weft.erasure import look

    return look(engine, what, even_if_used=even_if_used, derived=derived)


def _specs(app: str | None) -> dict[str, TypeSpec]:
    from weft.definition import compile_type, type_name

    return {type_name(kind): compile_type(kind) for kind in types_in(load(app)).values()} if app is not None else {}


def _is_agreed_to() -> bool:
    return sys.stdin.isatty() and click.confirm("forget it for good?", default=False, err=True)


def _types_of(engine: Engine, found: Forgetting) -> dict[str, str]:
    from weft.store import ENTITY

    ids = {key.entity for key in (*found.repeats, *found.derived, *found.references)}
    return {id: str(row[0]) for id in ids if (row := engine.row(ENTITY, (id,))) is not None}


def _ending(space: str, position: int, unswept: str) -> str:
    if not unswept:
        return f"forgotten, at position {position}: no file of {space} holds it any more"
    return (
        f"forgotten, at position {position}; its bytes may still lie in parts of the file that nothing reads "
        f"({unswept}): the next program that computes {space} sweeps them"
    )


# For programs --------------------------------------------------------------------------------------------------------


def _plain(found: Forgetting, types: Mapping[str, str]) -> dict[str, object]:
    from weft.content import cid_text

    def counted(places: Mapping[SlotKey, int]) -> list[dict[str, object]]:
        return [{"place": [*key], "type": types.get(key.entity), "results": n} for key, n in places.items()]

    return {
        "what": found.what,
        "kind": found.kind,
        "type": found.type,
        "told": found.told,
        "computed": found.computed,
        "waiting": len(found.inbox),
        "repeats": counted(found.repeats),
        "derived": counted(found.derived),
        "references": [{"place": [*key], "type": types.get(key.entity)} for key in found.references],
        "blobs": [cid_text(cid) for cid in found.blobs],
        "blobs_kept": {cid_text(cid): places for cid, places in found.blobs_kept.items()},
        "copies": found.copies,
    }


# For people ----------------------------------------------------------------------------------------------------------


def _lines(engine: Engine, space: str, found: Forgetting, *, derived: bool) -> Iterator[str]:
    from weft.why.naming import describe

    types = _types_of(engine, found)
    head = describe(engine, found.what) if found.kind == "entity" else f"the blob {found.what}"
    yield from terminal.wrapped(head, terminal.width(), hanging="  ")
    yield from _listed("goes", _going(found, types))
    yield from _listed("stays", _staying(found, types))
    copies = ["backups, exports and other copies that were made before", *found.copies]
    yield from _listed("out of reach", iter(copies))


def _going(found: Forgetting, types: Mapping[str, str]) -> Iterator[str]:
    if found.kind == "blob":
        yield "its content"
        return
    events, results = terminal.counted(found.told, "event"), terminal.counted(found.computed, "result")
    yield f"all that was told of it ({events}) and all that its nodes came to ({results})"
    if found.inbox:
        yield f"what edits that wait in the inbox say of it ({len(found.inbox)})"
    if found.repeats:
        yield f"results of others that repeat it ({found.repeats.total()}): {_places(found.repeats, types)}"
    if found.blobs:
        yield f"blobs that nothing else names ({len(found.blobs)})"


def _staying(found: Forgetting, types: Mapping[str, str]) -> Iterator[str]:
    from weft.content import cid_text

    yield "its id, and a record that says who had it forgotten, when and why"
    if found.derived:
        made = _places(found.derived, types)
        yield f"results that others made from it ({found.derived.total()}): {made}; --derived takes them too"
    if found.references:
        yield f"what points to it, and shows then that it was erased: {_places(dict.fromkeys(found.references), types)}"
    for cid, places in found.blobs_kept.items():
        more = f" and {len(places) - PLACES_MAX} more" if len(places) > PLACES_MAX else ""
        what = "that it is named" if found.kind == "blob" else f"the blob {cid_text(cid)[:16]}…, as it is named"
        yield f"{what} by {', '.join(places[:PLACES_MAX])}{more}"


def _places(places: Mapping[SlotKey, object], types: Mapping[str, str]) -> str:
    named = [f"{types.get(key.entity, '?')} {place_text(key)}" for key in list(places)[:PLACES_MAX]]
    return ", ".join(named) + (f" and {len(places) - PLACES_MAX} more" if len(places) > PLACES_MAX else "")


def _listed(head: str, entries: Iterator[str]) -> Iterator[str]:
    yield terminal.strong(head)
    for entry in entries:
        yield from terminal.wrapped(f"- {entry}", terminal.width(), indent="  ", hanging="  ")
