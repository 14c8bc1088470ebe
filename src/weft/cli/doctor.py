"""`weft doctor`: what is installed, which service is ready and how to enable the rest; what is wrong with a space.

Knows nothing of how a space is checked or rebuilt. Invariant: without --rebuild nothing is changed.
Source: homebrew's and flutter's doctors.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.opening import SCRIPT, SPACE, existing, load, types_in
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft.purity.kept import Impure
    from weft.rebuild import Rebuilt
    from weft.services.service import Health
    from weft.stores.damage import Finding

PARTS: Mapping[str, tuple[str, ...]] = {
    "core": ("cbrrr", "msgspec", "click", "typing_extensions"),
    "vision": ("rapidocr", "onnxruntime", "pillow", "numpy"),
    "models": ("httpx",),
    "http": ("httpx",),
    "text": ("loro",),
    "keyring": ("keyring",),
    "schedules": ("cronsim", "tzdata"),
    "server": ("starlette", "uvicorn", "websockets", "httptools"),
    "client": ("httpx", "websockets"),
    "feathers": ("starlette", "uvicorn", "websockets", "httptools", "python-socketio"),
}
"""What each extra installs; the core's are always there."""
DAMAGED = 4
_FINDINGS_MAX = 30


class BeyondRebuild(WeftError):
    """{path} cannot be rebuilt: {what}. A rebuild makes tables anew from the log, and this is amiss in what it would
    start from: {next}."""

    exit_code = DAMAGED
    path: str
    what: str
    next: str


@click.command("doctor")
@click.argument("space", type=SPACE, required=False)
@click.option("--rebuild", "is_rebuilding", is_flag=True, help="Make the tables of SPACE anew, from its log.")
@click.option("--app", type=SCRIPT, metavar="FILE", help="The script that declares its types, for folds of your own.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def command(space: str | None, is_rebuilding: bool, app: str | None, as_json: bool) -> int:
    """What is installed, which services are ready, and how to enable the others. With SPACE: what is wrong with that
    file, each finding by name, and whether a rebuild mends it; and operations, of any version, that gave two values for
    one call. Those are no damage, and do not change how the command exits.

    A rebuild only reads the log and the blobs; keep a copy of a damaged file and its neighbours first.
    """
    if space is None:
        if is_rebuilding or app is not None:
            raise click.UsageError("--rebuild and --app need a SPACE.")
        return _examine_setup(as_json=as_json)
    return _examine_space(space, is_rebuilding=is_rebuilding, app=app, as_json=as_json)


# What is installed ---------------------------------------------------------------------------------------------------


def _examine_setup(*, as_json: bool) -> int:
    found = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "sqlite": sqlite3.sqlite_version,
        "weft": _version("weft"),
        "extras": {extra: {name: _version(name) for name in names} for extra, names in PARTS.items()},
    }
    services = {
        name: {"ready": health.ready, "why": health.why, "enable": health.enable} for name, health in _services()
    }
    if as_json:
        terminal.say_json({**found, "services": services})
        return 0
    terminal.say(terminal.strong("Installed"))
    terminal.say(f"  weft {found['weft']}, Python {found['python']}, SQLite {found['sqlite']}")
    for extra, names in PARTS.items():
        said = ", ".join(f"{name} {_version(name) or 'missing'}" for name in names)
        for line in terminal.wrapped(f"{extra:<9} {said}", terminal.width(), indent="  ", hanging="          "):
            terminal.say(line)
    terminal.say()
    terminal.say(terminal.strong("Services"))
    for name, health in services.items():
        said = "ready" if health["ready"] else f"not ready: {health['why']}"
        for line in terminal.wrapped(f"{name:<9} {said}", terminal.width(), indent="  ", hanging="          "):
            terminal.say(line)
        if health["enable"]:
            for line in terminal.wrapped(str(health["enable"]), terminal.width(), indent=" " * 14, hanging="  "):
                terminal.say(line)
    return 0


def _services() -> Iterator[tuple[str, Health]]:
    """Each service that Weft knows of, and how it is."""
    from weft.services.ocr import RapidOcr
    from weft.services.service import Health

    yield "ocr", RapidOcr().health()
    yield "model", _model_health()
    enable = "" if _version("loro") else "pip install 'weft[text]'"
    yield "text", Health(not enable, "" if not enable else "not installed: loro", enable)


def _model_health() -> Health:
    from weft.services.completion import from_environment
    from weft.services.service import Health

    try:
        model = from_environment(os.environ)
    except WeftError as why:
        return Health(False, str(why))
    if model is None:
        enable = "set OPENAI_BASE_URL and WEFT_MODEL (OPENAI_API_KEY where one is asked for); to try: weft fake-model"
        return Health(False, "no model is chosen", enable)
    return model.health()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


# A space -------------------------------------------------------------------------------------------------------------


def _examine_space(space: str, *, is_rebuilding: bool, app: str | None, as_json: bool) -> int:
    from weft.cli.impure import impure_lines
    from weft.purity.kept import plain_of

    findings = _findings(space)
    done = _rebuild(space, app) if is_rebuilding else None
    left = _findings(space) if is_rebuilding else findings
    impure = [] if left else _impure(space)
    if as_json:
        terminal.say_json({**_plain(space, findings, left, done), "impure": [plain_of(each) for each in impure]})
    else:
        for line in _lines(space, findings, left, done):
            terminal.say(line)
        for line in impure_lines(space, impure, terminal.width()):
            terminal.say(line)
    return DAMAGED if left else 1 if done is not None and done.lost else 0


