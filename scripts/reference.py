"""The reference, as pages of Markdown from signatures and docstrings.

One page for what users import (`weft.__all__`), one for each port and public tool, and one for every error by class.
The commands, and the sizes and times that are built in, have pages of their own, by `scripts.help_page` and
`scripts.defaults`.
Knows nothing of Sphinx: docstrings here are Markdown, and Sphinx's own reader would take them for something else.
Invariant: a name that has a docstring and is public in one of these modules is on its page.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import weft
from weft.errors import WeftError

PAGES = {
    "weft": "What you import",
    "weft.store": "The Store port",
    "weft.call": "The Runner port",
    "weft.driver": "The Driver port",
    "weft.services.service": "Services",
    "weft.copies": "Copies of a space",
    "weft.remote": "Spaces that another program serves",
    "weft.testing": "Testing tools",
    "weft.testing.world": "A world for tests",
    "weft.testing.store_suite": "The suite that every store passes",
    "weft.testing.runner_suite": "The suite that every runner passes",
    "weft.testing.driver_suite": "The suite that every driver passes",
}
"""Public modules, in reading order. One that is not there yet has no page."""
MEMBERS_MAX = 60


def write_reference(folder: Path) -> None:
    """Write all pages anew into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    for name, title in PAGES.items():
        module = _module(name)
        if module is not None:
            (folder / f"{name}.md").write_text("\n".join(_page(module, title)) + "\n", encoding="utf-8")
    (folder / "errors.md").write_text("\n".join(_errors()) + "\n", encoding="utf-8")


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
