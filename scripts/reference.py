"""The reference, as pages of Markdown from signatures and docstrings.

One page for what users import (`weft.__all__`), one for each port and public tool, one for every error by class, one
for each command's help, and one for the sizes and times that are built in, with the values that the code has.
Knows nothing of Sphinx: docstrings here are Markdown, and Sphinx's own reader would take them for something else.
Invariant: a name that has a docstring and is public in one of these modules is on its page; a default that is listed
here and is no longer in the code stops the build.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click

import weft
from weft.cli.program import program
from weft.errors import WeftError

PAGES = {
    "weft": "What you import",
    "weft.store": "The Store port",
    "weft.call": "The Runner port",
    "weft.services.service": "Services",
    "weft.testing": "Testing tools",
    "weft.testing.world": "A world for tests",
    "weft.testing.store_suite": "The suite that every store passes",
    "weft.testing.runner_suite": "The suite that every runner passes",
}
"""Public modules, in reading order. One that is not there yet has no page."""
MEMBERS_MAX = 60

DEFAULTS: tuple[tuple[str, str, str], ...] = (
    ("weft.ledger", "INLINE_BYTES_MAX", "Values up to this size stand in records; larger ones are kept by content id."),
    (
        "weft.value",
        "VALUE_BYTES_MAX",
        "A larger value is refused, and told to be a `Blob`. An edit has the same bound.",
    ),
    ("weft.value", "VALUE_DEPTH_MAX", "How deep lists and mappings of a value may lie within each other."),
    ("weft.content", "DEPTH_MAX", "The same for any content, with what records add around values."),
    ("weft.blob", "CHUNK_BYTES", "Blobs are read and kept in chunks of this size."),
    ("weft.shared_text", "UPDATE_BYTES_MAX", "The longest edit of a `text()` that is merged."),
    ("weft.folding", "DEPTH_MAX", "How long a chain of events may be in which each was caused by the one before."),
    ("weft.pump", "RESULTS_MAX", "How many slots one turn of the engine settles before it commits."),
    ("weft.pump", "POLL_S", "How often the engine looks into the inbox of other programs."),
    ("weft.pump", "STALL_S", "How long the engine rests after the disk refused a batch."),
    ("weft.attempt", "QUICK_S", "A sync operation that took less, twice, is called on the engine's own thread."),
    ("weft.attempt", "SLOW_S", "One that takes longer there goes back to a thread."),
    ("weft.client", "CLIENT_POLL_S", "How often a client looks whether the file has changed."),
    ("weft.client", "CLIENT_ACK_S", "How long a client's edit waits for its position; it is durable before."),
    ("weft.runners.threads.ThreadRunner", "size", "Threads for sync operations."),
    ("weft.runners.threads.ThreadRunner", "abandoned_max", "Threads that may still be in calls that were given up on."),
    ("weft.runners.processes.ProcessRunner", "size", "Worker processes."),
    ("weft.runners.processes", "STARTUP_S_MAX", "How long a worker may take to start."),
    ("weft.runners.shelf", "SHELF_BYTES_MAX", "How much content of blobs a worker keeps for its next calls."),
    ("weft.operation.Retry", "factor", "By what the pause between two tries grows."),
    ("weft.operation.Retry", "delay_s_max", "The longest pause between two tries."),
    ("weft.stores.schema", "BUSY_S", "How long a writer waits for another program's transaction."),
    ("weft.stores.sqlite", "WRITES_PER_CHECKPOINT", "Rows after which the write-ahead log is folded into the file."),
    ("weft.stores.damage", "QUICK_RECORDS", "How many of the newest records each opening checks."),
    ("weft.why.reading", "REASONS_MAX", "How many values an explanation explains; the others are counted."),
    ("weft.why.reading", "SIBLINGS_MAX", "How many elements, or tellings, of one node an explanation shows."),
    ("weft.why.reading", "LOOKED_BACK_MAX", "How many of the newest positions are searched for superseded results."),
    ("weft.why.plain", "VALUE_BYTES_MAX", "Up to which size an explanation holds a value itself."),
    ("weft.plan.plan", "SAMPLED_MAX", "How many of the newest positions say how long calls take."),
)
"""Where a constant or a parameter's default is, what it is called, and what it is for."""