def _findings(space: str) -> list[Finding]:
    """What is wrong with the file, and whether its tables were left half made. Raises `NoSpaceThere`, `SpaceNewer`."""
    from weft.ledger import UNFINISHED
    from weft.store import SpaceDamaged
    from weft.stores.damage import Finding, examine
    from weft.stores.mark import Mark
    from weft.stores.opening import real_path, refuse_strangers
    from weft.stores.schema import SCHEMA

    path = real_path(space)
    with existing(space), contextlib.suppress(SpaceDamaged):  # what is damaged is among the findings
        refuse_strangers(path, SCHEMA, Mark(f"{path}-mark"))
    found = list(dict.fromkeys(examine(space)))
    if not found and _is_unfinished(space):
        found = [Finding(UNFINISHED, "tables", mendable=True)]
    return found


def _impure(space: str) -> list[Impure]:
    """What the log says of operations; only a whole file is asked."""
    from weft.cli.opening import reading
    from weft.purity.kept import impure_in

    with reading(space) as opened, opened.view() as engine:
        return impure_in(engine)


def _is_unfinished(space: str) -> bool:
    from weft.store import NEWEST
    from weft.stores.sqlite import SqliteStore

    store = SqliteStore(space)
    try:
        return bool(store.head().position) and store.row(NEWEST, ("told",)) is None
    finally:
        store.close()


def _rebuild(space: str, app: str | None) -> Rebuilt:
    from weft.definition import compile_type, type_name
    from weft.rebuild import rebuild
    from weft.store import SpaceDamaged
    from weft.stores.sqlite import SqliteStore

    types = {type_name(kind): compile_type(kind) for kind in types_in(load(app)).values()} if app is not None else {}
    try:
        store = SqliteStore(space)
    except SpaceDamaged as why:
        # It names this command as the next step, which is what was just done.
        raise BeyondRebuild(path=space, what=why.what, next=_way_back(space, why.what)) from why
    try:
        epoch = store.acquire()
        return rebuild(store, epoch=epoch, types=types, on_progress=_progress)
    finally:
        store.close()


def _way_back(space: str, what: str) -> str:
    from weft.stores.damage import LOST_END

    beside = f"put {space}-wal back beside it, or " if what.startswith(LOST_END) else ""
    return f"{beside}go back to a copy"


def _progress(done: int, of: int) -> None:
    terminal.note(f"rebuilt up to {done} of {of}")


def _plain(space: str, findings: list[Finding], left: list[Finding], done: Rebuilt | None) -> dict[str, object]:
    said: dict[str, object] = {"space": os.path.abspath(space), "findings": _plain_findings(findings)}
    if done is not None:
        said["rebuilt"] = {"records": done.records, "kept": list(done.kept), "lost": list(done.lost)}
        said["left"] = _plain_findings(left)
    return said


def _plain_findings(findings: list[Finding]) -> list[dict[str, object]]:
    return [{"what": each.what, "where": each.where, "mendable": each.mendable} for each in findings]


def _lines(space: str, findings: list[Finding], left: list[Finding], done: Rebuilt | None) -> Iterator[str]:
    from weft.stores.damage import LOST_END

    width = terminal.width()
    if not findings:
        yield from terminal.wrapped(_wholeness(space), width)
    for each in findings[:_FINDINGS_MAX]:
        mends = "a rebuild mends it" if each.mendable else "only a copy of the file has it"
        yield from terminal.wrapped(f"{each.where}: {each.what} ({mends})", width, hanging="  ")
    if len(findings) > _FINDINGS_MAX:
        yield f"… and {len(findings) - _FINDINGS_MAX} more"
    if done is None:
        # What no opening gets past, neither that of a rebuild.
        ends = (each.what for each in findings if each.what.startswith(LOST_END) or each.where == "header")
        lost = next(ends, None)
        if lost is not None:
            yield from terminal.wrapped(f"next: {_way_back(space, lost)}; a rebuild does not help", width)
        elif any(each.mendable for each in findings):
            yield "to mend it, copy the file and its neighbours, then:"
            yield f"  {terminal.program()} doctor {space} --rebuild"
        return
    yield f"its tables were made again from {done.records} records"
    for name in done.kept:
        yield from terminal.wrapped(f"not rebuilt, kept as it was: {name} (its fold needs --app FILE)", width)
    for name in done.lost:
        yield from terminal.wrapped(f"not rebuilt, and lost for now: {name} (its fold needs --app FILE)", width)
    for each in left:
        yield from terminal.wrapped(f"still: {each.where}: {each.what}", width, hanging="  ")


def _wholeness(space: str) -> str:
    """What can be said of a space in which nothing is amiss: a lost end shows by the mark beside it alone."""
    from weft.stores.mark import Mark
    from weft.stores.sqlite import SqliteStore

    store = SqliteStore(space)
    try:
        is_empty, is_marked = store.head().position == 0, Mark(f"{store.path}-mark").exists()
    finally:
        store.close()
    if is_empty and not is_marked:
        return f"{space} is empty: are its neighbours {space}-wal and {space}-mark missing?"
    if is_empty:
        return f"{space} is empty: nothing was told yet"
    if not is_marked:
        return f"{space} is whole, as far as can be seen without its neighbour {space}-mark, which shows a lost end"
    return f"{space} is whole: every record, row and blob is what was written"
