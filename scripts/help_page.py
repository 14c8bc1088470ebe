"""The page of the reference that shows what every command says of itself; `python -m scripts.help_page` writes it.

Invariant: the page is what `--help` prints in a terminal of 80 columns, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from scripts.parts import ROOT
from weft.cli.program import program

PAGE = ROOT / "docs" / "reference" / "cli.md"
HEAD = """# Commands

What each command says of itself. Exit codes: 0 ok, 1 something failed, 2 usage, 3 waiting for input, 4 a space is
damaged, locked or newer, 130 interrupted. Results go to standard output, progress and errors to standard error.
"""


def help_page() -> str:
    """The page as it should be."""
    return "\n".join([HEAD, *_sections(program, "weft", None)])


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    # Here the group's own context settings do not reach the others: as they would be called, they do.
    settings = program.context_settings
    context = click.Context(command, info_name=name, parent=parent, terminal_width=80, max_content_width=80, **settings)
    yield f"## `{context.command_path}`\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            assert inner is not None
            yield from _sections(inner, each, context)


if __name__ == "__main__":
    PAGE.write_text(help_page(), encoding="utf-8")