def write_reference(folder: Path) -> None:
    """Write all pages anew into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    for name, title in PAGES.items():
        module = _module(name)
        if module is not None:
            (folder / f"{name}.md").write_text("\n".join(_page(module, title)) + "\n", encoding="utf-8")
    for name, lines in (("errors", _errors()), ("commands", _commands()), ("defaults", _defaults())):
        (folder / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        # Part of this package that is not written yet; anything else that is missing is a mistake.
        if not name.startswith(missing.name or "?"):
            raise
        return None


def _page(module: ModuleType, title: str) -> Iterator[str]:
    yield f"# {title}\n"
    yield f"`import {module.__name__}`\n"
    yield _text(module)
    for name in _public(module):
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield from _entry(name, value)


def _public(module: ModuleType) -> list[str]:
    names = getattr(module, "__all__", None)
    if names is not None:
        return list(names)
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return [name for name in own if not name.startswith("_")]


def _entry(name: str, value: object) -> Iterator[str]:
    yield f"## `{name}`\n"
    yield _signature(name, value)
    yield _text(value)
    if inspect.isclass(value):
        for member, made in list(vars(value).items())[:MEMBERS_MAX]:
            function = made.fget if isinstance(made, property) else inspect.unwrap(getattr(made, "__func__", made))
            if not member.startswith("_") and inspect.isfunction(function) and function.__doc__:
                yield f"### `{name}.{member}`\n"
                yield "" if isinstance(made, property) else _signature(member, function)
                yield _text(function)


def _signature(name: str, value: object) -> str:
    try:
        signature = str(inspect.signature(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    # As text, not as Python: it is no statement, and nothing should try to run it.
    return f"```text\n{name}{signature}\n```\n"


def _text(value: object) -> str:
    own = value.__doc__ if not inspect.isclass(value) else vars(value).get("__doc__")
    return _literal(inspect.cleandoc(own or "")) + "\n"


def _literal(text: str) -> str:
    """Docstrings are Markdown, but for braces and angles, which stand for themselves."""
    return text.replace("<", "&lt;").replace("$", "\\$")


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "Data goes to standard output, remarks to standard error. With `WEFT_DEBUG=1` an error shows its traceback.\n"
    yield "Exit codes: 0 ok, 1 something failed, 2 usage, 3 waiting for input, 4 space damaged, locked or newer,"
    yield "130 interrupted.\n"
    pending: list[tuple[str, click.Command, click.Context | None]] = [("weft", program, None)]
    while pending:
        path, command, parent = pending.pop(0)
        context = click.Context(
            command,
            info_name=path.rpartition(" ")[2],
            parent=parent,
            max_content_width=80,
            help_option_names=["-h", "--help"],
        )
        yield f"## `{path}`\n"
        yield f"```text\n{command.get_help(context)}\n```\n"
        if isinstance(command, click.Group):
            named = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
            pending[:0] = [(f"{path} {name}", each, context) for name, each in named if each is not None]


def _defaults() -> Iterator[str]:
    yield "# Defaults\n"
    yield "Sizes and times that are built in. A name in capitals is a constant, another one a parameter to give.\n"
    yield "| where | what | value | for |\n|---|---|---|---|"
    for place, name, text in DEFAULTS:
        yield f"| `{place}` | `{name}` | {_value_text(name, _default(place, name))} | {text} |"


def _default(place: str, name: str) -> object:
    try:
        return getattr(importlib.import_module(place), name)
    except ModuleNotFoundError:
        module, _, kind = place.rpartition(".")
        return inspect.signature(getattr(importlib.import_module(module), kind)).parameters[name].default


def _value_text(name: str, value: object) -> str:
    if "_BYTES" in name and isinstance(value, int):
        return next(
            f"{value >> shift} {unit}" for shift, unit in ((20, "MiB"), (10, "KiB"), (0, "B")) if value >> shift
        )
    words = name.casefold().split("_")
    return (
        f"{value:g} s"
        if "s" in words and isinstance(value, float)
        else f"{value:,g}"
        if isinstance(value, float)
        else f"{value:,}"
    )


def _errors() -> Iterator[str]:
    for module in pkgutil.walk_packages(weft.__path__, "weft."):
        if not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except ImportError:
                continue  # an adapter whose extra is not installed here
    yield "# Errors\n"
    yield "Every error is a `weft.errors.WeftError`. Its message is the text below, with the fields filled in.\n"
    for kind in sorted(_kinds(WeftError), key=lambda each: each.__name__):
        yield f"## `{kind.__name__}`\n"
        yield f"From `{kind.__module__}`; a command exits with {kind.exit_code}.\n"
        yield _text(kind)


def _kinds(base: type[WeftError]) -> set[type[WeftError]]:
    found: set[type[WeftError]] = set()
    pending = [base]
    while pending:
        for kind in pending.pop().__subclasses__():
            if kind not in found and kind.__module__.startswith("weft."):
                found.add(kind)
                pending.append(kind)
    return found
